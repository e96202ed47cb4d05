"""Group normalisation in place of batch normalisation."""

from __future__ import annotations

from torch import nn

MAX_GROUPS = 32
MIN_CHANNELS_PER_GROUP = 8


def use_group_norm(model: nn.Module) -> nn.Module:
    """Replace every BatchNorm2d of `model` by a GroupNorm with scale 1 and shift 0; returns the model.

    Group normalisation has no statistics of error-free activations that bit errors could belie
    (Stutz et al., App. G.1).
    """
    for parent in list(model.modules()):
        for name, module in list(parent.named_children()):
            if isinstance(module, nn.BatchNorm2d):
                channels = module.num_features
                setattr(parent, name, nn.GroupNorm(groups(channels), channels, eps=module.eps))
    return model


def groups(channels: int) -> int:
    """The most groups, at most 32, of equal size and at least 8 channels; 1 if there are none."""
    most = max(1, min(MAX_GROUPS, channels // MIN_CHANNELS_PER_GROUP))
    return next(count for count in range(most, 0, -1) if channels % count == 0)
