"""Operations become the convolutions and matrix products that a systolic array runs, none left out."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from energy.array import PRESETS
from energy.closed_form.engine import simulate
from nfenergy.ground.errors import InputError, NfEnergyError
from tests.topologies.models import Calls, weight
from topologies.convention import CONVENTIONS
from topologies.layers import Topology
from topologies.lowering import lower, mac_differences, topology_of
from topologies.trace import trace

pytestmark = pytest.mark.usefixtures("one_torch_thread")

Pair = tuple[int, int]


def lowered(
    model: nn.Module, shape: tuple[int, ...], convention: str = "exact", name: str = "t", batch: int = 1
) -> Topology:
    return topology_of(model, shape, name=name, convention=CONVENTIONS[convention], batch=batch)


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
    dense = len(set(module.stride)) == 1 and _undilated(module)
    assert len(topology.layers) == module.groups
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


def test_a_group_is_a_row_without_scalesims_name_trick() -> None:
    topology = lowered(nn.Sequential(nn.Conv2d(4, 8, 3, padding=1, groups=2)), (4, 6, 5))
    assert rows(topology) == [(8, 7, 3, 3, 2, 4, 1)] * 2
    assert [layer.name for layer in topology.layers] == ["0[group 0]", "0[group 1]"]
    depthwise = lowered(nn.Conv2d(4, 4, 3, stride=2, groups=4), (4, 7, 7))
    assert rows(depthwise) == [(7, 7, 3, 3, 1, 1, 2)] * 4


def test_a_depthwise_row_reads_each_pixel_from_dram_once() -> None:
    """As a matrix product its windows would share no pixels: 28,224 words a channel instead of 3,364."""
    topology = lowered(nn.Conv2d(32, 32, 3, padding=1, groups=32), (32, 56, 56))
    counts = simulate(topology, PRESETS["scale"])
    assert {record.dram_ifmap_reads for record in counts} == {58 * 58}


def test_uneven_strides_and_dilation_become_matrix_products() -> None:
    assert rows(lowered(nn.Conv2d(4, 8, 3, stride=(1, 2)), (4, 8, 8))) == [(18, 36, 1, 36, 1, 8, 1)]
    assert rows(lowered(nn.Conv2d(4, 8, 3, dilation=2), (4, 8, 8))) == [(16, 36, 1, 36, 1, 8, 1)]


def test_grouped_deconvolutions_are_split_in_both_conventions() -> None:
    module = nn.ConvTranspose2d(4, 6, 4, stride=2, padding=1, groups=2)
    assert rows(lowered(module, (4, 4, 4))) == [(11, 11, 4, 4, 2, 3, 1)] * 2
    # paper: channels exchanged, the output padded.
    assert rows(lowered(module, (4, 4, 4), "paper")) == [(10, 10, 4, 4, 3, 2, 1)] * 2


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


def test_attention_is_products_of_activations_one_a_head() -> None:
    model = Calls(
        lambda m, x: m.attention(x, x, x)[0], attention=nn.MultiheadAttention(8, 2, batch_first=True)
    )
    topology = lowered(model, (5, 8))
    assert str(topology.coverage) == "2 of 2 weighted layers, 100 % of MACs"
    kinds = [(layer.name, layer.operation, layer.operands) for layer in topology.layers]
    activations = "activation x activation"
    assert kinds == [
        ("attention", "linear", "activation x weight"),
        ("attention#2[0]", "matmul", activations),
        ("attention#2[1]", "matmul", activations),
        ("attention#3[0]", "matmul", activations),
        ("attention#3[1]", "matmul", activations),
        ("attention.out_proj", "linear", "activation x weight"),
    ]
    assert rows(topology)[1:5] == [(5, 4, 1, 4, 1, 5, 1)] * 2 + [(5, 5, 1, 5, 1, 4, 1)] * 2
    assert [layer.reads_weights for layer in topology.layers] == [True, False, False, False, False, True]
    assert topology.of_weights("abcdef") == ("a", "f")


def test_what_is_left_out_is_said_by_name_and_share() -> None:
    model = Calls(
        lambda m, x: (m.linear(x)[:, None, :] * m.w).sum(-1), linear=nn.Linear(5, 5), w=weight(15, 5)
    )
    topology = lowered(model, (5,))
    assert topology.coverage.left_out == (("mul", 75),)
    assert str(topology.coverage) == "1 of 1 weighted layers, 25 % of MACs (left out: mul 75 %)"


@given(convolutions(), st.integers(2, 4))
@settings(max_examples=60, deadline=None)
def test_a_batch_is_repeated_windows_or_rows_of_the_product(
    case: tuple[nn.Conv2d, tuple[int, int, int]], batch: int
) -> None:
    module, shape = case
    one, many = lowered(module, shape), lowered(module, shape, batch=batch)
    assert many.coverage.lowered_macs == batch * one.coverage.lowered_macs
    assert sum(layer.macs for layer in many.layers) == many.coverage.lowered_macs
    if len(many.layers) == batch * len(one.layers):
        assert rows(many) == rows(one) * batch
    else:
        assert [layer.filters for layer in many.layers] == [layer.filters for layer in one.layers]
        assert [layer.ofmap_px for layer in many.layers] == [batch * layer.ofmap_px for layer in one.layers]


def test_a_batch_made_in_the_forward_pass_is_not_lost() -> None:
    conv = nn.Conv2d(3, 4, 3)
    topology = lowered(Calls(lambda m, x: m.conv(torch.cat([x, x.flip(-1)], 0)), conv=conv), (3, 8, 8))
    assert [layer.name for layer in topology.layers] == ["conv[sample 0]", "conv[sample 1]"]
    assert sum(layer.macs for layer in topology.layers) == 2 * 36 * 4 * 27
    deconv = nn.ConvTranspose2d(3, 4, 2, stride=2)
    topology = lowered(Calls(lambda m, x: m.conv(torch.cat([x, x], 0)), conv=deconv), (3, 4, 4))
    assert rows(topology) == [(9, 9, 2, 2, 3, 4, 1)] * 2


def test_convolutions_along_one_axis_have_height_one() -> None:
    assert rows(lowered(nn.Conv1d(3, 4, 5, stride=2, padding=2), (3, 17))) == [(1, 21, 1, 5, 3, 4, 2)]
    assert rows(lowered(nn.Conv1d(4, 4, 3, groups=4), (4, 9))) == [(1, 9, 1, 3, 1, 1, 1)] * 4
    assert rows(lowered(nn.Conv1d(3, 4, 3, dilation=2), (3, 9))) == [(5, 9, 1, 9, 1, 4, 1)]
    transposed = nn.ConvTranspose1d(3, 4, 4, stride=2, padding=1)
    assert rows(lowered(transposed, (3, 8))) == [(1, 19, 1, 4, 3, 4, 1)]
    assert rows(lowered(transposed, (3, 8), "paper")) == [(1, 18, 1, 4, 4, 3, 1)]
    assert lowered(transposed, (3, 8)).layers[0].operation == "conv_transpose1d"


def test_convolutions_along_three_axes_are_matrix_products() -> None:
    module = nn.Conv3d(4, 6, (3, 3, 2), stride=(2, 1, 1), padding=1, groups=2)
    out = module(torch.zeros(1, 4, 7, 6, 5))
    pixels = out[0, 0].numel()
    assert rows(lowered(module, (4, 7, 6, 5))) == [(pixels, 36, 1, 36, 1, 3, 1)] * 2
    transposed = nn.ConvTranspose3d(2, 3, 2, stride=2)
    topology = topology_of(
        transposed, (2, 3, 3, 3), name="t", convention=CONVENTIONS["exact"], deconvolution="subpixel"
    )
    assert rows(topology) == [(27, 2, 1, 2, 1, 3, 1)] * 8
    assert topology.layers[1].name == "model[phase 0,0,1]"
    assert sum(layer.macs for layer in topology.layers) == topology.coverage.macs


def test_every_difference_in_macs_has_its_reason() -> None:
    model = nn.Sequential(
        nn.Conv2d(3, 4, 3, stride=2, padding=1), nn.ConvTranspose2d(4, 2, 4, stride=2, padding=1)
    )
    traced = trace(model, (3, 8, 8))

    def reasons(convention: str, mapping: str | None = None) -> dict[str, str]:
        found = mac_differences(traced, name="t", convention=CONVENTIONS[convention], deconvolution=mapping)
        assert all(difference.macs != difference.simulated_macs for difference in found)
        return {difference.layer: difference.reason for difference in found}

    assert reasons("exact") == {"1": "the inserted zeros are multiplied too"}
    assert "PyTorch multiplies pixels that it cuts off" in reasons("exact", "subpixel").get(
        "1", ""
    ) or not reasons("exact", "subpixel")
    assert reasons("paper") == {
        "0": "padding is folded into the ifmap, and SCALE-Sim rounds the ofmap up",
        "1": "input and output are exchanged, and the output is padded",
    }


def test_rows_that_should_have_the_networks_macs_and_do_not_are_refused() -> None:
    traced = trace(nn.Linear(4, 5), (4,))
    wrong = replace(traced, ops=(replace(traced.ops[0], macs=21),))
    with pytest.raises(
        NfEnergyError, match=r"layer 'model' \(linear\): its rows have 20 MACs where the network"
    ):
        lower(wrong, name="t", convention=CONVENTIONS["exact"])
