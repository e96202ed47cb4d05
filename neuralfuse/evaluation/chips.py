"""Accuracy of a base with and without generators: without bit errors, and on test chips."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import product

import torch
from torch import nn

from neuralfuse.datasets.images import LabelledImages
from neuralfuse.evaluation.intervals import half_width
from neuralfuse.memory.perturbation import QuantizedBase
from neuralfuse.quantization import Quantization
from neuralfuse.registry import NO_GENERATOR, NO_PROTECTION
from neuralfuse.training.base_training import accuracy_percent, as_stored
from neuralfuse.training.streams import TEST_CHIPS, check_test_chips


@dataclass(frozen=True, slots=True, kw_only=True)
class ChipAccuracies:
    """Accuracies in percent of one network, without bit errors and on each test chip.

    Attributes:
        clean_percent: without bit errors.
        perturbed_percent: with them, one entry a chip.
    """

    clean_percent: float
    perturbed_percent: tuple[float, ...]

    @property
    def mean_percent(self) -> float:
        """Mean over the chips."""
        return statistics.fmean(self.perturbed_percent)

    @property
    def std_percent(self) -> float:
        """Standard deviation of the population of chips, as published."""
        return statistics.pstdev(self.perturbed_percent)


@dataclass(frozen=True, slots=True, kw_only=True)
class Measurement:
    """A base at one bit error rate, alone and behind one generator, on the same chips.

    Attributes:
        bit_error_rate: a fraction; what it counts is up to `fault_model`.
        fault_model: see `neuralfuse.memory.fault_models`.
        protection: see `neuralfuse.memory.protections`.
        chips: seeds.
        generator: its name; ``none`` where `protected` is None.
        base: the base alone.
        protected: the base behind the generator.
    """

    bit_error_rate: float
    fault_model: str
    protection: str = NO_PROTECTION
    chips: tuple[int, ...]
    generator: str
    base: ChipAccuracies
    protected: ChipAccuracies | None

    @property
    def recovery_percent(self) -> float | None:
        """Points of perturbed accuracy that the generator gives back."""
        return None if self.protected is None else self.protected.mean_percent - self.base.mean_percent

    @property
    def recovery_half_width_percent(self) -> float | None:
        """Half the 95 % interval of the recovery, paired over the chips; None on a single chip."""
        if self.protected is None:
            return None
        pairs = zip(self.protected.perturbed_percent, self.base.perturbed_percent, strict=True)
        return half_width([behind - alone for behind, alone in pairs])


def in_use(generator: nn.Module, quantization: Quantization | None) -> nn.Module:
    """A copy of a generator as it is deployed: frozen, in evaluation mode, with its stored weights."""
    return as_stored(generator, quantization)


@torch.no_grad()
def transformed(images: LabelledImages, generator: nn.Module, *, batch_size: int = 256) -> LabelledImages:
    """The images as `generator`, in evaluation mode, hands them to a base; on the CPU."""
    device = next(generator.parameters()).device
    parts = [generator(batch).cpu() for batch, _ in images.batches(batch_size, device)]
    return LabelledImages(images=torch.cat(parts), labels=images.labels)


def evaluate(
    base: QuantizedBase,
    images: LabelledImages,
    *,
    rates: Sequence[float],
    generators: Mapping[str, nn.Module] | None = None,
    chips: tuple[int, ...] = TEST_CHIPS,
    fault_model: str = "flip",
    protections: Sequence[str] = (NO_PROTECTION,),
    batch_size: int = 256,
    on_chip: Callable[[int, int], None] | None = None,
) -> tuple[Measurement, ...]:
    """Accuracies at each rate, under each protection, of the base alone (``none``) and behind generators.

    Every chip is met once, with all generators in turn. Images pass each generator once, because it has
    no bit errors. Any base serves for any generator that takes its images: the one it was trained
    before, another one (restricted access), or one stored with fewer bits.

    Args:
        base: frozen; it is as before afterwards.
        images: to test with.
        rates: bit error rates, fractions.
        generators: as they come from `in_use`, by name; on the device of the base.
        chips: seeds of the test chips.
        fault_model: what the rates count.
        protections: of the base's weight memory.
        batch_size: images a pass.
        on_chip: told how many of how many chips are done.

    Raises:
        InputError: a chip is given twice or reserved for training, a rate is no fraction, or there is no
            such protection.
    """
    check_test_chips(chips)
    inputs = {NO_GENERATOR: images}
    for name, generator in (generators or {}).items():
        inputs[name] = transformed(images, generator, batch_size=batch_size)
    clean = {name: accuracy_percent(base.model, part, batch_size=batch_size) for name, part in inputs.items()}
    found: list[Measurement] = []
    points = list(product(rates, protections))
    for number, (rate, protection) in enumerate(points):
        perturbed: dict[str, list[float]] = {name: [] for name in inputs}
        for done, chip in enumerate(chips, start=1):
            faults = base.draw(seed=chip, rate=rate, fault_model=fault_model, protection=protection)
            with base.apply(faults) as model:
                for name, part in inputs.items():
                    perturbed[name].append(accuracy_percent(model, part, batch_size=batch_size))
            if on_chip is not None:
                on_chip(number * len(chips) + done, len(points) * len(chips))
        each = {
            name: ChipAccuracies(clean_percent=clean[name], perturbed_percent=tuple(values))
            for name, values in perturbed.items()
        }
        alone = each[NO_GENERATOR]
        found += [
            Measurement(
                bit_error_rate=rate,
                fault_model=fault_model,
                protection=protection,
                chips=chips,
                generator=name,
                base=alone,
                protected=None if name == NO_GENERATOR else protected,
            )
            for name, protected in each.items()
        ]
    return tuple(found)
