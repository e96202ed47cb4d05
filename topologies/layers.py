"""The records that travel from a model to the simulator: `Layer`, `Topology`, `Coverage`."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Annotated, Literal, NamedTuple, TypeVar

from nfenergy.ground.columns import Column
from nfenergy.ground.errors import InputError
from topologies.coverage import Coverage, Lookup, VectorWork

__all__ = [
    "ACTIVATIONS",
    "DENSE",
    "WEIGHTS",
    "Coverage",
    "Layer",
    "LayerShape",
    "Lookup",
    "Topology",
    "VectorWork",
]

NETWORK = "network definition"
LARGEST_EXTENT = 2**31 - 1

Operands = Literal["activation x weight", "activation x activation"]
WEIGHTS: Operands = "activation x weight"
ACTIVATIONS: Operands = "activation x activation"
DENSE = "1:1"
LARGEST_SPARSITY_BLOCK = 2**16

Record = TypeVar("Record")


class LayerShape(NamedTuple):
    """What SCALE-Sim knows of a layer. Layers of equal shape have equal counts."""

    ifmap_h: int
    ifmap_w: int
    filter_h: int
    filter_w: int
    channels: int
    filters: int
    stride: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Layer:
    """One row of a SCALE-Sim topology: a convolution without padding, batch 1.

    A matrix product of an M x K ifmap with a K x N filter is the row with ifmap M x K, filter
    1 x K, one channel, N filters and stride 1 (`Layer.gemm`).

    Attributes:
        name: dotted path of the PyTorch module, with the group or phase where one operation becomes
            several layers, or the name in a topology file. Written files carry neither (see `table`).
        ifmap_h, ifmap_w: ifmap extents in pixels, padding folded in.
        filter_h, filter_w: filter extents in pixels.
        channels: input channels.
        filters: output channels.
        stride: pixels, the same in both directions.
        operation: ``conv2d``, ``linear``, ``matmul`` and the like; empty for a file's layers.
        operands: what stands on the ifmap port and on the filter port. The filters of a product of two
            activations are computed from the input (attention): no weight memory holds them.
        sparsity: N:M, of M weights one after the other in a filter at most N are not zero. MACs are those
            of the dense layer.

    Raises:
        InputError: an extent is not positive, too large, or a filter exceeds its ifmap; the operands are
            of no known kind; or the sparsity is no ratio of at most 1.
    """

    name: Annotated[str, Column("dotted path of the PyTorch module", source=NETWORK, name="layer")]
    ifmap_h: Annotated[int, Column("ifmap height, padding folded in", "px", NETWORK)]
    ifmap_w: Annotated[int, Column("ifmap width, padding folded in", "px", NETWORK)]
    filter_h: Annotated[int, Column("filter height", "px", NETWORK)]
    filter_w: Annotated[int, Column("filter width", "px", NETWORK)]
    channels: Annotated[int, Column("input channels", source=NETWORK)]
    filters: Annotated[int, Column("output channels", source=NETWORK)]
    stride: Annotated[int, Column("stride in both directions", "px", NETWORK)]
    operation: Annotated[str, Column("what the layer computes", source=NETWORK)] = ""
    operands: Annotated[Operands, Column("what stands on the ifmap and the filter port", source=NETWORK)] = (
        WEIGHTS
    )
    sparsity: Annotated[
        str, Column("N:M, at most N of M weights are not zero", source=NETWORK, joined=None)
    ] = DENSE

    def __post_init__(self) -> None:
        if self.operands not in (WEIGHTS, ACTIVATIONS):
            raise InputError(
                f"layer {self.name!r}: operands {self.operands!r}, expected {WEIGHTS!r} or {ACTIVATIONS!r}"
            )
        some, of = map(int, self.sparsity.split(":"))
        if not 1 <= some <= of <= LARGEST_SPARSITY_BLOCK:
            raise InputError(
                f"layer {self.name!r}: sparsity is {self.sparsity}, expected N:M with 1 <= N <= M <= "
                f"{LARGEST_SPARSITY_BLOCK}"
            )
        for field, value in zip(LayerShape._fields, self.shape, strict=True):
            if not 1 <= value <= LARGEST_EXTENT:
                raise InputError(f"layer {self.name!r}: {field} is {value}, expected 1 to {LARGEST_EXTENT}")
        if self.filter_h > self.ifmap_h or self.filter_w > self.ifmap_w:
            raise InputError(
                f"layer {self.name!r}: its {self.filter_h} x {self.filter_w} filter is larger than "
                f"its {self.ifmap_h} x {self.ifmap_w} ifmap"
            )

    @classmethod
    def gemm(
        cls,
        *,
        name: str,
        m: int,
        k: int,
        n: int,
        operation: str = "",
        operands: Operands = WEIGHTS,
        sparsity: str = DENSE,
    ) -> Layer:
        """The matrix product of an m x k ifmap with a k x n filter, as SCALE-Sim itself writes it."""
        return cls(
            name=name,
            ifmap_h=m,
            ifmap_w=k,
            filter_h=1,
            filter_w=k,
            channels=1,
            filters=n,
            stride=1,
            operation=operation,
            operands=operands,
            sparsity=sparsity,
        )

    @property
    def reads_weights(self) -> bool:
        """Whether its filter reads are reads of stored weights, and so part of T.W.M.A."""
        return self.operands == WEIGHTS

    @property
    def shape(self) -> LayerShape:
        return LayerShape(
            self.ifmap_h,
            self.ifmap_w,
            self.filter_h,
            self.filter_w,
            self.channels,
            self.filters,
            self.stride,
        )

    @property
    def ofmap_h(self) -> int:
        """SCALE-Sim's ofmap height: rounded up, where PyTorch rounds down."""
        return scalesim_ofmap_extent(self.ifmap_h, self.filter_h, self.stride)

    @property
    def ofmap_w(self) -> int:
        """SCALE-Sim's ofmap width: rounded up, where PyTorch rounds down."""
        return scalesim_ofmap_extent(self.ifmap_w, self.filter_w, self.stride)

    @property
    def ofmap_px(self) -> int:
        """Pixels of one ofmap channel."""
        return self.ofmap_h * self.ofmap_w

    @property
    def window(self) -> int:
        """Weights of one filter, which is also the MACs of one ofmap value."""
        return self.filter_h * self.filter_w * self.channels

    @property
    def macs(self) -> Annotated[int, Column("multiply-accumulates that the simulator runs", "MAC")]:
        """MACs that SCALE-Sim simulates for the layer."""
        return self.ofmap_px * self.window * self.filters


def scalesim_ofmap_extent(ifmap: int, filter_extent: int, stride: int) -> int:
    """Ofmap extent as ``topology_utils.topo_calc_hyperparams`` of SCALE-Sim 3.0.0 computes it.

    >>> scalesim_ofmap_extent(34, 3, 2), (34 - 3) // 2 + 1  # SCALE-Sim, PyTorch
    (17, 16)
    """
    return -((filter_extent - stride - ifmap) // stride)


@dataclass(frozen=True, slots=True, kw_only=True)
class Topology:
    """A network as the systolic array runs it: its layers in order.

    Attributes:
        name: the network's name, or the stem of the file it was read from.
        layers: at least one, in the order of execution, names distinct.
        convention: name of the convention it was lowered under; empty for a file's topology.
        coverage: what of the model it holds; None for a file's topology.
    """

    name: str
    layers: tuple[Layer, ...]
    convention: str = ""
    coverage: Coverage | None = None

    def __post_init__(self) -> None:
        if not self.layers:
            raise InputError(f"topology {self.name!r} has no layers: nothing in it reads weights")

    def of_weights(self, records: Iterable[Record]) -> tuple[Record, ...]:
        """Those of `records`, one a layer and in their order, whose layers read stored weights.

        T.W.M.A. is summed over them; cycles, MACs and the other SRAM accesses are summed over all.
        """
        return tuple(
            record for layer, record in zip(self.layers, records, strict=True) if layer.reads_weights
        )
