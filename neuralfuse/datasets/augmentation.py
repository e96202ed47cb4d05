"""Random changes of training images, by name: those of both papers' released codes.

Each takes a batch of floats in [-1, 1], (n, channels, H, W), and a CPU generator whose state decides
everything, and returns a batch of the same shape.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional as F

from neuralfuse.datasets.auto_augment import auto_augmented
from neuralfuse.datasets.images import augmented
from nfenergy.ground.errors import UnknownName

Augmentation = Callable[[Tensor, torch.Generator], Tensor]

CUTOUT_EXTENT = 16
SHIFT, SCALES = 0.35, (0.65, 1.35)
"""Of GTSRB's random affine maps: greatest shift as a share of the image, range of the scale."""

CROP_AREAS, CROP_RATIOS = (0.08, 1.0), (3 / 4, 4 / 3)
"""Shares of the image's area and ratios of the sides of ImageNet-10's random crops."""


def cut_out(images: Tensor, rng: torch.Generator, *, extent: int = CUTOUT_EXTENT) -> Tensor:
    """A square of `extent` around a random pixel becomes the mean colour of the batch, where it is inside.

    Source: Devries and Taylor, "Improved regularization of convolutional neural networks with cutout".
    """
    count, _, rows, columns = images.shape
    centre_row = torch.randint(0, rows, (count, 1), generator=rng)
    centre_column = torch.randint(0, columns, (count, 1), generator=rng)
    from_row = torch.arange(rows) - centre_row
    from_column = torch.arange(columns) - centre_column
    half = extent // 2
    row, column = ((distance >= -half) & (distance < half) for distance in (from_row, from_column))
    hole = (row[:, None, :, None] & column[:, None, None, :]).to(images.device)
    return torch.where(hole, images.mean(dim=(0, 2, 3), keepdim=True), images)


def stutz_augmented(images: Tensor, rng: torch.Generator) -> Tensor:
    """Crop and mirror, AutoAugment's policy for CIFAR, cutout (Stutz et al., App. F)."""
    return cut_out(auto_augmented(augmented(images, rng), rng), rng)


def shifted_and_scaled(images: Tensor, rng: torch.Generator) -> Tensor:
    """GTSRB in the released NeuralFuse code: a random shift and scale, then crop and mirror.

    Nearest pixels are taken; what comes from outside is black.
    """
    count, _, rows, columns = images.shape
    shift = (torch.rand((count, 2), generator=rng) * 2 - 1) * SHIFT * 2
    low, high = SCALES
    scale = low + torch.rand(count, generator=rng) * (high - low)
    theta = torch.zeros(count, 2, 3)
    theta[:, 0, 0] = theta[:, 1, 1] = 1 / scale
    theta[:, :, 2] = -shift / scale[:, None]
    return augmented(_mapped(images, theta, (rows, columns)), rng)


def crop_resized(images: Tensor, rng: torch.Generator) -> Tensor:
    """ImageNet-10 in the released NeuralFuse code: a random part of each image, enlarged; random mirrors.

    The part's area and the ratio of its sides are drawn as usual; a part that does not fit is cut to the
    image. The released code crops the whole picture, this the picture as it was squeezed into its square.
    """
    count, _, rows, columns = images.shape
    area = torch.empty(count).uniform_(*CROP_AREAS, generator=rng)
    low, high = (math.log(ratio) for ratio in CROP_RATIOS)
    ratio = torch.empty(count).uniform_(low, high, generator=rng).exp()
    sides = torch.stack([(area * ratio).sqrt(), (area / ratio).sqrt()], dim=1).clamp(max=1.0)
    centre = (torch.rand((count, 2), generator=rng) * 2 - 1) * (1 - sides)
    mirrored = torch.where(torch.rand(count, generator=rng) < 0.5, -1.0, 1.0)
    theta = torch.zeros(count, 2, 3)
    theta[:, 0, 0], theta[:, 1, 1] = sides[:, 0] * mirrored, sides[:, 1]
    theta[:, :, 2] = centre
    return _mapped(images, theta, (rows, columns), mode="bilinear")


def _mapped(images: Tensor, theta: Tensor, extents: tuple[int, int], mode: str = "nearest") -> Tensor:
    """Images at the places that `theta` gives in each; black (-1) outside of them."""
    grid = F.affine_grid(theta, [len(images), 1, *extents], align_corners=False).to(images.device)
    return F.grid_sample(images + 1.0, grid, mode=mode, align_corners=False) - 1.0


AUGMENTATIONS: dict[str, Augmentation] = {
    "crop-mirror": augmented,
    "cutout": lambda images, rng: cut_out(augmented(images, rng), rng),
    "autoaugment-cutout": stutz_augmented,
    "affine-crop-mirror": shifted_and_scaled,
    "resized-crop": crop_resized,
}


def get_augmentation(name: str | bool) -> Augmentation | None:
    """The augmentation called `name`; True is crop and mirror, and False and "" are none.

    Raises:
        UnknownName: there is none of that name.
    """
    if isinstance(name, bool):
        name = "crop-mirror" if name else ""
    if not name:
        return None
    try:
        return AUGMENTATIONS[name.lower()]
    except KeyError:
        raise UnknownName("augmentation", name, AUGMENTATIONS) from None
