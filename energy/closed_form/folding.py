"""How a layer is cut into folds of the array, and the order of the requests within one fold.

A fold is one filling of the array. SCALE-Sim runs ``for column fold: for row fold:``, all folds equally
long, and lays each fold's requests out as a matrix of lines (cycles) by columns (array ports).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from energy.array import SystolicArray
from topologies.layers import LayerShape, scalesim_ofmap_extent


@dataclass(frozen=True, slots=True, kw_only=True)
class Folding:
    """One layer on one array, in exact integers.

    Mirrors ``set_params`` of SCALE-Sim's ``systolic_compute_{os,ws,is}``.

    Attributes:
        array: the accelerator.
        px: ofmap pixels of one channel.
        window: weights of one filter.
        filters: output channels.
        row_extent, col_extent, stream: what lies along the array's rows and columns, and what streams
            through it: SCALE-Sim's ``Sr``, ``Sc`` and ``T``.
    """

    array: SystolicArray
    px: int
    window: int
    filters: int
    row_extent: int
    col_extent: int
    stream: int

    @classmethod
    def of(cls, shape: LayerShape, array: SystolicArray) -> Folding:
        px = scalesim_ofmap_extent(shape.ifmap_h, shape.filter_h, shape.stride) * scalesim_ofmap_extent(
            shape.ifmap_w, shape.filter_w, shape.stride
        )
        window = shape.filter_h * shape.filter_w * shape.channels
        row_extent, col_extent, stream = {
            "os": (px, shape.filters, window),
            "ws": (window, shape.filters, px),
            "is": (window, px, shape.filters),
        }[array.dataflow]
        return cls(
            array=array,
            px=px,
            window=window,
            filters=shape.filters,
            row_extent=row_extent,
            col_extent=col_extent,
            stream=stream,
        )

    @property
    def row_folds(self) -> int:
        return -(-self.row_extent // self.array.rows)

    @property
    def col_folds(self) -> int:
        return -(-self.col_extent // self.array.cols)

    @property
    def folds(self) -> int:
        return self.row_folds * self.col_folds

    @property
    def fold_cycles(self) -> int:
        """Cycles of a fold: the stream and its skew, after loading the stationary operand (ws, is)."""
        loading = 0 if self.array.dataflow == "os" else self.array.rows
        return loading + self.stream + self.array.rows + self.array.cols - 2

    @property
    def last_cycle(self) -> int:
        """Index of the last cycle, which SCALE-Sim reports as Total Cycles."""
        return self.folds * self.fold_cycles - 1

    def rows_used(self, row_fold: int) -> int:
        return min(self.array.rows, self.row_extent - row_fold * self.array.rows)

    def cols_used(self, col_fold: int) -> int:
        return min(self.array.cols, self.col_extent - col_fold * self.array.cols)

    def fold_start(self, col_fold: int, row_fold: int) -> int:
        """Cycle in which a fold begins."""
        return (col_fold * self.row_folds + row_fold) * self.fold_cycles


def skewed_requests(lines: int, width: int, diagonal: int) -> int:
    """Requests on the first `diagonal` + 1 diagonals of a `lines` x `width` matrix.

    SCALE-Sim's ``skew_matrix`` delays column j by j cycles, so that a diagonal is a cycle.

    >>> [skewed_requests(4, 2, diagonal) for diagonal in range(-1, 5)]
    [0, 1, 3, 5, 7, 8]
    """
    if diagonal < 0:
        return 0
    short, long = min(lines, width), max(lines, width)
    if diagonal < short:
        return (diagonal + 1) * (diagonal + 2) // 2
    if diagonal < long:
        return short * (short + 1) // 2 + (diagonal + 1 - short) * short
    rest = max(0, lines + width - 2 - diagonal)
    return lines * width - rest * (rest + 1) // 2


def skewed_diagonal(lines: int, width: int, request: int) -> int:
    """Diagonal that holds the `request`-th request, counted from 1: the inverse of `skewed_requests`.

    >>> [skewed_diagonal(4, 2, request) for request in range(1, 9)]
    [0, 1, 1, 2, 2, 3, 3, 4]
    """
    short = min(lines, width)
    ramp = short * (short + 1) // 2
    if request <= ramp:
        return (math.isqrt(8 * request - 7) - 1) // 2
    after = lines * width - request
    if after >= ramp - short:
        return short - 1 - (ramp - request) // short
    return lines + width - 2 - (math.isqrt(8 * after + 1) - 1) // 2
