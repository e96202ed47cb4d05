"""The networks and the data sets by name. Commands, help, tests and tables read these registries."""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from nfenergy.ground.errors import InputError
from nfenergy.ground.registry import Registry

if TYPE_CHECKING:
    from torch import nn

Role = Literal["base", "generator"]

ONNX = ".onnx"
"""How a network's name ends that is an ONNX file."""

NO_GENERATOR = "none"
"""What stands for the base model alone where a generator is named."""

NO_PROTECTION = "none"
"""What stands for a weight memory as it is where a protection is named."""


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

    def __str__(self) -> str:
        return f"{self.title}: {self.classes} classes, {' x '.join(map(str, self.image_shape))}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Network:
    """A network by name.

    Attributes:
        name: as users type it.
        title: as the papers write it.
        role: ``base`` or ``generator``.
        factory: module and function that build it; it is handed what it takes of ``classes``,
            ``imagenet``, ``width`` (of a base) and ``image_shape``.
        papers: whose tables list it, such as ``neuralfuse``.
        reads_weights: whether it has a place in a topology; the universal perturbation has none.
    """

    name: str
    title: str
    role: Role
    factory: str
    papers: tuple[str, ...] = ()
    reads_weights: bool = True

    @property
    def given(self) -> str:
        """What names it again in the same working folder."""
        return self.name

    def build(self, dataset: Dataset, *, width: float = 1.0) -> nn.Module:
        """A new network with PyTorch's random weights (none on the meta device).

        Args:
            dataset: decides form and number of classes of a base, and the image of a generator.
            width: factor on a base's channels.

        Raises:
            InputError: the width is not positive and finite.
        """
        if not 0.0 < width < math.inf:
            raise InputError(f"the width is a positive, finite factor, not {width:g}")
        module, function = self.factory.split(":")
        factory: Callable[..., nn.Module] = getattr(import_module(module), function)
        offered: dict[str, object] = {"image_shape": dataset.image_shape}
        if self.role == "base":
            offered |= {"classes": dataset.classes, "imagenet": dataset.imagenet, "width": width}
        taken = inspect.signature(factory).parameters
        return factory(**{name: value for name, value in offered.items() if name in taken})


@dataclass(frozen=True, slots=True, kw_only=True)
class FileNetwork(Network):
    """A network in a user's file.

    Attributes:
        path: the file as it was given.
        sha256: digest of the file, not of what it refers to.
    """

    path: Path
    sha256: str

    @property
    def given(self) -> str:
        """What names it again in the same working folder."""
        return str(self.path)

    @property
    def anywhere(self) -> str:
        """What names it again in any working folder."""
        return str(self.path.absolute())


def _base(name: str, title: str, place: str, *papers: str) -> Network:
    factory = f"neuralfuse.networks.{place}"
    return Network(name=name, title=title, role="base", factory=factory, papers=papers)


def _generator(name: str, title: str, function: str, *papers: str) -> Network:
    factory = f"neuralfuse.networks.generators:{function}"
    return Network(name=name, title=title, role="generator", factory=factory, papers=papers)


BASES: Registry[Network] = Registry(
    "base model",
    (
        _base("resnet18", "ResNet18", "resnet:resnet18", "neuralfuse"),
        _base("resnet50", "ResNet50", "resnet:resnet50", "neuralfuse", "stutz"),
        _base("vgg11", "VGG11", "vgg:vgg11", "neuralfuse"),
        _base("vgg16", "VGG16", "vgg:vgg16", "neuralfuse"),
        _base("vgg19", "VGG19", "vgg:vgg19", "neuralfuse"),
        _base("simplenet", "SimpleNet", "simplenet:simplenet", "stutz"),
        _base("simplenet-mnist", "SimpleNet (MNIST)", "simplenet:simplenet_mnist", "stutz"),
        _base("resnet20", "ResNet20", "resnet:resnet20", "stutz"),
        _base("wrn", "Wide ResNet", "preactivation:wide_resnet", "stutz"),
        # Its table in Sun et al. (25) is none of those that list sizes and savings.
        _base("preact-resnet18", "PreAct ResNet18", "preactivation:preact_resnet18"),
    ),
)
"""The eleven of Sun et al.'s Tables 6 to 8 in their order, then the others; see `paper_networks`.

PreAct ResNet18 stands in their Table 25 alone, so that it counts as none of the eleven.
"""

GENERATORS: Registry[Network] = Registry(
    "generator",
    (
        _generator("convl", "ConvL", "conv_large", "neuralfuse"),
        _generator("convs", "ConvS", "conv_small", "neuralfuse"),
        _generator("deconvl", "DeConvL", "deconv_large", "neuralfuse"),
        _generator("deconvs", "DeConvS", "deconv_small", "neuralfuse"),
        _generator("unetl", "UNetL", "unet_large", "neuralfuse"),
        _generator("unets", "UNetS", "unet_small", "neuralfuse"),
        _generator("unetl-released", "UNetL (released)", "unet_large_released"),
        _generator("unets-released", "UNetS (released)", "unet_small_released"),
        Network(
            name="uip",
            title="UIP",
            role="generator",
            factory="neuralfuse.networks.uip:UniversalPerturbation",
            reads_weights=False,
        ),
    ),
)

DATASETS: Registry[Dataset] = Registry(
    "data set",
    (
        Dataset(name="cifar10", title="CIFAR-10", image_shape=(3, 32, 32), classes=10),
        Dataset(name="cifar100", title="CIFAR-100", image_shape=(3, 32, 32), classes=100),
        Dataset(name="gtsrb", title="GTSRB", image_shape=(3, 32, 32), classes=43),
        Dataset(name="imagenet10", title="ImageNet-10", image_shape=(3, 224, 224), classes=10, imagenet=True),
        Dataset(name="digits", title="digits", image_shape=(3, 32, 32), classes=10),
        Dataset(name="mnist", title="MNIST", image_shape=(3, 32, 32), classes=10),
        Dataset(name="fashion-mnist", title="Fashion-MNIST", image_shape=(3, 32, 32), classes=10),
    ),
)


IMAGENET_EXTENT = 64
"""From this many rows on, bases take their ImageNet form for a data set of one's own."""


def own_dataset(name: str, *, classes: int, extent: int) -> Dataset:
    """What a network must know of a data set that the registry does not hold."""
    return Dataset(
        name=name,
        title=name,
        image_shape=(3, extent, extent),
        classes=classes,
        imagenet=extent >= IMAGENET_EXTENT,
    )


def networks(role: Role) -> Registry[Network]:
    """The registry of one role."""
    return BASES if role == "base" else GENERATORS


def paper_networks(paper: str = "neuralfuse") -> tuple[Network, ...]:
    """The networks that a paper's tables list, bases first."""
    return tuple(row for rows in (BASES, GENERATORS) for row in rows.values() if paper in row.papers)


def dataset_name(name: str) -> str:
    """The registered form of a data set's name; ``folder:NAME`` and ``file.py:function`` stay as they are.

    Raises:
        UnknownName: the registry does not hold it.
    """
    return name if ":" in name else DATASETS.find(name).name


def network_name(role: Role, name: str) -> str:
    """The registered form of a network's name; ``file.py:function`` and ``model.onnx`` stay as they are.

    Raises:
        UnknownName: no network of this role has it.
    """
    in_a_file = ":" in name or name.lower().endswith(ONNX)
    return name if in_a_file else networks(role).find(name).name


def generator_name(name: str) -> str:
    """As `network_name`; `NO_GENERATOR` in any case stands for itself."""
    return NO_GENERATOR if name.lower() == NO_GENERATOR else network_name("generator", name)


def title_of(role: Role, name: str) -> str:
    """Title of a network; one of the user's own is called by its name."""
    found = networks(role).get(name)
    return found.title if found else name


def base_title(name: str) -> str:
    """Title of a base model."""
    return title_of("base", name)


def generator_title(name: str) -> str:
    """Title of a generator, or what stands for none."""
    return "no generator" if name == NO_GENERATOR else title_of("generator", name)


def combination(base: str, generator: str) -> str:
    """Title of a base model behind a generator."""
    if generator == NO_GENERATOR:
        return f"{base_title(base)}, no generator"
    return f"{base_title(base)} + {generator_title(generator)}"


def dataset_title(name: str) -> str:
    """Title of a data set."""
    found = DATASETS.get(name)
    return found.title if found else name
