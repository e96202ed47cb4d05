"""The one list of networks and the one list of data sets. Commands, help, tests and tables read them."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, Literal

from nfenergy.ground.errors import InputError, UnknownName

if TYPE_CHECKING:
    from torch import nn

Role = Literal["base", "generator"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Dataset:
    """What a network must know of its data.

    Attributes:
        name: as users type it.
        title: as people write it.
        image_shape: channels, rows, columns.
        classes: labels it distinguishes.
        imagenet: whether bases take their ImageNet form (7 x 7 stem, three-layer classifier).
    """

    name: str
    title: str
    image_shape: tuple[int, int, int]
    classes: int
    imagenet: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Network:
    """A network by name.

    Attributes:
        name: as users type it.
        title: as the papers write it.
        role: ``base`` or ``generator``.
        factory: module and function that build it.
    """

    name: str
    title: str
    role: Role
    factory: str

    def build(self, dataset: Dataset, *, width: float = 1.0) -> nn.Module:
        """A new network with PyTorch's random weights (none on the meta device).

        Args:
            dataset: decides the form and the number of classes of a base; generators have one form.
            width: factor on a base's channels.

        Raises:
            InputError: the width is not positive and finite.
        """
        if not 0.0 < width < math.inf:
            raise InputError(f"the width is a positive, finite factor, not {width:g}")
        module, function = self.factory.split(":")
        factory: Callable[..., nn.Module] = getattr(import_module(module), function)
        if self.role == "generator":
            return factory()
        return factory(classes=dataset.classes, imagenet=dataset.imagenet, width=width)


def _by_name(*networks: Network) -> dict[str, Network]:
    return {network.name: network for network in networks}


_RESNET = "neuralfuse.networks.resnet"
_VGG = "neuralfuse.networks.vgg"
_GENERATORS = "neuralfuse.networks.generators"

NETWORKS: dict[str, Network] = _by_name(
    Network(name="resnet18", title="ResNet18", role="base", factory=f"{_RESNET}:resnet18"),
    Network(name="resnet50", title="ResNet50", role="base", factory=f"{_RESNET}:resnet50"),
    Network(name="vgg11", title="VGG11", role="base", factory=f"{_VGG}:vgg11"),
    Network(name="vgg16", title="VGG16", role="base", factory=f"{_VGG}:vgg16"),
    Network(name="vgg19", title="VGG19", role="base", factory=f"{_VGG}:vgg19"),
    Network(name="convl", title="ConvL", role="generator", factory=f"{_GENERATORS}:conv_large"),
    Network(name="convs", title="ConvS", role="generator", factory=f"{_GENERATORS}:conv_small"),
    Network(name="deconvl", title="DeConvL", role="generator", factory=f"{_GENERATORS}:deconv_large"),
    Network(name="deconvs", title="DeConvS", role="generator", factory=f"{_GENERATORS}:deconv_small"),
    Network(name="unetl", title="UNetL", role="generator", factory=f"{_GENERATORS}:unet_large"),
    Network(name="unets", title="UNetS", role="generator", factory=f"{_GENERATORS}:unet_small"),
)

DATASETS: dict[str, Dataset] = {
    "cifar10": Dataset(name="cifar10", title="CIFAR-10", image_shape=(3, 32, 32), classes=10),
    "cifar100": Dataset(name="cifar100", title="CIFAR-100", image_shape=(3, 32, 32), classes=100),
    "gtsrb": Dataset(name="gtsrb", title="GTSRB", image_shape=(3, 32, 32), classes=43),
    "imagenet10": Dataset(
        name="imagenet10", title="ImageNet-10", image_shape=(3, 224, 224), classes=10, imagenet=True
    ),
    "digits": Dataset(name="digits", title="digits", image_shape=(3, 32, 32), classes=10),
    "mnist": Dataset(name="mnist", title="MNIST", image_shape=(3, 32, 32), classes=10),
}


def networks(role: Role) -> dict[str, Network]:
    """The networks of one role, in the papers' order."""
    return {name: network for name, network in NETWORKS.items() if network.role == role}


def get_network(name: str, role: Role | None = None) -> Network:
    """The network called `name`, in any case.

    Raises:
        UnknownName: there is none, or it has another role.
    """
    known = NETWORKS if role is None else networks(role)
    try:
        return known[name.lower()]
    except KeyError:
        kind = {"base": "base model", "generator": "generator", None: "network"}[role]
        raise UnknownName(kind, name, known) from None


def get_dataset(name: str) -> Dataset:
    """The data set called `name`, in any case.

    Raises:
        UnknownName: there is none.
    """
    try:
        return DATASETS[name.lower()]
    except KeyError:
        raise UnknownName("data set", name, DATASETS) from None
