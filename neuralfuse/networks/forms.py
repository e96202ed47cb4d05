"""What the definitions of networks share."""

from __future__ import annotations

from nfenergy.ground.errors import InputError


def scaled(channels: int, width: float) -> int:
    """Channels times `width`, at least one."""
    return max(1, round(width * channels))


def small_images_only(network: str, *, imagenet: bool) -> None:
    """Raises InputError: the ImageNet form of a network was asked for that has none."""
    if imagenet:
        raise InputError(f"{network} has a form for 32 x 32 images only; choose another base or data set")
