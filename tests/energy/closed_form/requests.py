"""Every request of a layer, one by one, and a set of addresses that is filled with them."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product

from energy.closed_form.folding import Folding
from topologies.layers import LayerShape, scalesim_ofmap_extent

Request = tuple[int, int, int]
"""Cycle, port, address."""


def fold_requests(layer: Folding, operand: str, col_fold: int, row_fold: int) -> Iterator[Request]:
    """A fold's requests as ``create_{ifmap,filter}_demand_mat`` lays them out, in no order.

    The address is the place in the operand's matrix: (pixel, window element) or (element, filter).
    """
    array, start = layer.array, layer.fold_start(col_fold, row_fold)
    row0, col0 = row_fold * array.rows, col_fold * array.cols
    rows, cols = range(layer.rows_used(row_fold)), range(layer.cols_used(col_fold))
    stationary = {"ws": "filter", "is": "ifmap"}.get(array.dataflow)
    loading = 0 if array.dataflow == "os" else array.rows
    if operand == stationary:
        for row, col in product(rows, cols):
            yield start + array.rows - 1 - row, col, (row0 + row) * layer.col_extent + col0 + col
    elif operand == "ifmap" or stationary == "ifmap":  # enters at the rows
        for time, row in product(range(layer.stream), rows):
            yield start + loading + time + row, row, (row0 + row) * layer.stream + time
    else:
        for time, col in product(range(layer.stream), cols):
            yield start + time + col, col, time * layer.col_extent + col0 + col


def input_value(shape: LayerShape, layer: Folding, place: int) -> int | None:
    """Ifmap address behind a place in the ifmap matrix; None for a window beyond the input."""
    pixel_major = layer.array.dataflow == "os"
    pixel, element = divmod(place, layer.window) if pixel_major else divmod(place, layer.px)[::-1]
    out_row, out_col = divmod(pixel, scalesim_ofmap_extent(shape.ifmap_w, shape.filter_w, shape.stride))
    filter_row, rest = divmod(element, shape.filter_w * shape.channels)
    filter_col, channel = divmod(rest, shape.channels)
    row, col = out_row * shape.stride + filter_row, out_col * shape.stride + filter_col
    if row >= shape.ifmap_h or col >= shape.ifmap_w:
        return None
    return (row * shape.ifmap_w + col) * shape.channels + channel


def requests(shape: LayerShape, layer: Folding, operand: str) -> Iterator[tuple[int, int]]:
    """Cycle and address of every request, in the order in which SCALE-Sim serves them."""
    for col_fold in range(layer.col_folds):
        for row_fold in range(layer.row_folds):
            for cycle, _, place in sorted(fold_requests(layer, operand, col_fold, row_fold)):
                address = input_value(shape, layer, place) if operand == "ifmap" else place
                if address is not None:
                    yield cycle, address


def fetched(stream: list[tuple[int, int]], phase_words: int) -> tuple[list[int], int]:
    """Cycles in which a set of addresses reaches `phase_words` and is emptied; what it holds at the end."""
    held: set[int] = set()
    ends = []
    for cycle, address in stream:
        held.add(address)
        if len(held) == phase_words:
            ends.append(cycle)
            held = set()
    return ends, len(held)
