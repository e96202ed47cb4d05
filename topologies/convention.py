"""The two conventions for turning a network into simulated layers and counted MACs.

Every figure of nfenergy names the one it uses. What they differ in is decided here and nowhere else.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from nfenergy.ground.errors import InputError, UnknownName


@dataclass(frozen=True, slots=True, kw_only=True)
class Convention:
    """How a network is written down for the simulator and the MAC counter.

    Attributes:
        name: ``paper`` or ``exact``.
        description: one line for people.
        ifmap_extent: ifmap extent of a convolution from its input extent, padding on each side,
            filter extent (dilation included), stride and PyTorch ofmap extent.
        deconvolutions: the deconvolution mappings it allows, its default first.
        macs: ``ptflops`` (convolutions, biases, activations, pooling as ptflops 0.7 counts them) or
            ``useful`` (what its convolutions and matrix products multiply).
        extra_padding: padding in pixels by network and module that the network itself does not have.
    """

    name: str
    description: str
    ifmap_extent: Callable[[int, int, int, int, int], int]
    deconvolutions: tuple[str, ...]
    macs: str
    extra_padding: Mapping[tuple[str, str], int] = field(default_factory=dict)

    def deconvolution(self, name: str | None) -> str:
        """The mapping called `name`, or the default for None.

        Raises:
            InputError: the convention does not allow it.
        """
        if name is None:
            return self.deconvolutions[0]
        if name not in self.deconvolutions:
            raise InputError(
                f"deconvolution mapping {name!r} does not go with convention {self.name!r}, "
                f"which takes {' or '.join(self.deconvolutions)}"
            )
        return name


def _padded_input(extent: int, padding: int, filter_extent: int, stride: int, ofmap: int) -> int:
    return extent + 2 * padding


def _touched_input(extent: int, padding: int, filter_extent: int, stride: int, ofmap: int) -> int:
    return (ofmap - 1) * stride + filter_extent


CONVENTIONS: dict[str, Convention] = {
    "paper": Convention(
        name="paper",
        description="as Sun et al. exported their networks: reproduces their Tables 6, 7 and 8",
        ifmap_extent=_padded_input,
        deconvolutions=("paper",),
        macs="ptflops",
        # The last 1 x 1 convolution of both UNets was exported with padding 1: 34 x 34 instead of
        # 32 x 32. Table 6 contains it.
        extra_padding={("unetl", "head"): 1, ("unets", "head"): 1},
    ),
    "exact": Convention(
        name="exact",
        description="as the networks compute: PyTorch's ofmap extents, useful multiplications",
        ifmap_extent=_touched_input,
        deconvolutions=("zero-insertion", "subpixel"),
        macs="useful",
    ),
}

DECONVOLUTIONS = tuple(name for convention in CONVENTIONS.values() for name in convention.deconvolutions)


def get_convention(name: str) -> Convention:
    """The convention called `name`, in any case.

    Raises:
        UnknownName: there is none.
    """
    try:
        return CONVENTIONS[name.lower()]
    except KeyError:
        raise UnknownName("convention", name, CONVENTIONS) from None
