"""Progress on stderr: a live bar on a terminal, nothing elsewhere."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

from energy.scalesim import Progress, ProgressCallback


@contextmanager
def simulation_progress(*, quiet: bool = False) -> Iterator[ProgressCallback | None]:
    """A callback for `energy.scalesim.simulate` that draws layers done and time left."""
    if quiet or not sys.stderr.isatty():
        yield None
        return
    from rich.console import Console
    from rich.progress import BarColumn, TextColumn, TimeElapsedColumn
    from rich.progress import Progress as Bar

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TimeElapsedColumn(),
        TextColumn("{task.fields[left]}"),
    )
    started = time.monotonic()
    with Bar(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("SCALE-Sim", total=None, left="")

        def show(progress: Progress) -> None:
            bar.update(
                task,
                description=f"SCALE-Sim: {progress.layers_done} of {progress.layers} distinct layers",
                total=progress.work_s,
                completed=progress.work_done_s,
                left=_time_left(progress, time.monotonic() - started),
            )

        yield show


def _time_left(progress: Progress, elapsed_s: float) -> str:
    """From the pace so far; before the first layer is done there is none to judge by."""
    if not progress.work_done_s:
        return "time left: known after the first layer"
    left_s = elapsed_s * (progress.work_s - progress.work_done_s) / progress.work_done_s
    minutes, seconds = divmod(round(left_s), 60)
    return f"about {minutes}:{seconds:02d} left"
