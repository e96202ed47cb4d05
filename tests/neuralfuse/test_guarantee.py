"""Prop. 1 of Stutz et al.: the printed figures, its two forms, and a simulation that it holds."""

from __future__ import annotations

import doctest

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from neuralfuse import guarantee
from neuralfuse.guarantee import error_excess, violation_probability
from nfenergy.ground.errors import InputError


@pytest.mark.parametrize(("images", "percent"), [(10_000, 4.1), (100_000, 1.7)])
def test_the_printed_excesses(images: int, percent: float) -> None:
    found = error_excess(images=images, patterns=1_000_000, delta=0.01)
    assert round(100 * found, 1) == percent


def test_the_examples() -> None:
    assert doctest.testmod(guarantee).failed == 0


counts = st.integers(1, 10**6)


@given(images=counts, patterns=counts, delta=st.floats(1e-6, 0.999))
def test_both_forms_say_the_same(images: int, patterns: int, delta: float) -> None:
    excess = error_excess(images=images, patterns=patterns, delta=delta)
    found = violation_probability(images=images, patterns=patterns, excess=excess)
    assert found == pytest.approx(delta, rel=1e-6)


@given(images=counts, patterns=counts, delta=st.floats(1e-6, 0.9))
def test_more_patterns_and_less_certainty_give_less_excess(images: int, patterns: int, delta: float) -> None:
    excess = error_excess(images=images, patterns=patterns, delta=delta)
    assert error_excess(images=images, patterns=patterns + 1, delta=delta) < excess
    assert error_excess(images=images, patterns=patterns, delta=delta * 1.1) < excess


@pytest.mark.parametrize(("images", "patterns"), [(20, 20), (20, 2000), (200, 5)])
@pytest.mark.parametrize("delta", [0.5, 0.9])
def test_the_bound_is_not_violated_more_often_than_it_says(images: int, patterns: int, delta: float) -> None:
    """Every image has a hardness and every chip a severity: the errors of a chip go together, as in truth."""
    rng = np.random.default_rng(0)
    excess = error_excess(images=images, patterns=patterns, delta=delta)
    expected = 0.5  # of hardness and severity uniform in (0, 1): wrong where they add up to more than 1
    trials, violations, off = 400, 0, []
    for _ in range(trials):
        hardness, severity = rng.random(images), rng.random(patterns)
        measured = float((hardness[:, None] + severity > 1.0).mean())
        violations += measured - expected >= excess or expected - measured >= excess
        off.append(abs(measured - expected))
    assert violations / trials <= delta
    assert max(off) > 0.02  # chance has its part in the measurement


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"images": 0, "patterns": 1, "delta": 0.1}, "both must be 1 or more"),
        ({"images": 1, "patterns": 1, "delta": 1.0}, "delta is a probability"),
    ],
)
def test_nonsense_is_refused(values: dict[str, float], message: str) -> None:
    with pytest.raises(InputError, match=message):
        error_excess(**values)  # type: ignore[arg-type]


def test_a_negative_excess_is_refused() -> None:
    with pytest.raises(InputError, match="0 or more"):
        violation_probability(images=1, patterns=1, excess=-0.1)
