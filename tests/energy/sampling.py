"""Layers and arrays that SCALE-Sim simulates quickly, spread over what the closed form distinguishes."""

from __future__ import annotations

from collections.abc import Callable
from random import Random

from energy.array import SystolicArray
from energy.scalesim.cost import estimate
from topologies.layers import Layer, LayerShape

SIDES = (1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64)
SRAM_KB = (1, 1, 1, 2, 3, 4, 8, 16, 64)


def draw_array(random: Random, dataflow: str) -> SystolicArray:
    """Square, tall, wide and one-dimensional arrays; small buffers, so that DRAM phases are many."""
    rows, cols = random.choice(SIDES), random.choice(SIDES)
    form = random.randrange(6)
    if form == 0:
        cols = rows
    elif form == 1:
        rows = 1
    elif form == 2:
        cols = 1
    return SystolicArray(
        rows=rows,
        cols=cols,
        dataflow=dataflow,
        ifmap_sram_kb=random.choice(SRAM_KB),
        filter_sram_kb=random.choice(SRAM_KB),
        ofmap_sram_kb=random.choice(SRAM_KB),
    )


def draw_uneven_array(random: Random, dataflow: str) -> SystolicArray:
    """Sides and buffer sizes that divide nothing evenly; buffers of a few hundred words in use at a time."""
    return SystolicArray(
        rows=random.choice((1, 2, random.randint(3, 40))),
        cols=random.choice((1, 2, random.randint(3, 40))),
        dataflow=dataflow,
        ifmap_sram_kb=random.choice((1, 1, 1, 2, 3, 5, 7)),
        filter_sram_kb=random.choice((1, 1, 2, 3, 5)),
        ofmap_sram_kb=random.choice((1, 1, 2, 3, 5)),
    )


def draw_overlapping_shape(random: Random, array: SystolicArray, *, seconds: float) -> LayerShape:
    """A convolution with overlapping windows over many times what the ifmap buffer holds."""
    while True:
        filter_h, filter_w = random.choice((1, 2, 3, 3, 3, 5)), random.choice((2, 3, 3, 3, 5, 7))
        shape = LayerShape(
            ifmap_h=filter_h + random.randint(0, 60),
            ifmap_w=filter_w + random.randint(4, 90),
            filter_h=filter_h,
            filter_w=filter_w,
            channels=random.randint(1, 40),
            filters=random.randint(1, 2 * array.cols + 1),
            stride=random.choice((1, 1, 1, 2, 3)),
        )
        held = 512 * array.ifmap_sram_kb
        many = shape.ifmap_h * shape.ifmap_w * shape.channels > 3 * held
        if many and estimate(shape, array).seconds < seconds:
            return shape


def draw_shape(random: Random, array: SystolicArray, *, seconds: float) -> LayerShape:
    """A layer that takes SCALE-Sim at most about `seconds` on `array`."""
    kinds = [_convolution, _convolution, _convolution, _downsampling, _pointwise, _matrix_product, _linear]
    kind: Callable[[Random], LayerShape] = random.choice(kinds)
    shape = kind(random)
    while estimate(shape, array).seconds > seconds:
        shape = _smaller(shape)
    if array.rows * array.cols * _macs(shape) == 1:
        shape = shape._replace(filters=2)  # SCALE-Sim fails on a layer of one cycle
    return shape


def _convolution(random: Random) -> LayerShape:
    filter_h, filter_w, stride = random.randint(1, 7), random.randint(1, 7), random.randint(1, 4)
    if random.random() < 0.6:
        filter_w = filter_h
    return LayerShape(
        ifmap_h=filter_h + random.randint(0, 24),
        ifmap_w=filter_w + random.randint(0, 24),
        filter_h=filter_h,
        filter_w=filter_w,
        channels=random.choice((1, 2, 3, 4, 5, 8, 12, 16, 32, 48, 64)),
        filters=random.choice((1, 2, 3, 5, 8, 16, 17, 32, 33, 64, 100)),
        stride=stride,
    )


def _downsampling(random: Random) -> LayerShape:
    """Stride 2 on an evenly padded ifmap: SCALE-Sim's ofmap has windows that reach beyond the input."""
    extent = 2 * random.randint(2, 16) + 2
    return LayerShape(extent, extent, 3, 3, random.choice((3, 8, 16, 32)), random.choice((8, 16, 32)), 2)


def _pointwise(random: Random) -> LayerShape:
    extent = random.randint(1, 40)
    channels, filters = random.choice((16, 32, 64, 128)), random.choice((1, 8, 16, 32))
    return LayerShape(extent, extent, 1, 1, channels, filters, random.choice((1, 1, 2)))


def _matrix_product(random: Random) -> LayerShape:
    m, k, n = random.randint(1, 100), random.randint(1, 600), random.randint(1, 100)
    return Layer.gemm(name="", m=m, k=k, n=n).shape


def _linear(random: Random) -> LayerShape:
    return LayerShape(1, 1, 1, 1, random.randint(1, 4000), random.randint(1, 200), 1)


def _smaller(shape: LayerShape) -> LayerShape:
    """The layer with its largest reducible part reduced."""
    slack_h, slack_w = shape.ifmap_h - shape.filter_h, shape.ifmap_w - shape.filter_w
    sizes = {"filters": shape.filters, "channels": shape.channels, "ifmap_h": slack_h, "ifmap_w": slack_w}
    largest = max(sizes, key=lambda name: sizes[name])
    if largest == "ifmap_h":
        return shape._replace(ifmap_h=shape.filter_h + slack_h * 2 // 3)
    if largest == "ifmap_w":
        return shape._replace(ifmap_w=shape.filter_w + slack_w * 2 // 3)
    if sizes[largest] > 1:
        return shape._replace(**{largest: sizes[largest] * 2 // 3})
    return LayerShape(2, 2, 1, 1, 1, 1, 1)


def _macs(shape: LayerShape) -> int:
    return Layer(name="", **shape._asdict()).macs


def draw_given_bandwidth(random: Random, dataflow: str) -> SystolicArray:
    """Read buffers that hold small layers, a write buffer that is soon full, bandwidths from one word on."""
    return SystolicArray(
        rows=random.choice((1, 2, 4, 8, 16, random.randint(1, 20))),
        cols=random.choice((2, 4, 8, 16, 16, random.randint(1, 20))),
        dataflow=dataflow,
        ifmap_sram_kb=random.choice((3, 8, 16, 64)),
        filter_sram_kb=random.choice((3, 8, 16)),
        ofmap_sram_kb=random.choice((1, 1, 1, 2, 3)),
        interface_bandwidths=(
            random.choice((1, 10, random.randint(1, 900))),
            random.choice((1, 10, random.randint(1, 900))),
            random.choice((1, 1, 1, 2, 3, 5, random.randint(1, 40))),
        ),
    )


def draw_held_shape(random: Random, array: SystolicArray, *, seconds: float) -> LayerShape:
    """A layer of which half of each read buffer holds the operand, as a rule with many outputs."""
    while True:
        filter_h, filter_w = random.choice((1, 1, 2, 3)), random.choice((1, 1, 2, 3))
        channels = random.choice((1, 1, 2, random.randint(1, 40)))
        window = filter_h * filter_w * channels
        shape = LayerShape(
            ifmap_h=filter_h + random.randint(0, 40),
            ifmap_w=filter_w + random.randint(0, 40),
            filter_h=filter_h,
            filter_w=filter_w,
            channels=channels,
            filters=random.randint(1, max(1, 400 * array.filter_sram_kb // window)),
            stride=random.choice((1, 1, 2, 3)),
        )
        layer = Layer(name="", **shape._asdict())
        held = layer.ofmap_px * window <= 500 * array.ifmap_sram_kb and window * layer.filters <= (
            500 * array.filter_sram_kb
        )
        if held and estimate(shape, array).seconds <= seconds and layer.macs > 1:
            return shape
