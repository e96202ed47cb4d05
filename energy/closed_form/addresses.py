"""Sets of ifmap requests as intervals of addresses, and how many distinct addresses they hold."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from energy.closed_form.input_windows import InputWindows, IntArray


class Block(NamedTuple):
    """All of the window elements `low` to `high` of all of the pixels `first` to `end`."""

    first: int
    end: int
    low: int
    high: int


class Pieces(NamedTuple):
    """For each of some pixels, its window elements from one to another."""

    pixel: IntArray
    low: IntArray
    high: IntArray


Requested = list[Block | Pieces]


class Intervals(NamedTuple):
    """Addresses from `start` to `stop`, n intervals that may overlap."""

    start: IntArray
    stop: IntArray

    @property
    def words(self) -> int:
        """Addresses of all intervals, each counted for itself."""
        return int((self.stop - self.start).sum())


NOTHING = Intervals(np.empty(0, np.int64), np.empty(0, np.int64))


def intervals(requested: Requested, windows: InputWindows) -> Intervals:
    """The addresses behind requests, those beyond the input left out."""
    pieces = [item for item in requested if isinstance(item, Pieces) and len(item.pixel)]
    found = [_of_pieces(_together(pieces), windows)] if pieces else []
    for item in requested:
        if isinstance(item, Block):
            found += _of_blocks(item, windows)
    return joined(*found)


def merged(parts: Intervals) -> Intervals:
    """The same addresses as intervals in order that neither overlap nor touch."""
    if not len(parts.start):
        return parts
    order = np.argsort(parts.start, kind="stable")
    start, reach = parts.start[order], np.maximum.accumulate(parts.stop[order])
    gap = start[1:] > reach[:-1]
    begins, ends = (start[:1], start[1:][gap]), (reach[:-1][gap], reach[-1:])
    return Intervals(np.concatenate(begins), np.concatenate(ends))


def joined(*parts: Intervals) -> Intervals:
    """All of them."""
    if len(parts) <= 1:
        return parts[0] if parts else NOTHING
    starts, stops = zip(*parts, strict=True)
    return Intervals(np.concatenate(starts), np.concatenate(stops))


def inside(address: IntArray, parts: Intervals) -> NDArray[np.bool_]:
    """Which addresses lie in one of `merged` intervals."""
    if not len(parts.start):
        return np.zeros(len(address), np.bool_)
    of = parts.start.searchsorted(address, side="right") - 1
    return (of >= 0) & (address < parts.stop[of])


def distinct(parts: Intervals) -> int:
    """Number of distinct addresses."""
    return merged(parts).words


def single(requested: Requested) -> tuple[IntArray, IntArray]:
    """Pixel and window element of each request."""
    pixel, low, high = _together([_as_pieces(item) for item in requested])
    number = np.maximum(high - low, 0)
    begins = number.cumsum() - number
    element = np.arange(int(number.sum())) + np.repeat(low - begins, number)
    return np.repeat(pixel, number), element


def _as_pieces(item: Block | Pieces) -> Pieces:
    if isinstance(item, Pieces):
        return item
    pixel = np.arange(item.first, item.end)
    return Pieces(pixel, np.full_like(pixel, item.low), np.full_like(pixel, item.high))


def _together(pieces: Sequence[Pieces]) -> Pieces:
    """All of them, taken as one since a call to NumPy costs more than some more elements in it."""
    if len(pieces) <= 1:
        return pieces[0] if pieces else Pieces(*[np.empty(0, np.int64)] * 3)
    pixels, lows, highs = zip(*pieces, strict=True)
    return Pieces(np.concatenate(pixels), np.concatenate(lows), np.concatenate(highs))


def addresses(
    pixel: IntArray, element: IntArray, windows: InputWindows
) -> tuple[NDArray[np.bool_], IntArray]:
    """Which requests lie inside the input, and the addresses of those."""
    row, col = np.divmod(pixel, windows.cols.positions)
    window_row, word = np.divmod(element, windows.cols.window)
    row = row * windows.rows.stride + window_row
    col = col * windows.cols.stride + word
    inside = (row < windows.rows.extent) & (col < windows.cols.extent)
    return inside, row[inside] * windows.cols.extent + col[inside]


def _of_blocks(item: Block, windows: InputWindows) -> Iterator[Intervals]:
    """A block by blocks that have the same words of all their window rows."""
    if item.first >= item.end or item.low >= item.high:
        return
    width = windows.cols.window
    (row, low), (last_row, high) = divmod(item.low, width), divmod(item.high, width)
    if low and row < last_row:
        yield _of_block(item.first, item.end, (row, row + 1), low, width, windows)
        row, low = row + 1, 0
    if row < last_row:
        yield _of_block(item.first, item.end, (row, last_row), 0, width, windows)
    if low < high:
        yield _of_block(item.first, item.end, (last_row, last_row + 1), low, high, windows)


def _of_pieces(pieces: Pieces, windows: InputWindows) -> Intervals:
    row, col = np.divmod(pieces.pixel, windows.cols.positions)
    width = windows.cols.window
    window_rows = np.arange(int(pieces.low.min()) // width, -(-int(pieces.high.max()) // width))[:, None]
    row_start = window_rows * width
    low = np.maximum(pieces.low - row_start, 0)
    high = np.minimum(pieces.high - row_start, width)
    return _placed(row * windows.rows.stride + window_rows, col * windows.cols.stride, low, high, windows)


def _of_block(
    first: int, end: int, window_rows: tuple[int, int], low: int, high: int, windows: InputWindows
) -> Intervals:
    """A block of whole pixels by one interval of each of some window rows."""
    positions, stride = windows.cols.positions, windows.cols.stride
    rows = np.arange(*window_rows)[:, None]
    if high - low < stride:
        row, col = np.divmod(np.arange(first, end), positions)
        left, right = col * stride, col * stride
    else:
        row = np.arange(first // positions, (end - 1) // positions + 1)
        left, right = np.zeros_like(row), np.full_like(row, (positions - 1) * stride)
        left[0] = first % positions * stride
        right[-1] = (end - 1) % positions * stride
    return _placed(row * windows.rows.stride + rows, left, low, right - left + high, windows)


def _placed(
    row: IntArray, col: IntArray, low: IntArray | int, high: IntArray | int, windows: InputWindows
) -> Intervals:
    """Intervals of input rows, given from word `col` on; cut at the input's end."""
    width = windows.cols.extent
    start, stop = col + low, np.minimum(col + high, width)
    some = (start < stop) & (row < windows.rows.extent)
    base = row * width
    return Intervals((base + start)[some], (base + stop)[some])
