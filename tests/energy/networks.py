"""Small networks, their counts by the closed form, and settings to price them with."""

from __future__ import annotations

from hypothesis import strategies as st

from energy.accesses import (
    ACCESSES,
    RESIDENCIES,
    Extents,
    MemorySizes,
    Traffic,
    extents_of,
    layer_traffic,
    network_traffic,
)
from energy.array import PRESETS, SystolicArray
from energy.closed_form import engine
from energy.domains import LOWERABLE, EnergySetting
from energy.energy_tables import ENERGY_TABLES, load_energy_table
from nfenergy.shipped import shipped_topology
from topologies.layers import Layer, Topology

TABLES = {name: load_energy_table(name) for name in ENERGY_TABLES}


def shipped_traffic(name: str, array: SystolicArray = PRESETS["scale"]) -> tuple[Traffic, Extents]:
    """A shipped CIFAR-10 network under convention ``paper``."""
    topology = shipped_topology(name, "cifar10", "paper")
    assert topology is not None
    counts = engine.simulate(topology, array)
    return network_traffic(layer_traffic(topology, counts)), extents_of(topology)


@st.composite
def layers(draw: st.DrawFn) -> Layer:
    filter_h, filter_w = draw(st.integers(1, 3)), draw(st.integers(1, 3))
    return Layer(
        name="layer",
        ifmap_h=filter_h + draw(st.integers(0, 12)),
        ifmap_w=filter_w + draw(st.integers(0, 12)),
        filter_h=filter_h,
        filter_w=filter_w,
        channels=draw(st.integers(1, 24)),
        filters=draw(st.integers(2, 40)),
        stride=draw(st.integers(1, 2)),
    )


def topologies() -> st.SearchStrategy[Topology]:
    return st.lists(layers(), min_size=1, max_size=4).map(
        lambda found: Topology(name="net", layers=tuple(found))
    )


def arrays() -> st.SearchStrategy[SystolicArray]:
    return st.builds(
        SystolicArray,
        rows=st.sampled_from((2, 4, 7, 16)),
        cols=st.sampled_from((2, 3, 8, 16)),
        dataflow=st.sampled_from(("os", "ws", "is")),
        ifmap_sram_kb=st.sampled_from((1, 2, 64)),
        filter_sram_kb=st.sampled_from((1, 4, 64)),
        ofmap_sram_kb=st.sampled_from((1, 8)),
    )


@st.composite
def settings_of(draw: st.DrawFn) -> EnergySetting:
    table = TABLES[draw(st.sampled_from(list(ENERGY_TABLES)))]
    return EnergySetting(
        table=table,
        dram=draw(st.sampled_from((None, *table.dram_per_bit))),
        residency=draw(st.sampled_from(tuple(RESIDENCIES))),
        access=draw(st.sampled_from(tuple(ACCESSES))),
        weight_bits=draw(st.integers(1, 64)),
        activation_bits=draw(st.integers(1, 64)),
        leakage=table.leakage_mw is not None and draw(st.booleans()),
        low_voltage=tuple(draw(st.sets(st.sampled_from(LOWERABLE)))),
        clock_ghz=draw(st.floats(0.1, 5.0)),
    )


def sizes_of(topology: Topology, array: SystolicArray, setting: EnergySetting) -> MemorySizes:
    return setting.sizes(MemorySizes.of(array), extents_of(topology))
