"""The vectorised SRAM figures against a loop over folds, written as SCALE-Sim counts them."""

from __future__ import annotations

from unittest.mock import patch

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from energy.array import DATAFLOWS, SystolicArray
from energy.closed_form import utilisation as utilisation_module
from energy.closed_form.folding import Folding
from energy.closed_form.sram_model import LayerSizes, sram_counts
from energy.closed_form.utilisation import utilisation
from nfenergy.ground.errors import InputError
from topologies.layers import LayerShape


@st.composite
def shapes(draw: st.DrawFn) -> LayerShape:
    filter_h, filter_w = draw(st.integers(1, 5)), draw(st.integers(1, 5))
    return LayerShape(
        ifmap_h=filter_h + draw(st.integers(0, 12)),
        ifmap_w=filter_w + draw(st.integers(0, 12)),
        filter_h=filter_h,
        filter_w=filter_w,
        channels=draw(st.integers(1, 9)),
        filters=draw(st.integers(2, 40)),
        stride=draw(st.integers(1, 4)),
    )


arrays = st.builds(
    SystolicArray, rows=st.integers(1, 20), cols=st.integers(1, 20), dataflow=st.sampled_from(DATAFLOWS)
)


def counted_by_fold(shape: LayerShape, array: SystolicArray) -> dict[str, float]:
    """The counters of ``systolic_compute_{os,ws,is}``, fold by fold."""
    layer, counts = Folding.of(shape, array), dict.fromkeys(("ifmap", "filter", "ofmap", "excess"), 0)
    mapping: list[float] = []
    compute: list[float] = []
    for col_fold in range(layer.col_folds):
        for row_fold in range(layer.row_folds):
            rows, cols = layer.rows_used(row_fold), layer.cols_used(col_fold)
            streamed = {"rows": rows * layer.stream, "cols": cols * layer.stream, "array": rows * cols}
            roles = {
                "os": ("rows", "cols", "array"),
                "ws": ("rows", "array", "cols"),
                "is": ("array", "rows", "cols"),
            }
            for operand, role in zip(("ifmap", "filter", "ofmap"), roles[array.dataflow], strict=True):
                counts[operand] += streamed[role]
            counts["excess"] += array.rows + array.cols if array.dataflow == "os" else 0
            cycles = layer.fold_cycles + (0 if array.dataflow == "os" else array.cols - 1)
            mapping.append(rows * cols / (array.rows * array.cols))
            compute.append(rows * cols * layer.stream / (array.rows * array.cols * cycles))
    return counts | {
        "mapping": sum(mapping) / layer.folds * 100,
        "compute": sum(compute) / layer.folds * 100,
    }


@given(shape=shapes(), array=arrays)
def test_counts_and_utilisation_are_those_of_the_folds(shape: LayerShape, array: SystolicArray) -> None:
    sizes = LayerSizes.of([shape])
    counts = sram_counts(sizes, array.rows, array.cols, array.dataflow)
    used = utilisation(Folding.of(shape, array))
    by_fold = counted_by_fold(shape, array)
    assert counts.ifmap_reads.item() == by_fold["ifmap"]
    assert counts.filter_reads.item() == by_fold["filter"]
    assert counts.ofmap_writes_true.item() == by_fold["ofmap"]
    assert counts.ofmap_writes.item() == by_fold["ofmap"] + by_fold["excess"]
    assert counts.total_cycles.item() == Folding.of(shape, array).last_cycle
    assert used.mapping_efficiency == by_fold["mapping"]
    assert used.compute == by_fold["compute"]
    with patch.object(utilisation_module, "MOST_FOLDS", 0):
        rounded = utilisation(Folding.of(shape, array))
    assert rounded.mapping_efficiency == pytest.approx(by_fold["mapping"], rel=1e-12)
    assert rounded.compute == pytest.approx(by_fold["compute"], rel=1e-12)


@given(
    layers=st.lists(shapes(), min_size=1, max_size=5), accelerators=st.lists(arrays, min_size=1, max_size=5)
)
def test_many_arrays_of_mixed_dataflows_are_the_single_ones_stacked(
    layers: list[LayerShape], accelerators: list[SystolicArray]
) -> None:
    sizes = LayerSizes.of(layers)
    together = sram_counts(
        sizes,
        [array.rows for array in accelerators],
        [array.cols for array in accelerators],
        [array.dataflow for array in accelerators],
    )
    for index, array in enumerate(accelerators):
        alone = sram_counts(sizes, array.rows, array.cols, array.dataflow)
        for name in ("total_cycles", "ifmap_reads", "filter_reads", "ofmap_writes", "ofmap_writes_true"):
            assert getattr(together, name).shape == (len(accelerators), len(layers))
            assert np.array_equal(getattr(together, name)[index], getattr(alone, name)[0])


def test_one_size_of_array_serves_several_dataflows() -> None:
    counts = sram_counts(LayerSizes.of([(34, 34, 3, 3, 64, 64, 1)]), 32, 32, ["os", "ws", "is"])
    assert counts.filter_reads[:, 0].tolist() == [1_179_648, 36_864, 1_179_648]


def test_counts_beyond_64_bits_are_refused_not_wrapped() -> None:
    largest = 2**31 - 1
    with pytest.raises(InputError, match="2147483647x1x1x1x2147483647x2147483647x1 is too large"):
        LayerSizes.of([(3, 3, 1, 1, 1, 1, 1), (largest, 1, 1, 1, largest, largest, 1)])
    long = LayerSizes.of([(1, 1, 1, 1, largest, 2**12, 1)])
    counts = sram_counts(long, 1, 1, "os")
    assert counts.filter_reads.item() == largest * 2**12
    assert counts.total_cycles.item() == largest * 2**12 - 1


def test_a_layer_of_one_cycle_is_refused() -> None:
    with pytest.raises(InputError, match="one MAC"):
        sram_counts(LayerSizes.of([(1, 1, 1, 1, 1, 1, 1)]), 1, 1, "os")
    assert sram_counts(LayerSizes.of([(1, 1, 1, 1, 1, 1, 1)]), 1, 1, "ws").total_cycles.item() == 1
