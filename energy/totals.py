"""Filter reads and cycles of whole networks on many accelerators."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from energy.array import SystolicArray
from energy.closed_form.sram_model import LayerSizes, sram_counts
from energy.counts import LayerCounts
from energy.scalesim.cost import Task
from topologies.layers import Topology

ACCELERATORS_AT_ONCE = 4096


@dataclass(frozen=True, slots=True)
class NetworkTotals:
    """Sums over a network's layers on A accelerators, shape (A,)."""

    filter_reads: NDArray[np.int64]
    total_cycles: NDArray[np.int64]


def totals_in_closed_form(topology: Topology, accelerators: Sequence[SystolicArray]) -> NetworkTotals:
    """What SCALE-Sim would count, in closed form; buffer sizes play no part in these two figures.

    Raises:
        InputError: a layer is too large, or SCALE-Sim itself fails on it.
    """
    sizes = LayerSizes.of([layer.shape for layer in topology.layers])
    reads, cycles = [], []
    for start in range(0, len(accelerators), ACCELERATORS_AT_ONCE):
        block = accelerators[start : start + ACCELERATORS_AT_ONCE]
        counts = sram_counts(
            sizes,
            [array.rows for array in block],
            [array.cols for array in block],
            [array.dataflow for array in block],
        )
        reads.append(counts.filter_reads.sum(axis=1))
        cycles.append(counts.total_cycles.sum(axis=1))
    return NetworkTotals(np.concatenate(reads), np.concatenate(cycles))


def tasks_of(topologies: Sequence[Topology], accelerators: Sequence[SystolicArray]) -> list[Task]:
    """Every distinct layer on every accelerator, for an engine that simulates."""
    shapes = dict.fromkeys(layer.shape for topology in topologies for layer in topology.layers)
    return [(shape, array) for array in accelerators for shape in shapes]


def totals_of(
    topology: Topology, accelerators: Sequence[SystolicArray], counts: Mapping[Task, LayerCounts]
) -> NetworkTotals:
    """The sums of simulated layers."""

    def total(figure: Callable[[LayerCounts], int]) -> NDArray[np.int64]:
        sums = (
            sum(figure(counts[layer.shape, array]) for layer in topology.layers) for array in accelerators
        )
        return np.fromiter(sums, dtype=np.int64, count=len(accelerators))

    return NetworkTotals(
        total(lambda record: record.sram_filter_reads), total(lambda record: record.total_cycles)
    )
