"""The DRAM figures against buffers that are filled and emptied request by request."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product

from hypothesis import assume, given, settings
from hypothesis import strategies as st

from energy.array import SystolicArray
from energy.closed_form.engine import dram_transfers
from energy.closed_form.filter_reads import filter_transfer
from energy.closed_form.folding import Folding, skewed_diagonal, skewed_requests
from energy.closed_form.ofmap_drain import ofmap_transfer
from energy.closed_form.read_phases import ReadBuffer, Transfer
from tests.energy.closed_form.requests import fetched, requests
from tests.energy.closed_form.test_sram_model import shapes
from topologies.layers import LayerShape

arrays = st.builds(
    SystolicArray,
    rows=st.sampled_from((1, 2, 3, 4, 5, 8, 16)),
    cols=st.sampled_from((1, 2, 3, 4, 8, 16)),
    dataflow=st.sampled_from(("os", "ws", "is")),
    ifmap_sram_kb=st.just(1),
    filter_sram_kb=st.just(1),
    ofmap_sram_kb=st.just(1),
)


@settings(max_examples=150, deadline=None)
@given(shape=shapes(), array=arrays, filters=st.integers(2, 150), channels=st.integers(1, 30))
def test_filter_reads_are_those_of_a_set_filled_request_by_request(
    shape: LayerShape, array: SystolicArray, filters: int, channels: int
) -> None:
    shape = shape._replace(filters=filters, channels=channels, ifmap_w=shape.filter_w)
    layer, buffer = Folding.of(shape, array), ReadBuffer(1)
    repeats = {"os": layer.row_folds, "ws": 1, "is": layer.col_folds}[array.dataflow]
    assume(layer.window * filters * repeats < 40_000)
    stream = list(requests(shape, layer, "filter"))
    ends, rest = fetched(stream, buffer.phase_words)
    expected = buffer.transfer(
        phases=len(ends), rest=rest, first_cycle=stream[0][0], last_phase_cycle=ends[-1] if ends else -1
    )
    assert filter_transfer(layer) == expected


def drained(layer: Folding) -> Transfer:
    """The ofmap's DRAM writes by the rules of ``write_buffer``, output by output."""
    array, half, lines, line = layer.array, 512 * layer.array.ofmap_sram_kb, [], 0
    held, counted, drain_end, cycles = 0, 0, 0, []

    def drain(cycle: int) -> int:
        nonlocal counted
        leaving = lines[: -(-half // array.cols)]
        del lines[: len(leaving)]
        counted += (len(leaving) - 1) * array.cols + leaving[-1]
        cycles.extend((cycle, cycle + len(leaving) - 1))
        return cycle + len(leaving) - 1

    for cycle in outputs(layer):
        line, held = line + 1, held + 1
        if line == array.cols:
            lines, line = [*lines, line], 0
        assert held - counted < 2 * half, "the array would stall"
        if cycle >= drain_end and held - counted > half:
            lines, line = [*lines, line] if line else lines, 0
            drain_end = drain(cycle)
    lines = [*lines, line] if line else lines
    cycle = layer.last_cycle
    while lines:
        cycle = drain(cycle) + 1
    return Transfer(counted, min(cycles), max(cycles))


def outputs(layer: Folding) -> Iterator[int]:
    """Cycle of every output in order, as ``create_ofmap_demand_mat`` lays them out."""
    for col_fold in range(layer.col_folds):
        for row_fold in range(layer.row_folds):
            start, rows = layer.fold_start(col_fold, row_fold), layer.rows_used(row_fold)
            if layer.array.dataflow == "os":
                lines, delay = rows, layer.stream - 1 + layer.array.rows - rows
            else:
                lines, delay = layer.stream, 2 * layer.array.rows - 1
            cols = range(layer.cols_used(col_fold))
            yield from sorted(start + delay + line + col for line, col in product(range(lines), cols))


@settings(max_examples=100, deadline=None)
@given(
    shape=shapes(),
    rows=st.integers(1, 40),
    cols=st.integers(1, 700),
    dataflow=st.sampled_from(("os", "ws", "is")),
)
def test_ofmap_writes_are_those_of_a_buffer_drained_output_by_output(
    shape: LayerShape, rows: int, cols: int, dataflow: str
) -> None:
    layer = Folding.of(shape, SystolicArray(rows=rows, cols=cols, dataflow=dataflow, ofmap_sram_kb=1))
    assume(layer.px * layer.filters * layer.row_folds < 40_000)
    assert ofmap_transfer(layer) == drained(layer)


@given(lines=st.integers(1, 12), width=st.integers(1, 12))
def test_skewed_requests_and_their_diagonals_are_inverse(lines: int, width: int) -> None:
    diagonals = sorted(line + col for line, col in product(range(lines), range(width)))
    for request, diagonal in enumerate(diagonals, start=1):
        assert skewed_diagonal(lines, width, request) == diagonal
    for diagonal in range(-1, lines + width + 1):
        assert skewed_requests(lines, width, diagonal) == sum(other <= diagonal for other in diagonals)


def test_a_layer_that_fits_its_buffers_moves_every_value_once() -> None:
    dram = dram_transfers(LayerShape(10, 10, 3, 3, 8, 16, 1), SystolicArray())
    assert (dram.ifmap.words, dram.filter.words, dram.ofmap.words) == (800, 1152, 1024)
