"""What PyTorch computes on."""

from __future__ import annotations

import torch

from nfenergy.ground.errors import InputError

MOST_THREADS = 1024


def best_device() -> str:
    """The GPU if there is one."""
    return "cuda" if torch.cuda.is_available() else "cpu"


def device_named(name: str | None) -> str:
    """A device of PyTorch that this machine has, such as ``cuda:1``; the best one where none is named.

    Raises:
        InputError: it has no such device.
    """
    if name is None:
        return best_device()
    try:
        usable = torch.empty(1, device=name).device.type != "meta"
    except (RuntimeError, AssertionError, NotImplementedError):
        usable = False
    if not usable:
        raise InputError(
            f"PyTorch has no device {name!r} to compute on here; {best_device()} is the best it has"
        )
    return name


def use_threads(count: int | None) -> None:
    """Let PyTorch compute on so many threads; None leaves its own choice.

    Raises:
        InputError: they are more than any machine has, for which the system has no memory.
    """
    if count is not None and count > MOST_THREADS:
        raise InputError(f"{count} threads are more than any machine has; give at most {MOST_THREADS}")
    if count is not None:
        torch.set_num_threads(count)
