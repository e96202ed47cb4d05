"""What SCALE-Sim will need for a layer, estimated: to run the largest first and to stay within memory."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from energy.array import SystolicArray
from energy.closed_form.folding import Folding
from topologies.layers import LayerShape

SECONDS_PER_READ = {"os": 2.0e-6, "ws": 3.0e-6, "is": 3.0e-6}
SECONDS_PER_CYCLE = 1.2e-5
INTERPRETER_BYTES = 120 * 2**20
BYTES_PER_DEMAND = 28
BYTES_PER_OPERAND = 120
MEMORY_SHARE = 0.8


Task = tuple[LayerShape, SystolicArray]


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """Seconds on one core and bytes at the peak, upper estimates."""

    seconds: float
    memory_bytes: int


def estimate(shape: LayerShape, array: SystolicArray) -> Cost:
    """Cost of simulating one layer.

    SCALE-Sim holds a demand matrix entry for each cycle and each array port, and builds the operand
    matrices (ofmap pixels x window, window x filters) with a dozen temporaries.
    """
    folding = Folding.of(shape, array)
    cycles = folding.folds * folding.fold_cycles
    reads = folding.stream * (folding.row_extent * folding.col_folds + folding.col_extent * folding.row_folds)
    operands = folding.px * folding.window + folding.window * folding.filters + folding.px * folding.filters
    return Cost(
        seconds=SECONDS_PER_READ[array.dataflow] * reads + SECONDS_PER_CYCLE * cycles,
        memory_bytes=INTERPRETER_BYTES
        + BYTES_PER_DEMAND * cycles * (array.rows + 2 * array.cols)
        + BYTES_PER_OPERAND * operands,
    )


def available_memory_bytes() -> int:
    """Memory that a run may use: most of what the machine has free now."""
    meminfo = Path("/proc/meminfo")
    if meminfo.exists():
        for line in meminfo.read_text(encoding="ascii").splitlines():
            if line.startswith("MemAvailable:"):
                return int(MEMORY_SHARE * 1024 * int(line.split()[1]))
    return int(MEMORY_SHARE * os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2)


@dataclass(frozen=True, slots=True)
class Batch:
    """Layers that share a child process on one array."""

    array: SystolicArray
    shapes: tuple[LayerShape, ...]
    cost: Cost

    def joined(self, shape: LayerShape, cost: Cost) -> Batch:
        """The batch with one more layer. SCALE-Sim keeps all layers of a call, so memory adds up."""
        memory_bytes = self.cost.memory_bytes + cost.memory_bytes - INTERPRETER_BYTES
        total = Cost(seconds=self.cost.seconds + cost.seconds, memory_bytes=memory_bytes)
        return Batch(self.array, (*self.shapes, shape), total)


def batches(costs: Mapping[Task, Cost], *, at_least_seconds: float, at_most_bytes: int) -> list[Batch]:
    """Tasks grouped by array so that a child process is worth its start, the longest first.

    Layers above `at_least_seconds` stay alone; smaller ones share a child until they fill that time or
    the next would exceed `at_most_bytes`.
    """
    closed: list[Batch] = []
    filling: dict[SystolicArray, Batch] = {}
    for (shape, array), cost in sorted(costs.items(), key=lambda item: -item[1].seconds):
        alone = Batch(array, (shape,), cost)
        batch = filling[array].joined(shape, cost) if array in filling else alone
        if batch.cost.memory_bytes > at_most_bytes and array in filling:
            closed.append(filling[array])
            batch = alone
        filling.pop(array, None)
        if batch.cost.seconds < at_least_seconds:
            filling[array] = batch
        else:
            closed.append(batch)
    return sorted([*closed, *filling.values()], key=lambda batch: -batch.cost.seconds)
