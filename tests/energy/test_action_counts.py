"""Action counts in Accelergy's form: never negative, equal to what was counted."""

from __future__ import annotations

from random import Random
from typing import Any

import numpy as np
import pytest
import yaml
from scalesim.compute.systolic_compute_is import systolic_compute_is
from scalesim.compute.systolic_compute_os import systolic_compute_os
from scalesim.compute.systolic_compute_ws import systolic_compute_ws
from scalesim.scale_config import scale_config

from energy.action_counts import action_counts, busy_cycles, dump_action_counts
from energy.array import DATAFLOWS, SystolicArray
from energy.closed_form import engine
from energy.closed_form.folding import Folding
from energy.counts import LayerCounts
from nfenergy.shipped import shipped_topology
from tests.energy.sampling import SIDES
from topologies.layers import Layer, Topology

NETWORKS = (
    "resnet18", "resnet50", "vgg11", "vgg16", "vgg19", "convl", "convs", "deconvl", "deconvs",
    "unetl", "unets",
)  # fmt: skip
SIMULATORS = {"os": systolic_compute_os, "ws": systolic_compute_ws, "is": systolic_compute_is}
COUNTED = {
    ("weights_glb", "read"): "sram_filter_reads",
    ("weights_glb", "write"): "dram_filter_reads",
    ("ifmap_glb", "read"): "sram_ifmap_reads",
    ("ifmap_glb", "write"): "dram_ifmap_reads",
    ("psum_glb", "update"): "sram_ofmap_writes_true",
    ("psum_glb", "read"): "dram_ofmap_writes",
    ("weights_dram", "read"): "dram_filter_reads",
    ("ifmap_dram", "read"): "dram_ifmap_reads",
    ("psum_dram", "write"): "dram_ofmap_writes",
}


def actions(content: dict[str, Any]) -> dict[tuple[str, str], int]:
    """Counts by component, without the root, and action."""
    return {
        (component["name"].removeprefix("systolic_array."), action["name"]): action["counts"]
        for component in content["action_counts"]["local"]
        for action in component["action_counts"]
    }


def counted(
    topology: Topology, array: SystolicArray
) -> tuple[tuple[LayerCounts, ...], dict[tuple[str, str], int]]:
    counts = engine.simulate(topology, array)
    return counts, actions(action_counts(topology, counts, array))


@pytest.mark.parametrize("dataflow", DATAFLOWS)
@pytest.mark.parametrize("convention", ["paper", "exact"])
@pytest.mark.parametrize("name", NETWORKS)
def test_shipped_topologies(name: str, convention: str, dataflow: str) -> None:
    topology = shipped_topology(name, "cifar10", convention)
    assert topology is not None
    array = SystolicArray(dataflow=dataflow)
    counts, found = counted(topology, array)
    assert min(found.values()) >= 0
    assert found.pop(("PE[0..1023].mac", "mac_random")) == sum(layer.macs for layer in topology.layers)
    for key, field in COUNTED.items():
        assert found.pop(key) == sum(getattr(layer, field) for layer in counts)
    idle = {component for component, action in found if action == "idle"}
    assert idle == {"weights_glb", "ifmap_glb", "psum_glb", "weights_dram", "ifmap_dram", "psum_dram"}
    assert len(found) == len(idle)


@pytest.mark.parametrize("dataflow", DATAFLOWS)
def test_busy_cycles_are_those_of_scalesims_demand(dataflow: str) -> None:
    """SCALE-Sim lists the requests of each cycle; -1 is no request."""
    random = Random(3)
    for _ in range(25):
        px, window, filters = (random.randint(1, 40) for _ in range(3))
        array = SystolicArray(rows=random.choice(SIDES), cols=random.choice(SIDES), dataflow=dataflow)
        folding = Folding.of(Layer.gemm(name="", m=px, k=window, n=filters).shape, array)
        simulator = SIMULATORS[dataflow]()
        config = scale_config()
        config.array_rows, config.array_cols, config.valid_conf_flag = array.rows, array.cols, True
        simulator.set_params(
            config_obj=config,
            ifmap_op_mat=np.arange(px * window).reshape(px, window),
            filter_op_mat=np.arange(window * filters).reshape(window, filters),
            ofmap_op_mat=np.arange(px * filters).reshape(px, filters),
        )
        ifmap, filter_, ofmap = simulator.get_demand_matrices()
        for port, demand in (("ifmap", ifmap), ("filter", filter_), ("ofmap", ofmap)):
            busy = int((np.asarray(demand) != -1).any(axis=1).sum())
            assert busy == busy_cycles(folding, port), (array, px, window, filters, port)  # type: ignore[arg-type]


@pytest.mark.parametrize("dataflow", DATAFLOWS)
@pytest.mark.parametrize("side", [1, 2, 300])
def test_small_and_large_arrays_have_no_negative_counts(dataflow: str, side: int) -> None:
    layers = (
        Layer(name="a", ifmap_h=9, ifmap_w=7, filter_h=3, filter_w=2, channels=5, filters=6, stride=2),
        Layer.gemm(name="b", m=1, k=2, n=1),
        Layer.gemm(name="c", m=30, k=1, n=3),
    )
    array = SystolicArray(rows=side, cols=side, dataflow=dataflow, ifmap_sram_kb=1, filter_sram_kb=1)
    _, found = counted(Topology(name="net", layers=layers), array)
    assert min(found.values()) >= 0


def test_the_yaml_reads_back_and_names_what_changes_in_an_sram_access() -> None:
    topology = Topology(name="net", layers=(Layer.gemm(name="a", m=4, k=4, n=4),))
    array = SystolicArray()
    content = action_counts(topology, engine.simulate(topology, array), array)
    assert yaml.safe_load(dump_action_counts(content)) == content
    assert content["action_counts"]["version"] == 0.3
    by_name = {part["name"]: part["action_counts"] for part in content["action_counts"]["local"]}
    reads, _, idle = by_name["systolic_array.weights_glb"]
    assert reads["arguments"] == {"address_delta": 1, "data_delta": 1}
    assert "arguments" not in idle
    assert all("arguments" not in action for action in by_name["systolic_array.ifmap_dram"])
