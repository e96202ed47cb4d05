"""Picture files as tensors of one size."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from nfenergy.ground.errors import InputError


def read_images(paths: Sequence[Path], *, extent: int, crop_from: int | None = None) -> Tensor:
    """Colour pictures as bytes, resized bilinearly.

    Args:
        paths: picture files that Pillow reads.
        extent: rows and columns of the result.
        crop_from: first resize the shorter side to this and cut the square `extent` out of the centre;
            without it, the picture is squeezed into the square.

    Returns:
        uint8 tensor of shape (len(paths), 3, extent, extent).

    Raises:
        InputError: a file is missing or is no picture.
    """
    images = torch.empty((len(paths), 3, extent, extent), dtype=torch.uint8)
    for index, path in enumerate(paths):
        images[index] = _read_image(path, extent, crop_from)
    return images


def _read_image(path: Path, extent: int, crop_from: int | None) -> Tensor:
    from PIL import Image, UnidentifiedImageError

    try:
        with Image.open(path) as file:
            picture = file.convert("RGB")
    except UnidentifiedImageError as error:
        raise InputError(f"{path} is not a picture that Pillow can read") from error
    except OSError as error:
        raise InputError(f"cannot read the picture {path}: {error.strerror or error}") from error
    if crop_from is None:
        picture = picture.resize((extent, extent), Image.Resampling.BILINEAR)
    else:
        scale = crop_from / min(picture.size)
        width, height = (max(crop_from, round(side * scale)) for side in picture.size)
        left, top = (width - extent) // 2, (height - extent) // 2
        picture = picture.resize((width, height), Image.Resampling.BILINEAR)
        picture = picture.crop((left, top, left + extent, top + extent))
    return torch.from_numpy(np.asarray(picture).copy()).permute(2, 0, 1)
