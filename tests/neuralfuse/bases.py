"""A base small enough to be trained in seconds, and its accuracy on the digits with bit errors."""

from __future__ import annotations

import copy
from functools import cache

import numpy as np
import torch
from torch import nn

from neuralfuse.datasets.images import Splits
from neuralfuse.datasets.loading import load
from neuralfuse.memory.perturbation import QuantizedBase
from neuralfuse.networks.normalization import normalize
from neuralfuse.quantization import Quantization, get_scheme
from neuralfuse.training.base_recipe import BaseRecipe
from neuralfuse.training.base_training import accuracy_percent, train_base
from neuralfuse.training.initialization import initialize

CHANNELS = (8, 16, 32, 64, 128)
CHIPS = range(50_000, 50_010)


@cache
def digits() -> Splits:
    torch.set_num_threads(1)
    return load("digits")


def small_base(seed: int, *, norm: str = "batch", channels: tuple[int, ...] = CHANNELS) -> nn.Module:
    """Convolutions of stride 2 for images of 3 x 32 x 32 and ten classes, untrained."""
    layers: list[nn.Module] = []
    channels_in = 3
    for channels_out in channels:
        conv = nn.Conv2d(channels_in, channels_out, 3, stride=2, padding=1, bias=False)
        layers += [conv, nn.BatchNorm2d(channels_out), nn.ReLU()]
        channels_in = channels_out
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        head = (nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(channels_in, 10))
        model = initialize(nn.Sequential(*layers, *head)).to(memory_format=torch.channels_last)
    return normalize(model, norm)


@cache
def trained_base(
    seed: int, *, clip: float | None = None, randbet_rate: float | None = None, norm: str = "batch"
) -> nn.Module:
    """A small base trained with RQuant; its weights are not to be changed."""
    recipe = BaseRecipe(
        quantization=rquant(), epochs=8, learning_rate=3e-3, clip=clip, randbet_rate=randbet_rate, seed=seed
    )
    model = small_base(seed, norm=norm)
    train_base(model, digits().train, recipe)
    return model


def rquant() -> Quantization:
    return Quantization(scheme=get_scheme("rquant"))


def clean_percent(model: nn.Module, quantization: Quantization) -> float:
    """Test accuracy of a copy of `model` so stored, without bit errors."""
    return accuracy_percent(QuantizedBase(copy.deepcopy(model), quantization).model, digits().test)


def perturbed_percent(model: nn.Module, quantization: Quantization, rate: float) -> float:
    """Mean test accuracy over ten chips of a copy of `model` so stored."""
    base = QuantizedBase(copy.deepcopy(model), quantization)
    found = []
    for seed in CHIPS:
        with base.perturb(seed=seed, rate=rate) as perturbed:
            found.append(accuracy_percent(perturbed, digits().test))
    return float(np.mean(found))
