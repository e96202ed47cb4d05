"""Which words of the ifmap a layer's windows cover: the ifmap matrix in closed form.

The ifmap matrix has a row for each ofmap pixel and a column for each window element. Where a stride
leaves out pixels of the input, they are taken away, and a window element is counted over all channels:
in the direction of a row an input is a line of words.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from topologies.layers import LayerShape, scalesim_ofmap_extent

IntArray = NDArray[np.int64]


def cut(values: IntArray, lowest: int | IntArray, highest: int | IntArray) -> IntArray:
    """`numpy.clip` at half its cost for short arrays."""
    return np.minimum(np.maximum(values, lowest), highest)


@dataclass(frozen=True, slots=True)
class Axis:
    """One direction of a convolution, without what no window covers.

    Attributes:
        positions: of the window.
        window, stride, extent: in pixels or words, 1 <= stride <= window. All of the extent is covered.
            The last window may reach beyond it, where SCALE-Sim requests nothing.
        whole_positions: positions at which the window lies in the extent wholly.
    """

    positions: int
    window: int
    stride: int
    extent: int
    whole_positions: int = field(init=False)

    def __post_init__(self) -> None:
        whole = self.positions - (self.inside_last < self.window)
        object.__setattr__(self, "whole_positions", whole)

    @classmethod
    def of(cls, extent: int, window: int, stride: int, words: int = 1) -> Axis:
        """The axis of an ifmap extent in pixels of that many words."""
        positions = scalesim_ofmap_extent(extent, window, stride)
        inside = max(0, min(window, extent - (positions - 1) * stride))
        step = min(stride, window) if positions > 1 else window
        return cls(positions, window * words, step * words, ((positions - 1) * step + inside) * words)

    @property
    def overlaps(self) -> bool:
        return self.positions > 1 and self.stride < self.window

    @property
    def inside_last(self) -> int:
        """How much of the last window lies inside the extent; all others lie in it wholly."""
        return self.extent - (self.positions - 1) * self.stride

    def inside(self, position: IntArray) -> IntArray:
        """How much of the window at a position lies inside the extent."""
        return np.minimum(self.extent - position * self.stride, self.window)

    def covering(self, element: IntArray) -> IntArray:
        """Positions, the first ones, at which a window element lies inside the extent."""
        return np.minimum(-((element - self.extent) // self.stride), self.positions)

    def inside_before(self, position: int) -> int:
        """Sum of `inside` over all positions before that one."""
        return position * self.window - (position == self.positions) * (self.window - self.inside_last)

    def covering_before(self, element: int) -> int:
        """Sum of `covering` over all window elements before that one."""
        return element * self.positions - max(0, element - self.inside_last)


@dataclass(frozen=True, slots=True)
class InputWindows:
    """The windows of a layer: rows in pixels, columns in words.

    Window element e is word ``e % cols.window`` of window row ``e // cols.window``. An address is counted
    over the covered input, row after row.

    Attributes:
        whole_rows: ofmap pixels before the first row of windows that reaches beyond the input's last row.
    """

    rows: Axis
    cols: Axis
    whole_rows: int = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "whole_rows", self.rows.whole_positions * self.cols.positions)

    @classmethod
    def of(cls, shape: LayerShape) -> InputWindows:
        return cls(
            Axis.of(shape.ifmap_h, shape.filter_h, shape.stride),
            Axis.of(shape.ifmap_w, shape.filter_w, shape.stride, shape.channels),
        )

    @property
    def pixels(self) -> int:
        return self.rows.positions * self.cols.positions

    @property
    def elements(self) -> int:
        return self.rows.window * self.cols.window

    @property
    def touched(self) -> int:
        """Distinct addresses that the layer requests."""
        return self.rows.extent * self.cols.extent

    @property
    def inside(self) -> bool:
        """Whether no window reaches beyond the input."""
        axes = self.rows, self.cols
        return all(axis.whole_positions == axis.positions for axis in axes)

    @property
    def overlap(self) -> bool:
        """Whether two windows share an address."""
        return self.rows.overlaps or self.cols.overlaps

    def elements_before(self, pixel: IntArray, element: IntArray) -> IntArray:
        """How many of a pixel's window elements before that one lie inside the input."""
        row, col = np.divmod(pixel, self.cols.positions)
        window_row, word = np.divmod(element, self.cols.window)
        rows, words = self.rows.inside(row), self.cols.inside(col)
        within = np.where(window_row < rows, np.minimum(word, words), 0)
        return np.minimum(window_row, rows) * words + within

    def pixels_before(self, element: IntArray, pixel: IntArray) -> IntArray:
        """At how many of the pixels before that one a window element lies inside the input."""
        window_row, word = np.divmod(element, self.cols.window)
        row, col = np.divmod(pixel, self.cols.positions)
        rows, cols = self.rows.covering(window_row), self.cols.covering(word)
        within = np.where(row < rows, np.minimum(col, cols), 0)
        return np.minimum(row, rows) * cols + within

    def inside_before_pixel(self, pixel: int) -> int:
        """Window elements inside the input, of all pixels before that one."""
        row, col = divmod(pixel, self.cols.positions)
        whole_row = self.cols.inside_before(self.cols.positions)
        before = self.rows.inside_before(row) * whole_row
        if row < self.rows.positions:
            inside = self.rows.inside_before(row + 1) - self.rows.inside_before(row)
            before += inside * self.cols.inside_before(col)
        return before

    def inside_before_element(self, element: int) -> int:
        """Pixels at which they lie inside the input, of all window elements before that one."""
        window_row, word = divmod(element, self.cols.window)
        whole_row = self.cols.covering_before(self.cols.window)
        before = self.rows.covering_before(window_row) * whole_row
        if window_row < self.rows.window:
            covering = self.rows.covering_before(window_row + 1) - self.rows.covering_before(window_row)
            before += covering * self.cols.covering_before(word)
        return before
