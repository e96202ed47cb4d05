"""Verdicts follow from the whole interval of a difference, paired over chips."""

from __future__ import annotations

from typing import Any

import pytest

from neuralfuse.evaluation.conditions import Evaluated
from nfenergy.experiments.declaration import validated
from nfenergy.experiments.outcome import Outcome
from nfenergy.experiments.plan import plan
from tests.nfenergy.experiments.test_declarations import OWN

CHIPS = 10


def _outcome(claim: dict[str, Any], plain: list[float], clipped: list[float]) -> Outcome:
    """An outcome in which the two rows have these errors on their chips."""
    planned = plan(validated({**OWN, "claims": [claim], "test": {"chips": CHIPS}}, "own", "own"), "paper")
    tested = {}
    for row, errors in zip(planned.rows, (plain, clipped), strict=True):
        accuracy = tuple(100.0 - error for error in errors)
        chips, clean = row.test(0.01, behind=False), row.test(None, behind=False)
        tested[chips.digest] = Evaluated(accuracy=accuracy, confidence=accuracy, images=1000)
        tested[clean.digest] = Evaluated(accuracy=accuracy[:1], confidence=accuracy[:1], images=1000)
    return Outcome(plan=planned, tested=tested)


def _claim(value: str = "rerr", **changes: float) -> dict[str, Any]:
    return {
        "text": "clipping lowers the error",
        "greater": {"value": value, "where": {"model": "plain"}},
        "than": {"value": value, "where": {"model": "clipped"}},
        **changes,
    }


SPREAD = [20.0 + chip for chip in range(CHIPS)]


@pytest.mark.parametrize(
    ("claim", "less", "verdict"),
    [
        (_claim(), 5.0, "holds"),
        (_claim(), -5.0, "does not hold"),
        (_claim(by=10), 5.0, "does not hold"),
        (_claim(by=3), 5.0, "holds"),
        (_claim(within=6), 5.0, "holds"),
        (_claim(within=2), 5.0, "does not hold"),
    ],
)
def test_equal_differences_on_all_chips_are_certain(claim: dict[str, Any], less: float, verdict: str) -> None:
    found = _outcome(claim, SPREAD, [error - less for error in SPREAD]).claims()[0]
    assert found.verdict == verdict
    assert found.difference == pytest.approx(less)
    assert found.half_width == pytest.approx(0.0, abs=1e-9)


def test_a_difference_that_changes_its_sign_from_chip_to_chip_is_undecided() -> None:
    found = _outcome(_claim(), SPREAD, [error + (-1) ** chip for chip, error in enumerate(SPREAD)]).claims()[
        0
    ]
    assert found.verdict == "undecided"
    assert found.over == "10 chips"


@pytest.mark.parametrize(("less", "verdict"), [(1.0, "undecided"), (12.0, "holds")])
def test_clean_errors_differ_by_more_than_the_number_of_images_explains(less: float, verdict: str) -> None:
    found = _outcome(_claim("err"), SPREAD, [error - less for error in SPREAD]).claims()[0]
    assert found.verdict == verdict
    assert found.over == "test images"


def test_a_missing_test_is_said() -> None:
    whole = _outcome(_claim(), SPREAD, SPREAD)
    found = Outcome(plan=whole.plan, tested={}).claims()[0]
    assert found.verdict == "not measured"
    assert found.difference is None
