"""Filter reads and cycles of whole networks on many accelerators."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

from energy.accesses import Traffic, layer_traffic, network_traffic
from energy.array import SystolicArray
from energy.closed_form.sram_model import LayerSizes, sram_counts
from energy.counts import LayerCounts
from energy.scalesim.cost import Task
from nfenergy.ground.cache import JsonCache
from topologies.layers import Topology

ACCELERATORS_AT_ONCE = 4096


@dataclass(frozen=True, slots=True)
class NetworkTotals:
    """Sums over a network's layers on A accelerators, shape (A,).

    Attributes:
        filter_reads, total_cycles: as in `energy.counts`; the filter reads are those of weights.
        traffic: of every memory; None where no energies were asked for.
    """

    filter_reads: NDArray[np.int64]
    total_cycles: NDArray[np.int64]
    traffic: Traffic | None = None

    @classmethod
    def of(cls, traffic: Traffic) -> NetworkTotals:
        """With the traffic that they are part of."""
        return cls(np.asarray(traffic.weight_reads), np.asarray(traffic.cycles), traffic)


def totals_in_closed_form(topology: Topology, accelerators: Sequence[SystolicArray]) -> NetworkTotals:
    """What SCALE-Sim would count, in closed form; buffer sizes play no part in these two figures.

    Raises:
        InputError: a layer is too large, or SCALE-Sim itself fails on it.
    """
    sizes = LayerSizes.of([layer.shape for layer in topology.layers])
    weights = np.array([layer.reads_weights for layer in topology.layers])
    reads, cycles = [], []
    for start in range(0, len(accelerators), ACCELERATORS_AT_ONCE):
        block = accelerators[start : start + ACCELERATORS_AT_ONCE]
        counts = sram_counts(
            sizes,
            [array.rows for array in block],
            [array.cols for array in block],
            [array.dataflow for array in block],
        )
        reads.append(counts.filter_reads[:, weights].sum(axis=1))
        cycles.append(counts.total_cycles.sum(axis=1))
    return NetworkTotals(np.concatenate(reads), np.concatenate(cycles))


def tasks_of(topologies: Sequence[Topology], accelerators: Sequence[SystolicArray]) -> list[Task]:
    """Every distinct layer on every accelerator, for an engine that simulates."""
    shapes = dict.fromkeys(layer.shape for topology in topologies for layer in topology.layers)
    return [(shape, array) for array in accelerators for shape in shapes]


def traffic_totals_in_closed_form(
    topologies: Sequence[Topology], accelerators: Sequence[SystolicArray], *, jobs: int = 1
) -> list[NetworkTotals]:
    """The same with the traffic of every memory, DRAM included, which takes longer; recalled where known.

    Raises:
        InputError: see `energy.system_totals.traffic_in_closed_form`.
    """
    from energy.system_totals import traffic_in_closed_form

    blocks = [
        traffic_in_closed_form(
            topologies,
            accelerators[start : start + ACCELERATORS_AT_ONCE],
            jobs=jobs,
            cache=JsonCache("dram"),
        )
        for start in range(0, len(accelerators), ACCELERATORS_AT_ONCE)
    ]
    return [NetworkTotals.of(_joined(network)) for network in zip(*blocks, strict=True)]


def totals_of(
    topology: Topology, accelerators: Sequence[SystolicArray], counts: Mapping[Task, LayerCounts]
) -> NetworkTotals:
    """The sums of simulated layers."""
    found = []
    for array in accelerators:
        records = [counts[layer.shape, array] for layer in topology.layers]
        found.append(network_traffic(layer_traffic(topology, records)))
    return NetworkTotals.of(_joined(found))


def _joined(parts: Sequence[Traffic]) -> Traffic:
    """Traffic on single machines or blocks of them, as one of all; MACs are the same on all."""
    joined = {
        field.name: np.concatenate([np.atleast_1d(getattr(part, field.name)) for part in parts])
        for field in fields(Traffic)
    }
    return Traffic(**{**joined, "macs": parts[0].macs})
