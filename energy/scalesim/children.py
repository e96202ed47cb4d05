"""Child processes that run SCALE-Sim: as many as the cores and the memory allow, none left behind."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from energy.scalesim import child as scalesim_child
from energy.scalesim.cfg import cfg_text
from energy.scalesim.cost import Batch
from energy.scalesim.report import SimulationError
from nfenergy.ground.errors import NfEnergyError
from topologies import table
from topologies.layers import DENSE, Layer, LayerShape, Topology

POLL_SECONDS = 0.01
REPORT_FOLDER = "report"
SCRATCH = "nfenergy-"
"""Beginning of a scratch folder's name; the process that made it follows."""
ERROR_FILE = "stderr.txt"


@contextmanager
def running_children(
    batches: Sequence[Batch], *, jobs: int, memory_bytes: int
) -> Iterator[Iterator[tuple[Batch, Path]]]:
    """Finished batches with their report folders, as they finish; nothing survives the block.

    Args:
        batches: started in this order, except that one that fits goes before one that does not.
        jobs: children at a time.
        memory_bytes: that all running children may need together.

    Raises:
        SimulationError: a child failed or was killed.
        NfEnergyError: the temporary folder cannot be used.
    """
    running: dict[subprocess.Popen[bytes], tuple[Batch, Path]] = {}
    with _scratch_errors():
        _clear_killed_runs()
        scratch = tempfile.TemporaryDirectory(prefix=f"{SCRATCH}{os.getpid()}-", ignore_cleanup_errors=True)
    with scratch as name:
        try:
            yield _run(batches, Path(name), jobs, memory_bytes, running)
        finally:
            for child in running:
                child.kill()
            for child in running:
                child.communicate()


def _clear_killed_runs() -> None:
    """Remove the folders of this user's processes that were killed before they could."""
    for folder in Path(tempfile.gettempdir()).glob(f"{SCRATCH}[0-9]*-*"):
        owner = folder.name.removeprefix(SCRATCH).partition("-")[0]
        with suppress(OSError):
            if folder.stat().st_uid == os.getuid() and not _is_running(owner):
                shutil.rmtree(folder, ignore_errors=True)


def _is_running(process: str) -> bool:
    try:
        os.kill(int(process), 0)
    except ProcessLookupError:
        return False
    except (OSError, ValueError):
        pass
    return True


def _run(
    batches: Sequence[Batch],
    scratch: Path,
    jobs: int,
    memory_bytes: int,
    running: dict[subprocess.Popen[bytes], tuple[Batch, Path]],
) -> Iterator[tuple[Batch, Path]]:
    waiting = list(batches)
    started = 0
    while waiting or running:
        free = memory_bytes - sum(batch.cost.memory_bytes for batch, _ in running.values())
        fitting = next((batch for batch in waiting if batch.cost.memory_bytes <= free), None)
        if fitting is not None and len(running) < jobs:
            waiting.remove(fitting)
            folder = scratch / str(started)
            started += 1
            with _scratch_errors():
                running[_start(fitting, folder)] = (fitting, folder)
            continue
        ended = [child for child in running if child.poll() is not None]
        if not ended:
            time.sleep(POLL_SECONDS)
        for child in ended:
            batch, folder = running.pop(child)
            child.communicate()
            _check_exit(child.returncode, batch, folder)
            yield batch, folder / REPORT_FOLDER


@contextmanager
def _scratch_errors() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise NfEnergyError(f"cannot use the temporary folder: {error.strerror or error}") from error


def _start(batch: Batch, folder: Path) -> subprocess.Popen[bytes]:
    ratio = DENSE if batch.array.sparsity is None else batch.array.sparsity.ratio
    layers = tuple(Layer(name="", sparsity=ratio, **shape._asdict()) for shape in batch.shapes)
    topology = Topology(name=REPORT_FOLDER, layers=layers)
    folder.mkdir()
    (folder / "topology.csv").write_text(table.dumps(topology), encoding="ascii")
    (folder / "layout.csv").write_text(table.dumps_layout(topology), encoding="ascii")
    (folder / "array.cfg").write_text(cfg_text(batch.array, REPORT_FOLDER), encoding="ascii")
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


def _check_exit(status: int, batch: Batch, folder: Path) -> None:
    shapes = ", ".join(map(layer_text, batch.shapes))
    if status < 0:
        reason = signal.Signals(-status).name
        hint = " (out of memory?)" if -status == signal.SIGKILL else ""
        raise SimulationError(f"SCALE-Sim was killed by {reason}{hint} on layer {shapes}")
    if status > 0:
        errors = (folder / ERROR_FILE).read_text(encoding="utf-8", errors="replace").split("\n")
        last = next((line.strip() for line in reversed(errors) if line.strip()), f"status {status}")
        raise SimulationError(f"SCALE-Sim failed on layer {shapes}: {last}")


def layer_text(shape: LayerShape) -> str:
    """A layer as ifmap, filter, channels, filters and stride."""
    ifmap, filter_ = f"{shape.ifmap_h}x{shape.ifmap_w}", f"{shape.filter_h}x{shape.filter_w}"
    return f"{ifmap}, filter {filter_}x{shape.channels}x{shape.filters}, stride {shape.stride}"
