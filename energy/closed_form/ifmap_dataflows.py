"""The order of the ifmap requests in each dataflow.

Mirrors ``create_ifmap_demand_mat`` of ``systolic_compute_{os,ws,is}``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import numpy as np

from energy.closed_form.addresses import Block, Pieces, Requested
from energy.closed_form.folding import Folding
from energy.closed_form.ifmap_stream import Alike, Stream
from energy.closed_form.input_windows import InputWindows, IntArray, cut
from energy.closed_form.sram_model import LARGEST_COUNT
from nfenergy.ground.errors import InputError


def stream_of(windows: InputWindows, folding: Folding) -> Stream:
    """The stream of a layer on its array.

    Raises:
        InputError: the places of a pass do not fit into 64 bits.
    """
    streams: dict[str, type[Stream]] = {
        "os": OutputStationary,
        "ws": WeightStationary,
        "is": InputStationary,
    }
    stream = streams[folding.array.dataflow].of(windows, folding)
    if 2 * stream.pass_places > LARGEST_COUNT:
        raise InputError(
            f"a layer of {folding.px} ofmap pixels and {folding.window} weights a filter is too large: "
            "its cycles times the array's ports do not fit into 64 bits"
        )
    return stream


@dataclass(frozen=True, slots=True)
class PixelStretches(Stream):
    """A stretch is all that as many pixels ask for as there are ports."""

    def requests_before_stretch(self, stretch: int) -> int:
        return self.windows.inside_before_pixel(min(stretch * self.ports, self.folding.px))

    def between(self, first: int, end: int) -> Requested:
        return [Block(first * self.ports, end * self.ports, 0, self.windows.elements)]

    def alike_by_row(self, place: int) -> Alike | None:
        fold, offset = divmod(place, self.stretch_places)
        limit = self.windows.whole_rows // self.ports * self.stretch_places
        return Alike((fold * self.ports % self.windows.cols.positions, offset), limit)

    def alike_within_row(self, place: int) -> Alike | None:
        fold, offset = divmod(place, self.stretch_places)
        left = self.windows.cols.whole_positions - fold * self.ports % self.windows.cols.positions
        if left < self.ports:
            return None
        folds = min(fold + left // self.ports, self.windows.whole_rows // self.ports)
        return Alike((offset,), folds * self.stretch_places)


@dataclass(frozen=True, slots=True)
class OutputStationary(PixelStretches):
    """A fold has a pixel at each array row, which asks for the whole window, a cycle after the row before."""

    @classmethod
    def of(cls, windows: InputWindows, folding: Folding) -> Self:
        ports, folds = folding.array.rows, folding.row_folds
        places = folding.fold_cycles * ports
        return cls(windows, folding, ports, folds, places, folds * places, folding.col_folds)

    def requests_in_stretch(self, stretch: int, offset: IntArray) -> IntArray:
        pixel, done = self._asked(stretch, offset)
        asked: IntArray = self.windows.elements_before(pixel, done).sum(axis=-1)
        return asked

    def within(self, stretch: int, begin: int, end: int) -> Requested:
        pixel, (low, high) = self._asked(stretch, np.array([[begin], [end]]))
        return [Pieces(pixel, low, high)]

    def places(self, pixel: IntArray, element: IntArray) -> IntArray:
        fold, row = np.divmod(pixel, self.ports)
        return (fold * self.folding.fold_cycles + element + row) * self.ports + row

    def plain_places(self, place: int, requests: int) -> int:
        """In a fold, a pixel asks for what another one asked for long before if a stride has many words."""
        fold, offset = divmod(place, self.stretch_places)
        pixels = self._whole_pixels(fold, self.folding.rows_used(fold))
        apart, in_row = self._elements_apart()
        # A pixel's row is ahead of the next one by a cycle; at both ends of a fold not all rows ask.
        cycles = apart - (1 if in_row else self.ports) - self.ports - 1
        return self.stretch_places - offset if cycles * pixels >= requests else 0

    def _asked(self, fold: int, offset: IntArray) -> tuple[IntArray, IntArray]:
        """The pixels of a fold, and how many elements each has asked for before a place in the fold."""
        row = np.arange(self.folding.rows_used(fold))
        done = -((row - offset) // self.ports) - row
        return fold * self.ports + row, cut(done, 0, self.windows.elements)


@dataclass(frozen=True, slots=True)
class InputStationary(PixelStretches):
    """A fold has a pixel at each array column and a window element at each row, asked for from the last."""

    @classmethod
    def of(cls, windows: InputWindows, folding: Folding) -> Self:
        ports, groups = folding.array.cols, folding.col_folds
        places = folding.row_folds * folding.fold_cycles * ports
        return cls(windows, folding, ports, groups, places, groups * places, passes=1)

    def requests_in_stretch(self, stretch: int, offset: IntArray) -> IntArray:
        pixel, start, low, high = self._asked(stretch, offset)
        count = self.windows.elements_before
        asked: IntArray = (count(pixel, start) + count(pixel, high) - count(pixel, low)).sum(axis=-1)
        return asked

    def within(self, stretch: int, begin: int, end: int) -> Requested:
        pixel, start, low, high = self._asked(stretch, np.array([[begin], [end]]))
        if start[0] == start[1]:
            return [Pieces(pixel, low[1], low[0])]
        starts, highs = np.broadcast_to(start, low.shape), np.broadcast_to(high, low.shape)
        return [
            Pieces(pixel, starts[0], low[0]),
            Pieces(pixel, highs[0], starts[1]),
            Pieces(pixel, low[1], highs[1]),
        ]

    def places(self, pixel: IntArray, element: IntArray) -> IntArray:
        col_fold, col = np.divmod(pixel, self.ports)
        row_fold, row = np.divmod(element, self.folding.array.rows)
        line = self.folding.array.rows - 1 - row
        fold = col_fold * self.folding.row_folds + row_fold
        place: IntArray = (fold * self.folding.fold_cycles + line) * self.ports + col
        return place

    def plain_places(self, place: int, requests: int) -> int:
        """In a group, a pixel asks for what another one asked for long before if a stride has many words."""
        group, offset = divmod(place, self.stretch_places)
        pixels = self._whole_pixels(group, self.folding.cols_used(group))
        apart, in_row = self._elements_apart()
        rows = self.folding.array.rows  # asked for in reverse order
        lines = apart if apart % rows == 0 else apart - 2 * (rows - 1)
        lines -= -self.windows.elements % rows  # which the last fold lacks
        between = lines * pixels - (1 if in_row else self.ports)
        return self.stretch_places - offset if between >= requests else 0

    def _asked(self, group: int, offset: IntArray) -> tuple[IntArray, IntArray, IntArray, IntArray]:
        """The pixels of a group of folds, and what they have asked for before a place in the group.

        That is all elements before the fold's first, which is the second value; and those of the fold
        from the third value to before the fourth.
        """
        col = np.arange(self.folding.cols_used(group))
        line, port = divmod(offset, self.ports)
        fold, line = divmod(line, self.folding.fold_cycles)
        rows = self.folding.array.rows
        start = np.minimum(fold * rows, self.windows.elements)
        high = np.minimum(start + rows, self.windows.elements)
        low = cut(start + rows - line - (col < port), start, high)
        return group * self.ports + col, start, low, high


@dataclass(frozen=True, slots=True)
class WeightStationary(Stream):
    """A fold has a window element at each array row, asked for by one pixel after the other.

    Array row j asks for a pixel j cycles after row 0.
    """

    @classmethod
    def of(cls, windows: InputWindows, folding: Folding) -> Self:
        ports, folds = folding.array.rows, folding.row_folds
        places = folding.fold_cycles * ports
        return cls(windows, folding, ports, folds, places, folds * places, folding.col_folds)

    def requests_before_stretch(self, stretch: int) -> int:
        return self.windows.inside_before_element(min(stretch * self.ports, self.windows.elements))

    def requests_in_stretch(self, stretch: int, offset: IntArray) -> IntArray:
        row = np.arange(self.folding.rows_used(stretch))
        done = -((row - offset) // self.ports) - self.ports - row
        pixel = cut(done, 0, self.folding.px)
        asked: IntArray = self.windows.pixels_before(stretch * self.ports + row, pixel).sum(axis=-1)
        return asked

    def within(self, stretch: int, begin: int, end: int) -> Requested:
        low, high = self._elements(stretch)
        partial, begun = self._partial(stretch, begin)
        following, until = self._partial(stretch, end)
        if begun >= following:
            return self._pieces(stretch, partial, until, begin, end)
        return [
            *self._pieces(stretch, partial, begun, begin, end),
            Block(begun, following, low, high),
            *self._pieces(stretch, following, until, begin, end),
        ]

    def between(self, first: int, end: int) -> Requested:
        elements = min(end * self.ports, self.windows.elements)
        return [Block(0, self.folding.px, first * self.ports, elements)]

    def places(self, pixel: IntArray, element: IntArray) -> IntArray:
        fold, row = np.divmod(element, self.ports)
        return (fold * self.folding.fold_cycles + self.ports + pixel + row) * self.ports + row

    def alike_by_row(self, place: int) -> Alike | None:
        fold, offset = divmod(place, self.stretch_places)
        if self._first_pixel(fold, offset) < 0:
            return None
        limit = fold * self.stretch_places + (self.ports + self.windows.whole_rows) * self.ports
        return Alike((fold, offset % (self.windows.cols.positions * self.ports)), limit)

    def alike_within_row(self, place: int) -> Alike | None:
        fold, offset = divmod(place, self.stretch_places)
        first = self._first_pixel(fold, offset)
        if first < 0:
            return None
        cols = self.windows.cols
        end = min(first // cols.positions * cols.positions + cols.whole_positions, self.windows.whole_rows)
        return Alike(
            (fold, offset % self.ports), fold * self.stretch_places + (self.ports + end) * self.ports
        )

    def plain_places(self, place: int, requests: int) -> int:
        fold, offset = divmod(place, self.stretch_places)
        low, high = self._elements(fold)
        rows, cols = self.windows.rows, self.windows.cols
        # Elements less than a stride apart are never at the same word.
        distinct = low + cols.stride
        if rows.overlaps and cols.window % cols.stride:
            distinct = min(distinct, (low // cols.window + 1) * cols.window)
        folds = self.stretches if distinct >= self.windows.elements else distinct // self.ports
        if folds > fold:
            return folds * self.stretch_places - place
        starts = range(low // cols.window * cols.window, high, cols.window)
        if any(min(start + cols.window, high) - max(start, low) > cols.stride for start in starts):
            return 0
        # Elements of different window rows meet at the same word an ofmap row further.
        pixels_apart = cols.positions - cols.window // cols.stride - 2 * self.ports - 3
        if rows.overlaps and pixels_apart * (high - low) < requests:
            return 0
        end = self.folding.fold_cycles if not rows.overlaps else self.ports + self.windows.whole_rows
        return max(0, end * self.ports - offset)

    def _elements(self, fold: int) -> tuple[int, int]:
        return fold * self.ports, fold * self.ports + self.folding.rows_used(fold)

    def _first_pixel(self, fold: int, offset: int) -> int:
        """First pixel of which something is still to be asked for, as if there were more before 0."""
        return offset // self.ports - self.ports - self.folding.rows_used(fold) + 1

    def _partial(self, fold: int, offset: int) -> tuple[int, int]:
        """The pixels of which some elements were asked for before a place in the fold and some were not."""
        first = self._first_pixel(fold, offset)
        end = first + self.folding.rows_used(fold)
        return min(max(first, 0), self.folding.px), min(max(end, 0), self.folding.px)

    def _pieces(self, fold: int, first: int, end: int, begin: int, stop: int) -> Requested:
        """What is asked for at some pixels between two places in the fold."""
        if first >= end:
            return []
        pixel = np.arange(first, end)
        cycle, port = divmod(np.array([[begin], [stop]]), self.ports)
        done = cycle - self.ports - pixel
        low, high = fold * self.ports + cut(done + (port > done), 0, self.folding.rows_used(fold))
        return [Pieces(pixel, low, high)]
