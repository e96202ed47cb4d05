"""The same network through PyTorch and through its ONNX export: equal topologies."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from neuralfuse.registry import BASES, DATASETS, GENERATORS
from tests.topologies.models import Calls, weight
from tests.topologies.onnx_files import (
    EXACT,
    Deconvolutions,
    Recurrent,
    VitBlock,
    export,
    mobilenet_v2,
    nameless,
    onnx,
    resnet18,
    topology,
)
from topologies.layers import ACTIVATIONS
from topologies.lowering import topology_of
from topologies.onnx_file import read_onnx
from topologies.onnx_parameters import parameters

pytestmark = pytest.mark.usefixtures("one_torch_thread")

NETWORKS: dict[str, tuple[Callable[[], nn.Module], tuple[int, ...]]] = {
    "registry-resnet18": (lambda: BASES["resnet18"].build(DATASETS["cifar10"]), (3, 32, 32)),
    "resnet18": (resnet18, (3, 224, 224)),
    "mobilenet-v2": (mobilenet_v2, (3, 224, 224)),
    "deconvs": (lambda: GENERATORS["deconvs"].build(DATASETS["cifar10"]), (3, 32, 32)),
    "deconvolutions": (Deconvolutions, (3, 9, 11)),
    "lstm": (lambda: Recurrent(nn.LSTM, bidirectional=True), (12, 8)),
    "gru": (lambda: Recurrent(nn.GRU, bidirectional=False), (7, 8)),
    "rnn": (lambda: Recurrent(nn.RNN, bidirectional=True), (5, 8)),
    "vit": (VitBlock, (3, 32, 32)),
}
NEWER_EXPORTER = ("deconvolutions", "lstm", "vit")
MACS = {"resnet18": 1_814_073_344, "mobilenet-v2": 300_774_272}
BATCH = {"dynamic_axes": {"x": {0: "batch"}}, "input_names": ["x"]}


@pytest.mark.parametrize(
    ("name", "dynamo"),
    [*((name, False) for name in NETWORKS), *((name, True) for name in NEWER_EXPORTER)],
)
def test_the_topology_is_that_of_the_module(name: str, dynamo: bool, tmp_path: Path) -> None:
    build, shape = NETWORKS[name]
    module = build()
    expected = topology_of(module, shape, name="network", convention=EXACT)
    found = topology(export(tmp_path / "network.onnx", module, (1, *shape), dynamo=dynamo))
    assert nameless(found.layers) == nameless(expected.layers)
    assert found.coverage == expected.coverage
    # Both exporters say which module a layer comes from.
    assert [layer.name for layer in found.layers] == [layer.name for layer in expected.layers]
    if name in MACS:
        assert found.coverage is not None
        assert found.coverage.macs == MACS[name]


@pytest.mark.parametrize("name", ["vit", "lstm", "mobilenet-v2"])
def test_an_open_batch_is_one_and_may_be_chosen(name: str, tmp_path: Path) -> None:
    build, shape = NETWORKS[name]
    module = build()
    path = export(tmp_path / "network.onnx", module, (2, *shape), dynamo=False, **BATCH)
    for batch in (1, 3):
        expected = topology_of(module, shape, name="network", convention=EXACT, batch=batch)
        assert nameless(topology(path, batch=batch).layers) == nameless(expected.layers)


def test_another_input_shape(tmp_path: Path) -> None:
    module = nn.Sequential(nn.Conv2d(3, 4, 3, 2), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, 2))
    path = export(tmp_path / "network.onnx", module, (1, 3, 32, 32), dynamo=False)
    expected = topology_of(module, (3, 40, 25), name="network", convention=EXACT)
    assert nameless(topology(path, input_shape=(3, 40, 25)).layers) == nameless(expected.layers)


@pytest.mark.parametrize("left_out", ["data", "external", "parameters"])
def test_a_file_without_its_weights(left_out: str, tmp_path: Path) -> None:
    module = mobilenet_v2()
    path = tmp_path / "network.onnx"
    if left_out == "parameters":
        export(path, module, (1, 3, 96, 96), dynamo=False, export_params=False, do_constant_folding=False)
    else:
        model = onnx.load(export(path, module, (1, 3, 96, 96), dynamo=False))
        onnx.save(model, path, save_as_external_data=left_out == "external", location="weights.data")
        (tmp_path / "weights.data").unlink(missing_ok=True)
    if left_out == "data":
        for tensor in model.graph.initializer:
            if tensor.data_type == onnx.TensorProto.FLOAT:
                tensor.ClearField("raw_data")
        onnx.save(model, path)
    assert path.stat().st_size < 600_000
    expected = topology_of(module, (3, 96, 96), name="network", convention=EXACT)
    assert nameless(topology(path).layers) == nameless(expected.layers)


def test_parameters_are_those_of_the_module(tmp_path: Path) -> None:
    for module, shape in (
        (Deconvolutions(), (1, 3, 9, 9)),
        (Recurrent(nn.GRU, bidirectional=True), (1, 5, 8)),
    ):
        path = export(tmp_path / "network.onnx", module, shape, dynamo=False)
        assert parameters(read_onnx(path)) == sum(parameter.numel() for parameter in module.parameters())


SPELLINGS: dict[str, tuple[nn.Module, tuple[int, ...]]] = {
    "linear on tokens": (nn.Linear(8, 5), (7, 8)),
    "weights first": (Calls(lambda m, x: m.w @ x, w=weight(6, 7)), (7, 8)),
    "a stack of weights": (Calls(lambda m, x: torch.matmul(x, m.w), w=weight(4, 8, 3)), (4, 7, 8)),
    "expanded weights": (Calls(lambda m, x: torch.bmm(x, m.w.expand(4, -1, -1)), w=weight(1, 8, 3)), ()),
    "activations": (Calls(lambda m, x: m.fc(x) @ x.transpose(1, 2), fc=nn.Linear(8, 8)), (7, 8)),
    "einsum with weights": (
        Calls(lambda m, x: torch.einsum("bhnd,hde->bhne", x, m.w), w=weight(4, 8, 3)), (4, 7, 8),
    ),
    "einsum of activations": (
        Calls(lambda m, x: torch.einsum("bnd,bmd->bnm", m.fc(x), x), fc=nn.Linear(8, 8)), (7, 8),
    ),
    "conv1d": (nn.Conv1d(4, 6, 5, 2, 3, groups=2), (4, 30)),
    "conv3d": (nn.Conv3d(2, 3, (1, 3, 2), (1, 2, 1), padding=1), (2, 5, 6, 7)),
    "deconv1d": (nn.ConvTranspose1d(4, 6, 5, 3, 1, output_padding=2), (4, 9)),
    "group norm and silu": (nn.Sequential(nn.Conv2d(3, 8, 3), nn.GroupNorm(2, 8), nn.SiLU()), (3, 9, 9)),
    "hand-written gate": (Calls(lambda m, x: m.a(x) * m.b(x), a=nn.Linear(8, 4), b=nn.Linear(8, 4)), (7, 8)),
}  # fmt: skip


@pytest.mark.parametrize("spelling", SPELLINGS)
def test_every_spelling_of_a_product(spelling: str, tmp_path: Path) -> None:
    module, shape = SPELLINGS[spelling]
    batch = 1 if shape else 4
    shape = shape or (7, 8)
    expected = topology_of(module, shape, name="network", convention=EXACT, batch=batch)
    found = topology(export(tmp_path / "network.onnx", module, (batch, *shape), dynamo=False))
    assert nameless(found.layers) == nameless(expected.layers)
    assert found.coverage == expected.coverage


def test_older_operators_spell_functions_out(tmp_path: Path) -> None:
    module = nn.Sequential(nn.Linear(8, 8), nn.LayerNorm(8), nn.GELU(), nn.Linear(8, 3), nn.Mish())
    path = export(tmp_path / "network.onnx", module, (1, 7, 8), dynamo=False, opset_version=14)
    operators = {node.op_type for node in onnx.load(path).graph.node}
    assert {"Erf", "Sqrt", "Mul"} <= operators
    assert topology(path).coverage == topology_of(module, (7, 8), name="", convention=EXACT).coverage


class Tokens(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.table = nn.Embedding(100, 16)
        self.head = nn.Linear(16, 4)

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.head(self.table(x.long()))
        return out


def test_an_embedding_is_read_not_multiplied(tmp_path: Path) -> None:
    path = export(tmp_path / "network.onnx", Tokens(), (1, 12), dynamo=False)
    found = topology(path)
    assert found.coverage is not None
    assert found.coverage.lookups == (("table", 12, 16),)
    assert [layer.name for layer in found.layers] == ["head"]
    assert all(layer.operands != ACTIVATIONS for layer in found.layers)


@st.composite
def convolution_nets(draw: st.DrawFn) -> tuple[nn.Module, tuple[int, ...]]:
    axes = draw(st.integers(1, 2))
    layers: list[nn.Module] = []
    channels = first = draw(st.sampled_from([2, 4]))
    for _ in range(draw(st.integers(1, 3))):
        filters, groups = draw(st.sampled_from([2, 4, 6])), draw(st.sampled_from([1, 2]))
        kernel, stride = draw(st.integers(1, 3)), draw(st.integers(1, 2))
        dilation, padding = draw(st.integers(1, 2)), draw(st.integers(0, 2))
        kind = (nn.Conv1d, nn.Conv2d, nn.ConvTranspose1d, nn.ConvTranspose2d)[
            axes - 1 + 2 * draw(st.booleans())
        ]
        layers.append(kind(channels, filters, kernel, stride, padding, groups=groups, dilation=dilation))
        layers.append(draw(st.sampled_from([nn.ReLU(), nn.SiLU(), nn.Identity()])))
        channels = filters
    return nn.Sequential(*layers), (first, *draw(st.tuples(*[st.integers(24, 31)] * axes)))


@settings(max_examples=20, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(convolution_nets())
def test_random_convolution_networks(tmp_path: Path, net: tuple[nn.Module, tuple[int, ...]]) -> None:
    module, shape = net
    expected = topology_of(module, shape, name="network", convention=EXACT)
    found = topology(export(tmp_path / "network.onnx", module, (1, *shape), dynamo=False))
    assert nameless(found.layers) == nameless(expected.layers)
    assert found.coverage == expected.coverage
