"""The ifmap request stream of a layer, as runs.

A window element of a pixel asks for one input pixel's channels one after the other, each at a fixed
distance behind the one before: a run. A run is described by the place of its first request in the
stream. All runs of a layer have the same distance, so that whether a request repeats an earlier one
depends on its run only, not on the channel. A layer has as many runs as it has window elements times
ofmap pixels, which is its requests divided by the channels.

The place of a request is cycle x ports + port: SCALE-Sim serves requests by cycle, then by port.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from energy.closed_form.folding import Folding
from topologies.layers import LayerShape, scalesim_ofmap_extent

IntArray = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Axis:
    """One direction of a convolution: extents and stride in input pixels.

    Windows at the far end may reach beyond the input, where SCALE-Sim requests nothing.
    """

    extent: int
    window: int
    stride: int

    @property
    def positions(self) -> int:
        return scalesim_ofmap_extent(self.extent, self.window, self.stride)

    @property
    def touched(self) -> int:
        """Input pixels that some window covers."""
        last = (self.positions - 1) * self.stride
        before = (self.positions - 1) * min(self.stride, self.window)
        return before + max(0, min(self.window, self.extent - last))

    @property
    def together(self) -> int:
        """Largest number of neighbouring pixels that windows only ever cover together."""
        return math.gcd(self.extent, self.window, self.stride if self.positions > 1 else 0)

    def in_units_of(self, pixels: int) -> Axis:
        """The axis with that many neighbouring pixels taken for one."""
        return Axis(self.extent // pixels, self.window // pixels, max(1, self.stride // pixels))


@dataclass(frozen=True, slots=True)
class InputWindows:
    """Which input pixels a layer's windows cover.

    Attributes:
        rows, cols: the two directions.
        channels: values of an input pixel, neighbours in memory.
    """

    rows: Axis
    cols: Axis
    channels: int

    @classmethod
    def of(cls, shape: LayerShape) -> InputWindows:
        """The windows of a layer, pixels that are only ever covered together taken for one.

        So a matrix product, one window over the whole ifmap, is a single pixel of many channels.
        """
        rows = Axis(shape.ifmap_h, shape.filter_h, shape.stride)
        cols = Axis(shape.ifmap_w, shape.filter_w, shape.stride)
        unit = cols.together
        cols, channels = cols.in_units_of(unit), shape.channels * unit
        if cols.extent == 1:
            unit = rows.together
            rows, channels = rows.in_units_of(unit), channels * unit
        return cls(rows, cols, channels)

    @property
    def touched(self) -> int:
        """Distinct addresses that the layer requests."""
        return self.rows.touched * self.cols.touched * self.channels


@dataclass(frozen=True, slots=True)
class Runs:
    """A pass over the layer's ifmap requests, as runs in the order of their first requests.

    Attributes:
        first: place of each run's first request.
        before: place of the first request of the latest earlier run for the same values; the stream of
            passes is taken to have neither beginning nor end, so this may be negative.
        last: number of each run's last request, counted from 0.
        step: places from one request of a run to the next.
        span: places from the first to the last request of the longest run.
        ports: requests that one cycle can hold.
        pass_places: places of a pass.
        passes: equal passes, one after the other.
    """

    first: IntArray
    before: IntArray
    last: IntArray
    step: int
    span: int
    ports: int
    pass_places: int
    passes: int


def runs_of(windows: InputWindows, folding: Folding) -> Runs:
    """The runs of one layer on one array.

    Mirrors ``create_ifmap_demand_mat`` of ``systolic_compute_{os,ws,is}`` and the addresses of
    ``operand_matrix.calc_ifmap_elem_addr``.
    """
    blocks = _blocks(windows, folding)
    return _in_order(*_requested_runs(windows, folding, blocks), folding)


def _requested_runs(
    windows: InputWindows, folding: Folding, blocks: IntArray
) -> tuple[IntArray, IntArray, IntArray]:
    """First place, identity of the requested values, and last request of every run, in no order."""
    # One row a pixel, one column a piece: a block of one window element's channels.
    taps = np.arange(windows.rows.window * windows.cols.window)
    starts = (taps[:, None] * windows.channels + blocks).ravel()
    lengths = np.tile(np.diff(blocks, append=windows.channels), len(taps))
    values, valid = _input_pixels(windows, np.repeat(taps, len(blocks)))
    values *= len(blocks)
    values += np.tile(np.arange(len(blocks)), len(taps))
    # Input stationary folds are filled from the last row: the last channel of a block comes first.
    leading = starts + lengths - 1 if folding.array.dataflow == "is" else starts
    first = _pixel_place(folding)[:, None] + _window_place(folding, leading)
    last = np.broadcast_to(lengths - 1, valid.shape)
    return first[valid], values[valid], last[valid]


def _blocks(windows: InputWindows, folding: Folding) -> IntArray:
    """First channels of the blocks that no fold boundary cuts, whichever the window element."""
    if folding.array.dataflow == "os":
        return np.zeros(1, np.int64)
    cuts = np.arange(0, folding.window, folding.array.rows, dtype=np.int64) % windows.channels
    return np.unique(np.append(cuts, 0))


def _input_pixels(windows: InputWindows, taps: IntArray) -> tuple[IntArray, NDArray[np.bool_]]:
    """Input pixel under each window element, and whether there is one: ofmap pixels x taps."""
    rows, cols = windows.rows, windows.cols
    position = np.arange(rows.positions * cols.positions)[:, None]
    row = position // cols.positions * rows.stride + taps // cols.window
    col = position % cols.positions * cols.stride + taps % cols.window
    return row * cols.extent + col, (row < rows.extent) & (col < cols.extent)


def _pixel_place(folding: Folding) -> IntArray:
    """What an ofmap pixel adds to the place of its requests."""
    array, cycles = folding.array, folding.fold_cycles
    pixel = np.arange(folding.px)
    if array.dataflow == "ws":
        return pixel * array.rows
    if array.dataflow == "is":
        return pixel // array.cols * (folding.row_folds * cycles * array.cols) + pixel % array.cols
    fold, row = np.divmod(pixel, array.rows)
    return (fold * cycles + row) * array.rows + row


def _window_place(folding: Folding, element: IntArray) -> IntArray:
    """What a window element, counted over all channels, adds to the place of its requests."""
    array, cycles = folding.array, folding.fold_cycles
    if array.dataflow == "os":
        return element * array.rows
    fold, row = np.divmod(element, array.rows)
    if array.dataflow == "ws":
        return (fold * cycles + array.rows + row) * array.rows + row
    return (fold * cycles + array.rows - 1 - row) * array.cols


def _in_order(first: IntArray, values: IntArray, last: IntArray, folding: Folding) -> Runs:
    array = folding.array
    step = {"os": array.rows, "ws": array.rows + 1, "is": array.cols}[array.dataflow]
    ports = array.cols if array.dataflow == "is" else array.rows
    passes = 1 if array.dataflow == "is" else folding.col_folds
    places = folding.folds // passes * folding.fold_cycles * ports
    sequence = np.argsort(first, kind="stable")
    first, last = first[sequence], last[sequence]
    return Runs(
        first=first,
        before=_place_before(first, values[sequence], places),
        last=last,
        step=step,
        span=step * int(last.max()),
        ports=ports,
        pass_places=places,
        passes=passes,
    )


def _place_before(first: IntArray, values: IntArray, pass_places: int) -> IntArray:
    """For each run, in order, where the latest earlier run for the same values began."""
    grouped = np.argsort(values, kind="stable")
    places, of = first[grouped], values[grouped]
    begins = np.flatnonzero(np.diff(of, prepend=-1))
    ends = np.append(begins[1:], len(of)) - 1
    before = np.empty_like(first)
    before[grouped[1:]] = places[:-1]
    before[grouped[begins]] = places[ends] - pass_places
    return before
