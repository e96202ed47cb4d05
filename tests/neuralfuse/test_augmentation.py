"""Augmentations: what they change and that a generator's state decides it; AutoAugment's by Pillow."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch
from PIL import Image, ImageEnhance, ImageOps
from torch import Tensor

from neuralfuse.datasets.augmentation import AUGMENTATIONS, crop_resized, cut_out, get_augmentation
from neuralfuse.datasets.auto_augment import OPERATIONS, POLICY, auto_augmented
from neuralfuse.datasets.images import augmented
from nfenergy.ground.errors import UnknownName


def _rng(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def _pictures(count: int = 5) -> Tensor:
    """Smooth coloured pictures, as whole numbers from 0 to 255."""
    coarse = torch.rand((count, 3, 5, 5), generator=_rng(3)) * 200 + 20
    return torch.nn.functional.interpolate(coarse, size=(32, 32), mode="bicubic").round().clamp(0, 255)


@pytest.mark.parametrize("name", sorted(AUGMENTATIONS))
def test_each_keeps_shape_and_range_and_repeats_itself(name: str) -> None:
    images = _pictures(40) / 127.5 - 1
    augment = AUGMENTATIONS[name]
    out, again, other = augment(images, _rng(1)), augment(images, _rng(1)), augment(images, _rng(2))
    assert out.shape == images.shape
    assert out.dtype == images.dtype
    assert float(out.abs().max()) <= 1.0 + 1e-5
    assert torch.equal(out, again)
    assert not torch.equal(out, other)
    assert not torch.equal(out, images)


def test_names_and_the_two_switches() -> None:
    assert get_augmentation(True) is get_augmentation("crop-mirror") is augmented
    assert get_augmentation(False) is None
    assert get_augmentation("") is None
    with pytest.raises(UnknownName, match="cutout"):
        get_augmentation("cut-out")


def test_a_hole_is_at_most_sixteen_wide_and_of_the_mean_colour() -> None:
    images = torch.rand((50, 3, 32, 32), generator=_rng())
    out = cut_out(images, _rng(1))
    changed = (out != images).all(dim=1)
    sizes = changed.sum(dim=(1, 2))
    assert int(sizes.max()) == 256
    assert int(sizes.min()) >= 64
    assert torch.allclose(out[:, 0][changed], images[:, 0].mean())


def test_a_resized_crop_is_a_part_of_its_image() -> None:
    ramp = torch.linspace(-1, 1, 64).expand(30, 3, 64, 64).contiguous()
    out = crop_resized(ramp, _rng())
    slopes = (out[..., 0, -2] - out[..., 0, 1])[:, 0]
    assert float(slopes.abs().max()) < 2.0
    assert bool((slopes > 0).any())
    assert bool((slopes < 0).any())  # mirrored
    assert float(out.min()) >= -1.01


def test_the_policy_has_25_pairs_of_known_operations() -> None:
    entries = [POLICY[start : start + 3] for start in range(0, len(POLICY), 3)]
    assert len(entries) == 50
    assert {name for _, name, _ in entries} <= set(OPERATIONS)
    assert all(0.0 <= float(chance) <= 0.9 and 0 <= int(level) <= 9 for chance, _, level in entries)


PILLOW: dict[str, Callable[[Image.Image, float], Image.Image]] = {
    "color": lambda image, strength: ImageEnhance.Color(image).enhance(1 + 0.9 * strength),
    "contrast": lambda image, strength: ImageEnhance.Contrast(image).enhance(1 + 0.9 * strength),
    "brightness": lambda image, strength: ImageEnhance.Brightness(image).enhance(1 + 0.9 * strength),
    "sharpness": lambda image, strength: ImageEnhance.Sharpness(image).enhance(1 + 0.9 * strength),
    "posterize": lambda image, strength: ImageOps.posterize(image, 8 - round(4 * abs(strength))),
    "solarize": lambda image, strength: ImageOps.solarize(image, 256 * (1 - abs(strength))),
    "autocontrast": lambda image, _: ImageOps.autocontrast(image),
    "equalize": lambda image, _: ImageOps.equalize(image),
    "invert": lambda image, _: ImageOps.invert(image),
}


@pytest.mark.parametrize("level", [-9, -4, 0, 3, 9])
@pytest.mark.parametrize("name", sorted(PILLOW))
def test_colours_change_as_in_pillow(name: str, level: int) -> None:
    pixels = _pictures()
    strength = level / 9
    out = OPERATIONS[name](pixels, torch.full((len(pixels),), strength)).round().clamp(0, 255)
    for before, after in zip(pixels, out, strict=True):
        picture = Image.fromarray(before.byte().permute(1, 2, 0).numpy())
        expected = np.asarray(PILLOW[name](picture, strength), dtype=float)
        difference = np.abs(after.permute(1, 2, 0).numpy() - expected)
        assert difference.max() <= (0 if name in ("invert", "posterize", "equalize", "solarize") else 2.0)


def test_a_shift_moves_pixels_and_the_hole_has_the_mean_colour() -> None:
    pixels = _pictures(1)
    moved = OPERATIONS["translate-x"](pixels, torch.tensor([1.0]))
    distance = round(150 / 331 * 32)
    assert torch.equal(moved[..., : 32 - distance], pixels[..., distance:])
    assert float(moved[..., 32 - distance :].abs().max()) == 0.0
    flat = torch.full((60, 3, 32, 32), 0.2)
    assert float((auto_augmented(flat, _rng()) - 0.2).abs().median()) < 0.02
