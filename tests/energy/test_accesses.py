"""Accesses by memory: a network counted by hand, residencies, words, products of two activations."""

from __future__ import annotations

from dataclasses import fields, replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from energy.accesses import (
    RESIDENCIES,
    Extents,
    MemoryAccess,
    MemorySizes,
    Residency,
    Traffic,
    accesses_per_value,
    extents_of,
    layer_traffic,
    memory_accesses,
    network_traffic,
    resident_sizes,
)
from energy.array import SystolicArray
from energy.closed_form import engine
from energy.counts import LayerCounts, weights_per_word
from nfenergy.ground.errors import InputError
from tests.energy.networks import arrays, topologies
from topologies.layers import Layer, Topology

# An ifmap of 4 x 4 pixels and 2 channels, 3 filters of 3 x 3: 2 x 2 ofmap pixels. Then its 12 values to 5.
NET = Topology(
    name="net",
    layers=(
        Layer(name="conv", ifmap_h=4, ifmap_w=4, filter_h=3, filter_w=3, channels=2, filters=3, stride=1),
        Layer.gemm(name="fc", m=1, k=12, n=5),
    ),
)
ARRAY = SystolicArray(rows=4, cols=3)
TRAFFIC = Traffic(
    # os: the 18 x 3 weights pass once, for 4 pixels are one row fold; then 12 x 5, in two column folds.
    weight_reads=54 + 60,
    weight_fills=54 + 60,
    operand_reads=0,
    operand_fills=0,
    # A window of 18 for each of 4 pixels; then 12 values for each column fold. 32 + 12 distinct ones.
    ifmap_reads=72 + 24,
    ifmap_fills=32 + 12,
    input_fills=32,
    ofmap_writes=12 + 5,
    ofmap_drains=12 + 5,
    output_drains=5,
    macs=4 * 18 * 3 + 12 * 5,
    # Folds of window + rows + cols - 2 cycles; SCALE-Sim reports the last cycle's index.
    cycles=(18 + 5 - 1) + (2 * (12 + 5) - 1),
)


def values(rows: tuple[MemoryAccess, ...]) -> dict[tuple[str, str, str], int]:
    found: dict[tuple[str, str, str], int] = {}
    for row in rows:
        key = (row.memory, row.action, row.domain)
        found[key] = found.get(key, 0) + int(row.values)
    return {key: number for key, number in found.items() if number}


def test_a_network_counted_by_hand() -> None:
    layers = layer_traffic(NET, engine.simulate(NET, ARRAY))
    assert network_traffic(layers) == TRAFFIC
    assert extents_of(NET) == Extents(weights=114, largest_operand=0, largest_ifmap=32, largest_ofmap=12)


ARRAY_SIDE = {
    ("weight_sram", "read", "weight_sram"): 114,
    ("ifmap_sram", "read", "activation_sram"): 96,
    ("ofmap_sram", "write", "activation_sram"): 17,
}


@pytest.mark.parametrize(
    ("residency", "other_side"),
    [
        (
            "none",
            {
                ("weight_sram", "write", "weight_sram"): 114,
                ("ifmap_sram", "write", "activation_sram"): 44,
                ("ofmap_sram", "read", "activation_sram"): 17,
                ("dram", "read", "dram"): 114 + 44,
                ("dram", "write", "dram"): 17,
            },
        ),
        (
            "weights",
            {
                ("ifmap_sram", "write", "activation_sram"): 44,
                ("ofmap_sram", "read", "activation_sram"): 17,
                ("dram", "read", "dram"): 44,
                ("dram", "write", "dram"): 17,
            },
        ),
        (
            "all",
            {
                ("ifmap_sram", "write", "activation_sram"): 32,
                ("ofmap_sram", "read", "activation_sram"): 5,
                ("dram", "read", "dram"): 32,
                ("dram", "write", "dram"): 5,
            },
        ),
    ],
)
def test_what_stays_on_chip_is_neither_fetched_nor_written_back(
    residency: Residency, other_side: dict[tuple[str, str, str], int]
) -> None:
    assert values(memory_accesses(TRAFFIC, residency)) == ARRAY_SIDE | other_side


def test_a_product_of_activations_reads_them_at_the_filter_port() -> None:
    counts = engine.simulate(NET, ARRAY)
    traffic = network_traffic(layer_traffic(NET, counts, filter_port_is_weights=[True, False]))
    assert traffic == replace(TRAFFIC, weight_reads=54, weight_fills=54, operand_reads=60, operand_fills=60)
    for residency, fetched in (("none", 54 + 60 + 44), ("weights", 60 + 44), ("all", 32)):
        found = values(memory_accesses(traffic, residency))  # type: ignore[arg-type]
        assert found["weight_sram", "read", "weight_sram"] == 54
        assert found["weight_sram", "read", "activation_sram"] == 60
        assert found["dram", "read", "dram"] == fetched
    assert extents_of(NET, filter_port_is_weights=[True, False]) == Extents(
        weights=54, largest_operand=60, largest_ifmap=32, largest_ofmap=12
    )
    with pytest.raises(InputError, match="has 2 layers, and what the filter port carries is given of 1"):
        layer_traffic(NET, counts, filter_port_is_weights=[True])


BUILT = MemorySizes(weight_sram=64, ifmap_sram=64, ofmap_sram=64)
LARGE = Extents(weights=2**20, largest_operand=2**10, largest_ifmap=2**18, largest_ofmap=2**17)


@pytest.mark.parametrize(
    ("residency", "bits", "sizes"),
    [
        ("none", 8, (64, 64, 64)),
        ("weights", 8, (1024, 64, 64)),
        ("weights", 4, (512, 64, 64)),
        ("all", 8, (1025, 256, 128)),
        ("all", 4, (512.5, 128, 64)),
    ],
)
def test_memories_hold_what_stays(residency: Residency, bits: int, sizes: tuple[float, ...]) -> None:
    found = resident_sizes(BUILT, LARGE, residency, weight_bits=bits, activation_bits=bits)
    assert (found.weight_sram, found.ifmap_sram, found.ofmap_sram) == sizes


@pytest.mark.parametrize("residency", RESIDENCIES)
def test_memories_are_never_smaller_than_built(residency: Residency) -> None:
    small = Extents(weights=1, largest_operand=0, largest_ifmap=1, largest_ofmap=1)
    assert resident_sizes(BUILT, small, residency, weight_bits=8, activation_bits=8) == BUILT


def test_many_machines_at_once() -> None:
    built = MemorySizes.of([SystolicArray(), SystolicArray(filter_sram_kb=4096, ofmap_sram_kb=1)])
    found = resident_sizes(built, LARGE, "all", weight_bits=8, activation_bits=8)
    assert np.array_equal(found.weight_sram, [1025, 4096])
    assert np.array_equal(found.ofmap_sram, [128, 128])
    assert np.array_equal(built.ofmap_sram, [64, 1])


@given(st.integers(1, 64))
def test_words_are_those_of_the_weight_accesses(bits: int) -> None:
    assert accesses_per_value("word", value_bits=bits, access_bits=64) == 1 / weights_per_word(bits)
    assert accesses_per_value("value", value_bits=bits, access_bits=64) == 1


@pytest.mark.parametrize(
    ("bits", "word", "value"), [(8, 0.5, 1), (16, 1, 1), (17, 2, 2), (64, 4, 4), (5, 1 / 3, 1)]
)
def test_accesses_of_16_bit(bits: int, word: float, value: float) -> None:
    assert accesses_per_value("word", value_bits=bits, access_bits=16) == word
    assert accesses_per_value("value", value_bits=bits, access_bits=16) == value


COLUMNS = {
    "weight_reads": "sram_filter_reads",
    "weight_fills": "dram_filter_reads",
    "ifmap_reads": "sram_ifmap_reads",
    "ifmap_fills": "dram_ifmap_reads",
    "ofmap_writes": "sram_ofmap_writes_true",
    "ofmap_drains": "dram_ofmap_writes",
    "cycles": "total_cycles",
}


@settings(max_examples=30, deadline=None)
@given(topologies(), arrays())
def test_the_traffic_of_a_network_is_the_sum_of_its_layers_columns(
    topology: Topology, array: SystolicArray
) -> None:
    counts: tuple[LayerCounts, ...] = engine.simulate(topology, array)
    traffic = network_traffic(layer_traffic(topology, counts))
    for field, column in COLUMNS.items():
        assert getattr(traffic, field) == sum(getattr(layer, column) for layer in counts)
    assert traffic.macs == sum(layer.macs for layer in topology.layers)
    assert {type(getattr(traffic, field.name)) for field in fields(Traffic)} == {int}
