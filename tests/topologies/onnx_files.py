"""Networks and their ONNX files, for the tests of the ONNX reader: exported by PyTorch, or by hand."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from topologies.convention import CONVENTIONS
from topologies.layers import Layer, Topology
from topologies.lowering import lower
from topologies.onnx_file import read_onnx
from topologies.onnx_graph import trace_onnx

onnx: Any = pytest.importorskip("onnx")
pytest.importorskip("onnxscript")

EXACT = CONVENTIONS["exact"]


def export(path: Path, module: nn.Module, shape: Sequence[int], *, dynamo: bool, **options: Any) -> Path:
    """What PyTorch's exporter writes of `module`; `shape` with the batch."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.onnx.export(
            module.eval(), (torch.zeros(*shape),), path, dynamo=dynamo, verbose=False, **options
        )
    return path


def topology(path: Path, **sizes: Any) -> Topology:
    return lower(trace_onnx(read_onnx(path), **sizes), name="network", convention=EXACT)


def nameless(layers: Sequence[Layer]) -> list[tuple[object, ...]]:
    return [(*layer.shape, layer.operation, layer.operands) for layer in layers]


def saved(
    path: Path,
    nodes: Sequence[Any],
    *,
    inputs: dict[str, Sequence[int | str]],
    weights: dict[str, Sequence[int]],
    opset: int = 21,
    outputs: Sequence[str] = ("y",),
    values: dict[str, Any] | None = None,
) -> Path:
    """A file of nodes made by hand; its weights have shapes and no data."""
    helper, kind = onnx.helper, onnx.TensorProto.FLOAT
    stored = [onnx.TensorProto(name=name, dims=shape, data_type=kind) for name, shape in weights.items()]
    stored += [onnx.numpy_helper.from_array(value, name) for name, value in (values or {}).items()]
    graph = helper.make_graph(
        nodes,
        "network",
        [helper.make_tensor_value_info(name, kind, shape) for name, shape in inputs.items()],
        [helper.make_empty_tensor_value_info(name) for name in outputs],
        stored,
    )
    domains = {node.domain for node in nodes} - {""}
    opsets = [helper.make_opsetid("", opset), *(helper.make_opsetid(domain, 1) for domain in domains)]
    onnx.save(helper.make_model(graph, opset_imports=opsets), path)
    return path


class ResidualBlock(nn.Module):
    def __init__(self, channels: int, filters: int, stride: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(channels, filters, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(filters)
        self.relu = nn.ReLU()
        self.conv2 = nn.Conv2d(filters, filters, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(filters)
        self.downsample: nn.Module = nn.Identity()
        if stride != 1 or channels != filters:
            self.downsample = nn.Sequential(
                nn.Conv2d(channels, filters, 1, stride, bias=False), nn.BatchNorm2d(filters)
            )

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.bn2(self.conv2(self.relu(self.bn1(self.conv1(x)))))
        return out + self.downsample(x)


def resnet18() -> nn.Module:
    """The ImageNet form: 7 x 7 stem, global pooling."""
    blocks: list[nn.Module] = []
    channels = 64
    for filters, stride in ((64, 1), (128, 2), (256, 2), (512, 2)):
        blocks += [ResidualBlock(channels, filters, stride), ResidualBlock(filters, filters, 1)]
        channels = filters
    return nn.Sequential(
        nn.Conv2d(3, 64, 7, 2, 3, bias=False),
        nn.BatchNorm2d(64),
        nn.ReLU(),
        nn.MaxPool2d(3, 2, 1),
        *blocks,
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        nn.Linear(512, 1000),
    )


class InvertedResidual(nn.Module):
    def __init__(self, channels: int, filters: int, stride: int, expansion: int) -> None:
        super().__init__()
        hidden = channels * expansion
        expand = [] if expansion == 1 else _convolution(channels, hidden, 1)
        depthwise = _convolution(hidden, hidden, 3, stride, groups=hidden)
        project = [nn.Conv2d(hidden, filters, 1, bias=False), nn.BatchNorm2d(filters)]
        self.conv = nn.Sequential(*expand, *depthwise, *project)
        self.adds = stride == 1 and channels == filters

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.conv(x)
        return out + x if self.adds else out


def _convolution(
    channels: int, filters: int, kernel: int, stride: int = 1, groups: int = 1
) -> list[nn.Module]:
    convolution = nn.Conv2d(channels, filters, kernel, stride, kernel // 2, groups=groups, bias=False)
    return [convolution, nn.BatchNorm2d(filters), nn.ReLU6()]


MOBILENET = (
    (1, 16, 1, 1), (6, 24, 2, 2), (6, 32, 3, 2), (6, 64, 4, 2), (6, 96, 3, 1), (6, 160, 3, 2), (6, 320, 1, 1),
)  # fmt: skip
"""Expansion, filters, repetitions and stride of Sandler et al. (2018), Table 2."""


def mobilenet_v2() -> nn.Module:
    layers = _convolution(3, 32, 3, 2)
    channels = 32
    for expansion, filters, repetitions, stride in MOBILENET:
        for place in range(repetitions):
            layers.append(InvertedResidual(channels, filters, stride if place == 0 else 1, expansion))
            channels = filters
    layers += [*_convolution(320, 1280, 1), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(1280, 1000)]
    return nn.Sequential(*layers)


class Recurrent(nn.Module):
    """Two recurrent layers over a sequence, the last step classified."""

    def __init__(self, kind: type[nn.RNNBase], *, bidirectional: bool) -> None:
        super().__init__()
        self.recurrent: nn.Module = kind(8, 16, num_layers=2, bidirectional=bidirectional, batch_first=True)
        self.head = nn.Linear(32 if bidirectional else 16, 4)

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.head(self.recurrent(x)[0][:, -1])
        return out


class VitBlock(nn.Module):
    """Patches, class token, position, one encoder layer, head: ViT with a depth of 1."""

    def __init__(self) -> None:
        super().__init__()
        self.patch = nn.Conv2d(3, 32, 8, 8)
        self.token = nn.Parameter(torch.zeros(1, 1, 32))
        self.position = nn.Parameter(torch.zeros(1, 17, 32))
        self.norm1 = nn.LayerNorm(32)
        self.attention = nn.MultiheadAttention(32, 4, batch_first=True)
        self.norm2 = nn.LayerNorm(32)
        self.mlp = nn.Sequential(nn.Linear(32, 64), nn.GELU(), nn.Linear(64, 32))
        self.head = nn.Linear(32, 10)

    def forward(self, image: Tensor) -> Tensor:
        x = self.patch(image).flatten(2).transpose(1, 2)
        x = torch.cat([self.token.expand(x.shape[0], -1, -1), x], 1) + self.position
        y = self.norm1(x)
        x = x + self.attention(y, y, y, need_weights=False)[0]
        x = x + self.mlp(self.norm2(x))
        out: Tensor = self.head(x[:, 0])
        return out


class Deconvolutions(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.up = nn.ConvTranspose2d(3, 8, 3, 2, 1, output_padding=1)
        self.wide = nn.ConvTranspose2d(8, 6, (4, 3), (2, 1), dilation=2, groups=2)
        self.head = nn.Conv2d(6, 3, 4, padding="same")

    def forward(self, x: Tensor) -> Tensor:
        return torch.tanh(self.head(self.wide(self.up(x).relu())))
