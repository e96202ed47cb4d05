"""Accuracies between epochs, of images that are not trained with and on chips of their own."""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
from torch import nn

from neuralfuse.datasets.images import LabelledImages, Splits
from neuralfuse.memory.perturbation import QuantizedBase
from neuralfuse.training.base_training import accuracy_percent, as_stored
from neuralfuse.training.eopm import EopmSettings
from nfenergy.ground.errors import InputError
from nfenergy.ground.rates import parse_percentage

VALIDATION_CHIPS = (40_000, 40_001, 40_002)
"""Neither trained on nor among the ten of the tests."""

TEST, NONE = "test", "none"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Validation:
    """What a training is validated on, and what that leaves to train with.

    Attributes:
        splits: the data, less the images held out.
        images: to validate with; None for no validation.
        name: of these images, for people.
    """

    splits: Splits
    images: LabelledImages | None
    name: str


def validation_of(splits: Splits, wanted: str = TEST) -> Validation:
    """The images that `wanted` names: ``test``, ``none``, or a share of the training images such as ``10%``.

    Raises:
        InputError: it is none of these, or leaves nothing to train or to validate with.
    """
    if wanted.strip().lower() == TEST:
        return Validation(splits=splits, images=splits.test, name=f"{len(splits.test)} test images")
    if wanted.strip().lower() == NONE:
        return Validation(splits=splits, images=None, name=NONE)
    try:
        share = parse_percentage(wanted, "--validation", largest=100.0) / 100.0
    except InputError as error:
        raise InputError(f"{error}; or test, or none") from error
    rest, held = splits.train.held_out(share)
    name = f"{len(held)} training images held out"
    return Validation(splits=replace(splits, train=rest), images=held, name=name)


@torch.no_grad()
def generator_accuracies(
    generator: nn.Module,
    bases: Sequence[QuantizedBase],
    images: LabelledImages,
    settings: EopmSettings,
) -> tuple[float, float | None]:
    """Clean and perturbed accuracy in percent behind `generator` as it would be deployed now.

    Means over the bases and, perturbed, `VALIDATION_CHIPS` at the rate of the training; None for the second
    where that has no bit errors. Nothing of the training changes.
    """
    deployed = as_stored(generator, settings.generator_quantization)
    device = next(generator.parameters()).device
    parts = [deployed(batch).cpu() for batch, _ in images.batches(256, device)]
    shown = LabelledImages(images=torch.cat(parts), labels=images.labels)
    clean = statistics.fmean(accuracy_percent(base.model, shown) for base in bases)
    if not settings.bit_error_rate:
        return clean, None
    perturbed = []
    for base in bases:
        for chip in VALIDATION_CHIPS:
            rate, fault_model = settings.bit_error_rate, settings.fault_model
            with base.perturb(seed=chip, rate=rate, fault_model=fault_model) as model:
                perturbed.append(accuracy_percent(model, shown))
    return clean, statistics.fmean(perturbed)


def steps_per_epoch(images: int, batch_size: int) -> int:
    """Mini-batches of one pass over so many images; the last one may be smaller."""
    return math.ceil(images / batch_size)
