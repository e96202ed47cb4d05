"""The records: what a layer may be, and SCALE-Sim's extents."""

from __future__ import annotations

import json
import re
from dataclasses import asdict, replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scalesim.topology_utils import topologies

from nfenergy.ground.errors import InputError
from topologies.layers import (
    ACTIVATIONS,
    LARGEST_EXTENT,
    Coverage,
    Layer,
    LayerShape,
    Lookup,
    Topology,
    VectorWork,
    scalesim_ofmap_extent,
)

SHAPE = LayerShape(ifmap_h=9, ifmap_w=8, filter_h=3, filter_w=2, channels=4, filters=5, stride=2)

extents = st.integers(1, 40)


@st.composite
def shapes(draw: st.DrawFn) -> LayerShape:
    filter_h, filter_w = draw(st.integers(1, 5)), draw(st.integers(1, 5))
    return LayerShape(
        ifmap_h=filter_h + draw(st.integers(0, 30)),
        ifmap_w=filter_w + draw(st.integers(0, 30)),
        filter_h=filter_h,
        filter_w=filter_w,
        channels=draw(extents),
        filters=draw(extents),
        stride=draw(st.integers(1, 6)),
    )


@given(shapes())
def test_derived_extents_are_those_of_scalesims_own_class(shape: LayerShape) -> None:
    layer = Layer(name="x", **shape._asdict())
    theirs = topologies()
    theirs.append_topo_entry_from_list(["x", *shape])
    theirs.topo_calc_hyperparams()
    assert list(theirs.get_layer_ofmap_dims(layer_id=0)) == [layer.ofmap_h, layer.ofmap_w]
    assert theirs.get_layer_mac_ops(layer_id=0) == layer.macs
    assert theirs.get_layer_window_size(layer_id=0) == layer.window


@given(st.integers(1, 10**6), st.integers(1, 100), st.integers(1, 50))
def test_the_ofmap_extent_is_rounded_up(ifmap: int, filter_extent: int, stride: int) -> None:
    extent = scalesim_ofmap_extent(max(ifmap, filter_extent), filter_extent, stride)
    covered = (extent - 1) * stride + filter_extent
    assert covered - stride < max(ifmap, filter_extent) <= covered


def test_layer_keeps_its_shape_in_the_order_of_a_topology_row() -> None:
    layer = Layer(name="a", **SHAPE._asdict())
    assert layer.shape == SHAPE
    assert tuple(layer.shape) == (9, 8, 3, 2, 4, 5, 2)
    assert (layer.ofmap_h, layer.ofmap_w, layer.ofmap_px) == (4, 4, 16)
    assert layer.window == 24
    assert layer.macs == 16 * 24 * 5


@pytest.mark.parametrize("field", LayerShape._fields)
@pytest.mark.parametrize("value", [0, -1, LARGEST_EXTENT + 1])
def test_an_extent_out_of_range_is_refused_by_name(field: str, value: int) -> None:
    with pytest.raises(InputError, match=re.escape(f"layer 'a': {field} is {value}")):
        Layer(name="a", **SHAPE._replace(**{field: value})._asdict())


@pytest.mark.parametrize(("field", "value"), [("filter_h", 10), ("filter_w", 9)])
def test_a_filter_larger_than_its_ifmap_is_refused(field: str, value: int) -> None:
    with pytest.raises(InputError, match="filter is larger than its 9 x 8 ifmap"):
        Layer(name="a", **SHAPE._replace(**{field: value})._asdict())


def test_a_filter_may_cover_its_whole_ifmap() -> None:
    layer = Layer(name="a", **SHAPE._replace(filter_h=9, filter_w=8)._asdict())
    assert layer.ofmap_px == 1


@given(m=extents, k=extents, n=extents)
def test_a_matrix_product_has_its_multiplications(m: int, k: int, n: int) -> None:
    layer = Layer.gemm(name="g", m=m, k=k, n=n)
    assert (layer.ofmap_px, layer.window, layer.filters) == (m, k, n)
    assert layer.macs == m * k * n


def test_a_topology_without_layers_is_refused() -> None:
    with pytest.raises(InputError, match="topology 'empty' has no layers"):
        Topology(name="empty", layers=())


@pytest.mark.parametrize(
    ("coverage", "text"),
    [
        (
            Coverage(weighted_layers=21, lowered_layers=21, macs=8, lowered_macs=8),
            "21 of 21 weighted layers, 100 % of MACs",
        ),
        (
            Coverage(weighted_layers=4, lowered_layers=4, macs=1000, lowered_macs=865),
            "4 of 4 weighted layers, 86.5 % of MACs",
        ),
        (
            Coverage(weighted_layers=1, lowered_layers=0, macs=0, lowered_macs=0),
            "0 of 1 weighted layers, 100 % of MACs",
        ),
        (
            Coverage(
                weighted_layers=2,
                lowered_layers=2,
                macs=100_000,
                lowered_macs=99_950,
                left_out=(VectorWork("mul", 49), VectorWork("fft_r2c", 1)),
            ),
            "2 of 2 weighted layers, over 99.9 % of MACs (left out: mul under 0.1 %, fft_r2c under 0.1 %)",
        ),
        (
            Coverage(
                weighted_layers=3,
                lowered_layers=3,
                macs=8,
                lowered_macs=8,
                lookups=(Lookup("tokens", 128, 768), Lookup("positions", 128, 768)),
            ),
            "3 of 3 weighted layers, 100 % of MACs; embeddings read 196,608 weights",
        ),
    ],
)
def test_coverage_in_words(coverage: Coverage, text: str) -> None:
    assert str(coverage) == text
    assert Coverage(**json.loads(json.dumps(asdict(coverage)))) == coverage


def test_a_layer_of_computed_filters_reads_no_weights() -> None:
    layer = Layer.gemm(name="x", m=5, k=4, n=5)
    assert layer.reads_weights
    computed = replace(layer, operands=ACTIVATIONS)
    assert not computed.reads_weights
    assert computed.shape == layer.shape
    topology = Topology(name="t", layers=(layer, computed, layer))
    assert topology.of_weights([1, 2, 3]) == (1, 3)
    with pytest.raises(ValueError, match="shorter"):
        topology.of_weights([1, 2])


def test_operands_of_no_known_kind_are_refused() -> None:
    with pytest.raises(
        InputError, match="operands 'weights', expected 'activation x weight' or 'activation x"
    ):
        Layer.gemm(name="x", m=5, k=4, n=5, operands="weights")  # type: ignore[arg-type]
