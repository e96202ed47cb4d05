"""ONNX operators that PyTorch's exporter rarely writes, and files that are refused."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from nfenergy.ground.errors import InputError
from tests.topologies.models import Calls
from tests.topologies.onnx_files import EXACT, VitBlock, export, nameless, onnx, saved, topology
from topologies.layers import ACTIVATIONS, WEIGHTS
from topologies.lowering import topology_of
from topologies.onnx_file import read_onnx
from topologies.onnx_graph import trace_onnx
from topologies.onnx_parameters import parameters
from topologies.operations import Convolution, Product, Trace

pytestmark = pytest.mark.usefixtures("one_torch_thread")

node = onnx.helper.make_node


Shapes = dict[str, Sequence[int | str]]


def traced(
    tmp_path: Path,
    *nodes: Any,
    inputs: Shapes,
    weights: dict[str, Sequence[int]],
    input_shape: tuple[int, ...] | None = None,
    batch: int = 1,
    **more: Any,
) -> Trace:
    path = saved(tmp_path / "network.onnx", nodes, inputs=inputs, weights=weights, **more)
    return trace_onnx(read_onnx(path), input_shape=input_shape, batch=batch)


def product(trace: Trace) -> tuple[int, ...]:
    (op,) = trace.ops
    assert isinstance(op, Product)
    assert op.macs == op.count * op.rows * op.depth * op.columns
    return op.count, op.rows, op.depth, op.columns


@pytest.mark.parametrize("padding", ["SAME_UPPER", "SAME_LOWER", "VALID"])
@pytest.mark.parametrize("kernel", [3, 4])
def test_automatic_padding(padding: str, kernel: int, tmp_path: Path) -> None:
    conv = node("Conv", ["x", "w"], ["y"], auto_pad=padding)
    (op,) = traced(tmp_path, conv, inputs={"x": [1, 3, 9, 11]}, weights={"w": [5, 3, kernel, kernel]}).ops
    same = nn.Conv2d(3, 5, kernel, padding="valid" if padding == "VALID" else "same")
    expected = topology_of(same, (3, 9, 11), name="network", convention=EXACT)
    assert nameless(topology(tmp_path / "network.onnx").layers) == nameless(expected.layers)
    assert op.macs == sum(layer.macs for layer in expected.layers)


def test_strides_shrink_what_automatic_padding_adds(tmp_path: Path) -> None:
    conv = node("Conv", ["x", "w"], ["y"], auto_pad="SAME_UPPER", strides=[2, 2])
    (op,) = traced(tmp_path, conv, inputs={"x": [1, 3, 224, 224]}, weights={"w": [8, 3, 3, 3]}).ops
    assert isinstance(op, Convolution)
    assert (op.in_extent, op.padding, op.out_extent) == ((225, 225), (0, 0), (112, 112))


@pytest.mark.parametrize(
    ("attributes", "padding"),
    [
        ({"pads": [1, 1], "output_padding": [1]}, 1),
        ({"output_shape": [18]}, 1),
        ({"output_shape": [18], "auto_pad": "SAME_UPPER"}, 0),
        ({"auto_pad": "SAME_UPPER"}, 0),
        ({"auto_pad": "VALID"}, 0),
    ],
)
def test_transposed_convolutions_say_their_extent_in_many_ways(
    attributes: dict[str, Any], padding: int, tmp_path: Path
) -> None:
    conv = node("ConvTranspose", ["x", "w"], ["y"], strides=[2], **attributes)
    (op,) = traced(tmp_path, conv, inputs={"x": [1, 4, 9]}, weights={"w": [4, 6, 3]}).ops
    assert isinstance(op, Convolution)
    assert (op.operation, op.out_channels, op.padding) == ("conv_transpose1d", 6, (padding,))
    assert op.out_extent == ((19,) if attributes.get("auto_pad") == "VALID" else (18,))
    assert op.macs == 9 * 4 * 6 * 3


def test_quantized_operators(tmp_path: Path) -> None:
    kinds = {"scale": onnx.numpy_helper.to_array(onnx.helper.make_tensor("s", 1, [], [0.5]))}
    zero = onnx.numpy_helper.to_array(onnx.helper.make_tensor("z", onnx.TensorProto.UINT8, [], [0]))
    weights = onnx.numpy_helper.to_array(
        onnx.helper.make_tensor("w", onnx.TensorProto.UINT8, [5, 3, 3, 3], [1] * 135)
    )
    quantize = node("QuantizeLinear", ["x", "scale", "zero"], ["q"])
    conv = node("QLinearConv", ["q", "scale", "zero", "conv.weight", "scale", "zero", "scale", "zero"], ["y"])
    values = {**kinds, "zero": zero, "conv.weight": weights}
    (op,) = traced(tmp_path, quantize, conv, inputs={"x": [1, 3, 9, 9]}, weights={}, values=values).ops
    assert (op.module, op.macs) == ("conv", 49 * 135)
    assert parameters(read_onnx(tmp_path / "network.onnx")) == 135
    dequantize = node("DequantizeLinear", ["conv.weight", "scale", "zero"], ["w"])
    plain = node("Conv", ["x", "w"], ["y"])
    (same,) = traced(tmp_path, dequantize, plain, inputs={"x": [1, 3, 9, 9]}, weights={}, values=values).ops
    assert same == op


def test_weights_may_stand_in_the_graph_itself(tmp_path: Path) -> None:
    """As PaddlePaddle's exporter and OpenVINO's write them."""
    held = onnx.TensorProto(dims=[4, 3, 3, 3], data_type=onnx.TensorProto.FLOAT)
    conv = [node("Constant", [], ["w"], value=held), node("Conv", ["x", "w"], ["y"])]
    found = traced(tmp_path, *conv, inputs={"x": [1, 3, 8, 8]}, weights={})
    assert (found.ops[0].operands, found.macs) == (WEIGHTS, 36 * 108)
    assert parameters(read_onnx(tmp_path / "network.onnx")) == 108


@pytest.mark.parametrize(
    ("equation", "x", "w", "expected"),
    [
        ("bnd,de->bne", [2, 7, 8], [8, 3], (1, 14, 8, 3)),
        ("de,bnd->bne", [8, 3], [2, 7, 8], (1, 3, 8, 14)),
        ("...d,de->...e", [2, 7, 8], [8, 3], (1, 14, 8, 3)),
        ("bhd,hde->bhe", [2, 4, 8], [4, 8, 3], (4, 2, 8, 3)),
        ("ij,jk", [5, 8], [8, 3], (1, 5, 8, 3)),
        ("bnd,e->bn", [2, 7, 8], [3], None),
    ],
)
def test_einsum(
    equation: str, x: list[int], w: list[int], expected: tuple[int, ...] | None, tmp_path: Path
) -> None:
    einsum = node("Einsum", ["x", "w"], ["y"], equation=equation)
    found = traced(tmp_path, einsum, inputs={"x": x}, weights={"w": w})
    assert (product(found) if found.ops else None) == expected


def test_attention_is_two_products_a_head(tmp_path: Path) -> None:
    attention = node("Attention", ["q", "k", "v"], ["y"], q_num_heads=4, kv_num_heads=2)
    project = node("MatMul", ["x", "q.weight"], ["q"])
    ops = traced(
        tmp_path, project, attention, opset=23, weights={"q.weight": [32, 32]},
        inputs={"x": [2, 7, 32], "k": [2, 9, 16], "v": [2, 9, 12]},
    ).ops  # fmt: skip
    products = [(op.count, op.rows, op.depth, op.columns) for op in ops if isinstance(op, Product)]
    assert products == [(1, 14, 32, 32), (8, 7, 8, 9), (8, 7, 9, 6)]
    assert [op.operands == ACTIVATIONS for op in ops] == [False, True, True]


def test_a_decided_branch_is_taken_and_others_may_not_multiply(tmp_path: Path) -> None:
    def branch(name: str, weights: str) -> Any:
        out = onnx.helper.make_empty_tensor_value_info(name)
        return onnx.helper.make_graph([node("MatMul", ["x", weights], [name])], name, [], [out])

    branches = {"then_branch": branch("a", "a.weight"), "else_branch": branch("b", "b.weight")}
    sizes = {"inputs": {"x": [1, 8]}, "weights": {"a.weight": [8, 3], "b.weight": [8, 5]}}
    decided = node("Constant", [], ["c"], value=onnx.helper.make_tensor("c", onnx.TensorProto.BOOL, [], [0]))
    found = traced(tmp_path, decided, node("If", ["c"], ["y"], **branches), **sizes)
    assert (found.ops[0].module, found.macs) == ("b", 40)
    open_ = [
        node("ReduceMax", ["x"], ["m"], keepdims=0),
        node("Cast", ["m"], ["c"], to=onnx.TensorProto.BOOL),
    ]
    with pytest.raises(
        InputError, match=r"'y' \(If\): MatMul within control flow; export the network without"
    ):
        traced(tmp_path, *open_, node("If", ["c"], ["y"], **branches), **sizes)


product_of_f = node("MatMul", ["f", "m"], ["y"])


@pytest.mark.parametrize(
    ("nodes", "message"),
    [
        (
            [node("DeformConv", ["x", "conv.weight", "offset"], ["y"], name="deform")],
            r"'deform' \(DeformConv\): no rule lowers this operator, which reads its weights of 'conv'",
        ),
        (
            [node("FusedConv", ["x", "conv.weight"], ["y"], name="fused", domain="com.microsoft")],
            r"'fused' \(FusedConv\): an operator of 'com.microsoft', .* before any runtime optimised it",
        ),
        ([node("Det", ["x"], ["y"])], r"'y' \(Det\): no rule lowers this operator; write it with"),
        ([node("Convolve", ["x", "conv.weight"], ["y"])], r"\(Convolve\): no rule lowers this operator"),
        ([node("Conv", ["nowhere", "conv.weight"], ["y"])], "reads 'nowhere', which nothing"),
        ([node("Conv", ["x", "conv.weight"], ["y"], group=0)], "3 channels in 0 groups do not go with"),
        ([node("Relu", ["x"], [])], r"\(Relu\) writes nothing; is the file whole"),
        ([node("Gemm", ["x", "conv.weight"], ["y"])], "'y': Gemm does not fit its inputs"),
        (
            [node("NonZero", ["x"], ["i"]), node("Cast", ["i"], ["f"], to=1), product_of_f],
            r"'y' \(MatMul\): the shape of its operand 'f' is not known: it hangs on values of the input",
        ),
        ([node("Einsum", ["m", "m", "x"], ["y"], equation="ab,ab,cdef->cd")], "multiplies 3 operands"),
    ],
)  # fmt: skip
def test_what_no_rule_lowers_is_refused(nodes: list[Any], message: str, tmp_path: Path) -> None:
    inputs: Shapes = {"x": [1, 3, 8, 8], "offset": [1, 18, 6, 6]}
    with pytest.raises(InputError, match=message) as refusal:
        traced(tmp_path, *nodes, inputs=inputs, weights={"conv.weight": [4, 3, 3, 3], "m": [4, 5]})
    assert "\n" not in str(refusal.value)


@pytest.mark.parametrize(
    ("shape", "message"),
    [
        (
            ["batch", 3, "height", "width"],
            r"of its input 'x' open \(\? x 3 x \? x \?\); give the input's",
        ),
        ([1, 3, "height", 8], "export with fixed extents"),
    ],
)
def test_open_extents_need_a_shape(shape: list[int | str], message: str, tmp_path: Path) -> None:
    conv = node("Conv", ["x", "w"], ["y"])
    with pytest.raises(InputError, match=message):
        traced(tmp_path, conv, inputs={"x": shape}, weights={"w": [4, 3, 3, 3]})
    found = trace_onnx(read_onnx(tmp_path / "network.onnx"), input_shape=(3, 8, 8))
    assert found.macs == 36 * 4 * 27


def test_a_fixed_batch_stays(tmp_path: Path) -> None:
    conv = node("Conv", ["x", "w"], ["y"])
    assert traced(tmp_path, conv, inputs={"x": [2, 3, 8, 8]}, weights={"w": [4, 3, 3, 3]}).macs == 2 * 3888
    model = read_onnx(tmp_path / "network.onnx")
    assert trace_onnx(model, batch=2).macs == 2 * 3888
    with pytest.raises(InputError, match="fixes the batch of 'x' at 2; leave out batch 4"):
        trace_onnx(model, batch=4)


def test_shapes_may_be_computed_from_the_input(tmp_path: Path) -> None:
    """An open batch makes the exporter write shapes as arithmetic on shapes."""
    path = export(
        tmp_path / "network.onnx", VitBlock(), (2, 3, 32, 32), dynamo=False,
        dynamic_axes={"x": {0: "batch"}}, input_names=["x"],
    )  # fmt: skip
    assert {"Shape", "Where", "Div"} <= {each.op_type for each in onnx.load(path).graph.node}
    assert topology(path).coverage == topology_of(VitBlock(), (3, 32, 32), name="", convention=EXACT).coverage


def test_two_inputs(tmp_path: Path) -> None:
    matmul = node("MatMul", ["x", "z"], ["y"])
    (op,) = traced(tmp_path, matmul, inputs={"x": [4, 7, 8], "z": [4, 8, 3]}, weights={}).ops
    assert (op.operands, op.macs) == (ACTIVATIONS, 4 * 7 * 8 * 3)
    message = r"takes 2 inputs \(x: 4 x 7 x 8; z: 4 x 8 x 3\), and 7x8 fills open extents of none; export"
    with pytest.raises(InputError, match=message):
        trace_onnx(read_onnx(tmp_path / "network.onnx"), input_shape=(7, 8))


def test_one_shape_fills_every_input_that_it_fits(tmp_path: Path) -> None:
    """Token ids and mask of a language model, all of open length; -1 is open, too."""
    ids: Shapes = {"ids": ["batch", "tokens", 8], "mask": [-1, -1, 8], "state": [2, 8, 3]}
    nodes = [node("Add", ["ids", "mask"], ["x"]), node("MatMul", ["x", "state"], ["y"])]
    found = traced(tmp_path, *nodes, inputs=ids, weights={}, input_shape=(5, 8), batch=2)
    assert (found.ops[0].operands, found.macs) == (ACTIVATIONS, 2 * 5 * 8 * 3)
    with pytest.raises(InputError, match=r"extents of its input 'ids' open \(\? x \? x 8\)"):
        trace_onnx(read_onnx(tmp_path / "network.onnx"))


def test_masks_made_of_shapes_are_no_weights(tmp_path: Path) -> None:
    def forward(module: Any, x: Tensor) -> Tensor:
        scores: Tensor = module.fc(x) @ x.transpose(1, 2)
        return scores + torch.triu(torch.full((x.shape[1], x.shape[1]), -1.0), 1)

    module = Calls(forward, fc=nn.Linear(8, 8))
    found = topology(export(tmp_path / "network.onnx", module, (1, 7, 8), dynamo=False))
    assert found.coverage == topology_of(module, (7, 8), name="", convention=EXACT).coverage
