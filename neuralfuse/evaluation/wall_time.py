"""Latency of a base, alone and behind generators, on this machine (Sun et al., Table 26).

Batch 1, evaluation mode, floating-point kernels: a general-purpose processor, no accelerator model. The
networks take turns, so that a machine that slows down meanwhile slows all of them down.
"""

from __future__ import annotations

import csv
import io
import platform
import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass

import torch
from torch import Tensor, nn

from neuralfuse.networks.uip import build_generator, get_generator
from neuralfuse.registry import get_dataset, get_network
from nfenergy.ground.errors import InputError

NO_GENERATOR = "none"


@dataclass(frozen=True, slots=True, kw_only=True)
class Latency:
    """Wall time of one inference.

    Attributes:
        device: processor or GPU, with its number of threads.
        base_width: factor on the base's channels.
        generator: title, or ``none``.
        latency_ms: median of the repeats.
        quartile_low_ms, quartile_high_ms: between them lies the middle half of the repeats.
        added_ms: `latency_ms` more than the base alone; None for the base alone.
        repeats: inferences timed, after `warm_up` that were not.
    """

    device: str
    batch_size: int
    base: str
    base_width: float
    dataset: str
    generator: str
    latency_ms: float
    added_ms: float | None
    quartile_low_ms: float
    quartile_high_ms: float
    repeats: int
    warm_up: int
    threads: int
    torch: str


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
) -> tuple[Latency, ...]:
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
    form = get_dataset(dataset)
    network = get_network(base, "base")
    model = network.build(form, width=width).to(device).eval()
    stacks: dict[str, nn.Module] = {NO_GENERATOR: model}
    for name in generators:
        generator = build_generator(name, form).to(device).eval()
        stacks[get_generator(name).title] = nn.Sequential(generator, model)
    image = torch.zeros((batch_size, *form.image_shape), device=device)
    samples = _interleaved(stacks, image, repeats=repeats, warm_up=warm_up)
    alone_ms = statistics.median(samples[NO_GENERATOR])
    return tuple(
        Latency(
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


def csv_text(rows: Sequence[Latency]) -> str:
    """The measurements as CSV, header first."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(Latency.__slots__)
    writer.writerows(["" if value is None else value for value in asdict(row).values()] for row in rows)
    return text.getvalue()


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
