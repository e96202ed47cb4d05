"""ImageNet-10, or any ten classes of it, from one folder of pictures a class."""

from __future__ import annotations

from pathlib import Path

import torch

from neuralfuse.datasets.images import LabelledImages, Splits, labelled
from neuralfuse.datasets.picture_files import SUFFIXES, read_images
from neuralfuse.datasets.places import missing
from nfenergy.ground.errors import InputError
from nfenergy.ground.files import is_folder

CLASSES = 10


def load_imagenet10(root: Path, *, extent: int = 224) -> Splits:
    """Ten classes of ImageNet, bytes of shape (n, 3, 224, 224); about 2 GB for 13,000 pictures.

    Expects ``imagenet10/train/<class>/*`` and ``imagenet10/val/<class>/*`` with the same ten class
    folders; classes are numbered in the order of their names. Pictures are squeezed into the square, as
    the released NeuralFuse code does with those for testing; it crops those for training at random (see
    `neuralfuse.datasets.augmentation`).

    Raises:
        InputError: a folder is missing, empty or superfluous, or a file is no picture.
    """
    folder = root / "imagenet10"
    if not is_folder(folder / "train") or not is_folder(folder / "val"):
        raise missing("imagenet10", root, "imagenet10/train and imagenet10/val with ten class folders each")
    classes = _class_names(folder / "train")
    in_val = _class_names(folder / "val")
    if different := sorted(set(classes) ^ set(in_val)):
        raise InputError(
            f"{folder}: class folder {different[0]} is in only one of train and val; both need the same ten"
        )
    return Splits(
        name="imagenet10",
        train=_read(folder / "train", classes, extent),
        test=_read(folder / "val", classes, extent),
    )


def _class_names(part: Path) -> list[str]:
    names = sorted(path.name for path in part.iterdir() if path.is_dir())
    if len(names) != CLASSES:
        raise InputError(f"{part} has {len(names)} class folders, expected {CLASSES}")
    return names


def _read(part: Path, classes: list[str], extent: int) -> LabelledImages:
    paths: list[Path] = []
    labels: list[int] = []
    for label, name in enumerate(classes):
        found = sorted(path for path in (part / name).iterdir() if path.suffix.lower() in SUFFIXES)
        if not found:
            raise InputError(f"class folder {part / name} has no pictures ({', '.join(sorted(SUFFIXES))})")
        paths += found
        labels += [label] * len(found)
    images = read_images(paths, extent=extent)
    return labelled(images, torch.tensor(labels), classes=CLASSES, source=part)
