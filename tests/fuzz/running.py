"""One case in this process: what it did to streams, status and files, and what is wrong with that."""

from __future__ import annotations

import os
import signal
import stat
import sys
import tempfile
import traceback
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

from tests.fuzz.case import Case, Forbidden

LONGEST_LINE = 2500
WORK = (
    "energy.scalesim.engine:_simulate_missing",
    "neuralfuse.training.base_training:BaseTraining.run",
    "neuralfuse.training.generator_training:GeneratorTraining.run",
    "neuralfuse.evaluation.wall_time:_interleaved",
    "neuralfuse.evaluation.picture_content:embeddings",
    "nfenergy.experiments.store:Store.run",
    "nfenergy.reproduction:_table7",
    "nfenergy.reproduction:_table8",
    "nfenergy.reporting:write_report",
    "nfenergy.reporting:_plot_data",
    "nfenergy.reporting:reproduce_figure",
)
"""Where minutes of work begin; what comes so far was accepted."""
SOME_IMAGES = 24
ANSWERED_NO = ("nothing qualifies", "entries differ")
"""Failures that say their reasons on stdout."""
UNNAMED = "cannot write the output"
"""Said of an OSError that nobody foresaw; stdout can always be written here."""


class WorkBegins(BaseException):
    """The input was accepted, and long work for it would begin now."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What became of a case.

    Attributes:
        status: exit status; None where it ended otherwise.
        wrong: what is wrong with it; empty for nothing.
        stderr: what it said.
    """

    status: int | None
    wrong: str
    stderr: str


def run_case(case: Case, folder: Path) -> Outcome:
    """Run a case in `folder`, where its files lie already, and judge it."""
    before = listing(folder)
    here = Path.cwd()
    os.chdir(folder)
    try:
        status, stdout, stderr, trace = _ran(case)
    finally:
        os.chdir(here)
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
    wrong = trace or _wrong(case, status, stdout, stderr, before, listing(folder))
    return Outcome(status=status, wrong=wrong, stderr=stderr)


def _wrong(
    case: Case, status: int | None, stdout: str, stderr: str, before: dict[str, Any], after: dict[str, Any]
) -> str:
    if status == 0:
        changed = [
            name for name in before if after.get(name) != before[name] and not _may(name, case.changing)
        ]
        if changed:
            return f"changed its input {changed[0]}"
        try:
            case.check(stdout)
        except Forbidden as reason:
            return f"accepted: {reason}"
        return ""
    if status not in (1, 2):
        return f"status {status}"
    if after != before:
        odd = sorted(name for name in {*before, *after} if before.get(name) != after.get(name))
        return f"failed and left {', '.join(odd[:5])}"
    lines = stderr.split("\n")
    if len(lines) != 2 or lines[1] or not lines[0].startswith("nfenergy: "):
        return f"not one line on stderr but {len(lines) - 1}"
    if len(lines[0]) > LONGEST_LINE:
        return f"a line of {len(lines[0])} characters"
    if "out of memory" in lines[0]:
        return "out of memory"
    if UNNAMED in lines[0]:
        return "an error that does not say of which file"
    if stdout and not any(words in stderr for words in ANSWERED_NO):
        return "failed with output on stdout"
    return ""


def _may(name: str, changing: tuple[str, ...]) -> bool:
    return any(name == entry or name.startswith(f"{entry}/") for entry in changing)


def _ran(case: Case) -> tuple[int | None, str, str, str]:
    """Status, both streams, and the traceback of whatever no user should see."""
    from nfenergy.cli import main

    streams = [_stream("strict"), _stream("backslashreplace")]
    # The command may put something else behind the descriptors, as it does when a terminal goes away.
    kept = [os.dup(stream.fileno()) for stream in streams]
    saved, sys.argv = (sys.stdout, sys.stderr, sys.argv), ["nfenergy", *case.argv]
    sys.stdout, sys.stderr = streams
    status: int | None = None
    trace = ""
    try:
        with warnings.catch_warnings(record=True) as warned, shortened(real=case.real):
            warnings.simplefilter("always")
            try:
                if case.call is None:
                    main()
                status = 0 if case.call is None else _called(case.call)
            except SystemExit as ended:
                status = ended.code if isinstance(ended.code, int) else 0 if ended.code is None else None
            except WorkBegins:
                status = 0
            except BaseException:
                trace = f"traceback: {_last_lines(traceback.format_exc())}"
        seen = [warning for warning in warned if not case.may_warn and _is_shown(warning)]
        if seen and not trace:
            first = seen[0]
            said = f"{first.category.__name__} {str(first.message)[:200]}"
            trace = f"warning: {said} ({first.filename}:{first.lineno})"
    finally:
        sys.stdout, sys.stderr, sys.argv = saved
    texts = []
    for stream, descriptor in zip(streams, kept, strict=True):
        stream.close()
        os.lseek(descriptor, 0, os.SEEK_SET)
        with open(descriptor, "rb") as file:  # noqa: PTH123
            texts.append(file.read().decode("utf-8", "replace"))
    return status, texts[0], texts[1], trace


def _stream(errors: str) -> Any:
    """A file in the place of a stream of the terminal: it has a descriptor, and fails as one does."""
    return tempfile.TemporaryFile("w+", encoding="utf-8", errors=errors, newline="")


def _called(call: Callable[[], None]) -> int:
    """A function of the library as if a command had called it."""
    from nfenergy.ground.errors import NfEnergyError

    try:
        call()
    except NfEnergyError as error:
        sys.stderr.write(f"nfenergy: {' '.join(str(error).split())}\n")
        return error.exit_status
    return 0


def _is_shown(warning: warnings.WarningMessage) -> bool:
    """Whether Python shows a warning of this kind by default."""
    return not issubclass(
        warning.category, DeprecationWarning | PendingDeprecationWarning | ImportWarning | ResourceWarning
    )


def _last_lines(trace: str) -> str:
    lines = [line.rstrip() for line in trace.strip().splitlines() if line.strip()]
    places = [line.strip() for line in lines if line.lstrip().startswith("File ")]
    return " | ".join([*places[-3:], lines[-1][:300]])


@contextmanager
def shortened(*, real: bool) -> Iterator[None]:
    """Long work is cut off where it begins, and data sets are small."""
    import torch

    from neuralfuse.datasets import loading, sources
    from neuralfuse.evaluation import demo

    def begins(*args: object, **options: object) -> None:
        raise WorkBegins

    saved: list[tuple[Any, str, Any]] = []
    for place in () if real else WORK:
        module, _, path = place.partition(":")
        owner: Any = import_module(module)
        *outer, name = path.split(".")
        for part in outer:
            owner = getattr(owner, part)
        saved.append((owner, name, getattr(owner, name)))
        setattr(owner, name, begins)
    threads = torch.get_num_threads()
    whole = loading.load
    for importer in (loading, sources, demo):
        saved.append((importer, "load", whole))
        importer.load = _few_images(whole)  # type: ignore[attr-defined]
    try:
        yield
    finally:
        for owner, name, value in saved:
            setattr(owner, name, value)
        torch.set_num_threads(threads)


def _few_images(load: Callable[..., Any]) -> Callable[..., Any]:
    from dataclasses import replace

    def loaded(*args: Any, **options: Any) -> Any:
        splits = load(*args, **options)
        return replace(splits, train=splits.train.spread(SOME_IMAGES), test=splits.test.spread(SOME_IMAGES))

    return loaded


def listing(folder: Path) -> dict[str, Any]:
    """What lies below a folder: kind, mode and content of every entry; nothing is opened that may block."""
    found: dict[str, Any] = {}
    for root, folders, files in os.walk(folder):
        for name in (*folders, *files):
            path = Path(root) / name
            state = path.lstat()
            kind = stat.S_IFMT(state.st_mode)
            content: object = None
            if stat.S_ISREG(kind):
                readable = os.access(path, os.R_OK)
                content = path.read_bytes() if readable else (state.st_size, state.st_mtime_ns)
            elif stat.S_ISLNK(kind):
                content = os.readlink(path)  # noqa: PTH115 - a path of any bytes
            found[str(path.relative_to(folder))] = (kind, state.st_mode, content)
    return found
