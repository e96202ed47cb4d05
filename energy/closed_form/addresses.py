"""Sets of ifmap requests as intervals of addresses, and how many distinct addresses they hold."""

from __future__ import annotations

from collections.abc import Iterator
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


def intervals(requested: Requested, windows: InputWindows) -> Intervals:
    """The addresses behind requests, those beyond the input left out."""
    found = [part for item in requested for part in _parts(item, windows)]
    if not found:
        return Intervals(np.empty(0, np.int64), np.empty(0, np.int64))
    starts, stops = zip(*found, strict=True)
    return Intervals(np.concatenate(starts), np.concatenate(stops))


def merged(parts: Intervals) -> Intervals:
    """The same addresses as intervals in order that neither overlap nor touch."""
    if not len(parts.start):
        return parts
    order = np.argsort(parts.start, kind="stable")
    start, reach = parts.start[order], np.maximum.accumulate(parts.stop[order])
    begins = np.flatnonzero(np.append(True, start[1:] > reach[:-1]))
    return Intervals(start[begins], reach[np.append(begins[1:], len(start)) - 1])


def joined(parts: Intervals, others: Intervals) -> Intervals:
    """All of them."""
    return Intervals(np.concatenate((parts.start, others.start)), np.concatenate((parts.stop, others.stop)))


def inside(address: IntArray, parts: Intervals) -> NDArray[np.bool_]:
    """Which addresses lie in one of `merged` intervals."""
    if not len(parts.start):
        return np.zeros(len(address), np.bool_)
    of = parts.start.searchsorted(address, side="right") - 1
    return (of >= 0) & (address < parts.stop[of])


def distinct(parts: Intervals) -> int:
    """Number of distinct addresses."""
    if not len(parts.start):
        return 0
    order = np.argsort(parts.start, kind="stable")
    start, reach = parts.start[order], np.maximum.accumulate(parts.stop[order])
    start[1:] = np.maximum(start[1:], reach[:-1])
    return int((reach - start).sum())


def single(item: Block | Pieces) -> tuple[IntArray, IntArray]:
    """Pixel and window element of each request."""
    if isinstance(item, Block):
        pixel = np.arange(item.first, item.end)
        item = Pieces(pixel, np.full_like(pixel, item.low), np.full_like(pixel, item.high))
    number = np.maximum(item.high - item.low, 0)
    begins = number.cumsum() - number
    element = np.arange(int(number.sum())) + np.repeat(item.low - begins, number)
    return np.repeat(item.pixel, number), element


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


def _parts(item: Block | Pieces, windows: InputWindows) -> Iterator[tuple[IntArray, IntArray]]:
    if isinstance(item, Pieces):
        if len(item.pixel):
            yield _of_pieces(item, windows)
        return
    if item.first >= item.end or item.low >= item.high:
        return
    width = windows.cols.window
    first_row, last_row = item.low // width, (item.high - 1) // width
    for rows, low, high in (
        ((first_row, first_row + 1), item.low % width, min(item.high - first_row * width, width)),
        ((first_row + 1, last_row), 0, width),
        ((max(first_row + 1, last_row), last_row + 1), 0, item.high - last_row * width),
    ):
        if rows[0] < rows[1]:
            yield _of_block(item.first, item.end, rows, low, high, windows)


def _of_pieces(pieces: Pieces, windows: InputWindows) -> tuple[IntArray, IntArray]:
    row, col = np.divmod(pieces.pixel, windows.cols.positions)
    width = windows.cols.window
    window_rows = np.arange(int(pieces.low.min()) // width, -(-int(pieces.high.max()) // width))[:, None]
    row_start = window_rows * width
    low = np.maximum(pieces.low - row_start, 0)
    high = np.minimum(pieces.high - row_start, width)
    return _placed(row * windows.rows.stride + window_rows, col * windows.cols.stride, low, high, windows)


def _of_block(
    first: int, end: int, window_rows: tuple[int, int], low: int, high: int, windows: InputWindows
) -> tuple[IntArray, IntArray]:
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
) -> tuple[IntArray, IntArray]:
    """Intervals of input rows, given from word `col` on; cut at the input's end."""
    width = windows.cols.extent
    start, stop = col + low, np.minimum(col + high, width)
    some = (start < stop) & (row < windows.rows.extent)
    base = row * width
    return (base + start)[some], (base + stop)[some]
