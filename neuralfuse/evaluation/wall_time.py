"""Latency of a base, alone and behind generators, on this machine (Sun et al., Table 26).

Batch 1, evaluation mode, floating-point kernels: a general-purpose processor, no accelerator model. The
networks take turns, so that a machine that slows down meanwhile slows all of them down.
"""

from __future__ import annotations

import platform
import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated

import torch
from torch import Tensor, nn

from neuralfuse.registry import DATASETS, NO_GENERATOR
from neuralfuse.user_networks import find_module
from nfenergy.ground.columns import Column
from nfenergy.ground.errors import InputError


@dataclass(frozen=True, slots=True, kw_only=True)
class WallTime:
    """Time of one inference on this machine."""

    device: Annotated[str, Column("processor or GPU")]
    batch_size: Annotated[int, Column("images an inference")]
    base: Annotated[str, Column("base model")]
    base_width: Annotated[float, Column("factor on its channels")]
    dataset: Annotated[str, Column("decides the networks' form and the image")]
    generator: Annotated[str, Column("generator before it, or none")]
    latency_ms: Annotated[float, Column("median of the repeats", unit="ms")]
    added_ms: Annotated[float | None, Column("more than the base alone; empty for that", unit="ms")]
    quartile_low_ms: Annotated[float, Column("a quarter of the repeats is faster", unit="ms")]
    quartile_high_ms: Annotated[float, Column("a quarter of the repeats is slower", unit="ms")]
    repeats: Annotated[int, Column("inferences timed")]
    warm_up: Annotated[int, Column("inferences before that")]
    threads: Annotated[int, Column("of PyTorch")]
    torch: Annotated[str, Column("version of PyTorch")]


def measure_latency(
    base: str,
    generators: Sequence[str] = (),
    *,
    dataset: str = "cifar10",
    width: float = 1.0,
    batch_size: int = 1,
    repeats: int = 50,
    warm_up: int = 10,
    device: str = "cpu",
) -> tuple[WallTime, ...]:
    """Latencies of the base alone and behind each generator, with random weights.

    Args:
        base: name in the registry.
        generators: names; each is measured in front of the base.
        dataset: decides the networks' form and the size of the image.
        width: factor on the base's channels.
        batch_size: images an inference.
        repeats: inferences timed a network.
        warm_up: inferences a network before that.
        device: of PyTorch.

    Raises:
        UnknownName: a name is in no registry.
        InputError: a count is below 1, or the width is not positive and finite.
    """
    if repeats < 1 or batch_size < 1 or warm_up < 0:
        raise InputError("a latency needs at least 1 repeat of at least 1 image, and no negative warm-up")
    form = DATASETS.find(dataset)
    network = find_module(base, "base")
    model = network.build(form, width=width).to(device).eval()
    stacks: dict[str, nn.Module] = {NO_GENERATOR: model}
    for name in generators:
        generator = find_module(name, "generator")
        stacks[generator.title] = nn.Sequential(generator.build(form).to(device).eval(), model)
    image = torch.zeros((batch_size, *form.image_shape), device=device)
    samples = _interleaved(stacks, image, repeats=repeats, warm_up=warm_up)
    alone_ms = statistics.median(samples[NO_GENERATOR])
    return tuple(
        WallTime(
            device=_device_name(device),
            batch_size=batch_size,
            base=network.title,
            base_width=width,
            dataset=form.name,
            generator=title,
            latency_ms=statistics.median(times_ms),
            added_ms=None if title == NO_GENERATOR else statistics.median(times_ms) - alone_ms,
            quartile_low_ms=_quartiles(times_ms)[0],
            quartile_high_ms=_quartiles(times_ms)[1],
            repeats=repeats,
            warm_up=warm_up,
            threads=torch.get_num_threads(),
            torch=torch.__version__,
        )
        for title, times_ms in samples.items()
    )


@torch.no_grad()
def _interleaved(
    stacks: Mapping[str, nn.Module], image: Tensor, *, repeats: int, warm_up: int
) -> dict[str, list[float]]:
    samples: dict[str, list[float]] = {title: [] for title in stacks}
    for turn in range(warm_up + repeats):
        for title, stack in stacks.items():
            elapsed_ms = _timed_ms(stack, image)
            if turn >= warm_up:
                samples[title].append(elapsed_ms)
    return samples


def _timed_ms(run: Callable[[Tensor], Tensor], image: Tensor) -> float:
    _synchronize(image.device)
    started = time.perf_counter()
    run(image)
    _synchronize(image.device)
    return 1e3 * (time.perf_counter() - started)


def _synchronize(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def _quartiles(values: Sequence[float]) -> tuple[float, float]:
    if len(values) == 1:
        return values[0], values[0]
    low, _, high = statistics.quantiles(values, n=4, method="inclusive")
    return low, high


def _device_name(device: str) -> str:
    if torch.device(device).type == "cuda":
        return torch.cuda.get_device_name(device)
    return platform.processor() or platform.machine()
