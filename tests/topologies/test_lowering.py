"""Operations become the convolutions and matrix products that a systolic array runs, none left out."""

from __future__ import annotations

import pytest
import torch
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from nfenergy.ground.errors import InputError
from tests.topologies.models import Calls, weight
from topologies.convention import CONVENTIONS
from topologies.layers import Topology
from topologies.lowering import topology_of

pytestmark = pytest.mark.usefixtures("one_torch_thread")

Pair = tuple[int, int]


def lowered(model: nn.Module, shape: tuple[int, ...], convention: str = "exact", name: str = "t") -> Topology:
    return topology_of(model, shape, name=name, convention=CONVENTIONS[convention])


def rows(topology: Topology) -> list[tuple[int, ...]]:
    return [tuple(layer.shape) for layer in topology.layers]


def pairs(low: int, high: int) -> st.SearchStrategy[Pair]:
    return st.tuples(st.integers(low, high), st.integers(low, high))


@st.composite
def convolutions(draw: st.DrawFn) -> tuple[nn.Conv2d, tuple[int, int, int]]:
    groups = draw(st.integers(1, 3))
    module = nn.Conv2d(
        groups * draw(st.integers(1, 3)),
        groups * draw(st.integers(1, 4)),
        draw(pairs(1, 5)),
        stride=draw(st.one_of(st.integers(1, 4).map(lambda s: (s, s)), pairs(1, 4))),
        padding=draw(pairs(0, 3)),
        dilation=draw(st.one_of(st.just((1, 1)), pairs(1, 3))),
        groups=groups,
        bias=draw(st.booleans()),
        device="meta",
    )
    extent = draw(pairs(1, 14))
    for axis in (0, 1):
        assume(
            extent[axis] + 2 * module.padding[axis] > module.dilation[axis] * (module.kernel_size[axis] - 1)
        )
    return module, (module.in_channels, *extent)


@given(convolutions())
@settings(max_examples=150, deadline=None)
def test_exact_convolutions_have_pytorchs_ofmap_and_multiplications(
    case: tuple[nn.Conv2d, tuple[int, int, int]],
) -> None:
    module, shape = case
    topology = lowered(module, shape)
    out = module(torch.zeros((1, *shape), device="meta"))
    pixels = out.shape[2] * out.shape[3]
    dense = module.groups == 1 and len(set(module.stride)) == 1 and _undilated(module)
    assert len(topology.layers) == (1 if dense else module.groups)
    for layer in topology.layers:
        assert layer.ofmap_px == pixels
        assert layer.window == module.weight[0].numel()
        if dense:
            assert (layer.ofmap_h, layer.ofmap_w) == tuple(out.shape[2:])
            assert (layer.filter_h, layer.filter_w) == module.kernel_size
    assert sum(layer.filters for layer in topology.layers) == module.out_channels
    assert sum(layer.macs for layer in topology.layers) == topology.coverage.macs
    assert topology.coverage.macs == pixels * module.weight.numel()


def _undilated(module: nn.Conv2d) -> bool:
    return all(d == 1 or k == 1 for d, k in zip(module.dilation, module.kernel_size, strict=True))


@given(convolutions())
@settings(max_examples=60, deadline=None)
def test_paper_convolutions_fold_the_padding_into_the_ifmap(
    case: tuple[nn.Conv2d, tuple[int, int, int]],
) -> None:
    module, shape = case
    topology = lowered(module, shape, "paper")
    out = module(torch.zeros((1, *shape), device="meta"))
    for layer in topology.layers:
        assert layer.ofmap_px >= out.shape[2] * out.shape[3]
        if layer.operation == "conv2d" and layer.stride == module.stride[0] and len(topology.layers) == 1:
            padded = tuple(e + 2 * p for e, p in zip(shape[1:], module.padding, strict=True))
            gemm = (layer.ofmap_px, layer.window)
            assert (layer.ifmap_h, layer.ifmap_w) in (padded, gemm)


def test_a_whole_convolutional_network_has_the_flop_counters_macs() -> None:
    model = nn.Sequential(
        nn.Conv2d(3, 8, 7, stride=2, padding=3), nn.BatchNorm2d(8), nn.ReLU(), nn.MaxPool2d(3, 2, 1),
        nn.Conv2d(8, 8, 3, padding=1, groups=8), nn.Conv2d(8, 16, 1), nn.Conv2d(16, 16, 3, dilation=2),
        nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(16, 10),
    )  # fmt: skip
    with FlopCounterMode(display=False) as counter:
        model(torch.zeros(1, 3, 64, 48))
    topology = lowered(model, (3, 64, 48))
    assert 2 * sum(layer.macs for layer in topology.layers) == counter.get_total_flops()
    assert str(topology.coverage) == "5 of 5 weighted layers, 100 % of MACs"


def test_linear_layers_are_one_by_one_convolutions_on_one_pixel() -> None:
    assert rows(lowered(nn.Linear(512, 10), (512,), "paper")) == [(1, 1, 1, 1, 512, 10, 1)]
    assert rows(lowered(nn.Linear(8, 4), (5, 8))) == [(5, 1, 1, 1, 8, 4, 1)]
    assert rows(lowered(nn.Linear(8, 4), (2, 5, 8))) == [(10, 1, 1, 1, 8, 4, 1)]


def test_weights_times_activations_is_the_transposed_product() -> None:
    model = Calls(lambda m, x: m.matrix @ x[0], matrix=weight(4, 5))
    assert rows(lowered(model, (5, 3))) == [(3, 1, 1, 1, 5, 4, 1)]


def test_groups_become_counted_matrix_products_without_scalesims_name_trick() -> None:
    topology = lowered(nn.Sequential(nn.Conv2d(4, 8, 3, padding=1, groups=2)), (4, 6, 5))
    assert rows(topology) == [(30, 18, 1, 18, 1, 4, 1)] * 2
    assert [layer.name for layer in topology.layers] == ["0[group 0]", "0[group 1]"]
    depthwise = lowered(nn.Conv2d(4, 4, 3, groups=4), (4, 6, 6))
    assert rows(depthwise) == [(16, 9, 1, 9, 1, 1, 1)] * 4


def test_uneven_strides_and_dilation_become_matrix_products() -> None:
    assert rows(lowered(nn.Conv2d(4, 8, 3, stride=(1, 2)), (4, 8, 8))) == [(18, 36, 1, 36, 1, 8, 1)]
    assert rows(lowered(nn.Conv2d(4, 8, 3, dilation=2), (4, 8, 8))) == [(16, 36, 1, 36, 1, 8, 1)]


def test_grouped_deconvolutions_are_split_in_both_conventions() -> None:
    module = nn.ConvTranspose2d(4, 6, 4, stride=2, padding=1, groups=2)
    assert rows(lowered(module, (4, 4, 4))) == [(64, 32, 1, 32, 1, 3, 1)] * 2
    # paper: channels exchanged, 10 x 10 ifmap, so 7 x 7 pixels.
    assert rows(lowered(module, (4, 4, 4), "paper")) == [(49, 48, 1, 48, 1, 2, 1)] * 2


@pytest.mark.parametrize("convention", sorted(CONVENTIONS))
def test_the_unets_slip_is_the_papers_alone(convention: str) -> None:
    model = nn.ModuleDict({"head": nn.Conv2d(16, 3, 1)})
    calls = Calls(lambda m, x: m.head(x), head=model["head"])
    extent = {"paper": 34, "exact": 32}[convention]
    (row,) = rows(lowered(calls, (16, 32, 32), convention, name="unetl"))
    assert row == (extent, extent, 1, 1, 16, 3, 1)
    (other,) = rows(lowered(calls, (16, 32, 32), convention, name="mine"))
    assert other == (32, 32, 1, 1, 16, 3, 1)


def test_names_are_distinct_where_a_module_is_called_twice() -> None:
    conv = nn.Conv2d(3, 3, 3, padding=1)
    topology = lowered(nn.Sequential(conv, nn.ReLU(), conv, conv), (3, 8, 8))
    assert [layer.name for layer in topology.layers] == ["0", "0#2", "0#3"]
    assert topology.coverage.weighted_layers == 3


def test_subpixel_phases_are_named() -> None:
    module = nn.Sequential(nn.ConvTranspose2d(3, 2, 4, stride=2, padding=1))
    topology = topology_of(
        module, (3, 4, 4), name="t", convention=CONVENTIONS["exact"], deconvolution="subpixel"
    )
    assert [layer.name for layer in topology.layers] == [
        f"0[phase {row},{col}]" for row in (0, 1) for col in (0, 1)
    ]


def test_the_topology_says_where_it_comes_from() -> None:
    topology = lowered(nn.Conv2d(3, 4, 3), (3, 8, 8), "paper", name="mine")
    assert (topology.name, topology.convention) == ("mine", "paper")
    assert topology.layers[0].operation == "conv2d"


def test_a_model_without_weights_is_refused() -> None:
    with pytest.raises(InputError, match="nothing in it reads weights"):
        lowered(nn.Sequential(nn.ReLU(), nn.MaxPool2d(2)), (3, 8, 8))


def test_attention_lowers_coverage() -> None:
    model = Calls(
        lambda m, x: m.attention(x, x, x)[0], attention=nn.MultiheadAttention(8, 2, batch_first=True)
    )
    assert str(lowered(model, (5, 8)).coverage) == "2 of 2 weighted layers, 76.2 % of MACs"
