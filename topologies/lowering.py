"""Operations on weights -> the dense, unpadded convolutions of a SCALE-Sim topology."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product
from typing import TYPE_CHECKING

from topologies.convention import Convention
from topologies.deconv import EXACT_MAPPINGS
from topologies.layers import Coverage, Layer, Topology, scalesim_ofmap_extent
from topologies.operations import Trace, WeightedOp

if TYPE_CHECKING:
    from torch import nn


def topology_of(
    model: nn.Module,
    input_shape: tuple[int, ...],
    *,
    name: str,
    convention: Convention,
    deconvolution: str | None = None,
) -> Topology:
    """The topology of any PyTorch model.

    Args:
        model: left as it is.
        input_shape: channels, rows, columns; without the batch.
        name: the network's name; under ``paper`` it selects that network's known exceptions.
        convention: see `topologies.convention`.
        deconvolution: a mapping that the convention allows, or None for its default.

    Raises:
        InputError: see `topologies.trace.trace`; or a mapping that the convention does not allow.
    """
    from topologies.trace import trace

    return lower(trace(model, input_shape), name=name, convention=convention, deconvolution=deconvolution)


def lower(traced: Trace, *, name: str, convention: Convention, deconvolution: str | None = None) -> Topology:
    """The topology of a traced model; arguments as in `topology_of`."""
    mapping = convention.deconvolution(deconvolution)
    layers: list[Layer] = []
    calls: dict[str, int] = {}
    lowered = 0
    for op in traced.ops:
        calls[op.module] = calls.get(op.module, 0) + 1
        path = op.module if calls[op.module] == 1 else f"{op.module}#{calls[op.module]}"
        padding = convention.extra_padding.get((name, op.module), 0)
        of_op = tuple(_lower(op, path, convention, mapping, padding))
        lowered += bool(of_op)
        layers += of_op
    return Topology(
        name=name,
        layers=tuple(layers),
        convention=convention.name,
        coverage=Coverage(
            weighted_layers=len(traced.ops),
            lowered_layers=lowered,
            macs=traced.macs,
            lowered_macs=sum(op.macs for op in traced.ops),
        ),
    )


def _lower(
    op: WeightedOp, path: str, convention: Convention, mapping: str, extra_padding: int
) -> Iterator[Layer]:
    if op.operation == "linear":
        yield _linear(op, path)
    elif op.operation == "conv2d":
        yield from _conv2d(op, path, convention, extra_padding)
    elif mapping in EXACT_MAPPINGS:
        yield from _exact_deconvolution(op, path, mapping)
    else:
        yield from _paper_deconvolution(op, path)


def _linear(op: WeightedOp, path: str) -> Layer:
    vectors = op.in_hw[0]
    return Layer(
        name=path,
        ifmap_h=vectors,
        ifmap_w=1,
        filter_h=1,
        filter_w=1,
        channels=op.in_channels,
        filters=op.out_channels,
        stride=1,
        operation=op.operation,
    )


def _conv2d(op: WeightedOp, path: str, convention: Convention, extra_padding: int) -> Iterator[Layer]:
    ifmap_h, ifmap_w = (
        convention.ifmap_extent(
            op.in_hw[axis],
            op.padding[axis] + extra_padding,
            _dilated(op.kernel[axis], op.dilation[axis]),
            op.stride[axis],
            op.out_hw[axis],
        )
        for axis in (0, 1)
    )
    yield from _dense(
        op, path, ifmap=(ifmap_h, ifmap_w), taps=op.kernel, stride=op.stride, dilation=op.dilation
    )


def _paper_deconvolution(op: WeightedOp, path: str) -> Iterator[Layer]:
    """Input and output exchanged, own kernel, stride 1, padding 1 (Sun et al., App. C)."""
    ifmap = (op.out_hw[0] + 2, op.out_hw[1] + 2)
    yield from _dense(
        op,
        path,
        ifmap=ifmap,
        taps=op.kernel,
        dilation=op.dilation,
        channels=op.out_channels,
        filters=op.in_channels,
    )


def _exact_deconvolution(op: WeightedOp, path: str, mapping: str) -> Iterator[Layer]:
    along = [
        EXACT_MAPPINGS[mapping](
            outputs=op.out_hw[axis],
            kernel=op.kernel[axis],
            stride=op.stride[axis],
            padding=op.padding[axis],
            dilation=op.dilation[axis],
        )
        for axis in (0, 1)
    ]
    phases = list(product(*along))
    for rows, cols in phases:
        yield from _dense(
            op,
            path if len(phases) == 1 else f"{path}[phase {rows.phase},{cols.phase}]",
            ifmap=(rows.ifmap, cols.ifmap),
            taps=(len(rows.taps), len(cols.taps)),
            dilation=(rows.dilation, cols.dilation),
        )


def _dense(
    op: WeightedOp,
    path: str,
    *,
    ifmap: tuple[int, int],
    taps: tuple[int, int],
    dilation: tuple[int, int],
    stride: tuple[int, int] = (1, 1),
    channels: int | None = None,
    filters: int | None = None,
) -> Iterator[Layer]:
    """A convolution as one row, or as matrix products where SCALE-Sim's rows cannot express it.

    A row has neither groups, nor dilation, nor two strides. A matrix product has the same MACs, SRAM
    accesses and cycles; only its ifmap shares no pixels between windows, so DRAM ifmap reads differ.
    """
    channels = op.in_channels if channels is None else channels
    filters = op.out_channels if filters is None else filters
    spans = (_dilated(taps[0], dilation[0]), _dilated(taps[1], dilation[1]))
    if op.groups == 1 and stride[0] == stride[1] and spans == taps:
        yield Layer(
            name=path,
            ifmap_h=ifmap[0],
            ifmap_w=ifmap[1],
            filter_h=taps[0],
            filter_w=taps[1],
            channels=channels,
            filters=filters,
            stride=stride[0],
            operation=op.operation,
        )
        return
    ofmap_px = scalesim_ofmap_extent(ifmap[0], spans[0], stride[0]) * scalesim_ofmap_extent(
        ifmap[1], spans[1], stride[1]
    )
    for group in range(op.groups):
        yield Layer.gemm(
            name=path if op.groups == 1 else f"{path}[group {group}]",
            m=ofmap_px,
            k=taps[0] * taps[1] * channels // op.groups,
            n=filters // op.groups,
            operation=op.operation,
        )


def _dilated(kernel: int, dilation: int) -> int:
    return dilation * (kernel - 1) + 1
