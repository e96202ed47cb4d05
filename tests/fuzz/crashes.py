"""Runs killed with SIGKILL at random moments, and what must hold afterwards.

Runs are forks of one warm process, so that the moments fall into their work and not into imports. After a
kill every file is whole, what the cache holds is right, no process is left; and the next run, with
``--resume`` where there is something to go on with, ends in the same bytes as an undisturbed one.
"""

from __future__ import annotations

import hashlib
import json
import math
import os
import random
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path

from tests.fuzz.formats.accuracies import TABLE_TEXT
from tests.fuzz.formats.checkpoints import base_checkpoint, generator_checkpoint
from tests.fuzz.formats.experiments import OWN

EVALUATED = {"base.safetensors": base_checkpoint, "generator.safetensors": generator_checkpoint}
SPEC = b"""\
bases: [vgg11, vgg16]
generators: [none, convs, unets]
arrays: {rows: [8, 16, 32], cols: [8, 16, 32]}
voltages: [0.8333, 0.9]
"""
LAYERS = b"Layer, M, N, K,\nA, 8, 16, 32,\nB, 16, 16, 48,\n"
SECONDS_A_RUN = 600.0
HEAVY = (
    *("matplotlib.backends.backend_agg", "pyarrow.csv", "pyarrow.parquet", "sklearn.datasets", "torch"),
    *("energy.scalesim.engine", "neuralfuse.evaluation.measuring", "neuralfuse.training.runs"),
    *(
        "nfenergy.api",
        "nfenergy.experiments.running",
        "nfenergy.reporting",
        "nfenergy.sweeps.run",
        "reports.page",
    ),
)
"""What runs import; a fork finds it there."""
MOVING = ("training.safetensors", "training.json", "log.csv", "parts/")
"""Files that a run rewrites as it goes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """A command that is killed.

    Attributes:
        line: its command line.
        inputs: files that it reads.
        resumes_with: the file that says that there is something to go on with; empty: the command has no
            ``--resume``.
    """

    line: tuple[str, ...]
    inputs: Mapping[str, Callable[[], bytes]] = field(default_factory=dict)
    resumes_with: str = ""


TRAINED = ("--batch-size", "64", "--quiet", "--threads", "1")
JOBS: dict[str, Job] = {
    "simulate": Job(
        line=(
            "simulate",
            "--base",
            "vgg11",
            "--gen",
            "convs",
            "--engine",
            "closed-form",
            "--out",
            "out",
            "--quiet",
        )
    ),
    "layers": Job(
        line=(
            "layers",
            "--topology",
            "net.csv",
            "--array",
            "4x4",
            "--out",
            "out/layers.csv",
            "--jobs",
            "1",
            "--quiet",
        ),
        inputs={"net.csv": lambda: LAYERS},
    ),
    "sweep": Job(
        line=("sweep", "spec.yaml", "--out", "out", "--csv", "--quiet"),
        inputs={"spec.yaml": lambda: SPEC},
        resumes_with="out/parts/plan.json",
    ),
    "report": Job(
        line=("report", "--accuracy", "a.csv", "--out", "out/report.html", "--quiet"),
        inputs={"a.csv": lambda: TABLE_TEXT},
    ),
    "train-base": Job(
        line=("train-base", "--out", "out", "--width", "0.0625", "--epochs", "3", *TRAINED),
        resumes_with="out/training.safetensors",
    ),
    "train": Job(
        line=(
            "train",
            "--base-checkpoint",
            "base.safetensors",
            "--gen",
            "convs",
            "--out",
            "out",
            "--steps",
            "8",
            "--n",
            "2",
            "--checkpoint-every",
            "2",
            *TRAINED,
        ),
        inputs={"base.safetensors": base_checkpoint},
        resumes_with="out/training.safetensors",
    ),
    "evaluate": Job(
        line=(
            "evaluate",
            "--base-checkpoint",
            "base.safetensors",
            "--gen-checkpoint",
            "generator.safetensors",
            "--seeds",
            "3",
            "--out",
            "out/accuracy.csv",
            "--quiet",
            "--threads",
            "1",
        ),
        inputs=EVALUATED,
    ),
    "experiment": Job(
        line=(
            "experiment",
            "run",
            "own.yaml",
            "--scale",
            "paper",
            "--out",
            "out",
            "--stages",
            "../stages",
            "--jobs",
            "1",
            "--quiet",
        ),
        inputs={"own.yaml": lambda: OWN},
    ),
}
"""A command that is added here is killed by both campaigns."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Undisturbed:
    """What a run leaves that nobody disturbs."""

    seconds: float
    files: dict[str, bytes]
    cache: dict[str, object]


@dataclass(slots=True)
class Tally:
    """What the kills of one command came to; `in_time`: those that met it still running."""

    kills: int = 0
    in_time: int = 0
    resumed: int = 0
    left_behind: int = 0


def kill_campaign(
    kills: int,
    *,
    seed: int,
    first: int = 0,
    names: tuple[str, ...] = tuple(JOBS),
    seconds: float = math.inf,
    on_kill: Callable[[int, str, Tally, list[str]], None],
) -> None:
    """Kill the commands in turn, from kill number `first` on, `kills` times in all.

    After `seconds` no other run is begun. `on_kill` is told of each kill: its number, the command, what
    it came to and what did not hold.
    """
    started = time.monotonic()
    _warm_up()
    undisturbed: dict[str, Undisturbed] = {}
    with tempfile.TemporaryDirectory(prefix="kills-") as place:
        for number in range(first, first + kills):
            if time.monotonic() - started > seconds:
                break
            name = names[number % len(names)]
            if name not in undisturbed:
                undisturbed[name] = _undisturbed(JOBS[name], Path(place) / f"{name}-undisturbed")
            rng = random.Random(f"{seed}:{number}")
            folder, tally = Path(place) / str(number), Tally()
            faults = _killed_once(JOBS[name], folder, undisturbed[name], rng, tally)
            on_kill(number, name, tally, [f"kill {number} ({name}): {fault}" for fault in faults])
            shutil.rmtree(folder)


def _warm_up() -> None:
    for module in HEAVY:
        import_module(module)
    import torch

    torch.set_num_threads(1)
    for checkpoint in EVALUATED.values():
        checkpoint()


def _prepared(job: Job, folder: Path) -> None:
    for name in ("work", "cache", "tmp"):
        (folder / name).mkdir(parents=True)
    for name, content in job.inputs.items():
        (folder / "work" / name).write_bytes(content())


def _undisturbed(job: Job, folder: Path) -> Undisturbed:
    _prepared(job, folder)
    started = time.monotonic()
    status = _wait(_start(job.line, folder))
    seconds = time.monotonic() - started
    assert status == 0, f"{job.line} failed undisturbed: {(folder / 'stderr').read_text()}"
    return Undisturbed(seconds=seconds, files=_files(folder / "work"), cache=_values(folder / "cache"))


def _killed_once(job: Job, folder: Path, wanted: Undisturbed, rng: random.Random, tally: Tally) -> list[str]:
    _prepared(job, folder)
    process = _start(job.line, folder)
    try:
        if rng.random() < 0.5:
            time.sleep(rng.uniform(0.02, 1.0) * wanted.seconds)
        else:
            _await_writing((folder / "work" / "out", folder / "stages"), wanted.seconds)
            time.sleep(rng.uniform(0, 0.1) * wanted.seconds)
    finally:
        os.kill(process, signal.SIGKILL)
    tally.kills += 1
    tally.in_time += _wait(process) == -signal.SIGKILL
    faults = _after_kill(folder, wanted)
    resumes = job.resumes_with and (folder / "work" / job.resumes_with).exists()
    tally.resumed += bool(resumes)
    status = _wait(_start((*job.line, "--resume") if resumes else job.line, folder))
    if status != 0:
        return [*faults, f"the next run ended with {status}: {(folder / 'stderr').read_text()[-500:]}"]
    found = _files(folder / "work")
    tally.left_behind += len([name for name in found if _is_temporary(name)])
    odd = sorted(
        name
        for name in {*found, *wanted.files}
        if not _is_temporary(name) and found.get(name) != wanted.files.get(name)
    )
    faults += [f"{name} is not that of an undisturbed run" for name in odd]
    if _values(folder / "cache") != wanted.cache:
        faults.append("the cache does not hold what that of an undisturbed run holds")
    scratch = [path.name for path in (folder / "tmp").glob("nfenergy-*")]
    if scratch and "layers" in job.line:
        faults.append(f"{scratch[0]} is left in the temporary folder")
    return faults


def _await_writing(places: Sequence[Path], seconds: float) -> None:
    """Until a run writes its first file, if that is soon."""
    deadline = time.monotonic() + 2 * seconds
    while time.monotonic() < deadline and not any(
        path.is_file() for place in places for path in place.rglob("*")
    ):
        time.sleep(0.001)


def _after_kill(folder: Path, wanted: Undisturbed) -> list[str]:
    """What does not hold right after the kill."""
    faults = []
    for name, content in _files(folder / "work").items():
        if _is_temporary(name) or content == wanted.files.get(name):
            continue
        if not any(part in name for part in MOVING):
            faults.append(f"{name} is neither whole nor absent after the kill")
        elif not _is_whole(folder / "work" / name, content):
            faults.append(f"{name} is damaged after the kill")
    kept = _values(folder / "cache")
    faults += [
        f"cache entry {name} is wrong" for name, value in kept.items() if wanted.cache.get(name) != value
    ]
    deadline = time.monotonic() + 30
    while left := _processes_of(folder):
        if time.monotonic() > deadline:
            faults.append(f"process {left[0]} goes on after the kill")
            os.kill(left[0], signal.SIGKILL)
            break
        time.sleep(0.05)
    return faults


def _is_temporary(name: str) -> bool:
    """Whether a file's name says that nobody reads it: hidden, or unfinished among a sweep's parts."""
    last = name.rpartition("/")[2]
    unfinished = "/parts/" in name and (
        last.endswith(".tmp") or last in ("lock", "sweep.parquet", "sweep.csv")
    )
    return last.startswith(".") or unfinished


def _is_whole(path: Path, content: bytes) -> bool:
    """Whether a file that changes as a run goes on can be read."""
    if path.suffix == ".parquet":
        return path.name.split(".")[1] == hashlib.sha256(content).hexdigest()[:16]
    if path.suffix == ".json":
        return isinstance(json.loads(content), dict)
    if path.suffix == ".safetensors":
        from safetensors.numpy import load

        return bool(load(content))
    lines = content.decode().splitlines()
    return content.endswith(b"\n") and len({line.count(",") for line in lines}) == 1


def _values(cache: Path) -> dict[str, object]:
    """What a cache holds by file; a value that its checksum does not bear out is None."""
    found: dict[str, object] = {}
    for path in sorted(cache.rglob("*.json")):
        if path.name.startswith("."):
            continue
        entry = json.loads(path.read_bytes())
        content = {"key": entry["key"], "value": entry["value"]}
        digest = hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()
        found[str(path.relative_to(cache))] = entry["value"] if digest == entry["sha256"] else None
    return found


def _files(folder: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def _start(line: tuple[str, ...], folder: Path) -> int:
    """A command in a fork of this process."""
    sys.stdout.flush()
    process = os.fork()
    if process:
        return process
    status = 1
    try:
        os.setsid()
        for descriptor, name in ((1, "stdout"), (2, "stderr")):
            file = os.open(folder / name, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
            os.dup2(file, descriptor)
        sys.stdout, sys.stderr = os.fdopen(1, "w"), os.fdopen(2, "w")
        os.environ |= {
            "NFENERGY_CACHE_DIR": str(folder / "cache"),
            "TMPDIR": str(folder / "tmp"),
            "OMP_NUM_THREADS": "1",
        }
        tempfile.tempdir = None
        os.chdir(folder / "work")
        status = _run(line)
        sys.stdout.flush()
        sys.stderr.flush()
    finally:
        os._exit(status)


def _run(line: tuple[str, ...]) -> int:
    from nfenergy.cli import main

    sys.argv = ["nfenergy", *line]
    try:
        main()
    except SystemExit as ended:
        return int(ended.code or 0)
    return 0


def _wait(process: int) -> int:
    deadline = time.monotonic() + SECONDS_A_RUN
    try:
        while True:
            done, status = os.waitpid(process, os.WNOHANG)
            if done:
                return os.waitstatus_to_exitcode(status)
            if time.monotonic() > deadline:
                os.kill(process, signal.SIGKILL)
            time.sleep(0.01)
    except KeyboardInterrupt:
        os.kill(process, signal.SIGKILL)
        raise


def _processes_of(folder: Path) -> list[int]:
    """Processes that a run in `folder` started: its temporary folder is in their environment."""
    marker = f"TMPDIR={folder / 'tmp'}".encode()
    found = []
    for environment in Path("/proc").glob("[0-9]*/environ"):
        try:
            if marker in environment.read_bytes():
                found.append(int(environment.parent.name))
        except OSError:
            continue
    return found
