"""The universal input perturbation of Sun et al., App. F: the same change for every image."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from neuralfuse.networks.generators import Generator


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
