"""AutoAugment's policy for CIFAR-10 on batches of tensors, in plain PyTorch.

Source: Cubuk et al., "AutoAugment: learning augmentation policies from data", 2018, Table 7, with the
magnitudes of the implementation that Stutz et al. name: 0 to 9 are even steps from the least to the
greatest effect of each operation.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial

import torch
from torch import Tensor
from torch.nn import functional as F

Operation = Callable[[Tensor, Tensor], Tensor]
"""Images (k, 3, H, W) of whole numbers from 0 to 255, strength (k,) of each -> images."""

STEPS = 9

_TABLE = """
.1 invert 7 .2 contrast 6      .7 rotate 2 .3 translate-x 9      .8 sharpness 1 .9 sharpness 3
.5 shear-y 8 .7 translate-y 9  .5 autocontrast 8 .9 equalize 2   .2 shear-y 7 .3 posterize 7
.4 color 3 .6 brightness 7     .3 sharpness 9 .7 brightness 9    .6 equalize 5 .5 equalize 1
.6 contrast 7 .6 sharpness 5   .7 color 7 .5 translate-x 8       .3 equalize 7 .4 autocontrast 8
.4 translate-y 3 .2 sharpness 6  .9 brightness 6 .2 color 8      .5 solarize 2 .0 invert 3
.2 equalize 0 .6 autocontrast 0  .2 equalize 8 .6 equalize 4     .9 color 9 .6 equalize 6
.8 autocontrast 4 .2 solarize 8  .1 brightness 3 .7 color 0      .4 solarize 5 .9 autocontrast 3
.9 translate-y 9 .7 translate-y 9  .9 autocontrast 2 .8 solarize 3  .8 equalize 8 .1 invert 3
.7 translate-y 9 .9 autocontrast 1
"""
POLICY = tuple(_TABLE.split())
"""25 sub-policies: twice the probability, the operation and its magnitude."""


def auto_augmented(images: Tensor, rng: torch.Generator) -> Tensor:
    """Each image by one sub-policy at random.

    Args:
        images: (n, 3, H, W) in [-1, 1].
        rng: a CPU generator; its state decides everything.
    """
    pixels = ((images + 1.0) * 127.5).round()
    fill = pixels.mean(dim=(0, 2, 3)).round()[None, :, None, None]
    chosen = torch.randint(0, len(POLICY) // 6, (len(images),), generator=rng)
    for half in (0, 3):
        chances = torch.tensor([float(POLICY[6 * number + half]) for number in chosen])
        acting = torch.rand(len(images), generator=rng) < chances
        signs = torch.where(torch.rand(len(images), generator=rng) < 0.5, -1.0, 1.0)
        for name, operation in OPERATIONS.items():
            mine = [POLICY[6 * number + half + 1] == name for number in chosen]
            index = (acting & torch.tensor(mine)).nonzero().flatten()
            if len(index):
                levels = torch.tensor([float(POLICY[6 * chosen[which] + half + 2]) for which in index])
                strength = (levels / STEPS * signs[index]).to(pixels.device)
                changed = operation(pixels[index] - fill * (name in _MOVING), strength)
                pixels[index] = (changed + fill * (name in _MOVING)).round().clamp(0, 255)
    return pixels / 127.5 - 1.0


def _moved(pixels: Tensor, strength: Tensor, *, matrix: Callable[[Tensor], Tensor]) -> Tensor:
    """Images whose pixels come from where `matrix` (k, 2, 3) says; 0 from outside."""
    grid = F.affine_grid(matrix(strength), [len(pixels), 1, *pixels.shape[2:]], align_corners=False)
    return F.grid_sample(pixels, grid, mode="nearest", align_corners=False)


def _matrix(row: int, column: int, most: float) -> Callable[[Tensor], Tensor]:
    def filled(strength: Tensor) -> Tensor:
        theta = torch.eye(2, 3, device=strength.device).repeat(len(strength), 1, 1)
        theta[:, row, column] = most * strength
        return theta

    return filled


def _rotation(strength: Tensor) -> Tensor:
    angle = math.radians(30) * strength
    zero = torch.zeros_like(angle)
    rows = [
        torch.stack([angle.cos(), -angle.sin(), zero], 1),
        torch.stack([angle.sin(), angle.cos(), zero], 1),
    ]
    return torch.stack(rows, dim=1)


def _blended(pixels: Tensor, strength: Tensor, *, with_: Callable[[Tensor], Tensor]) -> Tensor:
    """Away from or towards a duller image: a factor from 0.1 to 1.9 on the difference."""
    dull = with_(pixels)
    return dull + (1.0 + 0.9 * strength[:, None, None, None]) * (pixels - dull)


def grey(pixels: Tensor) -> Tensor:
    """Brightness of each pixel (ITU-R 601), on one channel."""
    weights = torch.tensor([0.299, 0.587, 0.114], device=pixels.device)[None, :, None, None]
    return (pixels * weights).sum(dim=1, keepdim=True).round()


def mean_grey(pixels: Tensor) -> Tensor:
    """Mean brightness of each image."""
    return grey(pixels).mean(dim=(1, 2, 3), keepdim=True).round()


def smoothed(pixels: Tensor) -> Tensor:
    """Each pixel with a 13th of its eight neighbours, itself fivefold; the outermost pixels as they are."""
    kernel = torch.ones(3, 3, device=pixels.device)
    kernel[1, 1] = 5.0
    channels = pixels.shape[1]
    inner = F.conv2d(pixels, (kernel / 13).expand(channels, 1, 3, 3), groups=channels).round()
    out = pixels.clone()
    out[..., 1:-1, 1:-1] = inner
    return out


def posterized(pixels: Tensor, strength: Tensor) -> Tensor:
    """The upper 8 to 4 bits of each value."""
    step = 2.0 ** (4 * strength.abs()).round()[:, None, None, None]
    return (pixels / step).floor() * step


def solarized(pixels: Tensor, strength: Tensor) -> Tensor:
    """Values from a threshold on, 256 down to 0, inverted."""
    threshold = 256 * (1 - strength.abs())[:, None, None, None]
    return torch.where(pixels < threshold, pixels, 255 - pixels)


def autocontrasted(pixels: Tensor, _strength: Tensor) -> Tensor:
    """Each channel stretched over the whole range."""
    low, high = pixels.amin(dim=(2, 3), keepdim=True), pixels.amax(dim=(2, 3), keepdim=True)
    return torch.where(high > low, ((pixels - low) * 255 / (high - low).clamp(min=1)).floor(), pixels)


def equalized(pixels: Tensor, _strength: Tensor) -> Tensor:
    """Each channel with an even histogram; one of a single value stays."""
    values = pixels.long().flatten(2)
    counts = torch.zeros((*values.shape[:2], 256), dtype=torch.long, device=pixels.device)
    counts.scatter_add_(2, values, torch.ones_like(values))
    last = counts.gather(2, values.amax(dim=2, keepdim=True))
    step = (counts.sum(dim=2, keepdim=True) - last) // 255
    table = (step // 2 + counts.cumsum(dim=2) - counts) // step.clamp(min=1)
    table = torch.where(step > 0, table.clamp(max=255), torch.arange(256, device=pixels.device))
    return table.gather(2, values).view_as(pixels).to(pixels.dtype)


_SHIFT = 2 * 150 / 331
"""Greatest shift, 150 of 331 pixels, in the coordinates of a map, which span 2."""

_MOVING = frozenset({"shear-x", "shear-y", "translate-x", "translate-y", "rotate"})
OPERATIONS: dict[str, Operation] = {
    "shear-x": partial(_moved, matrix=_matrix(0, 1, 0.3)),
    "shear-y": partial(_moved, matrix=_matrix(1, 0, 0.3)),
    "translate-x": partial(_moved, matrix=_matrix(0, 2, _SHIFT)),
    "translate-y": partial(_moved, matrix=_matrix(1, 2, _SHIFT)),
    "rotate": partial(_moved, matrix=_rotation),
    "color": partial(_blended, with_=grey),
    "contrast": partial(_blended, with_=mean_grey),
    "brightness": partial(_blended, with_=torch.zeros_like),
    "sharpness": partial(_blended, with_=smoothed),
    "posterize": posterized,
    "solarize": solarized,
    "autocontrast": autocontrasted,
    "equalize": equalized,
    "invert": lambda pixels, _strength: 255 - pixels,
}
