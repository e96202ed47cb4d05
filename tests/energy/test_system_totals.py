"""Traffic of whole networks on many machines: equal to the engine's records, layer by layer."""

from __future__ import annotations

from dataclasses import fields
from itertools import product
from random import Random

import numpy as np
import pytest

from energy.accesses import Traffic, layer_traffic, network_traffic
from energy.array import DATAFLOWS, SystolicArray
from energy.closed_form import engine
from energy.system_totals import dram_words, traffic_in_closed_form
from nfenergy.ground.cache import JsonCache
from nfenergy.ground.errors import InputError
from nfenergy.shipped import shipped_topology
from tests.energy.sampling import SIDES, SRAM_KB, draw_array, draw_shape
from topologies.layers import LayerShape, Topology


def shipped(name: str) -> Topology:
    topology = shipped_topology(name, "cifar10", "paper")
    assert topology is not None
    return topology


@pytest.mark.parametrize("dataflow", DATAFLOWS)
def test_networks_on_many_machines(dataflow: str) -> None:
    topologies = [shipped("convs"), shipped("resnet18"), shipped("deconvs")]
    accelerators = [
        SystolicArray(rows=rows, cols=cols, dataflow=dataflow, ofmap_sram_kb=kb)
        for rows, cols, kb in product((8, 32), (16, 24, 64), (8, 64))
    ]
    ports = [None, [index % 5 != 0 for index in range(len(topologies[1].layers))], None]
    found = traffic_in_closed_form(topologies, accelerators, filter_ports=ports)
    for topology, traffic, weights in zip(topologies, found, ports, strict=True):
        for machine, array in enumerate(accelerators):
            counts = engine.simulate(topology, array)
            expected = network_traffic(layer_traffic(topology, counts, filter_port_is_weights=weights))
            for field in fields(Traffic):
                figure = np.broadcast_to(getattr(traffic, field.name), len(accelerators))
                assert figure[machine] == getattr(expected, field.name), (array, field.name)


@pytest.mark.parametrize("dataflow", DATAFLOWS)
def test_machines_that_share_work_have_the_figures_of_their_own(dataflow: str) -> None:
    """Small buffers, so that phases are many; every array in all widths."""
    random = Random(11)
    for _ in range(12):
        narrow = draw_array(random, dataflow)
        shape = draw_shape(random, narrow, seconds=0.5)
        accelerators = [
            SystolicArray(
                rows=rows, cols=cols, dataflow=dataflow, ifmap_sram_kb=kb, filter_sram_kb=kb, ofmap_sram_kb=kb
            )
            for rows, cols, kb in product((narrow.rows, 16), SIDES, {random.choice(SRAM_KB), 1})
        ]
        words = dram_words([shape], accelerators)
        for machine, array in enumerate(accelerators):
            transfers = engine.dram_transfers(shape, array)
            assert words.ifmap_reads[0, machine] == transfers.ifmap.words, (shape, array)
            assert words.filter_reads[0, machine] == transfers.filter.words, (shape, array)
            assert words.ofmap_writes[0, machine] == transfers.ofmap.words, (shape, array)


SHAPES = [LayerShape(34, 34, 3, 3, 64, 8, 1), LayerShape(10, 10, 3, 3, 4, 8, 1)]
MACHINES = [SystolicArray(rows=rows, cols=8, dataflow="is") for rows in (8, 32, 64)]


def test_two_processes_find_the_same() -> None:
    alone, together = dram_words(SHAPES, MACHINES), dram_words(SHAPES, MACHINES, jobs=2)
    for one, other in zip(alone, together, strict=True):
        assert np.array_equal(one, other)


def test_figures_are_recalled_until_the_machines_change(
    empty_cache: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    fresh = dram_words(SHAPES, MACHINES, cache=JsonCache("dram"))
    with monkeypatch.context() as patch:
        patch.setattr("energy.system_totals.ifmap_transfer", None)
        recalled = dram_words(SHAPES, MACHINES, cache=JsonCache("dram"))
        assert all(np.array_equal(one, other) for one, other in zip(fresh, recalled, strict=True))
        with pytest.raises(TypeError):
            dram_words(SHAPES, MACHINES[:2], cache=JsonCache("dram"))


def test_given_bandwidths_are_refused() -> None:
    array = SystolicArray(interface_bandwidths=(1, 1, 1))
    with pytest.raises(InputError, match="have no closed form"):
        dram_words(SHAPES, [array])
