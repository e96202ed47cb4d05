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
        papers: whose tables hold it, ``neuralfuse`` (Sun et al.) or ``stutz``; empty for a variant.
    """

    name: str
    title: str
    role: Role
    factory: str
    papers: tuple[str, ...] = ()

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
_SIMPLENET = "neuralfuse.networks.simplenet"
_PREACT = "neuralfuse.networks.preactivation"
_GENERATORS = "neuralfuse.networks.generators"


def _base(name: str, title: str, factory: str, *papers: str) -> Network:
    return Network(name=name, title=title, role="base", factory=factory, papers=papers)


def _generator(name: str, title: str, function: str, *papers: str) -> Network:
    return Network(
        name=name, title=title, role="generator", factory=f"{_GENERATORS}:{function}", papers=papers
    )


NETWORKS: dict[str, Network] = _by_name(
    _base("resnet18", "ResNet18", f"{_RESNET}:resnet18", "neuralfuse"),
    _base("resnet50", "ResNet50", f"{_RESNET}:resnet50", "neuralfuse", "stutz"),
    _base("vgg11", "VGG11", f"{_VGG}:vgg11", "neuralfuse"),
    _base("vgg16", "VGG16", f"{_VGG}:vgg16", "neuralfuse"),
    _base("vgg19", "VGG19", f"{_VGG}:vgg19", "neuralfuse"),
    _generator("convl", "ConvL", "conv_large", "neuralfuse"),
    _generator("convs", "ConvS", "conv_small", "neuralfuse"),
    _generator("deconvl", "DeConvL", "deconv_large", "neuralfuse"),
    _generator("deconvs", "DeConvS", "deconv_small", "neuralfuse"),
    _generator("unetl", "UNetL", "unet_large", "neuralfuse"),
    _generator("unets", "UNetS", "unet_small", "neuralfuse"),
    _base("simplenet", "SimpleNet", f"{_SIMPLENET}:simplenet", "stutz"),
    _base("simplenet-mnist", "SimpleNet (MNIST)", f"{_SIMPLENET}:simplenet_mnist", "stutz"),
    _base("resnet20", "ResNet20", f"{_RESNET}:resnet20", "stutz"),
    _base("wrn", "Wide ResNet", f"{_PREACT}:wide_resnet", "stutz"),
    _base("preact-resnet18", "PreAct ResNet18", f"{_PREACT}:preact_resnet18"),
    _generator("unetl-released", "UNetL (released)", "unet_large_released"),
    _generator("unets-released", "UNetS (released)", "unet_small_released"),
)
"""The eleven of Sun et al.'s Tables 6 to 8 in their order, then the others; see `paper_networks`.

PreAct ResNet18 stands in their Table 25 alone, so that it counts as none of the eleven.
"""

DATASETS: dict[str, Dataset] = {
    "cifar10": Dataset(name="cifar10", title="CIFAR-10", image_shape=(3, 32, 32), classes=10),
    "cifar100": Dataset(name="cifar100", title="CIFAR-100", image_shape=(3, 32, 32), classes=100),
    "gtsrb": Dataset(name="gtsrb", title="GTSRB", image_shape=(3, 32, 32), classes=43),
    "imagenet10": Dataset(
        name="imagenet10", title="ImageNet-10", image_shape=(3, 224, 224), classes=10, imagenet=True
    ),
    "digits": Dataset(name="digits", title="digits", image_shape=(3, 32, 32), classes=10),
    "mnist": Dataset(name="mnist", title="MNIST", image_shape=(3, 32, 32), classes=10),
    "fashion-mnist": Dataset(
        name="fashion-mnist", title="Fashion-MNIST", image_shape=(3, 32, 32), classes=10
    ),
}


def networks(role: Role) -> dict[str, Network]:
    """The networks of one role, in the papers' order."""
    return {name: network for name, network in NETWORKS.items() if network.role == role}


def paper_networks(paper: str = "neuralfuse") -> dict[str, Network]:
    """The networks of one paper's tables, in its order: ``neuralfuse`` (all eleven) or ``stutz``."""
    return {name: network for name, network in NETWORKS.items() if paper in network.papers}


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
