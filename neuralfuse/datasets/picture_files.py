"""Picture files as tensors of one size."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from nfenergy.ground.errors import InputError

SUFFIXES = frozenset({".jpeg", ".jpg", ".png", ".ppm", ".bmp"})


def read_images(paths: Sequence[Path], *, extent: int) -> Tensor:
    """Colour pictures as bytes, squeezed bilinearly into a square.

    Args:
        paths: picture files that Pillow reads.
        extent: rows and columns of the result.

    Returns:
        uint8 tensor of shape (len(paths), 3, extent, extent).

    Raises:
        InputError: a file is missing or is no picture.
    """
    images = torch.empty((len(paths), 3, extent, extent), dtype=torch.uint8)
    for index, path in enumerate(paths):
        images[index] = _read_image(path, extent)
    return images


def _read_image(path: Path, extent: int) -> Tensor:
    from PIL import Image, UnidentifiedImageError

    try:
        with Image.open(path) as file:
            picture = file.convert("RGB")
    except UnidentifiedImageError as error:
        raise InputError(f"{path} is not a picture that Pillow can read") from error
    except OSError as error:
        raise InputError(f"cannot read the picture {path}: {error.strerror or error}") from error
    picture = picture.resize((extent, extent), Image.Resampling.BILINEAR)
    return torch.from_numpy(np.asarray(picture).copy()).permute(2, 0, 1)
