"""First weights of a base: He et al.'s normal distribution, as torchvision's VGG and ResNet have it."""

from __future__ import annotations

from torch import nn


def initialize(model: nn.Module) -> nn.Module:
    """Draw convolutions from a normal distribution scaled by their outputs; returns the model.

    PyTorch's own uniform distribution has no tails. A base that starts from it keeps narrow weight
    ranges, and with them small quantization steps, and loses little to bit errors that ruin other bases.

    Source: He et al., "Delving deep into rectifiers", ICCV 2015, in the form of torchvision's networks.
    """
    for module in model.modules():
        if isinstance(module, nn.Conv2d):
            nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")
        elif isinstance(module, nn.Linear):
            nn.init.normal_(module.weight, std=0.01)
        if isinstance(module, nn.Conv2d | nn.Linear) and module.bias is not None:
            nn.init.zeros_(module.bias)
    return model
