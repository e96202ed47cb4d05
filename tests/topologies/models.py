"""Small models that do unusual things with their weights, for the tests of the converter."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn


class Calls(nn.Module):
    """A module whose forward pass is the given function of itself and its input."""

    def __init__(self, forward: Callable[[Any, Tensor], Tensor], **members: nn.Module | Tensor) -> None:
        super().__init__()
        for name, member in members.items():
            if isinstance(member, Tensor) and not isinstance(member, nn.Parameter):
                self.register_buffer(name, member)
            else:
                setattr(self, name, member)
        self._call = forward

    def forward(self, x: Tensor) -> Tensor:
        return self._call(self, x)


def weight(*shape: int) -> nn.Parameter:
    return nn.Parameter(torch.zeros(shape))
