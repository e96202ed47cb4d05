"""The engine ``scalesim``: SCALE-Sim 3.0.0 itself, in child processes, every layer kept on disk.

Equal layers are simulated once. Children run in parallel, the largest layers first, as many as the
cores and the free memory allow. A finished layer enters the cache at once, so an interrupted run goes
on where it stopped.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from importlib.metadata import version
from typing import get_type_hints

from energy.array import SystolicArray
from energy.counts import LayerCounts
from energy.scalesim.children import layer_text, running_children
from energy.scalesim.cost import Task, available_memory_bytes, batches, estimate
from energy.scalesim.report import read_reports
from nfenergy.ground.cache import JsonCache
from nfenergy.ground.errors import NfEnergyError
from topologies.layers import Topology

SHARED_CHILD_SECONDS = 1.5
COUNT_TYPES = get_type_hints(LayerCounts)


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """How far a simulation is, in distinct layers and in estimated seconds of one core."""

    layers_done: int
    layers: int
    work_done_s: float
    work_s: float


ProgressCallback = Callable[[Progress], None]


def simulate(
    topology: Topology,
    array: SystolicArray,
    *,
    jobs: int | None = None,
    on_progress: ProgressCallback | None = None,
) -> tuple[LayerCounts, ...]:
    """Simulate every layer of `topology`, or read it from the cache.

    Args:
        topology: its layers' names go into the records.
        array: the accelerator.
        jobs: child processes at a time; None takes one a core.
        on_progress: called at the start and whenever layers are finished, if any are not cached.

    Returns:
        One record a layer, in the topology's order.

    Raises:
        SimulationError: SCALE-Sim failed, was killed, or left no usable report.
        NfEnergyError: a layer needs more memory than the machine has, or the disk is full.
    """
    tasks = [(layer.shape, array.for_ratio(layer.sparsity)) for layer in topology.layers]
    counts = simulate_tasks(tasks, jobs=jobs, on_progress=on_progress)
    return tuple(
        replace(counts[task], layer=layer.name) for task, layer in zip(tasks, topology.layers, strict=True)
    )


def simulate_tasks(
    tasks: Sequence[Task], *, jobs: int | None = None, on_progress: ProgressCallback | None = None
) -> dict[Task, LayerCounts]:
    """Records of layers on arrays, without names; arguments and errors as in `simulate`."""
    counts, missing = recall(tasks)
    cache = layer_cache()
    if missing:
        for task, record in _simulate_missing(missing, jobs or os.cpu_count() or 1, on_progress):
            counts[task] = record
            keep(cache, task, record)
    if cache.write_error:
        sys.stderr.write(f"nfenergy: simulated layers are not kept: {cache.write_error}\n")
    return counts


def recall(tasks: Sequence[Task]) -> tuple[dict[Task, LayerCounts], list[Task]]:
    """The distinct tasks that the cache holds, with their records, and those that it lacks."""
    cache = layer_cache()
    counts: dict[Task, LayerCounts] = {}
    missing: list[Task] = []
    for task in dict.fromkeys(tasks):
        record = _record(cache.get(_key(task)))
        if record is None:
            missing.append(task)
        else:
            counts[task] = record
    return counts, missing


def _record(value: dict[str, object] | None) -> LayerCounts | None:
    """The counts in a cached value; None where they could not be SCALE-Sim's."""
    if value is None or value.keys() != COUNT_TYPES.keys():
        return None
    for field, found in value.items():
        if type(found) is not COUNT_TYPES[field]:
            return None
        if isinstance(found, int | float) and not found >= 0 and not field.endswith("_cycle"):
            return None
    return LayerCounts(**value)  # type: ignore[arg-type]


def layer_cache() -> JsonCache:
    """The cache of layers that this version of SCALE-Sim simulated."""
    return JsonCache(f"scalesim-{simulator_version()}")


def keep(cache: JsonCache, task: Task, record: LayerCounts) -> None:
    """Store a finished task."""
    cache.put(_key(task), asdict(record))


def simulator_version() -> str:
    """Version of the installed ``scalesim`` package."""
    return version("scalesim")


def _key(task: Task) -> dict[str, object]:
    shape, array = task
    bandwidths = array.interface_bandwidths
    built = asdict(array)
    if array.sparsity is None:
        del built["sparsity"]
    return {
        "layer": list(shape),
        "array": built | {"interface_bandwidths": bandwidths and list(bandwidths)},
        "simulator": f"scalesim {simulator_version()}",
    }


def _simulate_missing(
    tasks: Sequence[Task], jobs: int, on_progress: ProgressCallback | None
) -> Iterator[tuple[Task, LayerCounts]]:
    memory_bytes = available_memory_bytes()
    costs = {task: estimate(*task) for task in tasks}
    for (shape, array), cost in costs.items():
        if cost.memory_bytes > memory_bytes:
            raise NfEnergyError(
                f"layer {layer_text(shape)} on {array} needs about {cost.memory_bytes / 2**30:.3g} GiB in "
                f"SCALE-Sim, {memory_bytes / 2**30:.3g} GiB can be used here; --engine closed-form needs "
                "next to none"
            )
    work_s = sum(cost.seconds for cost in costs.values())
    waiting = batches(
        costs, at_least_seconds=min(SHARED_CHILD_SECONDS, work_s / jobs), at_most_bytes=memory_bytes
    )
    done_layers, done_s = 0, 0.0

    def report() -> None:
        if on_progress is not None:
            on_progress(
                Progress(layers_done=done_layers, layers=len(tasks), work_done_s=done_s, work_s=work_s)
            )

    report()
    with running_children(waiting, jobs=jobs, memory_bytes=memory_bytes) as finished:
        for batch, folder in finished:
            records = read_reports(folder, batch.shapes, batch.array)
            for shape, record in zip(batch.shapes, records, strict=True):
                yield (shape, batch.array), record
            done_layers += len(batch.shapes)
            done_s += batch.cost.seconds
            report()
