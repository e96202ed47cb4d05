"""Independent streams of random numbers, each named by one seed and what it is for.

Every draw of a training run depends on the run's seed, the stream and the step alone, never on what was
drawn before: the state to be saved for a later resumption is the number of the step.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import torch
from torch import Tensor

from nfenergy.ground.errors import InputError

WEIGHTS, ORDER, AUGMENTATION, CHIPS = range(4)
"""Streams of a run: first weights, order of the images, their augmentation, training chips."""

FIRST_TRAINING_CHIP = 2**32
"""Chips for training have seeds from here on, chips for testing below: no chip serves both."""

TEST_CHIPS = tuple(range(50_000, 50_010))
"""Seeds of the ten chips of Sun et al.'s tests."""


def stream_seed(seed: int, stream: int, *place: int) -> int:
    """64-bit seed of one place (epoch, step, ...) in a stream of the run `seed`.

    Raises:
        InputError: the seed is negative.
    """
    if seed < 0:
        raise InputError(f"seed {seed} is negative; give 0 or more")
    sequence = np.random.SeedSequence(seed, spawn_key=(stream, *place))
    return int(sequence.generate_state(1, np.uint64)[0])


def training_chip(seed: int, step: int, base: int, number: int) -> int:
    """Seed of the chip `number` on which base `base` is perturbed in step `step` of the run `seed`."""
    return FIRST_TRAINING_CHIP + stream_seed(seed, CHIPS, step, base, number)


def check_test_chips(seeds: tuple[int, ...]) -> None:
    """Raises InputError: there is none, one is given twice, or one may have been trained on."""
    if not seeds:
        raise InputError("no test chip given; at least one seed is needed")
    if len(set(seeds)) < len(seeds):
        raise InputError("a test chip is given twice; each seed is one chip")
    if outside := [seed for seed in seeds if not 0 <= seed < FIRST_TRAINING_CHIP]:
        raise InputError(f"test chip {outside[0]} is not in 0 to {FIRST_TRAINING_CHIP - 1}")


def batch_index(seed: int, step: int, *, images: int, batch_size: int) -> Tensor:
    """Images of step `step` (from 0), each once an epoch; an epoch's last batch may be smaller."""
    batches = -(-images // batch_size)
    epoch, batch = divmod(step, batches)
    order = np.random.default_rng(stream_seed(seed, ORDER, epoch)).permutation(images)
    return torch.from_numpy(order[batch * batch_size : (batch + 1) * batch_size])


@contextmanager
def torch_seed(seed: int, stream: int) -> Iterator[None]:
    """PyTorch's own random numbers on the CPU from a stream; outside the ``with`` they are as before."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(stream_seed(seed, stream))
        yield
