"""Data sets of one's own: a folder with one folder of pictures a class, or a function that makes them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from neuralfuse.datasets.images import LabelledImages, Splits, labelled
from neuralfuse.datasets.picture_files import SUFFIXES, read_images
from neuralfuse.registry import Dataset, own_dataset
from nfenergy.ground.errors import InputError
from nfenergy.ground.files import is_folder

FOLDER_PREFIX = "folder:"
TEST_FOLDERS = ("test", "val")
EVERY = 5
"""Without folders of their own, every fifth picture of a class is for testing."""

MakeDataset = Callable[..., Any]
"""``make(train=True)`` and ``make(train=False)`` give data sets of PyTorch, of pairs of image and label."""


def load_folder(folder: Path, *, extent: int = 32) -> tuple[Dataset, Splits]:
    """Pictures squeezed to `extent` x `extent`, of class folders that are numbered by their names.

    Expects ``train/<class>/*`` and ``test/<class>/*`` (or ``val``), or the class folders alone.

    Raises:
        InputError: there is no such folder, fewer than two classes, an empty one, one in only one of the
            two parts, or a file that is no picture.
    """
    if not is_folder(folder):
        raise InputError(f"no folder {folder}; name one with a folder of pictures for each class")
    name = f"{FOLDER_PREFIX}{folder.resolve().name}"
    test_folder = next((folder / part for part in TEST_FOLDERS if (folder / part).is_dir()), None)
    if (folder / "train").is_dir() and test_folder is not None:
        train, test = class_pictures(folder / "train"), class_pictures(test_folder)
        if different := sorted(train.keys() ^ test.keys()):
            raise InputError(f"{folder}: class folder {different[0]} is in only one of train and test")
    else:
        every = class_pictures(folder)
        test = {label: paths[EVERY - 1 :: EVERY] for label, paths in every.items()}
        train = {label: [path for path in every[label] if path not in test[label]] for label in every}
        if few := next((label for label, paths in test.items() if not paths), None):
            raise InputError(f"{folder / few} has fewer than {EVERY} pictures; one in {EVERY} is for testing")
    splits = Splits(name=name, train=_read(train, extent), test=_read(test, extent), class_names=tuple(train))
    return own_dataset(name, classes=len(train), extent=extent), splits


def class_pictures(part: Path) -> dict[str, list[Path]]:
    """Class -> its pictures, both in the order of their names.

    Raises:
        InputError: there are fewer than two classes, or one has no pictures.
    """
    found = {
        folder.name: sorted(path for path in folder.iterdir() if path.suffix.lower() in SUFFIXES)
        for folder in sorted(part.iterdir())
        if folder.is_dir()
    }
    if len(found) < 2:
        raise InputError(f"{part} has {len(found)} class folders; at least two are needed")
    if empty := next((name for name, paths in found.items() if not paths), None):
        raise InputError(f"class folder {part / empty} has no pictures ({', '.join(sorted(SUFFIXES))})")
    return found


def _read(pictures: dict[str, list[Path]], extent: int) -> LabelledImages:
    paths = [path for name in pictures for path in pictures[name]]
    labels = [label for label, name in enumerate(pictures) for _ in pictures[name]]
    return LabelledImages(images=read_images(paths, extent=extent), labels=torch.tensor(labels))


def load_function(make: MakeDataset, name: str) -> tuple[Dataset, Splits]:
    """The two data sets of PyTorch that ``make(train=...)`` returns, whole in memory.

    An image is a tensor (1 or 3, n, n) of bytes or of floats in [0, 1] or [-1, 1], or a picture of Pillow; a
    label is a whole number from 0. One channel is repeated on three. The classes are called as the data set's
    attribute ``classes`` says, which torchvision's have.

    Args:
        make: the user's function.
        name: of the data set, such as ``file.py:function``.

    Raises:
        InputError: an item is nothing of the kind, or images differ in their extents.
    """
    given = [make(train=train) for train in (True, False)]
    parts = [_part(items, name) for items in given]
    names = _class_names(given[0])
    classes = max(len(names), 1 + max(int(part.labels.max()) for part in parts))
    names = names if len(names) == classes else ()
    shapes = {tuple(part.images.shape[1:]) for part in parts}
    if len(shapes) > 1:
        raise InputError(f"{name}: images for training and for testing differ in shape, {sorted(shapes)}")
    train, test = (labelled(part.images, part.labels, classes=classes, source=name) for part in parts)
    if classes < 2:
        raise InputError(f"{name} gave images of one class; at least two are needed")
    dataset = own_dataset(name, classes=classes, extent=train.images.shape[-1])
    return dataset, Splits(name=name, train=train, test=test, class_names=names)


def _class_names(items: Any) -> tuple[str, ...]:
    found = getattr(items, "classes", None)
    return tuple(map(str, found)) if isinstance(found, list | tuple) else ()


def _part(items: Sequence[tuple[Any, Any]], name: str) -> LabelledImages:
    try:
        pairs = [items[number] for number in range(len(items))]
        images = [_image(image) for image, _ in pairs]
        labels = torch.tensor([int(label) for _, label in pairs])
        stacked = torch.stack(images)
    except (TypeError, ValueError, RuntimeError) as error:
        raise InputError(
            f"{name} gave no data set of equal images (3, n, n) with whole-number labels ({error})"
        ) from error
    if not len(labels) or stacked.shape[-1] != stacked.shape[-2]:
        raise InputError(
            f"{name} gave {len(labels)} images of shape {tuple(stacked.shape[1:])}; give squares"
        )
    if stacked.is_floating_point():
        low, high = float(stacked.min()), float(stacked.max())
        if not -1.0 <= low <= high <= 1.0:
            raise InputError(f"{name} gave pixels from {low:g} to {high:g}; floats are in [0, 1] or [-1, 1]")
        stacked = stacked if low < 0.0 else 2.0 * stacked - 1.0
    return LabelledImages(images=stacked, labels=labels)


def _image(given: Any) -> Tensor:
    if isinstance(given, Tensor):
        image = given
    else:
        pixels = np.array(given)
        image = torch.from_numpy(pixels if pixels.ndim == 2 else np.moveaxis(pixels, -1, 0).copy())
    if image.dim() == 2:
        image = image[None]
    if image.dim() != 3 or image.shape[0] not in (1, 3):
        raise ValueError(f"an image of shape {tuple(image.shape)}")
    if image.dtype != torch.uint8:
        image = image.float()
    return image.expand(3, -1, -1).contiguous() if image.shape[0] == 1 else image
