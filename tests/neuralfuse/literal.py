"""Algorithm 1 of Sun et al. word for word: one pair of passes a perturbed model, nothing shared."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from neuralfuse.memory.perturbation import QuantizedBase
from neuralfuse.training.eopm import EopmSettings, transform
from neuralfuse.training.streams import training_chip


def literal_gradients(
    generator: nn.Module,
    bases: Sequence[QuantizedBase],
    images: Tensor,
    labels: Tensor,
    settings: EopmSettings,
    step: int,
) -> list[Tensor]:
    """g0 + lambda / N * (g1 + ... + gN), each gradient by passes of its own; means over several bases."""
    parameters = list(generator.parameters())
    total = [torch.zeros_like(parameter) for parameter in parameters]

    def add(model: nn.Module, weight: float) -> None:
        transformed = transform(generator, images, settings.generator_quantization)
        loss = F.cross_entropy(model(transformed), labels)
        for sum_, gradient in zip(total, torch.autograd.grad(loss, parameters), strict=True):
            sum_ += weight * gradient

    for number, base in enumerate(bases):
        add(base.model, 1.0 / len(bases))
        for chip in range(settings.perturbed_models):
            seed = training_chip(settings.seed, step, number, chip)
            with base.perturb(
                seed=seed, rate=settings.bit_error_rate, fault_model=settings.fault_model
            ) as model:
                add(model, settings.perturbed_weight / settings.perturbed_models / len(bases))
    return total
