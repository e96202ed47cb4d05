"""ONNX's convolutions as `topologies.operations`."""

from __future__ import annotations

import math
from dataclasses import dataclass

from topologies.layers import ACTIVATIONS, WEIGHTS
from topologies.onnx_calls import Call
from topologies.onnx_file import Shape
from topologies.operations import Convolution, Extent


@dataclass(frozen=True, slots=True, kw_only=True)
class _Geometry:
    """Extents of a convolution, one number an axis; `before` and `after` are the padding."""

    inputs: Extent
    outputs: Extent
    kernel: Extent
    stride: Extent
    dilation: Extent
    before: Extent
    after: Extent


def convolution(call: Call, data: int = 0, filters: int = 1) -> list[Convolution]:
    """`Conv` and its integer forms, whose operands stand elsewhere.

    Padding that differs between two sides is folded into the input, as PyTorch's ``same`` does.
    """
    shape, weight = call.shape(data), call.shape(filters)
    geometry = _geometry(call, shape, weight, transposed=False)
    padding = tuple(map(min, geometry.before, geometry.after))
    uneven = (abs(a - b) for a, b in zip(geometry.before, geometry.after, strict=True))
    return [
        Convolution(
            module=call.module_of(filters),
            operation=f"conv{len(geometry.kernel)}d",
            batch=shape[0],
            in_extent=tuple(map(sum, zip(geometry.inputs, uneven, strict=True))),
            out_extent=geometry.outputs,
            in_channels=shape[1],
            out_channels=weight[0],
            kernel=geometry.kernel,
            stride=geometry.stride,
            padding=padding,
            dilation=geometry.dilation,
            groups=call.attributes.get("group", 1),
            operands=ACTIVATIONS if call.is_activation(filters) else WEIGHTS,
            macs=shape[0] * math.prod(geometry.outputs) * math.prod(weight),
        )
    ]


def transposed_convolution(call: Call) -> list[Convolution]:
    """`ConvTranspose`; uneven padding, and an output extent in place of it, too."""
    shape, weight = call.shape(0), call.shape(1)
    geometry = _geometry(call, shape, weight, transposed=True)
    groups = call.attributes.get("group", 1)
    return [
        Convolution(
            module=call.module_of(1),
            operation=f"conv_transpose{len(geometry.kernel)}d",
            batch=shape[0],
            in_extent=geometry.inputs,
            out_extent=geometry.outputs,
            in_channels=shape[1],
            out_channels=weight[1] * groups,
            kernel=geometry.kernel,
            stride=geometry.stride,
            padding=geometry.before,
            dilation=geometry.dilation,
            groups=groups,
            operands=ACTIVATIONS if call.is_activation(1) else WEIGHTS,
            macs=shape[0] * math.prod(geometry.inputs) * math.prod(weight),
        )
    ]


def _geometry(call: Call, shape: Shape, weight: Shape, *, transposed: bool) -> _Geometry:
    axes = len(shape) - 2
    if not 1 <= axes <= 3 or len(weight) != len(shape):
        raise call.refusal(f"it has {axes} axes, expected one to three; write it with matrix products")
    ones = [1] * axes
    groups, split = call.attributes.get("group", 1), 0 if transposed else 1
    if groups < 1 or weight[split] * (1 if transposed else groups) != shape[1] or weight[0] % groups:
        raise call.refusal(
            f"{shape[1]} channels in {groups} groups do not go with weights of "
            f"{' x '.join(map(str, weight))}; is the file whole?"
        )
    found = {
        "inputs": shape[2:],
        "outputs": call.shape(-1)[2:],
        "kernel": weight[2:],
        "stride": tuple(call.attributes.get("strides", ones)),
        "dilation": tuple(call.attributes.get("dilations", ones)),
    }
    pads = call.attributes.get("pads", [0] * 2 * axes)
    automatic = call.attributes.get("auto_pad", b"NOTSET").decode(errors="replace")
    if automatic == "NOTSET" and not (transposed and call.attributes.get("output_shape")):
        return _Geometry(**found, before=tuple(pads[:axes]), after=tuple(pads[axes:]))
    totals = [_total_padding(call, axis, found, transposed=transposed) for axis in range(axes)]
    if automatic == "VALID" and not transposed:
        totals = [0] * axes
    smaller = tuple(total // 2 for total in totals)
    larger = tuple(total - total // 2 for total in totals)
    before_is_smaller = automatic == "SAME_UPPER"
    before, after = (smaller, larger) if before_is_smaller else (larger, smaller)
    return _Geometry(**found, before=before, after=after)


def _total_padding(call: Call, axis: int, found: dict[str, Extent], *, transposed: bool) -> int:
    """Padding on both sides that leads from the input's extent to the output's."""
    inputs, outputs, kernel, stride, dilation = (extents[axis] for extents in found.values())
    span = dilation * (kernel - 1) + 1
    if not transposed:
        return max(0, (outputs - 1) * stride + span - inputs)
    more: int = call.attributes.get("output_padding", [0] * (axis + 1))[axis]
    return max(0, (inputs - 1) * stride + more + span - outputs)
