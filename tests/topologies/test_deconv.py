"""A deconvolution computed through its mapped convolutions is the deconvolution."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product

import pytest
import torch
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st
from torch import Tensor, nn
from torch.nn import functional as F

from topologies.convention import CONVENTIONS
from topologies.deconv import EXACT_MAPPINGS, Axis
from topologies.layers import Layer
from topologies.lowering import topology_of

pytestmark = pytest.mark.usefixtures("one_torch_thread")

Pair = tuple[int, int]
SHAPE_FIELDS = ("ifmap_h", "ifmap_w", "filter_h", "filter_w", "channels", "filters", "stride")


@dataclass(frozen=True)
class Deconvolution:
    """The arguments of `nn.ConvTranspose2d` and an input extent."""

    extent: Pair
    groups: int
    channels_in: int
    channels_out: int
    kernel: Pair
    stride: Pair
    padding: Pair
    output_padding: Pair
    dilation: Pair

    def module(self) -> nn.ConvTranspose2d:
        return nn.ConvTranspose2d(
            self.groups * self.channels_in,
            self.groups * self.channels_out,
            self.kernel,
            stride=self.stride,
            padding=self.padding,
            output_padding=self.output_padding,
            dilation=self.dilation,
            groups=self.groups,
            bias=False,
        )

    def out_extent(self, axis: int) -> int:
        return (
            (self.extent[axis] - 1) * self.stride[axis]
            - 2 * self.padding[axis]
            + self.dilation[axis] * (self.kernel[axis] - 1)
            + self.output_padding[axis]
            + 1
        )

    def axes(self, mapping: str) -> list[tuple[Axis, Axis]]:
        rows, cols = (
            EXACT_MAPPINGS[mapping](
                outputs=self.out_extent(axis),
                kernel=self.kernel[axis],
                stride=self.stride[axis],
                padding=self.padding[axis],
                dilation=self.dilation[axis],
            )
            for axis in (0, 1)
        )
        return list(product(rows, cols))


def pairs(low: int, high: int) -> st.SearchStrategy[Pair]:
    return st.tuples(st.integers(low, high), st.integers(low, high))


@st.composite
def deconvolutions(draw: st.DrawFn) -> Deconvolution:
    stride, dilation = draw(pairs(1, 4)), draw(pairs(1, 3))
    output_padding = tuple(draw(st.integers(0, max(s, d) - 1)) for s, d in zip(stride, dilation, strict=True))
    found = Deconvolution(
        extent=draw(pairs(1, 5)),
        groups=draw(st.integers(1, 3)),
        channels_in=draw(st.integers(1, 3)),
        channels_out=draw(st.integers(1, 3)),
        kernel=draw(pairs(1, 5)),
        stride=stride,
        padding=draw(pairs(0, 4)),
        output_padding=output_padding,
        dilation=dilation,
    )
    assume(all(found.out_extent(axis) >= 1 for axis in (0, 1)))
    return found


def window(image: Tensor, along: tuple[Axis, Axis]) -> Tensor:
    """The input that a mapped convolution reads: zeros inserted, then cut out with zeros around it."""
    height, width = image.shape[-2:]
    rows, cols = along
    spread = image.new_zeros(*image.shape[:2], (height - 1) * rows.zeros + 1, (width - 1) * cols.zeros + 1)
    spread[..., :: rows.zeros, :: cols.zeros] = image
    top, left = rows.first, cols.first
    bottom, right = (
        axis.first + axis.ifmap - extent for axis, extent in zip(along, spread.shape[-2:], strict=True)
    )
    return F.pad(spread, (-left, right, -top, bottom))


def filters(weight: Tensor, along: tuple[Axis, Axis], groups: int) -> Tensor:
    """A deconvolution's kernel (in, out / groups, h, w) as a convolution's (out, in / groups, h, w)."""
    rows, cols = along
    taps = weight[:, :, list(rows.taps)][..., list(cols.taps)]
    return torch.cat([group.transpose(0, 1) for group in taps.chunk(groups)])


def through_convolutions(
    case: Deconvolution, image: Tensor, weight: Tensor, mapping: str
) -> tuple[Tensor, list[dict[str, int]]]:
    """The deconvolution's result, and the extents of the convolutions that made it."""
    result = image.new_zeros(1, case.groups * case.channels_out, case.out_extent(0), case.out_extent(1))
    computed = []
    for along in case.axes(mapping):
        rows, cols = along
        ifmap, taps = window(image, along), filters(weight, along, case.groups)
        ofmap = F.conv2d(ifmap, taps, dilation=(rows.dilation, cols.dilation), groups=case.groups)
        assert ofmap.shape[-2:] == (rows.outputs, cols.outputs)
        result[..., rows.phase :: rows.step, cols.phase :: cols.step] += ofmap
        computed.append(
            {
                "ifmap_h": ifmap.shape[2],
                "ifmap_w": ifmap.shape[3],
                "filter_h": taps.shape[2],
                "filter_w": taps.shape[3],
                "pixels": ofmap.shape[2] * ofmap.shape[3],
                "dilated": (rows.dilation > 1 and taps.shape[2] > 1)
                or (cols.dilation > 1 and taps.shape[3] > 1),
            }
        )
    return result, computed


def expected_rows(case: Deconvolution, computed: list[dict[str, int]]) -> list[tuple[int, ...]]:
    """The topology rows of the computed convolutions: dense ones as they are, others as matrix products."""
    rows: list[tuple[int, ...]] = []
    for conv in computed:
        if not conv["dilated"]:
            extents = (conv["ifmap_h"], conv["ifmap_w"], conv["filter_h"], conv["filter_w"])
            rows += [(*extents, case.channels_in, case.channels_out, 1)] * case.groups
        else:
            product_ = Layer.gemm(
                name="",
                m=conv["pixels"],
                k=conv["filter_h"] * conv["filter_w"] * case.channels_in,
                n=case.channels_out,
            )
            rows += [tuple(product_.shape)] * case.groups
    return rows


PLAIN = Deconvolution(
    extent=(4, 4), groups=1, channels_in=2, channels_out=3, kernel=(4, 4), stride=(2, 2),
    padding=(1, 1), output_padding=(0, 0), dilation=(1, 1),
)  # fmt: skip
UNEVEN = Deconvolution(
    extent=(3, 5), groups=2, channels_in=1, channels_out=2, kernel=(2, 5), stride=(3, 1),
    padding=(0, 4), output_padding=(2, 0), dilation=(2, 3),
)  # fmt: skip


@pytest.mark.parametrize("mapping", sorted(EXACT_MAPPINGS))
@given(case=deconvolutions(), seed=st.integers(0, 2**31))
@example(case=PLAIN, seed=0)
@example(case=UNEVEN, seed=0)
@settings(max_examples=80, deadline=None)
def test_mapped_convolutions_compute_conv_transpose2d(mapping: str, case: Deconvolution, seed: int) -> None:
    rng = torch.Generator().manual_seed(seed)
    image = torch.randn((1, case.groups * case.channels_in, *case.extent), generator=rng, dtype=torch.float64)
    weight = torch.randn(
        (case.groups * case.channels_in, case.channels_out, *case.kernel), generator=rng, dtype=torch.float64
    )
    expected = F.conv_transpose2d(
        image,
        weight,
        stride=case.stride,
        padding=case.padding,
        output_padding=case.output_padding,
        dilation=case.dilation,
        groups=case.groups,
    )
    result, _ = through_convolutions(case, image, weight, mapping)
    torch.testing.assert_close(result, expected, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("mapping", sorted(EXACT_MAPPINGS))
@given(case=deconvolutions())
@example(case=PLAIN)
@example(case=UNEVEN)
@settings(max_examples=60, deadline=None)
def test_lowered_rows_have_the_extents_of_those_convolutions(mapping: str, case: Deconvolution) -> None:
    module = case.module()
    image = torch.zeros(1, case.groups * case.channels_in, *case.extent)
    _, computed = through_convolutions(case, image, module.weight.detach(), mapping)
    assume(computed)  # every output may be the bias alone
    topology = topology_of(
        module, tuple(image.shape[1:]), name="t", convention=CONVENTIONS["exact"], deconvolution=mapping
    )
    assert [tuple(layer.shape) for layer in topology.layers] == expected_rows(case, computed)
    assert len({layer.name for layer in topology.layers}) == len(topology.layers)


def test_no_useful_multiplication_is_left_out_and_subpixel_adds_only_the_padding() -> None:
    """Without padding and borders cut off, sub-pixel convolutions do the useful multiplications alone."""
    module = nn.ConvTranspose2d(3, 5, 2, stride=2, bias=False)
    sub = topology_of(module, (3, 6, 6), name="t", convention=CONVENTIONS["exact"], deconvolution="subpixel")
    assert sum(layer.macs for layer in sub.layers) == sub.coverage.macs == 36 * 3 * 5 * 4
    zero = topology_of(
        module, (3, 6, 6), name="t", convention=CONVENTIONS["exact"], deconvolution="zero-insertion"
    )
    assert sum(layer.macs for layer in zero.layers) == 4 * sub.coverage.macs


def test_the_papers_mapping_is_the_padded_output_convolved() -> None:
    """DeConv 4 x 4 from 8 to 16 pixels: an 18 x 18 ifmap, channels exchanged, stride 1."""
    module = nn.ConvTranspose2d(64, 32, 4, stride=2, padding=1)
    (layer,) = topology_of(module, (64, 8, 8), name="t", convention=CONVENTIONS["paper"]).layers
    assert tuple(layer.shape) == (18, 18, 4, 4, 32, 64, 1)
    two = nn.ConvTranspose2d(64, 32, 2, stride=2)
    (layer,) = topology_of(two, (64, 8, 8), name="t", convention=CONVENTIONS["paper"]).layers
    assert tuple(layer.shape) == (18, 18, 2, 2, 32, 64, 1)
