"""First and last cycle in which the array accesses each SRAM, as SCALE-Sim's detailed report has them.

SCALE-Sim counts a read in the cycle after its request, in which it is served.
"""

from __future__ import annotations

from typing import NamedTuple

from energy.closed_form.folding import Folding
from energy.closed_form.ifmap_dataflows import stream_of
from energy.closed_form.input_windows import InputWindows
from energy.closed_form.ofmap_drain import first_output


class Span(NamedTuple):
    """First and last cycle of accesses."""

    start_cycle: int
    stop_cycle: int


def ifmap_span(folding: Folding, windows: InputWindows) -> Span:
    """Reads of the ifmap SRAM. Windows that reach beyond the input ask for less, so reads may end earlier."""
    first = first_ifmap_request(folding) + 1
    if windows.inside:
        array, last_rows = folding.array, folding.rows_used(folding.row_folds - 1)
        end = folding.last_cycle + 1 - folding.fold_cycles
        after = {
            "os": folding.window + last_rows - 1,
            "ws": array.rows + folding.px + last_rows - 1,
            "is": array.rows,
        }
        return Span(first, end + after[array.dataflow])
    stream = stream_of(windows, folding)
    last = stream.place_of(stream.requests_before_stretch(stream.stretches))
    stop = (stream.passes - 1) * stream.pass_places + last
    return Span(first, stop // stream.ports + 1)


def filter_span(folding: Folding) -> Span:
    """Reads of the filter SRAM."""
    array, end = folding.array, folding.last_cycle + 1 - folding.fold_cycles
    if array.dataflow == "os":
        return Span(1, end + folding.window + folding.cols_used(folding.col_folds - 1) - 1)
    last_rows = folding.rows_used(folding.row_folds - 1)
    if array.dataflow == "ws":
        return Span(array.rows - folding.rows_used(0) + 1, end + array.rows)
    return Span(array.rows + 1, end + array.rows + folding.filters + last_rows - 1)


def ofmap_span(folding: Folding) -> Span:
    """Writes of the ofmap SRAM."""
    last_rows, last_cols = folding.row_folds - 1, folding.col_folds - 1
    lines = folding.rows_used(last_rows) if folding.array.dataflow == "os" else folding.stream
    end = folding.last_cycle + 1 - folding.fold_cycles
    stop = end + first_output(folding, last_rows) + lines + folding.cols_used(last_cols) - 2
    return Span(first_output(folding, 0), stop)


def first_ifmap_request(folding: Folding) -> int:
    """Cycle of the first ifmap request, which always lies inside the input."""
    rows = folding.array.rows
    return {"os": 0, "ws": rows, "is": rows - folding.rows_used(0)}[folding.array.dataflow]
