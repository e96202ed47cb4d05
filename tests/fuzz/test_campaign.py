"""A small campaign on every run of the tests; `benchmarks/fuzz.py` is the long one."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from nfenergy.commands import COMMANDS
from tests.fuzz.campaign import run_campaign
from tests.fuzz.case import Case, Forbidden
from tests.fuzz.formats import FORMATS
from tests.fuzz.formats.lines import COMMAND_LINES
from tests.fuzz.running import run_case
from tests.fuzz.worker import format_of

CASES, SEED = 3000, 20


def test_three_thousand_malformed_inputs_end_in_one_line_or_rightly_succeed() -> None:
    summary = run_campaign(CASES, seed=SEED)
    assert not summary.findings, "\n".join(
        f"case {found['number']} ({found['format']}): {found['wrong']}" for found in summary.findings
    )
    assert summary.cases == CASES
    assert summary.formats.keys() == {entry.name for entry in FORMATS}


def test_every_command_has_a_line_to_damage() -> None:
    assert COMMANDS.keys() <= COMMAND_LINES.keys()


def test_a_case_is_the_same_for_the_same_seed_and_number(tmp_path: Path) -> None:
    drawn = []
    for name in ("first", "second"):
        (tmp_path / name).mkdir()
        entry, rng = format_of(3, 17, FORMATS)
        case = entry.draw(tmp_path / name, rng)
        files = {path.name: path.read_bytes() for path in (tmp_path / name).rglob("*") if path.is_file()}
        drawn.append((entry.name, case.argv, files))
    assert drawn[0] == drawn[1]


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("entry", FORMATS, ids=lambda entry: entry.name)
def test_a_case_is_judged_by_rules_that_know_damage(entry: object, tmp_path: Path) -> None:
    """Were everything accepted, the rules of each format would object to some of the damage."""
    objections = 0
    for number in range(20):
        folder = tmp_path / str(number)
        folder.mkdir()
        case = entry.draw(folder, random.Random(number))  # type: ignore[attr-defined]
        try:
            case.check("")
        except Exception:  # a rule need not stand what nfenergy would never have accepted
            objections += 1
    assert objections > 0 or entry.name in ("cache", "training state")  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("body", "wrong"),
    [
        ("raise ValueError('x')", "traceback"),
        ("import warnings; warnings.warn('x')", "warning"),
        ("print('x', file=sys.stderr); print('y', file=sys.stderr); sys.exit(1)", "not one line"),
        ("sys.stderr.write('nfenergy: x\\n'); sys.exit(3)", "status 3"),
        ("sys.stderr.write('nfenergy: x\\n'); open('new', 'w').close(); sys.exit(2)", "left new"),
        ("print('y'); sys.stderr.write('nfenergy: x\\n'); sys.exit(2)", "output on stdout"),
        ("open('mine', 'w').close()", "changed its input mine"),
        ("sys.stderr.write('nfenergy: out of memory\\n'); sys.exit(1)", "out of memory"),
        ("sys.stderr.write('nfenergy: x\\n'); sys.exit(2)", ""),
        ("pass", "accepted: it is forbidden"),
    ],
)
def test_what_counts_as_wrong(body: str, wrong: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "mine").write_text("mine")

    def main() -> None:
        exec(f"import sys\n{body}", {})

    def forbid(stdout: str) -> None:
        raise Forbidden("it is forbidden")

    monkeypatch.setattr("nfenergy.cli.main", main)
    found = run_case(Case(argv=(), check=forbid), tmp_path).wrong
    assert wrong in found
    assert bool(wrong) == bool(found)
