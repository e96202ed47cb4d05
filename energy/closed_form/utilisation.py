"""Utilisation of the array, to the last bit as SCALE-Sim's compute report has it.

SCALE-Sim adds two ratios up fold by fold with Python's ``sum``, whose rounding depends on the order and
on the version of Python: so it is done here with the same function. There are four distinct folds: within
the array, at its last row fold, at its last column fold, and at both.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import chain, repeat

from energy.closed_form.folding import Folding

MOST_FOLDS = 2**24
"""More than this SCALE-Sim cannot run in hours and tens of gigabytes; beyond, the exact mean is rounded."""


@dataclass(frozen=True, slots=True)
class Utilisation:
    """Utilisation of one layer in percent.

    Attributes:
        overall: MACs done by what the array could do in all cycles.
        mapping_efficiency: processing elements that a fold uses, averaged over folds.
        compute: the same by the cycles of a fold in which they work.
    """

    overall: float
    mapping_efficiency: float
    compute: float


def utilisation(folding: Folding, stall_cycles: int = 0) -> Utilisation:
    """Mirrors ``calc_report_data`` of ``single_layer_sim``, and the sums of the compute systems.

    A layer of one cycle, where SCALE-Sim divides by zero, must have been refused before.
    """
    array = folding.array
    elements = array.rows * array.cols
    # In ws and is, SCALE-Sim adds the columns' skew to a fold that has it already.
    cycles = folding.fold_cycles + (0 if array.dataflow == "os" else array.cols - 1)
    macs = folding.px * folding.filters * folding.window
    return Utilisation(
        overall=macs * 100 / ((folding.last_cycle + stall_cycles) * elements),
        mapping_efficiency=_mean(folding, 1, elements) * 100,
        compute=_mean(folding, folding.stream, elements * cycles) * 100,
    )


def _mean(folding: Folding, times: int, by: int) -> float:
    """Mean over all folds of (elements used x `times` / `by`)."""
    if folding.folds > MOST_FOLDS:
        return folding.row_extent * folding.col_extent * times / (folding.folds * by)
    rows = folding.array.rows, folding.rows_used(folding.row_folds - 1)
    cols = folding.array.cols, folding.cols_used(folding.col_folds - 1)
    whole, last = ([used * width * times / by for used in rows] for width in cols)
    return sum(_folds(folding, whole, last)) / folding.folds


def _folds(folding: Folding, whole: list[float], last: list[float]) -> Iterable[float]:
    """The terms of all folds: of whole column folds, then of the last one."""
    row_folds, col_folds = folding.row_folds - 1, folding.col_folds - 1
    if row_folds == 0 or whole[0] == whole[1]:
        before: Iterable[float] = repeat(whole[1], (row_folds + 1) * col_folds)
    else:
        before = chain.from_iterable(chain(repeat(whole[0], row_folds), whole[1:]) for _ in range(col_folds))
    return chain(before, repeat(last[0], row_folds), (last[1],))
