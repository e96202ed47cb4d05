"""One network tested under one set of conditions: accuracy and confidence, chip by chip."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager

import torch
from torch import nn

from neuralfuse.datasets.images import LabelledImages
from neuralfuse.evaluation.chips import in_use, transformed
from neuralfuse.evaluation.conditions import Conditions, Evaluated
from neuralfuse.memory.fault_models import get_fault_model
from neuralfuse.memory.perturbation import QuantizedBase
from neuralfuse.networks.scaling import scale_weights
from neuralfuse.training.runs import Trained, fresh_copy, stored_base

BATCH = 256


def evaluate_under(
    base: Trained, generator: Trained | None, images: LabelledImages, conditions: Conditions
) -> Evaluated:
    """Test a base, alone or behind a generator.

    Raises:
        InputError: conditions that exclude each other, or that this base cannot meet.
    """
    images = images if conditions.images is None else images.first(conditions.images)
    if generator is not None:
        images = transformed(images, in_use(generator.model, generator.record.stored), batch_size=BATCH)
    if conditions.floating_point:
        return _together([_figures(fresh_copy(base), images, conditions)], len(images))
    memory = _memory(base, conditions)
    if not conditions.chips:
        return _together([_figures(memory.model, images, conditions)], len(images))
    found = []
    for chip in conditions.chips:
        with _perturbed(memory, chip, conditions) as model:
            found.append(_figures(model, images, conditions))
    return _together(found, len(images))


def _memory(base: Trained, conditions: Conditions) -> QuantizedBase:
    if not conditions.greatest:
        return stored_base(base, quantization=conditions.quantization)
    model = fresh_copy(base)
    scale_weights(model, conditions.greatest)
    return stored_base(Trained(model=model, record=base.record), quantization=conditions.quantization)


def _perturbed(memory: QuantizedBase, chip: int, conditions: Conditions) -> AbstractContextManager[nn.Module]:
    if conditions.noise:
        return memory.noise(seed=chip, relative=conditions.noise)
    model = get_fault_model(conditions.fault_model)
    return memory.perturb(
        seed=chip,
        rate=conditions.rate if model.own_rate is None else model.own_rate,
        fault_model=model.name,
        protection=conditions.protection,
    )


@torch.no_grad()
def _figures(model: nn.Module, images: LabelledImages, conditions: Conditions) -> tuple[float, float]:
    """Accuracy and confidence, in percent."""
    correct, confidence = 0, 0.0
    with _statistics(model, own=conditions.batch_statistics):
        for batch, labels in images.batches(BATCH, next(model.parameters()).device):
            outputs = model(batch)
            correct += int((outputs.argmax(dim=1) == labels).sum())
            confidence += float(outputs.softmax(dim=1).amax(dim=1).nan_to_num(0.0).double().sum())
    return 100.0 * correct / len(images), 100.0 * confidence / len(images)


@contextmanager
def _statistics(model: nn.Module, *, own: bool) -> Iterator[None]:
    """Let batch normalisation take each batch's `own` statistics; its running ones stay as they are."""
    norms = [module for module in model.modules() if isinstance(module, nn.BatchNorm2d)] if own else []
    saved = [(norm, norm.running_mean, norm.running_var) for norm in norms]
    try:
        for norm in norms:
            norm.running_mean = norm.running_var = None
        yield
    finally:
        for norm, mean, variance in saved:
            norm.running_mean, norm.running_var = mean, variance


def _together(found: list[tuple[float, float]], images: int) -> Evaluated:
    accuracy, confidence = zip(*found, strict=True)
    return Evaluated(accuracy=accuracy, confidence=confidence, images=images)
