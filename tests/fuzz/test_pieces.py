"""Pieces of a long campaign add up to what it would have been in one."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from benchmarks import crashes, fuzz
from benchmarks.pieces import load, save
from tests.fuzz.crashes import Tally

IDENTITY = {"seed": 1, "first": 0, "only": ""}


def case(number: int) -> dict[str, Any]:
    wrong = "traceback" if number == 2 else ""
    return {
        **{"number": number, "format": "cfg", "status": 0, "wrong": wrong, "said": "", "argv": []},
        **{"seconds": 0.5, "megabytes": float(number)},
    }


def test_cases_count_once_however_the_campaign_is_cut(tmp_path: Path) -> None:
    state = tmp_path / "state.json"
    first, whole = (fuzz._progress(None, IDENTITY) for _ in range(2))
    for number in (0, 2, 3):
        first.add(case(number))
    assert (first.next, first.beyond) == (1, {2, 3})
    save(state, IDENTITY, first)
    second = fuzz._progress(state, IDENTITY)
    assert second == first
    for number in range(1, 6):
        second.add(case(number))
    for number in range(6):
        whole.add(case(number))
    assert second == whole
    assert (whole.next, whole.summary.cases, len(whole.summary.findings)) == (6, 6, 1)


def test_kills_go_on_where_the_last_piece_ended(tmp_path: Path) -> None:
    state = tmp_path / "state.json"
    progress = crashes.Progress()
    progress.add(0, "sweep", Tally(kills=1, in_time=1), [])
    progress.add(1, "train", Tally(kills=1), ["kill 1 (train): lost"])
    save(state, IDENTITY, progress)
    found = load(state, IDENTITY)
    assert found is not None
    assert (found["next"], found["tallies"]["sweep"]["in_time"], len(found["findings"])) == (2, 1, 1)


def test_a_state_of_another_campaign_is_not_gone_on_with(tmp_path: Path) -> None:
    state = tmp_path / "state.json"
    save(state, IDENTITY, crashes.Progress())
    with pytest.raises(SystemExit, match="another campaign"):
        load(state, {**IDENTITY, "seed": 2})
