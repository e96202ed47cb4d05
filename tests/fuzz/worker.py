"""A process that runs cases one after the other and reports each, as JSON lines, before and after it."""

from __future__ import annotations

import faulthandler
import gc
import json
import os
import random
import resource
import shutil
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.fuzz.campaign import SECONDS_A_CASE
from tests.fuzz.case import Format
from tests.fuzz.formats import FORMATS
from tests.fuzz.running import run_case

SECONDS_TO_A_TRACE = 270
MEMORY_BYTES = 2 * 2**30
"""Above what the process holds before a case. What is beyond ends in a MemoryError, which is a finding."""


def format_of(seed: int, number: int, formats: tuple[Format, ...]) -> tuple[Format, random.Random]:
    """The format of a case and the random numbers that draw it: the same for the same seed and number."""
    rng = random.Random(f"{seed}:{number}")
    return rng.choices(formats, [entry.share for entry in formats])[0], rng


def chosen(names: str) -> tuple[Format, ...]:
    """Formats by name, separated by commas; all of them for an empty text."""
    return tuple(entry for entry in FORMATS if not names or entry.name in names.split(","))


def work(folder: Path, seed: int, first: int, step: int, end: int, names: str) -> None:
    """Run the cases `first`, `first + step`, ... before `end`; their reports go to the first stdout."""
    report = os.fdopen(os.dup(1), "w", encoding="utf-8")
    noise = (folder / "noise").open("a+b")
    for descriptor in (1, 2):
        os.dup2(noise.fileno(), descriptor)
    faulthandler.enable(noise)
    formats = chosen(names)
    for entry in formats:
        found = _one(folder, entry, None)
        if found["status"] != 0 or found["wrong"]:
            raise RuntimeError(f"{entry.name}: the case without damage was refused: {found}")
    gc.collect()
    gc.freeze()
    _say(report, ready=True)
    for number in range(first, end, step):
        entry, rng = format_of(seed, number, formats)
        _say(report, start=number, format=entry.name)
        noise.truncate(0)
        resource.setrlimit(
            resource.RLIMIT_AS, (_status_bytes("VmSize") + MEMORY_BYTES, resource.RLIM_INFINITY)
        )
        faulthandler.dump_traceback_later(SECONDS_TO_A_TRACE, file=noise)
        found = _one(folder, entry, rng, on_case=lambda argv: _say(report, argv=argv))
        faulthandler.cancel_dump_traceback_later()
        if noise.seek(0, os.SEEK_END) and not found["wrong"]:
            noise.seek(0)
            found["wrong"] = f"wrote past Python: {noise.read(300)!r}"
        _say(report, end=number, format=entry.name, **found)


def _one(
    folder: Path,
    entry: Format,
    rng: random.Random | None,
    on_case: Callable[[list[str]], None] = lambda argv: None,
) -> dict[str, Any]:
    place = folder / "case"
    place.mkdir()
    # Peak memory is counted from here on.
    Path("/proc/self/clear_refs").write_text("5")
    before = _status_bytes("VmRSS")
    try:
        case = entry.draw(place, rng)
        argv = [part[:200] for part in case.argv]
        on_case(argv)
        started, waited = time.process_time(), _waited_seconds()
        outcome = run_case(case, place)
        seconds, waited = time.process_time() - started, _waited_seconds() - waited
    finally:
        remove(place)
    return {
        "status": outcome.status,
        "wrong": outcome.wrong or (f"waited {waited:.0f} s" if waited > SECONDS_A_CASE else ""),
        "said": outcome.stderr[:400],
        "argv": argv,
        "seconds": seconds,
        "megabytes": (_status_bytes("VmHWM") - before) / 2**20,
    }


def _waited_seconds() -> float:
    """By the clock, less what this thread and its child processes ran and stood in line for a processor."""
    here = Path("/proc/thread-self")
    try:
        children = [Path("/proc", child) for child in (here / "children").read_text(encoding="ascii").split()]
        ended = resource.getrusage(resource.RUSAGE_CHILDREN)
        busy = ended.ru_utime + ended.ru_stime + sum(map(_busy_seconds, (here, *children)))
        return time.monotonic() - busy
    except OSError:
        return 0.0


def _busy_seconds(process: Path) -> float:
    ran, queued, _ = map(int, (process / "schedstat").read_text(encoding="ascii").split())
    return (ran + queued) / 1e9


def remove(place: Path) -> None:
    """A case's folder, whatever lies in it."""
    for root, folders, _ in os.walk(place):
        for name in folders:
            path = Path(root) / name
            if not path.is_symlink():
                path.chmod(0o700)
    shutil.rmtree(place)


def _status_bytes(field: str) -> int:
    for line in Path("/proc/self/status").read_text(encoding="ascii", errors="replace").splitlines():
        if line.startswith(f"{field}:"):
            return int(line.split()[1]) * 1024
    return 0


def _say(report: Any, **values: Any) -> None:
    report.write(json.dumps(values) + "\n")
    report.flush()


if __name__ == "__main__":
    place, *numbers, names = sys.argv[1:]
    seed, first, step, end = map(int, numbers)
    work(Path(place), seed, first, step, end, names)
