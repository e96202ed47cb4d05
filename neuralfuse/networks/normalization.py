"""The normalisations that a base can have in place of its batch normalisation, by name."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn.utils import parametrize

from nfenergy.ground.errors import UnknownName

MAX_GROUPS = 32
MIN_CHANNELS_PER_GROUP = 8
RELEASED_GROUPS = (32, 24, 16, 8)


def groups(channels: int) -> int:
    """The most groups, at most 32, of equal size and at least 8 channels; 1 if there are none."""
    most = max(1, min(MAX_GROUPS, channels // MIN_CHANNELS_PER_GROUP))
    return next(count for count in range(most, 0, -1) if channels % count == 0)


def released_groups(channels: int) -> int:
    """Groups as Stutz et al. release them: min(32, channels / 2); 24, 16 or 8 where 32 does not divide."""
    counts = (min(most, channels // 2) for most in RELEASED_GROUPS)
    return next((count for count in counts if count and channels % count == 0), 1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Normalization:
    """What follows the convolutions of a base.

    Attributes:
        name: as users type it.
        title: for people.
        groups: of a group normalisation by its channels; None keeps the batch normalisation.
        shifted: the trained scale is a' in 1 + a' (Stutz et al., App. E), so that clipping leaves it its use.
        fixed: scale 1 and shift 0 are not trained, so that the network is invariant to the scale of weights.
    """

    name: str
    title: str
    groups: Callable[[int], int] | None = None
    shifted: bool = False
    fixed: bool = False


NORMALIZATIONS: dict[str, Normalization] = {
    kind.name: kind
    for kind in (
        Normalization(name="batch", title="batch normalisation"),
        Normalization(name="group", title="group normalisation", groups=groups),
        Normalization(name="batch-shifted", title="batch normalisation, scale 1 + a'", shifted=True),
        Normalization(
            name="group-released", title="group normalisation, min(32, C/2) groups", groups=released_groups
        ),
        Normalization(
            name="group-shifted",
            title="group normalisation, min(32, C/2) groups, scale 1 + a' (Stutz et al.)",
            groups=released_groups,
            shifted=True,
        ),
        Normalization(
            name="group-shifted-8",
            title="group normalisation, at least 8 channels a group, scale 1 + a'",
            groups=groups,
            shifted=True,
        ),
        Normalization(
            name="group-fixed",
            title="group normalisation, min(32, C/2) groups, without scale and shift",
            groups=released_groups,
            fixed=True,
        ),
        Normalization(
            name="group-fixed-8",
            title="group normalisation, at least 8 channels a group, without scale and shift",
            groups=groups,
            fixed=True,
        ),
    )
}


def get_normalization(name: str) -> Normalization:
    """The normalisation called `name`, in any case. Raises UnknownName: there is none."""
    try:
        return NORMALIZATIONS[name.lower()]
    except KeyError:
        raise UnknownName("normalisation", name, NORMALIZATIONS) from None


def normalize(model: nn.Module, name: str) -> nn.Module:
    """Give every BatchNorm2d of `model` the form of the normalisation `name`; returns the model.

    Group normalisation has no statistics of error-free activations that bit errors could belie
    (Stutz et al., App. G.1).

    Raises:
        UnknownName: there is no such normalisation.
    """
    kind = get_normalization(name)
    found = [
        (parent, child, module)
        for parent in model.modules()
        for child, module in parent.named_children()
        if isinstance(module, nn.BatchNorm2d)
    ]
    for parent, child, module in found:
        setattr(parent, child, _formed(module, kind))
    return model


def _formed(module: nn.BatchNorm2d, kind: Normalization) -> nn.Module:
    channels = module.num_features
    norm: nn.Module = module
    if kind.groups is not None:
        norm = nn.GroupNorm(kind.groups(channels), channels, eps=module.eps, affine=not kind.fixed)
    if kind.shifted:
        parametrize.register_parametrization(norm, "weight", _OnePlus())
    return norm


class _OnePlus(nn.Module):
    def forward(self, shift: Tensor) -> Tensor:
        return 1.0 + shift

    def right_inverse(self, scale: Tensor) -> Tensor:
        return scale - 1.0


@contextmanager
def batch_statistics(model: nn.Module) -> Iterator[nn.Module]:
    """The model normalising by each batch's own statistics, in evaluation mode (Stutz et al., Table 10).

    Running statistics are neither used nor changed. With them, shifted by bit errors, batch normalisation
    loses accuracy; with a batch's own the errors seem harmless, at the price of an answer that depends on
    the other images of the batch.
    """
    norms = [module for module in model.modules() if isinstance(module, nn.BatchNorm2d)]
    saved = [(norm.running_mean, norm.running_var) for norm in norms]
    try:
        for norm in norms:
            norm.running_mean = norm.running_var = None
        yield model
    finally:
        for norm, (mean, variance) in zip(norms, saved, strict=True):
            norm.running_mean, norm.running_var = mean, variance


def running_statistics(model: nn.Module) -> dict[str, torch.Tensor]:
    """Copies of the buffers of `model`, by name: a pass with them leaves the model's own alone."""
    return {name: buffer.clone() for name, buffer in model.named_buffers()}
