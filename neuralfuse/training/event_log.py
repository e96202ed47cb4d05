"""The log of a training for TensorBoard, where that is installed; nothing depends on it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

EVENT_FOLDER = "tensorboard"

Record = Callable[[int, "DataclassInstance"], None]


@contextmanager
def event_log(out: Path) -> Iterator[Record]:
    """A function that writes the numbers of a row of the log, by the number of its step or epoch.

    They go into the folder `EVENT_FOLDER` in `out`, which is made with the first row. Of a resumed run the
    rows after that one are dropped there. Without TensorBoard nothing is written.
    """
    writers: list[Any] = []

    def record(number: int, row: DataclassInstance) -> None:
        if not writers:
            place = str(out / EVENT_FOLDER)
            module = import_module("torch.utils.tensorboard")
            writers.append(module.SummaryWriter(log_dir=place, purge_step=number))
        for name, value in asdict(row).items():
            if value is not None:
                writers[0].add_scalar(name, value, number)

    if find_spec("tensorboard") is None:
        yield lambda number, row: None
        return
    try:
        yield record
    finally:
        for writer in writers:
            writer.close()
