"""The order of a layer's ifmap requests: which are asked for between two moments.

A moment is a place in the stream, cycle x ports + port, for SCALE-Sim serves requests by cycle, then by
port. All passes over the ifmap are equal, so places are counted from the beginning of a pass. A request
is for a window element of an ofmap pixel, see `input_windows`.
What the dataflows have in common; each of them is one class of `ifmap_dataflows`.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import NamedTuple, Self

import numpy as np

from energy.closed_form.addresses import Requested
from energy.closed_form.folding import Folding
from energy.closed_form.input_windows import InputWindows, IntArray

REQUESTS_TRIED = 4096
"""Size of arrays to which a call of NumPy costs little more than to smaller ones."""


class Alike(NamedTuple):
    """What makes the stream from two moments on the same but for a shift of all addresses.

    Attributes:
        key: equal for two such moments.
        limit: it holds for what is asked before this place.
    """

    key: tuple[int, ...]
    limit: int


@dataclass(frozen=True, slots=True)
class Stream(ABC):
    """A pass over the ifmap on an array of one dataflow, cut into equal stretches of places.

    Attributes:
        windows, folding: the layer.
        ports: requests that one cycle can hold.
        stretches: of a pass: folds, or all folds on the same pixels.
        stretch_places: places of a stretch.
        pass_places: places of a pass.
        passes: equal passes, one after the other.
    """

    windows: InputWindows
    folding: Folding
    ports: int
    stretches: int
    stretch_places: int
    pass_places: int
    passes: int

    @classmethod
    @abstractmethod
    def of(cls, windows: InputWindows, folding: Folding) -> Self:
        """The stream of a layer on its array."""

    @abstractmethod
    def requests_before_stretch(self, stretch: int) -> int:
        """Requests, none of them beyond the input, in all stretches before that one."""

    @abstractmethod
    def requests_in_stretch(self, stretch: int, offset: IntArray) -> IntArray:
        """The same of a stretch before places counted from its beginning, shape (..., 1), as shape (...)."""

    @abstractmethod
    def within(self, stretch: int, begin: int, end: int) -> Requested:
        """What is asked for in a part of a stretch; its end may be the stretch's."""

    @abstractmethod
    def between(self, first: int, end: int) -> Requested:
        """What is asked for in whole stretches."""

    @abstractmethod
    def places(self, pixel: IntArray, element: IntArray) -> IntArray:
        """Where a pixel's window element is asked for."""

    @abstractmethod
    def alike_by_row(self, place: int) -> Alike | None:
        """Moments from which on the stream is the same, whole ofmap rows further."""

    @abstractmethod
    def alike_within_row(self, place: int) -> Alike | None:
        """Moments from which on the stream is the same, some pixels further in an ofmap row."""

    def plain_places(self, place: int, requests: int) -> int:
        """Places from one on in which `requests` after each other are certainly for distinct addresses."""
        return 0

    def _elements_apart(self) -> tuple[int, bool]:
        """How far apart in the window two elements are at which pixels of a stretch meet, at least.

        And whether such pixels are in one ofmap row, m positions for m times that distance.
        """
        rows, cols = self.windows.rows, self.windows.cols
        if not rows.overlaps or self.ports <= cols.positions - -(-cols.window // cols.stride):
            return cols.stride, True
        return math.gcd(cols.stride, cols.window), False

    def _whole_pixels(self, stretch: int, pixels: int) -> int:
        """Pixels of a stretch, of so many, that ask for all of their window; 0 if there may be none."""
        if stretch * self.ports + pixels > self.windows.whole_rows:
            return 0
        cols = self.windows.cols
        return pixels - (cols.whole_positions < cols.positions) * (pixels // cols.positions + 1)

    def requested(self, begin: int, end: int) -> Requested:
        """What is asked for from `begin` to before `end`, which may lie in the next pass."""
        if end > self.pass_places:
            return self.requested(begin, self.pass_places) + self.requested(0, end - self.pass_places)
        if begin >= end:
            return []
        first, at = divmod(begin, self.stretch_places)
        last, until = divmod(end - 1, self.stretch_places)
        if first == last:
            return self.within(first, at, until + 1)
        return [
            *self.within(first, at, self.stretch_places),
            *self.between(first + 1, last),
            *self.within(last, 0, until + 1),
        ]

    def requests_before(self, place: int) -> int:
        """Requests of a pass before a place, none of them beyond the input."""
        stretch, offset = divmod(place, self.stretch_places)
        before = self.requests_before_stretch(stretch)
        return before + int(self.requests_in_stretch(stretch, np.array([offset]))) if offset else before

    def place_of(self, request: int, stretch: int = 0) -> int:
        """Place of the n-th request of a pass, counted from 1; not before `stretch`, best little after."""
        low, step = stretch, 1
        while low + step < self.stretches and self.requests_before_stretch(low + step) < request:
            low, step = low + step, 2 * step
        high = min(low + step, self.stretches)
        while high - low > 1:
            middle = (low + high) // 2
            low, high = (middle, high) if self.requests_before_stretch(middle) < request else (low, middle)
        stretch, low, high = low, 0, self.stretch_places
        request -= self.requests_before_stretch(stretch)
        parts = max(2, REQUESTS_TRIED // self.ports)  # looked at in one call, a bisection of many arms
        while high - low > 1:
            step = -(-(high - low) // parts)
            tried = np.arange(low + step, high, step)
            fewer = int((self.requests_in_stretch(stretch, tried[:, None]) < request).sum())
            low, high = low + fewer * step, min(low + (fewer + 1) * step, high)
        return stretch * self.stretch_places + low
