"""Images shifted and scaled to mean 0 and deviation 1 in each channel, as the first thing a base does."""

from __future__ import annotations

from functools import partial

import torch
from torch import Tensor, nn

from neuralfuse.datasets.images import LabelledImages, normalized

Statistics = tuple[tuple[float, ...], tuple[float, ...]]
"""Mean and standard deviation of each channel, of images in [-1, 1]."""

CHUNK = 4096


def channel_statistics(images: LabelledImages) -> Statistics:
    """Mean and standard deviation of each channel over all pixels of all images."""
    total, squares = torch.zeros(3, dtype=torch.float64), torch.zeros(3, dtype=torch.float64)
    for part in torch.split(images.images, CHUNK):
        pixels = normalized(part).double()
        total += pixels.sum(dim=(0, 2, 3))
        squares += pixels.square().sum(dim=(0, 2, 3))
    count = images.images.numel() / images.images.shape[1]
    mean = total / count
    deviation = (squares / count - mean.square()).clamp(min=1e-12).sqrt()
    return tuple(mean.tolist()), tuple(deviation.tolist())


def whiten(model: nn.Module, statistics: Statistics) -> nn.Module:
    """Let `model` whiten its images before its first layer; returns the model.

    No parameter is added, so that nothing of it is stored in weight memory or trained; bit errors and
    generators meet the images as they are.
    """
    model.register_forward_pre_hook(partial(_whitened, statistics))
    return model


def _whitened(statistics: Statistics, _model: nn.Module, inputs: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
    x, *others = inputs
    mean, deviation = (torch.tensor(values, dtype=x.dtype, device=x.device) for values in statistics)
    return ((x - mean[:, None, None]) / deviation[:, None, None], *others)
