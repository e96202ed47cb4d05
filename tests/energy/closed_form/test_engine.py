"""The closed form equals SCALE-Sim: recorded layers, drawn layers, and what it refuses."""

from __future__ import annotations

import csv
import math
import sys
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace
from random import Random

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from benchmarks.record_golden import ARRAY_COLUMNS, COUNT_COLUMNS, GOLDEN, SEED, draw_layers
from energy.array import DATAFLOWS, SystolicArray
from energy.closed_form import engine as closed_form
from energy.counts import LayerCounts
from energy.engines import Difference, compare
from energy.scalesim import engine as scalesim
from energy.scalesim.report import SimulationError
from nfenergy.ground.errors import InputError
from tests.energy.sampling import draw_array, draw_shape
from topologies.layers import Layer, LayerShape, Topology

SUMMED = ("mapping_efficiency_percent", "compute_util_percent")
BATCHES, LAYERS_IN_BATCH, LAYER_SECONDS = 10, 32, 0.015


def assert_equal(ours: Sequence[LayerCounts], theirs: Sequence[LayerCounts]) -> None:
    """Every figure identical, to the last bit."""
    assert not compare(theirs, ours)


def name_of(shape: LayerShape) -> str:
    return "x".join(map(str, shape))


def topology(*shapes: LayerShape) -> Topology:
    layers = (Layer(name=name_of(shape), **shape._asdict()) for shape in shapes)
    return Topology(name="drawn", layers=tuple(layers))


@pytest.fixture(scope="module")
def recorded() -> dict[SystolicArray, list[LayerCounts]]:
    """SCALE-Sim's figures for each array of the golden file; the layer's name is its shape."""
    counts: dict[SystolicArray, list[LayerCounts]] = defaultdict(list)
    with GOLDEN.open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            array = SystolicArray(
                **{name: row[name] if name == "dataflow" else int(row[name]) for name in ARRAY_COLUMNS}
            )
            figures = {name: number(row[name]) for name in COUNT_COLUMNS}
            name = "x".join(row[field] for field in LayerShape._fields)
            counts[array].append(LayerCounts(layer=name, **figures))
    return counts


def number(text: str) -> int | float:
    return int(text) if text.lstrip("-").isdigit() else float(text)


def test_every_recorded_layer_is_equal(recorded: dict[SystolicArray, list[LayerCounts]]) -> None:
    for array, theirs in recorded.items():
        shapes = [LayerShape(*map(int, counts.layer.split("x"))) for counts in theirs]
        ours = closed_form.simulate(topology(*shapes), array)
        differences = compare(theirs, ours)
        if sys.version_info >= (3, 12):
            # Recorded with Python 3.11: from 3.12 on its `sum`, and so SCALE-Sim, rounds differently.
            differences = [found for found in differences if found.column not in SUMMED or not close(found)]
        assert not differences


def close(found: Difference) -> bool:
    return math.isclose(found.scalesim, found.closed_form, rel_tol=1e-12)


def test_the_recorded_layers_are_those_of_the_recorder(
    recorded: dict[SystolicArray, list[LayerCounts]],
) -> None:
    random = Random(SEED)
    array = draw_array(random, DATAFLOWS[0])
    names = [name_of(layer.shape) for layer in draw_layers(random, array)]
    assert [counts.layer for counts in recorded[array]][: len(names)] == names
    assert sum(map(len, recorded.values())) >= 1000


def test_the_recorded_layers_cover_what_the_model_distinguishes(
    recorded: dict[SystolicArray, list[LayerCounts]],
) -> None:
    layers = [(array, counts) for array, of_array in recorded.items() for counts in of_array]
    shapes = [LayerShape(*map(int, counts.layer.split("x"))) for _, counts in layers]
    assert {shape.stride for shape in shapes} == {1, 2, 3, 4}
    assert {array.dataflow for array, _ in layers} == set(DATAFLOWS)
    assert any(array.rows == 1 for array, _ in layers)
    assert any(array.cols == 1 for array, _ in layers)
    assert sum(counts.dram_ifmap_reads > 512 * array.ifmap_sram_kb for array, counts in layers) > 100
    assert sum(counts.dram_filter_reads > 512 * array.filter_sram_kb for array, counts in layers) > 100
    assert sum(counts.dram_ofmap_writes > 512 * array.ofmap_sram_kb for array, counts in layers) > 100
    assert sum((shape.ifmap_h - shape.filter_h) % shape.stride > 0 for shape in shapes) > 100
    assert sum(counts.dram_ifmap_reads > 8 * 512 * array.ifmap_sram_kb for array, counts in layers) > 100
    assert all(counts.stall_cycles == 0 for _, counts in layers)


@settings(
    max_examples=BATCHES,
    deadline=None,
    derandomize=True,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=list(HealthCheck),
)
@given(random=st.randoms(use_true_random=True), dataflow=st.sampled_from(DATAFLOWS))
def test_drawn_layers_are_equal_to_simulated_ones(random: Random, dataflow: str) -> None:
    array = draw_array(random, dataflow)
    shapes = {draw_shape(random, array, seconds=LAYER_SECONDS) for _ in range(LAYERS_IN_BATCH)}
    drawn = topology(*sorted(shapes))
    assert_equal(closed_form.simulate(drawn, array), scalesim.simulate(drawn, array, jobs=1))


def test_records_follow_the_topology_and_carry_its_names() -> None:
    small, large = LayerShape(5, 5, 3, 3, 2, 4, 1), LayerShape(9, 9, 3, 3, 2, 4, 1)
    layers = [
        Layer(name=name, **shape._asdict())
        for name, shape in (("stem", small), ("body.0", large), ("body.1", small))
    ]
    stem, first, second = closed_form.simulate(Topology(name="net", layers=tuple(layers)), SystolicArray())
    assert (stem.layer, first.layer, second.layer) == ("stem", "body.0", "body.1")
    assert stem == replace(second, layer="stem")
    assert stem.total_cycles < first.total_cycles


def test_user_bandwidths_are_refused_with_the_engine_that_knows_them() -> None:
    array = SystolicArray(interface_bandwidths=(10, 10, 10))
    with pytest.raises(InputError, match=r"--engine scalesim"):
        closed_form.simulate(topology(LayerShape(50, 50, 3, 3, 20, 4, 1)), array)


@pytest.mark.parametrize(
    ("shape", "array", "message"),
    [
        (LayerShape(1, 1, 1, 1, 1, 1, 1), SystolicArray(rows=1, cols=1), "one MAC"),
        (
            LayerShape(40, 40, 1, 1, 1, 1, 1),
            SystolicArray(rows=4, cols=1600, dataflow="is", ifmap_sram_kb=1),
            "more ifmap values",
        ),
        (
            LayerShape(1, 1, 1, 1, 2, 1600, 1),
            SystolicArray(rows=2, cols=1600, dataflow="ws", filter_sram_kb=1),
            "more filter values",
        ),
    ],
)
def test_what_scalesim_fails_on_is_refused(shape: LayerShape, array: SystolicArray, message: str) -> None:
    with pytest.raises(InputError, match=message):
        closed_form.simulate(topology(shape), array)
    with pytest.raises(SimulationError, match="ZeroDivisionError"):
        scalesim.simulate(topology(shape), array, jobs=1)


@pytest.mark.parametrize(
    ("dataflow", "shape"),
    [
        ("os", LayerShape(1, 1, 1, 1, 3, 600, 1)),
        ("ws", LayerShape(1, 1, 1, 1, 3, 600, 1)),
        ("is", LayerShape(23, 23, 1, 1, 3, 2, 1)),
    ],
)
def test_arrays_wider_than_a_phase_are_equal_where_scalesim_survives(
    dataflow: str, shape: LayerShape
) -> None:
    array = SystolicArray(
        rows=2, cols=600, dataflow=dataflow, ifmap_sram_kb=1, filter_sram_kb=1, ofmap_sram_kb=1
    )
    drawn = topology(shape)
    assert_equal(closed_form.simulate(drawn, array), scalesim.simulate(drawn, array, jobs=1))
