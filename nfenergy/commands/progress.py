"""Progress on stderr: a live bar on a terminal, nothing elsewhere."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext

from energy.scalesim.engine import Progress, ProgressCallback
from nfenergy.experiments.progress import StageProgress

SECONDS_BETWEEN_LINES = 10.0
HINT = "--engine closed-form gives the same figures at once"


@contextmanager
def simulation_progress(*, quiet: bool = False, hint: bool = False) -> Iterator[ProgressCallback | None]:
    """A callback for `energy.scalesim.engine.simulate` that draws layers done and time left.

    It is not called where everything was simulated before. `hint` says in the end what is faster.
    """
    if quiet:
        yield None
        return
    layers = 0
    with _bar() if sys.stderr.isatty() else nullcontext() as draw:

        def show(progress: Progress) -> None:
            nonlocal layers
            layers = progress.layers
            if draw is not None:
                draw(progress)

        yield show
    if hint and layers:
        sys.stderr.write(f"nfenergy: simulated {layers} distinct layers in SCALE-Sim; {HINT}\n")


@contextmanager
def _bar() -> Iterator[ProgressCallback]:
    from rich.console import Console
    from rich.progress import BarColumn, TextColumn, TimeElapsedColumn
    from rich.progress import Progress as Bar

    left = TextColumn("{task.fields[left]}")
    columns = (TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn(), left)
    started = time.monotonic()
    with Bar(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("SCALE-Sim", total=None, left="")

        def draw(progress: Progress) -> None:
            bar.update(
                task,
                description=f"SCALE-Sim: {progress.layers_done} of {progress.layers} distinct layers",
                total=progress.work_s,
                completed=progress.work_done_s,
                left=_time_left(progress, time.monotonic() - started),
            )

        yield draw


@contextmanager
def rows_progress(*, quiet: bool = False) -> Iterator[Callable[[int, int], None] | None]:
    """A callback that draws rows done of rows in all."""
    if quiet or not sys.stderr.isatty():
        yield None
        return
    from rich.console import Console
    from rich.progress import Progress as Bar

    with Bar(console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("rows", total=None, visible=False)
        yield lambda done, rows: bar.update(task, total=rows, completed=done, visible=True)


@contextmanager
def announcements(*, quiet: bool) -> Iterator[Callable[[str], None]]:
    """A function that says what happens: on one line of a terminal, elsewhere on a line every ten seconds."""
    if quiet:
        yield lambda message: None
    elif sys.stderr.isatty():
        from rich.console import Console

        with Console(stderr=True).status("") as status:
            yield status.update
    else:
        yield _Occasional()


def telling_stages(say: Callable[[str], None]) -> Callable[[StageProgress], None]:
    """A callback that says which stage is done, how many are, and the time left."""
    return lambda stage: say(
        f"{stage.done} of {stage.total} stages, {_about(stage.left_s)} left; done: {stage.title}"
    )


class _Occasional:
    def __init__(self) -> None:
        self._next = 0.0

    def __call__(self, message: str) -> None:
        if time.monotonic() >= self._next:
            self._next = time.monotonic() + SECONDS_BETWEEN_LINES
            sys.stderr.write(f"{message}\n")


class TimeLeft:
    """The time that the rest of equal steps will take, by the pace since this was made."""

    def __init__(self, total: int) -> None:
        self._total = total
        self._started_s = time.monotonic()
        self._first = 0

    def after(self, done: int) -> str:
        """In words, as step `done`, from 1, has ended; the steps before the first one told were not ours."""
        self._first = self._first or done
        pace_s = (time.monotonic() - self._started_s) / (done - self._first + 1)
        return f"{_about((self._total - done) * pace_s)} left"


def _time_left(progress: Progress, elapsed_s: float) -> str:
    """From the pace so far; before the first layer is done there is none to judge by."""
    if not progress.work_done_s:
        return "time left: known after the first layer"
    left_s = elapsed_s * (progress.work_s - progress.work_done_s) / progress.work_done_s
    return f"{_about(left_s)} left"


def _about(seconds: float) -> str:
    minutes, seconds = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"about {hours}:{minutes:02d}:{seconds:02d}" if hours else f"about {minutes}:{seconds:02d}"
