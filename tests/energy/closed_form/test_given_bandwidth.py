"""USER mode: the closed form equals SCALE-Sim where half of each read buffer holds its operand."""

from __future__ import annotations

from dataclasses import replace
from itertools import accumulate
from pathlib import Path
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from energy.array import DATAFLOWS, SystolicArray
from energy.closed_form import engine as closed_form
from energy.closed_form.folding import Folding
from energy.closed_form.given_bandwidth import MOST_DRAINS, Stalls
from energy.closed_form.ofmap_drain import cycle_of, outputs_before, outputs_of
from energy.engines import compare
from energy.scalesim import engine as scalesim
from nfenergy.ground.errors import InputError
from tests.energy.sampling import draw_given_bandwidth, draw_held_shape
from topologies.layers import Layer, Topology

ARRAY = SystolicArray(
    rows=8, cols=8, ifmap_sram_kb=3, filter_sram_kb=3, ofmap_sram_kb=1, interface_bandwidths=(7, 10, 1)
)


def drawn(seed: int, dataflow: str, number: int) -> tuple[Topology, SystolicArray]:
    random = Random(seed)
    array = draw_given_bandwidth(random, dataflow)
    shapes = dict.fromkeys(draw_held_shape(random, array, seconds=0.04) for _ in range(number))
    layers = (Layer(name="x".join(map(str, shape)), **shape._asdict()) for shape in shapes)
    return Topology(name="held", layers=tuple(layers)), array


@pytest.mark.parametrize("dataflow", DATAFLOWS)
@pytest.mark.parametrize("seed", [3, 4])
def test_every_figure_of_layers_that_are_held_is_equal(dataflow: str, seed: int) -> None:
    topology, array = drawn(seed, dataflow, 12)
    assert compare(scalesim.simulate(topology, array, jobs=1), closed_form.simulate(topology, array)) == []


@pytest.mark.slow
@pytest.mark.parametrize("dataflow", DATAFLOWS)
def test_every_figure_of_hundreds_of_layers_is_equal(dataflow: str) -> None:
    for seed in range(100, 110):
        topology, array = drawn(seed, dataflow, 12)
        computed = closed_form.simulate(topology, array)
        assert compare(scalesim.simulate(topology, array, jobs=1), computed) == []


@pytest.mark.parametrize("dataflow", DATAFLOWS)
def test_stalls_on_writes_are_equal(dataflow: str) -> None:
    """Many outputs of one weight each: the drain at a word a cycle is far slower than the array."""
    layer = Layer(name="w", ifmap_h=20, ifmap_w=30, filter_h=1, filter_w=1, channels=1, filters=24, stride=1)
    topology, array = Topology(name="w", layers=(layer,)), replace(ARRAY, dataflow=dataflow)
    (computed,) = closed_form.simulate(topology, array)
    assert computed.stall_cycles > 1000
    assert compare(scalesim.simulate(topology, array, jobs=1), [computed]) == []


@pytest.mark.parametrize("dataflow", DATAFLOWS)
def test_the_largest_operand_that_is_held_and_the_first_that_is_not(dataflow: str) -> None:
    """Sets of 31 values, of which the half in use has 50."""
    array = replace(ARRAY, dataflow=dataflow)
    held, larger = (Topology(name="n", layers=(Layer.gemm(name="n", m=2, k=k, n=2),)) for k in (775, 776))
    assert compare(scalesim.simulate(held, array, jobs=1), closed_form.simulate(held, array)) == []
    with pytest.raises(InputError, match=r"ifmap matrix has 1,552 values, half of its SRAM 1,536; use --eng"):
        closed_form.simulate(larger, array)
    (simulated,) = scalesim.simulate(larger, array, jobs=1)
    assert simulated.dram_ifmap_reads > -simulated.dram_ifmap_start_cycle * 7


def test_an_ofmap_buffer_that_drains_too_often_is_refused() -> None:
    shape = Layer.gemm(name="n", m=2**20, k=1, n=2**20).shape
    array = SystolicArray(
        ifmap_sram_kb=2**12, filter_sram_kb=2**12, ofmap_sram_kb=1, interface_bandwidths=(1, 1, 1)
    )
    assert 512 * MOST_DRAINS < 2**40
    with pytest.raises(InputError, match="drains some 2,147,483,648 times"):
        closed_form.dram_transfers(shape, array)


@given(
    dataflow=st.sampled_from(DATAFLOWS),
    sides=st.tuples(st.integers(1, 5), st.integers(1, 5)),
    mkn=st.tuples(st.integers(1, 9), st.integers(1, 9), st.integers(1, 9)),
)
def test_outputs_before_a_cycle_are_those_that_left_before_it(
    dataflow: str, sides: tuple[int, int], mkn: tuple[int, int, int]
) -> None:
    m, k, n = mkn
    array = SystolicArray(rows=sides[0], cols=sides[1], dataflow=dataflow)
    folding = Folding.of(Layer.gemm(name="n", m=m, k=k, n=n).shape, array)
    cycles = [cycle_of(folding, output) for output in range(1, outputs_of(folding) + 1)]
    for cycle in range(-1, folding.last_cycle + 3):
        assert outputs_before(folding, cycle) == sum(left < cycle for left in cycles)


@given(st.lists(st.tuples(st.integers(0, 5), st.integers(1, 9)), max_size=6))
def test_a_stall_delays_the_reads_after_it_and_the_writes_with_it(found: list[tuple[int, int]]) -> None:
    stalls = Stalls()
    lines = list(accumulate(gap for gap, _ in found))
    for line, (_, stalled) in zip(lines, found, strict=True):
        stalls.add(line, stalled)
    for cycle in range(40):
        delays = [(line, stalled) for line, (_, stalled) in zip(lines, found, strict=True)]
        assert stalls.read(cycle + 1) == cycle + 1 + sum(long for line, long in delays if line < cycle)
        assert stalls.written(cycle) == cycle + sum(long for line, long in delays if line <= cycle)


def test_a_network_on_the_preset_with_given_bandwidths_needs_no_simulator() -> None:
    from energy.array import PRESETS
    from topologies import table

    path = Path(table.__file__).parent / "csv/paper/cifar10/convs.csv"
    counts = closed_form.simulate(table.read(path), PRESETS["google-v3"])
    assert all(layer.stall_cycles == 0 and layer.dram_ifmap_bw_words_per_cycle == 10.0 for layer in counts)
