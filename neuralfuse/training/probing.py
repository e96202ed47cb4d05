"""Whether a network fits its data, before it is trained for hours: one pass of two blank images."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from neuralfuse.registry import Dataset
from nfenergy.ground.errors import InputError

PROBES = 2


def check_base(model: nn.Module, name: str, dataset: Dataset) -> None:
    """Raises InputError: the base takes no images of `dataset`, or gives other than a number a class."""
    _check(model, name, dataset, (PROBES, dataset.classes))


def check_generator(model: nn.Module, name: str, dataset: Dataset) -> None:
    """Raises InputError: the generator takes no images of `dataset`, or gives other than such images."""
    _check(model, name, dataset, (PROBES, *dataset.image_shape))


@torch.no_grad()
def _check(model: nn.Module, name: str, dataset: Dataset, expected: tuple[int, ...]) -> None:
    if not any(parameter.requires_grad for parameter in model.parameters()):
        raise InputError(f"{name} has no parameters to be trained")
    training = model.training
    with torch.random.fork_rng(devices=[]):
        try:
            found = model.eval()(torch.zeros(PROBES, *dataset.image_shape))
        except Exception as error:
            what = next(iter(str(error).strip().splitlines()), type(error).__name__)
            raise InputError(
                f"{name} does not take images of {_times(dataset.image_shape)}: {what}"
            ) from error
    model.train(training)
    if not isinstance(found, Tensor) or tuple(found.shape) != expected:
        shape = _times(found.shape) if isinstance(found, Tensor) else type(found).__name__
        raise InputError(
            f"{name} makes {shape} of {PROBES} images of {dataset.name}, expected {_times(expected)}"
        )


def _times(extents: tuple[int, ...]) -> str:
    return " x ".join(map(str, extents))
