"""The engine ``scalesim``: SCALE-Sim 3.0.0 itself, in child processes, every layer kept on disk.

Equal layers are simulated once. Children run in parallel, the largest layers first, as many as the
cores and the free memory allow. A finished layer enters the cache at once, so an interrupted run goes
on where it stopped.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, fields, replace
from importlib.metadata import version
from pathlib import Path

from energy import scalesim_child
from energy.array import SystolicArray, cfg_text
from energy.cache import JsonCache
from energy.counts import LayerCounts
from energy.scalesim_cost import Cost, available_memory_bytes, batches, estimate
from energy.scalesim_report import SimulationError, read_reports
from nfenergy.errors import NfEnergyError
from topologies import table
from topologies.layers import Layer, LayerShape, Topology

SHARED_CHILD_SECONDS = 1.5
POLL_SECONDS = 0.01
REPORT_FOLDER = "report"
ERROR_FILE = "stderr.txt"


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
        on_progress: called at the start and whenever layers are finished.

    Returns:
        One record a layer, in the topology's order.

    Raises:
        SimulationError: SCALE-Sim failed, was killed, or left no usable report.
        NfEnergyError: a layer needs more memory than the machine has, or the disk is full.
    """
    cache = JsonCache(f"scalesim-{simulator_version()}")
    counts: dict[LayerShape, LayerCounts] = {}
    missing: list[LayerShape] = []
    for shape in dict.fromkeys(layer.shape for layer in topology.layers):
        cached = _from_cache(cache, shape, array)
        if cached is None:
            missing.append(shape)
        else:
            counts[shape] = cached
    if missing:
        for shape, record in _simulate_missing(missing, topology, array, jobs, on_progress):
            counts[shape] = record
            cache.put(_key(shape, array), asdict(record))
    if cache.write_error:
        sys.stderr.write(f"nfenergy: simulated layers are not kept: {cache.write_error}\n")
    return tuple(replace(counts[layer.shape], layer=layer.name) for layer in topology.layers)


def simulator_version() -> str:
    """Version of the installed ``scalesim`` package."""
    return version("scalesim")


def _key(shape: LayerShape, array: SystolicArray) -> dict[str, object]:
    bandwidths = array.interface_bandwidths
    return {
        "layer": list(shape),
        "array": asdict(array) | {"interface_bandwidths": bandwidths and list(bandwidths)},
        "simulator": f"scalesim {simulator_version()}",
    }


def _from_cache(cache: JsonCache, shape: LayerShape, array: SystolicArray) -> LayerCounts | None:
    value = cache.get(_key(shape, array))
    if value is None or set(value) != {field.name for field in fields(LayerCounts)}:
        return None
    return LayerCounts(**value)  # type: ignore[arg-type]


def _simulate_missing(
    shapes: list[LayerShape],
    topology: Topology,
    array: SystolicArray,
    jobs: int | None,
    on_progress: ProgressCallback | None,
) -> Iterator[tuple[LayerShape, LayerCounts]]:
    names = {layer.shape: layer.name for layer in reversed(topology.layers)}
    memory_bytes = available_memory_bytes()
    costs = [(shape, estimate(shape, array)) for shape in shapes]
    for shape, cost in costs:
        if cost.memory_bytes > memory_bytes:
            raise NfEnergyError(
                f"layer {names[shape]!r} needs about {cost.memory_bytes / 2**30:.3g} GiB in SCALE-Sim, "
                f"{memory_bytes / 2**30:.3g} GiB can be used here; --engine closed-form needs next to none"
            )
    jobs = jobs or os.cpu_count() or 1
    work_s = sum(cost.seconds for _, cost in costs)
    fair_share_s = min(SHARED_CHILD_SECONDS, work_s / jobs)
    waiting = [_Batch(group, cost) for group, cost in batches(costs, at_least_seconds=fair_share_s)]
    done_layers, done_s = 0, 0.0

    def report() -> None:
        if on_progress is not None:
            on_progress(
                Progress(layers_done=done_layers, layers=len(shapes), work_done_s=done_s, work_s=work_s)
            )

    report()
    with _scratch_folder() as scratch, _children(waiting, array, scratch, jobs, memory_bytes) as finished:
        for batch, folder in finished:
            records = read_reports(folder / REPORT_FOLDER, batch.shapes, array)
            yield from zip(batch.shapes, records, strict=True)
            done_layers += len(batch.shapes)
            done_s += batch.cost.seconds
            report()


@dataclass(frozen=True, slots=True)
class _Batch:
    """Layers that share a child process."""

    shapes: list[LayerShape]
    cost: Cost


@contextmanager
def _scratch_folder() -> Iterator[Path]:
    try:
        with tempfile.TemporaryDirectory(prefix="nfenergy-", ignore_cleanup_errors=True) as name:
            yield Path(name)
    except OSError as error:
        raise NfEnergyError(f"cannot use the temporary folder: {error.strerror or error}") from error


@contextmanager
def _children(
    batches: list[_Batch], array: SystolicArray, scratch: Path, jobs: int, memory_bytes: int
) -> Iterator[Iterator[tuple[_Batch, Path]]]:
    """Finished batches with their folders, as they finish; no child survives the block."""
    running: dict[subprocess.Popen[bytes], tuple[_Batch, Path]] = {}
    try:
        yield _run(batches, array, scratch, jobs, memory_bytes, running)
    finally:
        for child in running:
            child.kill()
        for child in running:
            child.communicate()


def _run(
    batches: list[_Batch],
    array: SystolicArray,
    scratch: Path,
    jobs: int,
    memory_bytes: int,
    running: dict[subprocess.Popen[bytes], tuple[_Batch, Path]],
) -> Iterator[tuple[_Batch, Path]]:
    waiting = list(batches)
    started = 0
    while waiting or running:
        free = memory_bytes - sum(batch.cost.memory_bytes for batch, _ in running.values())
        fitting = next((batch for batch in waiting if batch.cost.memory_bytes <= free), None)
        if fitting is not None and len(running) < jobs:
            waiting.remove(fitting)
            folder = scratch / str(started)
            started += 1
            running[_start(fitting, array, folder)] = (fitting, folder)
            continue
        ended = [child for child in running if child.poll() is not None]
        if not ended:
            time.sleep(POLL_SECONDS)
        for child in ended:
            batch, folder = running.pop(child)
            child.communicate()
            _check_exit(child.returncode, batch, folder)
            yield batch, folder


def _start(batch: _Batch, array: SystolicArray, folder: Path) -> subprocess.Popen[bytes]:
    topology = Topology(
        name=REPORT_FOLDER, layers=tuple(Layer(name="", **shape._asdict()) for shape in batch.shapes)
    )
    folder.mkdir()
    (folder / "topology.csv").write_text(table.dumps(topology), encoding="ascii")
    (folder / "layout.csv").write_text(table.dumps_layout(topology), encoding="ascii")
    (folder / "array.cfg").write_text(cfg_text(array, REPORT_FOLDER), encoding="ascii")
    with (folder / ERROR_FILE).open("wb") as errors:
        # A session of its own keeps the terminal's Ctrl-C from the child: the parent ends it.
        return subprocess.Popen(
            [sys.executable, "-P", scalesim_child.__file__, str(folder)],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=errors,
            start_new_session=True,
            env=os.environ | {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"},
        )


def _check_exit(status: int, batch: _Batch, folder: Path) -> None:
    shapes = ", ".join("x".join(map(str, shape)) for shape in batch.shapes)
    if status < 0:
        reason = signal.Signals(-status).name
        hint = " (out of memory?)" if -status == signal.SIGKILL else ""
        raise SimulationError(f"SCALE-Sim was killed by {reason}{hint} on layer {shapes}")
    if status > 0:
        errors = (folder / ERROR_FILE).read_text(encoding="utf-8", errors="replace").split("\n")
        last = next((line.strip() for line in reversed(errors) if line.strip()), f"status {status}")
        raise SimulationError(f"SCALE-Sim failed on layer {shapes}: {last}")
