"""The phases of the ifmap's read buffer by following all requests of a layer.

What the closed form, which takes repeated phases at once, is held against.

A request is new to a phase if the latest earlier request for its value came before the phase began. So
the new requests of a run are an interval of its channels, two divisions away; the end of a phase is the
request at which the sum of these intervals reaches the size of a phase.
"""

from __future__ import annotations

import numpy as np

from tests.energy.closed_form.exhaustive_runs import IntArray, Runs

FEWEST_RUNS = 64


def phase_ends(runs: Runs, phase_words: int) -> tuple[list[int], int]:
    """Place of the last new request of each full phase, and the new requests after the last of them.

    All passes are equal, so phases that begin at the same place of a pass are equally long.
    """
    ends: list[int] = []
    known: dict[int, int] = {}
    begin, stream_places = 0, runs.passes * runs.pass_places
    while begin < stream_places:
        in_pass = begin % runs.pass_places
        if in_pass not in known:
            known[in_pass] = _phase_end(runs, in_pass, phase_words)
        end = begin - in_pass + known[in_pass]
        if end >= stream_places:
            _, new = _new_requests(runs, in_pass, 0, len(runs.first))
            return ends, int(new.sum())
        ends.append(end)
        begin = end + 1
    return ends, 0


def _phase_end(runs: Runs, begin: int, phase_words: int) -> int:
    """Place of the request that completes the phase begun at place `begin` of a pass.

    It comes within a pass's length, for a pass requests no fewer distinct values than a phase has.
    """
    place, found = _nth_new(runs, begin, phase_words)
    if place is None:
        place, _ = _nth_new(runs, begin - runs.pass_places, phase_words - found)
        assert place is not None
        place += runs.pass_places
    return place


def _nth_new(runs: Runs, begin: int, number: int) -> tuple[int | None, int]:
    """Place in this pass of the `number`-th request that is new to a phase since `begin`.

    Args:
        begin: place at which the phase began; negative if that was in an earlier pass.

    Returns:
        The place, or None if the pass has too few; and how many the runs looked at have.
    """
    found = 0
    at = int(runs.first.searchsorted(begin - runs.span))
    size = FEWEST_RUNS + 2 * number * runs.step // (runs.span + runs.step)
    while at < len(runs.first):
        _, new = _new_requests(runs, begin, at, at + size)
        sums = new.cumsum()
        if found + sums[-1] >= number:
            run = int(sums.searchsorted(number - found))
            found += int(sums[run] - new[run])
            return _place_in_runs(runs, begin, at + run, number - found), number
        found += int(sums[-1])
        at, size = at + size, size * 2
    return None, found


def _new_requests(runs: Runs, begin: int, at: int, stop: int) -> tuple[IntArray, IntArray]:
    """Of the runs `at` to `stop`: first new request and number of new requests of each."""
    first = np.maximum(-((runs.first[at:stop] - begin) // runs.step), 0)
    end = np.minimum(-((runs.before[at:stop] - begin) // runs.step), runs.last[at:stop] + 1)
    return first, np.maximum(end - first, 0)


def _place_in_runs(runs: Runs, begin: int, run: int, number: int) -> int:
    """Place of the `number`-th new request, the requests of runs before `run` not counted.

    Runs overlap: it lies in the span after the first request of `run`, and requests of all runs that
    begin less than a span earlier or later may come before it. Since runs have a common step, their
    requests are entries of a matrix with a step to a row, at which each run keeps to a column.
    """
    origin = int(runs.first[run])
    at, stop = runs.first.searchsorted((origin - runs.span, origin + runs.span + 1))
    first, new = _new_requests(runs, begin, int(at), int(stop))
    number += int(new[: run - at].sum())
    having = new > 0
    row, col = np.divmod(runs.first[at:stop][having] + runs.step * first[having], runs.step)
    top = int(row.min())
    row -= top
    end = row + new[having]
    height = int(end.max()) + 1
    in_row = np.cumsum(np.bincount(row, minlength=height) - np.bincount(end, minlength=height))
    up_to_row = in_row.cumsum()
    found_row = int(up_to_row.searchsorted(number))
    nth = number - 1 - int(up_to_row[found_row] - in_row[found_row])
    cols = np.sort(col[(row <= found_row) & (found_row < end)])
    return (top + found_row) * runs.step + int(cols[nth])
