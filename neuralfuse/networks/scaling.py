"""Weights of another scale that compute the same classes (Stutz et al., Table 11)."""

from __future__ import annotations

import torch
from torch import nn

from nfenergy.ground.errors import InputError

NORMS = (nn.BatchNorm2d, nn.GroupNorm)


def greatest_magnitude(model: nn.Module) -> float:
    """Of all parameters."""
    return max(float(parameter.detach().abs().max()) for parameter in model.parameters())


@torch.no_grad()
def scale_weights(model: nn.Module, greatest: float) -> float:
    """Multiply all parameters by one factor, which it returns, so that `greatest` is the greatest magnitude.

    The classes stay where normalisation without trained scale and shift follows every layer but the last
    (``group-fixed``): it undoes the factor, apart from its small constant under the root, and the last
    layer's outputs keep their order.

    Raises:
        InputError: a normalisation has a trained scale, or the greatest magnitude is not positive.
    """
    for name, module in model.named_modules():
        if isinstance(module, NORMS) and module.weight is not None:
            raise InputError(f"{name} has a trained scale; train the base with the normalisation group-fixed")
    if not greatest > 0.0:
        raise InputError(f"the greatest magnitude of a weight is positive, not {greatest}")
    factor = greatest / greatest_magnitude(model)
    for parameter in model.parameters():
        parameter.mul_(factor)
    return factor
