"""Labelled images in memory, and the published preprocessing of a batch of them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from nfenergy.ground.errors import InputError


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class LabelledImages:
    """Images of one part of a data set.

    Attributes:
        images: (n, 3, H, W), bytes 0 to 255 as read, or floats already in [-1, 1].
        labels: (n,) class numbers from 0.
    """

    images: Tensor
    labels: Tensor

    def __len__(self) -> int:
        return len(self.labels)

    def batch(self, index: Tensor | slice, device: torch.device | str = "cpu") -> tuple[Tensor, Tensor]:
        """Images as floats in [-1, 1] and their labels, on `device`."""
        return normalized(self.images[index].to(device)), self.labels[index].to(device)

    def batches(self, size: int, device: torch.device | str = "cpu") -> Iterator[tuple[Tensor, Tensor]]:
        """All images in order for inference, `size` at a time; the last batch may be smaller.

        They lie channels last in memory, in which convolutions run up to twice as fast. Not so the
        batches of a training: oneDNN 3 corrupts memory in the backward pass of some narrow convolutions
        in this layout.
        """
        for start in range(0, len(self), size):
            images, labels = self.batch(slice(start, start + size), device)
            yield images.to(memory_format=torch.channels_last), labels

    def first(self, count: int) -> LabelledImages:
        """The first `count` images."""
        return LabelledImages(images=self.images[:count], labels=self.labels[:count])

    def spread(self, count: int) -> LabelledImages:
        """At most `count` images at equal distances, in order."""
        index = torch.arange(min(count, len(self))) * len(self) // max(1, min(count, len(self)))
        return LabelledImages(images=self.images[index], labels=self.labels[index])

    def held_out(self, share: float) -> tuple[LabelledImages, LabelledImages]:
        """The rest, and `share` of the images at equal distances.

        Raises:
            InputError: one of the two parts would be empty.
        """
        count = round(share * len(self))
        if not 0 < count < len(self):
            raise InputError(f"{100 * share:g} % of {len(self)} images leave nothing on one side")
        index = torch.arange(count) * len(self) // count
        rest = torch.ones(len(self), dtype=torch.bool).index_fill_(0, index, value=False)
        return tuple(  # type: ignore[return-value]
            LabelledImages(images=self.images[chosen], labels=self.labels[chosen]) for chosen in (rest, index)
        )


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Splits:
    """The training and the test images of one data set.

    Attributes:
        name: in the registry, or of one's own data.
        train, test: the two parts.
        class_names: in the order of the labels; empty where classes have numbers only.
    """

    name: str
    train: LabelledImages
    test: LabelledImages
    class_names: tuple[str, ...] = ()


def normalized(images: Tensor) -> Tensor:
    """Bytes x as 2 x / 255 - 1, the preprocessing of Sun et al.; floats unchanged."""
    if images.dtype != torch.uint8:
        return images
    return images.float().mul_(2.0 / 255.0).sub_(1.0)


def labelled(images: Tensor, labels: Tensor, *, classes: int, source: object) -> LabelledImages:
    """The record, once every label is known to be a class.

    Raises:
        InputError: a label is none of the `classes`; `source` names where it came from.
    """
    if len(labels) and not 0 <= int(labels.min()) <= int(labels.max()) < classes:
        found = int(labels.max()) if int(labels.min()) >= 0 else int(labels.min())
        raise InputError(
            f"{source} has label {found}, expected 0 to {classes - 1}; the file is not of this data set"
        )
    return LabelledImages(images=images, labels=labels.long())


def augmented(images: Tensor, rng: torch.Generator, *, padding: int = 4) -> Tensor:
    """A random crop after zero padding, and a random mirror image, of each image.

    As in the released NeuralFuse code: zeros are padded before the images are normalised, so the border
    is -1 here.

    Args:
        images: (n, channels, H, W) in [-1, 1].
        rng: a CPU generator; its state decides the crops and which images are mirrored.
        padding: pixels on each side.
    """
    count, _, rows, columns = images.shape
    padded = torch.nn.functional.pad(images, (padding,) * 4, value=-1.0)
    top, left = torch.randint(0, 2 * padding + 1, (2, count), generator=rng)
    mirrored = torch.rand(count, generator=rng) < 0.5
    row = top[:, None] + torch.arange(rows)
    column = left[:, None] + torch.arange(columns)
    column = torch.where(mirrored[:, None], column.flip(1), column)
    which = torch.arange(count)[:, None, None]
    cropped = padded.permute(0, 2, 3, 1)[which, row[:, :, None], column[:, None, :]]
    return cropped.permute(0, 3, 1, 2).contiguous()
