"""SRAM accesses and cycles of many layers on many arrays at once.

The figures that do not depend on buffer sizes. A layer multiplies a px x window ifmap matrix with a
window x filters matrix. Two of the three extents lie along the array's rows and columns, cut into folds;
the third streams. The operand that stays in the array is accessed once a value. Of the other two, the
one that enters at the rows is accessed once a column fold, the one at the columns once a row fold.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import ArrayLike, NDArray

from energy.array import DATAFLOWS, LARGEST_SIDE
from nfenergy.ground.errors import InputError
from topologies.layers import LayerShape

IntArray = NDArray[np.int64]

LARGEST_COUNT = 2**62


@dataclass(frozen=True, slots=True)
class LayerSizes:
    """The matrix extents of L layers; what SCALE-Sim's ``topo_calc_hyperparams`` derives.

    Attributes:
        px: ofmap pixels of one channel, shape (L,).
        window: weights of one filter, shape (L,).
        filters: output channels, shape (L,).
    """

    px: IntArray
    window: IntArray
    filters: IntArray

    @classmethod
    def of(cls, shapes: ArrayLike) -> LayerSizes:
        """Extents of layers given as rows of `LayerShape`, shape (L, 7).

        Raises:
            InputError: a count of one of the layers could pass 2**62 on some array.
        """
        columns = np.asarray(shapes, dtype=np.int64).reshape(-1, len(LayerShape._fields)).T
        ifmap_h, ifmap_w, filter_h, filter_w, channels, filters, stride = columns
        px = -((filter_h - stride - ifmap_h) // stride) * -((filter_w - stride - ifmap_w) // stride)
        # In floats first: the product of three extents need not fit into 64 bits.
        window = filter_h.astype(np.float64) * filter_w * channels
        folds = np.maximum(px * window, np.maximum(px * 1.0 * filters, window * filters))
        too_large = px * window * filters + 4.0 * LARGEST_SIDE * folds > LARGEST_COUNT
        if too_large.any():
            layer = int(np.flatnonzero(too_large)[0])
            text = "x".join(str(extent) for extent in columns[:, layer])
            raise InputError(f"layer {text} is too large: its counts do not fit into 64 bits")
        return cls(px, window.astype(np.int64), filters)


@dataclass(frozen=True, slots=True)
class SramCounts:
    """Cycles and single-value SRAM accesses of L layers on A arrays, every field of shape (A, L).

    Attributes:
        total_cycles: index of the last cycle, which SCALE-Sim reports as Total Cycles; no stalls.
        ifmap_reads, filter_reads: SRAM reads.
        ofmap_writes: SRAM writes as SCALE-Sim reports them; partial sums count (``ws``, ``is``).
        ofmap_writes_true: the same without the excess of upstream issue 166 (``os``).
    """

    total_cycles: IntArray
    ifmap_reads: IntArray
    filter_reads: IntArray
    ofmap_writes: IntArray
    ofmap_writes_true: IntArray


def sram_counts(
    sizes: LayerSizes, rows: ArrayLike, cols: ArrayLike, dataflow: str | Sequence[str]
) -> SramCounts:
    """Cycles and SRAM accesses, as ``systolic_compute_{os,ws,is}`` counts them.

    Args:
        sizes: L layers.
        rows, cols: extents of A arrays, shape (A,) or a scalar.
        dataflow: ``os``, ``ws`` or ``is`` for all of them, or one for each.

    Raises:
        InputError: a layer takes one cycle only, where SCALE-Sim divides by the last cycle's index, 0.
    """
    if isinstance(dataflow, str):
        return SramCounts(*_counts(sizes, _column(rows), _column(cols), dataflow))
    names = np.asarray(dataflow)
    rows, cols = np.broadcast_to(rows, names.shape), np.broadcast_to(cols, names.shape)
    figures = [np.empty((len(names), len(sizes.px)), np.int64) for _ in fields(SramCounts)]
    for name in DATAFLOWS:
        of = np.flatnonzero(names == name)
        for figure, values in zip(
            figures, _counts(sizes, _column(rows[of]), _column(cols[of]), name), strict=True
        ):
            figure[of] = values
    return SramCounts(*figures)


def _counts(sizes: LayerSizes, rows: IntArray, cols: IntArray, dataflow: str) -> tuple[IntArray, ...]:
    """The fields of `SramCounts`, for arrays of one dataflow in shape (A, 1)."""
    row_extent, col_extent, stream = _mapping(sizes, dataflow)
    row_folds, col_folds, fold_cycles = _folds(row_extent, col_extent, stream, rows, cols, dataflow)
    folds = row_folds * col_folds
    total_cycles = folds * fold_cycles - 1
    if not total_cycles.all():
        raise InputError(
            "a layer of one MAC on a 1x1 os array takes one cycle; SCALE-Sim fails on it "
            "(ZeroDivisionError), so there is nothing to equal. Leave the layer out or use a larger array"
        )
    stationary = np.broadcast_to(row_extent * col_extent, folds.shape)
    at_rows = row_extent * stream * col_folds
    at_cols = col_extent * stream * row_folds
    if dataflow == "os":
        return total_cycles, at_rows, at_cols, stationary + folds * (rows + cols), stationary
    if dataflow == "ws":
        return total_cycles, at_rows, stationary, at_cols, at_cols
    return total_cycles, stationary, at_rows, at_cols, at_cols


def _mapping(sizes: LayerSizes, dataflow: str) -> tuple[IntArray, IntArray, IntArray]:
    """Extents along the rows, along the columns and in time: SCALE-Sim's ``Sr``, ``Sc`` and ``T``."""
    if dataflow == "os":
        return sizes.px, sizes.filters, sizes.window
    if dataflow == "ws":
        return sizes.window, sizes.filters, sizes.px
    return sizes.window, sizes.px, sizes.filters


def _folds(
    row_extent: IntArray,
    col_extent: IntArray,
    stream: IntArray,
    rows: IntArray,
    cols: IntArray,
    dataflow: str,
) -> tuple[IntArray, IntArray, IntArray]:
    """Row folds, column folds, and cycles of a fold: the stream, its skew, and loading (``ws``, ``is``)."""
    idle = rows + cols - 2 if dataflow == "os" else 2 * rows + cols - 2
    return -(-row_extent // rows), -(-col_extent // cols), stream + idle


def _column(values: ArrayLike) -> IntArray:
    """One value an array, against layers in shape (L,)."""
    return np.asarray(values, dtype=np.int64).reshape(-1, 1)
