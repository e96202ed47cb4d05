"""The 2 x 2 max pooling without indices, where no gradient is needed: the same values, bit for bit.

PyTorch's CPU kernel also finds where each maximum lies, which inference does not need. Networks keep
their ``nn.MaxPool2d`` modules, which others count and trace.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F


def use_fast_pooling(model: nn.Module) -> nn.Module:
    """Let every 2 x 2 max pooling of `model` compute by `max_pool`; returns the model."""
    for module in model.modules():
        if type(module) is nn.MaxPool2d and _is_plain(module):
            module.forward = max_pool  # type: ignore[method-assign, assignment]
    return model


def _is_plain(module: nn.MaxPool2d) -> bool:
    form = (module.kernel_size, module.stride, module.padding, module.dilation)
    return form == (2, 2, 0, 1) and not module.ceil_mode and not module.return_indices


def max_pool(x: Tensor) -> Tensor:
    """Greatest of each 2 x 2 pixels, (..., H, W) -> (..., H // 2, W // 2)."""
    if x.device.type != "cpu" or (x.requires_grad and torch.is_grad_enabled()):
        return F.max_pool2d(x, 2)
    rows, columns = (extent // 2 * 2 for extent in x.shape[-2:])
    upper, lower = x[..., 0:rows:2, :columns], x[..., 1:rows:2, :columns]
    left, right = (torch.maximum(upper[..., start::2], lower[..., start::2]) for start in (0, 1))
    return torch.maximum(left, right)
