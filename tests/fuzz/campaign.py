"""A campaign: cases in worker processes, a limit on the time and the memory of each, and a summary."""

from __future__ import annotations

import ctypes
import json
import math
import os
import selectors
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
SECONDS_A_CASE = 20.0
"""Of a processor, or of waiting for anything but a processor."""
SECONDS_BY_THE_CLOCK = 300.0
"""A busy machine may give a case no more than a tenth of a processor."""
SECONDS_TO_START = 400.0
CASES_A_PROCESS = 4000
OVERRIDES = (1, 2)
"""CAP_DAC_OVERRIDE and CAP_DAC_READ_SEARCH: without them root is refused files as anybody is."""
PR_CAPBSET_DROP = 24


@dataclass(slots=True)
class Tally:
    """What one format came to."""

    cases: int = 0
    accepted: int = 0
    seconds: float = 0.0
    slowest: float = 0.0
    megabytes: float = 0.0


@dataclass(slots=True)
class Summary:
    """What a campaign came to.

    Attributes:
        formats: by name.
        findings: cases with something wrong, with number, format, reason and what was said.
        seconds: of the campaign, by the clock.
        processor_seconds: of all its processes.
    """

    formats: dict[str, Tally] = field(default_factory=dict)
    findings: list[dict[str, Any]] = field(default_factory=list)
    seconds: float = 0.0
    processor_seconds: float = 0.0

    @property
    def cases(self) -> int:
        return sum(tally.cases for tally in self.formats.values())

    def add(self, found: dict[str, Any]) -> None:
        tally = self.formats.setdefault(found["format"], Tally())
        tally.cases += 1
        tally.accepted += found["status"] == 0
        tally.seconds += found["seconds"]
        tally.slowest = max(tally.slowest, found["seconds"])
        tally.megabytes = max(tally.megabytes, found["megabytes"])
        if found["wrong"]:
            self.findings.append(found)


def run_campaign(
    cases: int,
    *,
    seed: int,
    workers: int = 2,
    first: int = 0,
    names: str = "",
    seconds: float = math.inf,
    on_case: Callable[[dict[str, Any]], None] | None = None,
) -> Summary:
    """Run the cases `first` to `first + cases` of a seed.

    Args:
        cases: how many.
        seed: with a case's number decides all about it.
        workers: processes.
        first: number of the first case.
        names: formats, separated by commas; empty for all.
        seconds: after which no other case is waited for.
        on_case: told of each case at once; may interrupt the campaign.
    """
    summary = Summary()
    started = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="fuzz-") as place:
        environment = _environment(Path(place))
        running = [
            _Worker(
                Path(place) / str(number), environment, (seed, first + number, workers, first + cases), names
            )
            for number in range(workers)
        ]
        try:
            for found in _reports(running):
                summary.add(found)
                if on_case is not None:
                    on_case(found)
                if time.monotonic() - started > seconds:
                    break
        finally:
            for worker in running:
                worker.stop()
    summary.seconds = time.monotonic() - started
    return summary


def _environment(place: Path) -> dict[str, str]:
    folders = {name: str(place / name) for name in ("cache", "home", "tmp", "data")}
    for folder in folders.values():
        Path(folder).mkdir()
    return {
        **os.environ,
        "NFENERGY_CACHE_DIR": folders["cache"],
        "NFENERGY_DATA_DIR": folders["data"],
        "HOME": folders["home"],
        "TMPDIR": folders["tmp"],
        "MPLCONFIGDIR": folders["home"],
        "OMP_NUM_THREADS": "1",
        # The limit on memory counts what threads set aside for themselves, used or not.
        "OMP_STACKSIZE": "256k",
        "MALLOC_ARENA_MAX": "1",
        "NFENERGY_FUZZ_NO_OVERRIDE": "1" if os.geteuid() == 0 else "",
        "PYTHONPATH": str(ROOT),
        "PYTHONHASHSEED": "0",
    }


def _obey_permissions() -> None:
    """What root starts from here on is refused files as anybody is."""
    if os.geteuid() == 0:
        for capability in OVERRIDES:
            ctypes.CDLL(None).prctl(PR_CAPBSET_DROP, capability, 0, 0, 0)


class _Worker:
    """A process and the case it is at; it is replaced when it dies, hangs or has run long enough."""

    def __init__(
        self, folder: Path, environment: dict[str, str], numbers: tuple[int, int, int, int], names: str
    ) -> None:
        self.folder, self.environment, self.names = folder, environment, names
        self.seed, self.next, self.step, self.end = numbers
        self.case: dict[str, Any] | None = None
        self.generation = 0
        self.start()

    def start(self) -> None:
        self.generation += 1
        self.limit = min(self.end, self.next + CASES_A_PROCESS * self.step)
        place = self.folder / str(self.generation)
        place.mkdir(parents=True)
        self.noise = place / "noise"
        numbers = map(str, (self.seed, self.next, self.step, self.limit))
        self.process = subprocess.Popen(
            [sys.executable, "-m", "tests.fuzz.worker", str(place), *numbers, self.names],
            stdout=subprocess.PIPE,
            stdin=subprocess.DEVNULL,
            cwd=ROOT,
            env=self.environment,
            preexec_fn=_obey_permissions,  # noqa: PLW1509 - no other thread runs here
            start_new_session=True,  # Ctrl-C is not for the case that it meets
        )
        assert self.process.stdout is not None
        os.set_blocking(self.process.stdout.fileno(), False)
        self.buffer = b""
        self.deadline = time.monotonic() + SECONDS_TO_START
        self.processor_deadline = SECONDS_TO_START

    def stop(self) -> None:
        self.process.kill()
        self.process.wait()
        assert self.process.stdout is not None
        self.process.stdout.close()

    def reports(self) -> Iterator[dict[str, Any]]:
        """The cases finished since the last call."""
        assert self.process.stdout is not None
        ended = False
        while chunk := self.process.stdout.read(1 << 16):
            self.buffer += chunk
        ended = chunk == b""
        *lines, self.buffer = self.buffer.split(b"\n")
        for line in lines:
            said = json.loads(line)
            self.deadline = time.monotonic() + SECONDS_BY_THE_CLOCK
            self.processor_deadline = self._processor_seconds() + SECONDS_A_CASE
            if "start" in said:
                self.case = said
            elif "argv" in said and self.case is not None and "end" not in said:
                self.case["argv"] = said["argv"]
            elif "end" in said:
                self.case, self.next = None, said["end"] + self.step
                yield {"number": said["end"], **said}
        late = time.monotonic() > self.deadline or self._processor_seconds() > self.processor_deadline
        late = late and not ended
        if late or (ended and self.next < self.limit):
            yield self._lost("hang" if late else "died")
        if (late or ended) and self.next < self.end:
            self.stop()
            self.start()

    def _processor_seconds(self) -> float:
        try:
            stat = Path(f"/proc/{self.process.pid}/stat").read_text(encoding="ascii", errors="replace")
        except OSError:
            return 0.0
        user, system = stat.rpartition(")")[2].split()[11:13]
        return (int(user) + int(system)) / os.sysconf("SC_CLK_TCK")

    def _lost(self, how: str) -> dict[str, Any]:
        noise = self.noise.read_bytes()[-3000:].decode(errors="replace") if self.noise.exists() else ""
        if self.case is None:
            raise RuntimeError(f"a worker {how} before its first case: {noise}")
        lost = {
            "number": self.case["start"],
            "format": self.case["format"],
            "status": None,
            "wrong": how,
            "said": noise,
            "argv": self.case.get("argv", []),
            "seconds": SECONDS_A_CASE if how == "hang" else 0.0,
            "megabytes": 0.0,
        }
        self.case, self.next = None, lost["number"] + self.step
        return lost

    @property
    def done(self) -> bool:
        return self.next >= self.end


def _reports(workers: list[_Worker]) -> Iterator[dict[str, Any]]:
    while left := [worker for worker in workers if not worker.done]:
        with _selector(left) as selector:
            selector.select(timeout=1.0)
        for worker in left:
            yield from worker.reports()


@contextmanager
def _selector(workers: list[_Worker]) -> Iterator[selectors.DefaultSelector]:
    with selectors.DefaultSelector() as selector:
        for worker in workers:
            assert worker.process.stdout is not None
            selector.register(worker.process.stdout, selectors.EVENT_READ)
        yield selector
