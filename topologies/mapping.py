"""One convolution or matrix product -> the rows of a SCALE-Sim topology: dense, unpadded convolutions."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import product

from nfenergy.ground.errors import InputError
from topologies.convention import Convention
from topologies.deconv import EXACT_MAPPINGS
from topologies.layers import WEIGHTS, Layer, scalesim_ofmap_extent
from topologies.operations import Convolution, Operation, Product

MOST_TAPS = 2**20
"""Of a transposed convolution along an axis, over all its phases; real ones have tens."""


def rows_of(
    op: Operation, path: str, convention: Convention, mapping: str, *, extra_padding: int = 0
) -> Iterator[Layer]:
    """The layers of an operation.

    Args:
        op: a convolution or matrix product.
        path: name of the layers, before group, sample or phase.
        convention: see `topologies.convention`.
        mapping: of a deconvolution; the convention must allow it.
        extra_padding: pixels on each side of a convolution that the network itself does not have.
    """
    if isinstance(op, Product):
        yield from _product(op, path)
    else:
        yield from _convolution(_planar(op), path, convention, mapping, extra_padding)


def _product(op: Product, path: str) -> Iterator[Layer]:
    for index in range(op.count):
        name = path if op.count == 1 else f"{path}[{index}]"
        if op.operands == WEIGHTS:
            yield Layer(
                name=name,
                ifmap_h=op.rows,
                ifmap_w=1,
                filter_h=1,
                filter_w=1,
                channels=op.depth,
                filters=op.columns,
                stride=1,
                operation=op.operation,
            )
        else:
            yield Layer.gemm(
                name=name, m=op.rows, k=op.depth, n=op.columns, operation=op.operation, operands=op.operands
            )


def _planar(op: Convolution) -> Convolution:
    """A convolution along one axis as one of an image of height 1; any other as it is."""
    if len(op.kernel) > 1:
        return op
    return replace(
        op,
        in_extent=(1, *op.in_extent),
        out_extent=(1, *op.out_extent),
        kernel=(1, *op.kernel),
        stride=op.stride * 2,
        padding=(0, *op.padding),
        dilation=(1, *op.dilation),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Axis:
    """One axis of a dense convolution without padding."""

    ifmap: int
    taps: int
    dilation: int = 1
    stride: int = 1

    @property
    def span(self) -> int:
        return self.dilation * (self.taps - 1) + 1

    @property
    def outputs(self) -> int:
        return scalesim_ofmap_extent(self.ifmap, self.span, self.stride)


def _convolution(
    op: Convolution, path: str, convention: Convention, mapping: str, extra_padding: int
) -> Iterator[Layer]:
    if not op.transposed:
        yield from _dense(op, path, [_window(op, axis, convention, extra_padding) for axis in _axes(op)])
    elif mapping in EXACT_MAPPINGS:
        yield from _exact_deconvolution(op, path, mapping)
    else:
        # Input and output exchanged, own kernel, stride 1, padding 1 (Sun et al., App. C).
        axes = [
            _Axis(
                ifmap=op.out_extent[axis] + (0 if axis == 0 and op.operation.endswith("1d") else 2),
                taps=op.kernel[axis],
                dilation=op.dilation[axis],
            )
            for axis in _axes(op)
        ]
        yield from _dense(op, path, axes, channels=op.out_channels, filters=op.in_channels)


def _axes(op: Convolution) -> range:
    return range(len(op.kernel))


def _window(op: Convolution, axis: int, convention: Convention, extra_padding: int) -> _Axis:
    taps, dilation, stride = op.kernel[axis], op.dilation[axis], op.stride[axis]
    span = dilation * (taps - 1) + 1
    padding = op.padding[axis] + extra_padding
    extent = convention.ifmap_extent(op.in_extent[axis], padding, span, stride, op.out_extent[axis])
    return _Axis(ifmap=extent, taps=taps, dilation=dilation, stride=stride)


def _exact_deconvolution(op: Convolution, path: str, mapping: str) -> Iterator[Layer]:
    phases_along = [min(op.stride[axis], op.out_extent[axis]) for axis in _axes(op)]
    if (
        max(math.prod(phases_along), *(op.kernel[axis] * phases_along[axis] for axis in _axes(op)))
        > MOST_TAPS
    ):
        raise InputError(
            f"layer {path!r}: a transposed convolution of kernel {op.kernel} and stride {op.stride} is too "
            "large to write down"
        )
    along = [
        EXACT_MAPPINGS[mapping](
            outputs=op.out_extent[axis],
            kernel=op.kernel[axis],
            stride=op.stride[axis],
            padding=op.padding[axis],
            dilation=op.dilation[axis],
        )
        for axis in _axes(op)
    ]
    phases = list(product(*along))
    for phase in phases:
        place = ",".join(str(axis.phase) for axis in phase)
        axes = [_Axis(ifmap=axis.ifmap, taps=len(axis.taps), dilation=axis.dilation) for axis in phase]
        yield from _dense(op, path if len(phases) == 1 else f"{path}[phase {place}]", axes)


def _dense(
    op: Convolution,
    path: str,
    axes: Sequence[_Axis],
    *,
    channels: int | None = None,
    filters: int | None = None,
) -> Iterator[Layer]:
    """A row for each group and sample, or matrix products where SCALE-Sim's rows cannot express it.

    A row has neither a third axis, nor dilation, nor two strides. A matrix product has the same MACs,
    SRAM accesses and cycles; only its ifmap shares no pixels between windows, so DRAM ifmap reads
    differ. The windows of all samples are rows of one product.
    """
    channels = (op.in_channels if channels is None else channels) // op.groups
    filters = (op.out_channels if filters is None else filters) // op.groups
    one_row = len(axes) == 2 and axes[0].stride == axes[1].stride and all(a.span == a.taps for a in axes)
    for sample, group in product(range(op.batch if one_row else 1), range(op.groups)):
        name = path + (f"[sample {sample}]" if one_row and op.batch > 1 else "")
        name += f"[group {group}]" if op.groups > 1 else ""
        if one_row:
            yield Layer(
                name=name,
                ifmap_h=axes[0].ifmap,
                ifmap_w=axes[1].ifmap,
                filter_h=axes[0].taps,
                filter_w=axes[1].taps,
                channels=channels,
                filters=filters,
                stride=axes[0].stride,
                operation=op.operation,
                operands=op.operands,
            )
        else:
            yield Layer.gemm(
                name=name,
                m=op.batch * math.prod(axis.outputs for axis in axes),
                k=math.prod(axis.taps for axis in axes) * channels,
                n=filters,
                operation=op.operation,
                operands=op.operands,
            )
