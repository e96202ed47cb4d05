"""The loader of each data set, by the data set's name in the registry."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from neuralfuse.datasets.cifar import CIFAR10, CIFAR100, load_cifar
from neuralfuse.datasets.digits import load_digits
from neuralfuse.datasets.gtsrb import GtsrbFormat, load_gtsrb
from neuralfuse.datasets.imagenet10 import load_imagenet10
from neuralfuse.datasets.images import Splits
from neuralfuse.datasets.mnist import FASHION, MnistFormat, load_mnist
from neuralfuse.datasets.places import data_root
from nfenergy.ground.errors import UnknownName

Loader = Callable[[Path, bool], Splits]

LOADERS: dict[str, Loader] = {
    "cifar10": lambda root, verify: load_cifar(CIFAR10, root, verify=verify),
    "cifar100": lambda root, verify: load_cifar(CIFAR100, root, verify=verify),
    "gtsrb": lambda root, verify: load_gtsrb(GtsrbFormat(), root),
    "imagenet10": lambda root, verify: load_imagenet10(root),
    "digits": lambda root, verify: load_digits(),
    "mnist": lambda root, verify: load_mnist(MnistFormat(), root, verify=verify),
    "fashion-mnist": lambda root, verify: load_mnist(FASHION, root, verify=verify),
}

AUGMENTED: dict[str, str] = {
    "cifar10": "crop-mirror",
    "cifar100": "crop-mirror",
    "gtsrb": "affine-crop-mirror",
    "imagenet10": "resized-crop",
}
"""Data sets whose training images the released NeuralFuse code changes at random, and how it does."""

CLASS_NAMES: dict[str, str] = {
    "cifar10": "airplane automobile bird cat deer dog frog horse ship truck",
    "fashion-mnist": "T-shirt trouser pullover dress coat sandal shirt sneaker bag boot",
}
"""Of the data sets whose classes have names, in the order of their labels."""


def own_augmentation(dataset: str, wanted: bool | str) -> str:
    """The name of an augmentation; True is the data set's own, or crop and mirror where it has none."""
    if isinstance(wanted, str):
        return wanted
    return AUGMENTED.get(dataset, "crop-mirror") if wanted else ""


def load(name: str, *, data_dir: Path | None = None, verify: bool = True) -> Splits:
    """The training and test images of a data set.

    Args:
        name: as the registry lists it, in any case.
        data_dir: folder of all data sets; see `data_root` for the default.
        verify: compare archives with their published checksums.

    Raises:
        UnknownName: there is no such data set.
        InputError: its files are missing or damaged; the message says which to put where.
    """
    try:
        loader = LOADERS[name.lower()]
    except KeyError:
        raise UnknownName("data set", name, LOADERS) from None
    names = tuple(CLASS_NAMES.get(name.lower(), "").split())
    return replace(loader(data_root(data_dir), verify), class_names=names)
