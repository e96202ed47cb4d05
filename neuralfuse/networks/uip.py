"""The universal input perturbation of Sun et al., App. F: the same change for every image."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from neuralfuse.networks.generators import Generator
from neuralfuse.registry import Dataset, Network, get_network, networks
from nfenergy.ground.errors import UnknownName

UIP = Network(
    name="uip", title="UIP", role="generator", factory="neuralfuse.networks.uip:UniversalPerturbation"
)


class UniversalPerturbation(Generator):
    """Maps x to clip(x + tanh(UIP), -1, 1); UIP is trained and has the shape of one image.

    It starts at zero, where it changes nothing.
    """

    outside_weight_memory = ("perturbation",)

    def __init__(self, image_shape: tuple[int, int, int] = (3, 32, 32)) -> None:
        super().__init__()
        self.perturbation = nn.Parameter(torch.zeros(image_shape))

    def transform(self, x: Tensor) -> Tensor:
        return torch.tanh(self.perturbation).expand_as(x)


def trainable_generators() -> dict[str, Network]:
    """The generators that EOPM can train: the registry's and the UIP, which reads no weight memory."""
    return {**networks("generator"), UIP.name: UIP}


def get_generator(name: str) -> Network:
    """A generator or the UIP by name, in any case.

    Raises:
        UnknownName: there is none.
    """
    if name.lower() == UIP.name:
        return UIP
    if name.lower() not in trainable_generators():
        raise UnknownName("generator", name, trainable_generators())
    return get_network(name, "generator")


def build_generator(name: str, dataset: Dataset) -> nn.Module:
    """A new generator, or the UIP, for the images of `dataset`.

    Raises:
        UnknownName: there is none.
    """
    network = get_generator(name)
    if network is UIP:
        return UniversalPerturbation(dataset.image_shape)
    return network.build(dataset)
