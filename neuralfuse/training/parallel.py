"""Independent trainings side by side, one process a core, each on one thread of PyTorch.

Small networks run no faster on several threads, and PyTorch's seeded state is shared by the threads of
a process: processes keep every training repeatable.
"""

from __future__ import annotations

import multiprocessing
import os
import queue
import signal
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, TypeVar

from nfenergy.ground.errors import NfEnergyError

T = TypeVar("T")
OnMessage = Callable[[str], None]
Task = Callable[[OnMessage], T]

POLL_SECONDS = 0.2


def run_tasks(tasks: Sequence[Task[T]], on_message: OnMessage, *, processes: int | None = None) -> list[T]:
    """Results of `tasks`, in their order.

    Args:
        tasks: picklable (a `functools.partial` of a module's function), as are their results; each is
            called with a function that passes a message on.
        on_message: gets the messages of all of them, as they come.
        processes: at a time; None takes one a core.

    Raises:
        NfEnergyError: the first that a task raised, or a process was killed. The others are ended.
    """
    context = multiprocessing.get_context("spawn")
    work: multiprocessing.Queue[tuple[int, Task[T]] | None] = context.Queue()
    inbox: multiprocessing.Queue[tuple[int, str, Any]] = context.Queue()
    workers = [
        context.Process(target=_work, args=(work, inbox), daemon=True)
        for _ in range(min(len(tasks), processes or os.cpu_count() or 1))
    ]
    results: dict[int, T] = {}
    try:
        for worker in workers:
            worker.start()
        for entry in (*enumerate(tasks), *(None for _ in workers)):
            work.put(entry)
        while len(results) < len(tasks):
            try:
                number, kind, content = inbox.get(timeout=POLL_SECONDS)
            except queue.Empty:
                _check_alive(workers)
                continue
            if kind == "message":
                on_message(content)
            elif kind == "error":
                raise content
            else:
                results[number] = content
    finally:
        for worker in workers:
            worker.kill()
            worker.join()
    return [results[number] for number in range(len(tasks))]


def _work(
    work: multiprocessing.Queue[tuple[int, Task[Any]] | None],
    outbox: multiprocessing.Queue[tuple[int, str, Any]],
) -> None:
    # The terminal's Ctrl-C is the parent's business, which ends its children.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    import torch

    torch.set_num_threads(1)
    for number, task in iter(work.get, None):
        try:
            result = task(partial(_send_message, outbox, number))
        except NfEnergyError as error:
            outbox.put((number, "error", error))
        else:
            outbox.put((number, "result", result))


def _send_message(outbox: multiprocessing.Queue[tuple[int, str, Any]], number: int, message: str) -> None:
    outbox.put((number, "message", message))


def _check_alive(workers: Sequence[multiprocessing.process.BaseProcess]) -> None:
    for worker in workers:
        if worker.exitcode not in (None, 0):
            raise NfEnergyError(f"a training process ended with status {worker.exitcode} (out of memory?)")
