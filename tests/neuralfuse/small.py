"""Networks small enough to be trained in seconds, shared by the tests of the training module."""

from __future__ import annotations

from functools import cache

import torch

from neuralfuse.datasets.images import LabelledImages, Splits
from neuralfuse.datasets.loading import load
from neuralfuse.memory.perturbation import QuantizedBase
from neuralfuse.quantization import Quantization
from neuralfuse.training.base_recipe import BaseRecipe
from neuralfuse.training.checkpoints import NetworkRecord, build
from neuralfuse.training.eopm import EopmSettings
from neuralfuse.training.initialization import initialize
from neuralfuse.training.runs import Trained, train_new_base
from neuralfuse.training.streams import WEIGHTS, torch_seed

torch.set_num_threads(1)

RECORD = NetworkRecord(kind="base", network="vgg11", dataset="digits", width=0.125)


@cache
def digits() -> Splits:
    return load("digits")


@cache
def trained_base(seed: int = 0) -> Trained:
    """A VGG11 with an eighth of the channels, some 97 % of the digits right."""
    return train_new_base(RECORD, BaseRecipe(epochs=4, batch_size=64, seed=seed), digits())


def untrained_base(network: str = "vgg11", seed: int = 0) -> QuantizedBase:
    with torch_seed(seed, WEIGHTS):
        model = initialize(build(NetworkRecord(kind="base", network=network, dataset="digits", width=0.125)))
    return QuantizedBase(model, Quantization())


def untrained_generator(name: str, seed: int = 0) -> torch.nn.Module:
    with torch_seed(seed, WEIGHTS):
        return build(NetworkRecord(kind="generator", network=name, dataset="digits"))


def noise(count: int, seed: int = 0) -> LabelledImages:
    rng = torch.Generator().manual_seed(seed)
    images = 2.0 * torch.rand((count, 3, 32, 32), generator=rng) - 1.0
    return LabelledImages(images=images, labels=torch.randint(0, 10, (count,), generator=rng))


def settings(**changes: object) -> EopmSettings:
    """Settings of a short run."""
    short: dict[str, object] = {"perturbed_models": 2, "steps": 3, "batch_size": 6}
    return EopmSettings(**{**short, **changes})  # type: ignore[arg-type]
