"""What a traced model computes: the records between `trace` and `lowering`."""

from __future__ import annotations

from dataclasses import dataclass

from topologies.layers import WEIGHTS, Lookup, Operands, VectorWork

Extent = tuple[int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Convolution:
    """One call of a convolution, plain or transposed, along one to three axes.

    Attributes:
        module: dotted path of the module that holds the filters; for computed filters, that which runs.
        operation: ``conv`` or ``conv_transpose`` and its axes: ``conv2d``.
        batch: samples.
        in_extent, out_extent: input and output pixels, one number an axis, outermost first.
        in_channels, out_channels: channels, all groups together.
        kernel, stride, padding, dilation: as PyTorch has them, one number an axis.
        groups: channel groups.
        operands: whether the filters are stored weights or computed from the input.
        macs: useful multiplications of all samples, as torch's ``FlopCounterMode`` counts them.
    """

    module: str
    operation: str
    batch: int = 1
    in_extent: Extent
    out_extent: Extent
    in_channels: int
    out_channels: int
    kernel: Extent
    stride: Extent
    padding: Extent
    dilation: Extent
    groups: int = 1
    operands: Operands = WEIGHTS
    macs: int

    @property
    def transposed(self) -> bool:
        return self.operation.startswith("conv_transpose")


@dataclass(frozen=True, slots=True, kw_only=True)
class Product:
    """`count` products of a `rows` x `depth` matrix with a `depth` x `columns` matrix of its own.

    Attributes:
        module: dotted path of the module that holds the weights; of two activations, that which runs.
        rows: vectors of activations that meet the same second matrix.
        depth: values that one multiplication chain sums up.
        columns: features, the filters of the systolic array.
        count: distinct second matrices: heads and samples of attention, experts, one of a linear layer.
        operands: whether the second matrix is stored weights or activations.
        macs: useful multiplications, all `count` products together.
    """

    module: str
    rows: int
    depth: int
    columns: int
    count: int = 1
    operands: Operands = WEIGHTS
    macs: int

    @property
    def operation(self) -> str:
        return "linear" if self.operands == WEIGHTS else "matmul"


Operation = Convolution | Product


@dataclass(frozen=True, slots=True, kw_only=True)
class Trace:
    """What one call of a model computes.

    Attributes:
        ops: convolutions and matrix products in the order of execution.
        macs: their useful multiplications, summed.
        lookups: rows read from stored tables.
        vector_work: multiplications of two tensors value by value, which no systolic array runs.
    """

    ops: tuple[Operation, ...]
    macs: int
    lookups: tuple[Lookup, ...] = ()
    vector_work: tuple[VectorWork, ...] = ()
