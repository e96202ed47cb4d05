"""Tasks side by side: results in order, messages passed on, failures one clear error."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from functools import partial

import pytest

from neuralfuse.training.parallel import run_tasks
from nfenergy.ground.errors import InputError, NfEnergyError


def square(number: int, say: Callable[[str], None]) -> int:
    say(f"squaring {number}")
    return number * number


def refuse(say: Callable[[str], None]) -> int:
    raise InputError("this task cannot be done")


def die(say: Callable[[str], None]) -> int:
    os.kill(os.getpid(), signal.SIGKILL)
    return 0


def test_results_come_in_order_and_messages_as_they_are() -> None:
    messages: list[str] = []
    assert run_tasks([partial(square, number) for number in range(5)], messages.append) == [0, 1, 4, 9, 16]
    assert sorted(messages) == [f"squaring {number}" for number in range(5)]


def test_a_tasks_own_error_is_raised() -> None:
    with pytest.raises(InputError, match="this task cannot be done"):
        run_tasks([refuse], print)


def test_a_killed_process_is_an_error() -> None:
    with pytest.raises(NfEnergyError, match="ended with status -9"):
        run_tasks([die], print)
