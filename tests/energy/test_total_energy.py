"""Energies of all shipped networks, computed anew from the engine's columns and the table files alone."""

from __future__ import annotations

import math
from functools import cache
from importlib.resources import files
from itertools import pairwise, product
from typing import Any

import pytest
import yaml

from energy.accesses import ACCESSES, RESIDENCIES, MemorySizes, extents_of, layer_traffic, network_traffic
from energy.array import SystolicArray
from energy.closed_form import engine
from energy.counts import LayerCounts
from energy.domains import EnergySetting, domain_energies
from energy.energy_tables import ENERGY_TABLES
from nfenergy.shipped import shipped_topology
from tests.energy.networks import TABLES
from topologies.layers import Topology

NETWORKS = (
    "resnet18", "resnet50", "vgg11", "vgg16", "vgg19", "convl", "convs", "deconvl", "deconvs",
    "unetl", "unets",
)  # fmt: skip
ARRAY = SystolicArray(filter_sram_kb=48, ifmap_sram_kb=64, ofmap_sram_kb=7)


@cache
def counted(name: str) -> tuple[Topology, tuple[LayerCounts, ...]]:
    topology = shipped_topology(name, "cifar10", "exact")
    assert topology is not None
    return topology, engine.simulate(topology, ARRAY)


def between(by_size: dict[float, float], size: float) -> float:
    """A straight line through the two nearest points in log-log."""
    sizes = sorted(by_size)
    low, high = next(((a, b) for a, b in pairwise(sizes) if size <= b), (sizes[-2], sizes[-1]))
    slope = math.log(by_size[high] / by_size[low]) / math.log(high / low)
    return math.exp(math.log(by_size[low]) + slope * math.log(size / low))


def expected(name: str, table: dict[str, Any], residency: str, access: str, leaks: bool) -> dict[str, float]:
    topology, counts = counted(name)
    width = 64 if "mac_pj" in table else table["value_bits"]
    per_word = width // 8 if access == "word" else 1
    kept, inside = residency != "none", residency == "all"
    sizes = {"filter": 48.0, "ifmap": 64.0, "ofmap": 7.0}
    if kept:
        weights = sum(x.filter_h * x.filter_w * x.channels * x.filters for x in topology.layers)
        sizes["filter"] = max(48.0, weights / 1024)
    if inside:
        sizes["ifmap"] = max(64.0, *(x.ifmap_h * x.ifmap_w * x.channels / 1024 for x in topology.layers))
        sizes["ofmap"] = max(7.0, *(x.ofmap_h * x.ofmap_w * x.filters / 1024 for x in topology.layers))

    def cost(memory: str, action: str) -> float:
        if "mac_pj" not in table:
            return float(table["global_buffer"])
        read = between(table["sram_pj_per_64bit"], sizes[memory])
        if action == "read":
            return read
        if "sram_write_factor" in table:
            return read * float(table["sram_write_factor"])
        return between(table["sram_write_pj_per_64bit"], sizes[memory])

    moved = dict.fromkeys(("filter", "ifmap", "ofmap"), 0)
    for place, layer in enumerate(counts):
        moved["filter"] += 0 if kept else layer.dram_filter_reads
        moved["ifmap"] += layer.dram_ifmap_reads if not inside or place == 0 else 0
        moved["ofmap"] += layer.dram_ofmap_writes if not inside or place == len(counts) - 1 else 0
    reads = {
        operand: sum(getattr(layer, f"sram_{operand}_reads") for layer in counts)
        for operand in ("filter", "ifmap")
    }
    written = sum(layer.sram_ofmap_writes_true for layer in counts)
    per_bit = table["dram_pj_per_bit"][table["dram_default"]] if "mac_pj" in table else table["dram"] / width
    found = {
        "weight_sram": reads["filter"] * cost("filter", "read") + moved["filter"] * cost("filter", "write"),
        "activation_sram": reads["ifmap"] * cost("ifmap", "read")
        + moved["ifmap"] * cost("ifmap", "write")
        + written * cost("ofmap", "write")
        + moved["ofmap"] * cost("ofmap", "read"),
    }
    found = {domain: energy / per_word for domain, energy in found.items()}
    found["logic"] = sum(layer.macs for layer in topology.layers) * table.get("mac_pj", 1)
    found["dram"] = sum(moved.values()) * 8 * per_bit
    if leaks:
        time_ns = sum(layer.total_cycles for layer in counts) / 1.25
        power = {memory: between(table["sram_leakage_mw"], size) for memory, size in sizes.items()}
        found["weight_sram_leakage"] = power["filter"] * time_ns
        found["activation_sram_leakage"] = (power["ifmap"] + power["ofmap"]) * time_ns
    return found


@pytest.mark.parametrize("table_name", ENERGY_TABLES)
@pytest.mark.parametrize("name", NETWORKS)
def test_energies_follow_from_the_columns_and_the_table(name: str, table_name: str) -> None:
    text = (files("energy") / "data" / "energy_tables" / f"{table_name}.yaml").read_text(encoding="utf-8")
    table = yaml.safe_load(text)
    topology, counts = counted(name)
    traffic = network_traffic(layer_traffic(topology, counts))
    leaks = "sram_leakage_mw" in table
    for residency, access in product(RESIDENCIES, ACCESSES):
        setting = EnergySetting(
            table=TABLES[table_name], residency=residency, access=access, leakage=leaks, clock_ghz=1.25
        )
        sizes = setting.sizes(MemorySizes.of(ARRAY), extents_of(topology))
        assert domain_energies(traffic, sizes, setting) == pytest.approx(
            expected(name, table, residency, access, leaks), rel=1e-9
        )
