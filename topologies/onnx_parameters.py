"""How many parameters an ONNX file holds, wherever it keeps them."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

from topologies.onnx_file import Shape, onnx_package, stored_tensors


def parameters(model: Any) -> int:
    """Values of the stored numbers that are no lists of extents: PyTorch's count, as far as the file tells.

    Single numbers, batch statistics, and the scales and zero points of quantized tensors are left out. A
    batch normalisation that the exporter folded into its convolution is gone, and constants of the forward
    pass stand among the tensors.

    Args:
        model: see `topologies.onnx_file.read_onnx`.
    """
    types = onnx_package().TensorProto
    numbers = {types.FLOAT, types.DOUBLE, types.FLOAT16, types.BFLOAT16, types.INT8, types.UINT8}
    kinds = {tensor.name: tensor.data_type for tensor in model.graph.initializer}
    kinds |= {value.name: value.type.tensor_type.elem_type for value in model.graph.input}
    stored = [(name, shape, kinds.get(name, types.FLOAT)) for name, shape in stored_tensors(model).items()]
    left_out = set(_statistics(model))
    return sum(
        math.prod(shape)
        for name, shape, kind in (*stored, *_constants(model))
        if shape and kind in numbers and name not in left_out
    )


def _constants(model: Any) -> Iterator[tuple[str, Shape, int]]:
    """What stands in the graph itself, where some exporters put the weights."""
    repeated = {node.input[0] for node in model.graph.node if node.op_type == "Expand"}  # initial states
    for node in model.graph.node:
        if node.op_type == "Constant" and node.output[0] not in repeated:
            for attribute in node.attribute:
                if attribute.name == "value":
                    yield node.output[0], tuple(attribute.t.dims), attribute.t.data_type


def _statistics(model: Any) -> Iterator[str]:
    for node in model.graph.node:
        if node.op_type == "BatchNormalization":
            yield from node.input[3:5]
        elif node.op_type in ("QuantizeLinear", "DequantizeLinear"):
            yield from node.input[1:]
        elif node.op_type in ("QLinearConv", "QLinearMatMul"):
            yield from (*node.input[1:3], *node.input[4:8])
