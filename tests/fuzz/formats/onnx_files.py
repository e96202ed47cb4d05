"""Networks in ONNX files."""

from __future__ import annotations

import json
import random
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

from tests.fuzz.case import Forbidden, Sample, file_format
from tests.fuzz.formats.rules import demand
from tests.fuzz.mutations import damaged_bytes, word

EXTENTS = (0, 1, -1, 2, 3, 5, 64, 10**6, 2**31, 2**40, 2**62, -(2**63))
LINES = (
    ("simulate", "--base", "m.onnx", "--engine", "closed-form", "--convention", "exact", "--quiet", "--json"),
    (
        "simulate",
        "--base",
        "m.onnx",
        "--engine",
        "closed-form",
        "--convention",
        "exact",
        "--quiet",
        "--input-shape",
        "3x16x16",
    ),
    ("export", "--base", "m.onnx", "--convention", "exact", "--out", "out", "--quiet"),
)


@cache
def model() -> bytes:
    """Convolutions, a transposed one, a normalisation, a product and a reshape."""
    import numpy as np
    from onnx import TensorProto, helper, numpy_helper

    shapes = {"w1": [8, 3, 3, 3], "w2": [8, 4, 2, 2], "w3": [16, 1, 3, 3], "fc": [10, 4 * 16 * 16], "b": [10]}
    shapes["w3"] = [4, 1, 3, 3]
    weights = [
        TensorProto(name=name, dims=dims, data_type=TensorProto.FLOAT) for name, dims in shapes.items()
    ]
    weights.append(numpy_helper.from_array(np.array([1, -1]), "flat"))
    weights += [
        numpy_helper.from_array(np.ones(8, np.float32), name) for name in ("scale", "bias", "mean", "var")
    ]
    nodes = [
        helper.make_node("Conv", ["x", "w1"], ["a"], name="c1", strides=[2, 2], pads=[1, 1, 1, 1]),
        helper.make_node("BatchNormalization", ["a", "scale", "bias", "mean", "var"], ["n"]),
        helper.make_node("Relu", ["n"], ["r"]),
        helper.make_node("ConvTranspose", ["r", "w2"], ["t"], name="up", strides=[2, 2], kernel_shape=[2, 2]),
        helper.make_node("Conv", ["t", "w3"], ["d"], name="dw", group=4, pads=[1, 1, 1, 1]),
        helper.make_node("Shape", ["d"], ["s"]),
        helper.make_node("Add", ["d", "t"], ["sum"]),
        helper.make_node("Reshape", ["sum", "flat"], ["f"]),
        helper.make_node("Gemm", ["f", "fc", "b"], ["y"], name="fc", transB=1),
    ]
    graph = helper.make_graph(
        nodes,
        "network",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["n", 3, 16, 16])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, None)],
        weights,
    )
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 21)])
    return bytes(made.SerializeToString())


def damaged_model(content: bytes, rng: random.Random) -> bytes:
    """A node, a name, an extent or an attribute changed; or bytes."""
    import onnx

    if rng.random() < 0.3:
        return damaged_bytes(content, rng)
    try:
        changed = onnx.load_model_from_string(content)
        for _ in range(rng.choice((1, 1, 2, 3))):
            rng.choice((_extent, _extent, _node, _name, _attribute, _attribute, _input, _version))(
                changed, rng
            )
        return bytes(changed.SerializeToString())
    except Exception:
        return damaged_bytes(content, rng)


def _extent(model: Any, rng: random.Random) -> None:
    tensor = rng.choice(model.graph.initializer)
    if tensor.dims and rng.random() < 0.8:
        tensor.dims[rng.randrange(len(tensor.dims))] = rng.choice(EXTENTS)
    elif tensor.dims:
        del tensor.dims[-1]
    else:
        tensor.dims.append(rng.choice(EXTENTS))


def _node(model: Any, rng: random.Random) -> None:
    nodes = model.graph.node
    at = rng.randrange(len(nodes))
    kind = rng.randrange(4)
    if kind == 0:
        del nodes[at]
    elif kind == 1:
        nodes.append(nodes[at])
    elif kind == 2:
        nodes[at].op_type = rng.choice(
            ("Conv", "Gemm", "MatMul", "Loop", "If", "Scan", "LSTM", "Einsum", "Resize", "Nope", "")
        )
    else:
        nodes[at].domain = rng.choice(("", "ai.onnx.ml", "com.microsoft", "x"))


def _name(model: Any, rng: random.Random) -> None:
    node = rng.choice(model.graph.node)
    side = node.input if rng.random() < 0.6 and node.input else node.output
    others = [name for other in model.graph.node for name in (*other.input, *other.output)]
    if side:
        side[rng.randrange(len(side))] = rng.choice([*others, "", word(rng).replace("\udc80", "")])


def _attribute(model: Any, rng: random.Random) -> None:
    import onnx

    node = rng.choice(model.graph.node)
    name = rng.choice(
        (
            "strides",
            "pads",
            "kernel_shape",
            "group",
            "dilations",
            "auto_pad",
            "transB",
            "output_padding",
            "axis",
        )
    )
    value: Any = rng.choice(
        (
            rng.choice(EXTENTS),
            [rng.choice(EXTENTS)] * rng.choice((0, 1, 2, 4, 9)),
            "SAME_UPPER",
            "NOPE",
            0.5,
            [0.5],
        )
    )
    for entry in [entry for entry in node.attribute if entry.name == name]:
        node.attribute.remove(entry)
    if value != []:
        node.attribute.append(onnx.helper.make_attribute(name, value))


def _input(model: Any, rng: random.Random) -> None:
    tensor = model.graph.input[0].type.tensor_type
    if tensor.shape.dim:
        extent = rng.choice(tensor.shape.dim)
        if rng.random() < 0.7:
            extent.dim_value = rng.choice(EXTENTS)
        else:
            extent.dim_param = "z"


def _version(model: Any, rng: random.Random) -> None:
    model.opset_import[0].version = rng.choice((0, 1, 7, 13, 99, 2**62, -1))


def _rules(folder: Path) -> None:
    """A graph that ONNX reads, none of whose stored tensors has a negative extent."""
    import onnx

    try:
        found = onnx.load_model_from_string((folder / "m.onnx").read_bytes())
    except Exception as error:
        raise Forbidden(f"no ONNX: {type(error).__name__}") from None
    demand(found.graph.node, "no nodes")
    for tensor in found.graph.initializer:
        demand(all(extent >= 0 for extent in tensor.dims), "a negative extent")


def _check_output(stdout: str) -> None:
    """Counts are positive, and what is printed as JSON is JSON."""
    if not stdout.startswith("{"):
        return
    try:
        found = json.loads(stdout, parse_constant=_no_constant)
    except ValueError as error:
        raise Forbidden(f"it prints no JSON: {error}") from None

    def visit(node: Any, name: str) -> None:
        if isinstance(node, dict):
            for key, value in node.items():
                visit(value, key)
        elif isinstance(node, list):
            for value in node:
                visit(value, name)
        elif name in ("macs", "params", "cycles", "twma", "filter_reads"):
            demand(node is None or node >= 0, f"{name} is {node}")

    visit(found, "")


def _no_constant(name: str) -> float:
    raise ValueError(f"{name} is no JSON")


def _samples() -> Sequence[Sample]:
    return [
        Sample(
            files={"m.onnx": model()},
            lines=LINES,
            rules=_rules,
            mutate=damaged_model,
            check_output=_check_output,
        )
    ]


FORMAT = file_format("onnx", _samples)
