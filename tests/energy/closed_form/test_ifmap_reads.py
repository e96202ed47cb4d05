"""DRAM reads of the ifmap: jumps over what repeats, against followers of every single request."""

from __future__ import annotations

from itertools import pairwise
from unittest.mock import patch

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from energy.array import SystolicArray
from energy.closed_form import ifmap_phases as phases_module
from energy.closed_form.addresses import addresses, distinct, intervals, merged, single
from energy.closed_form.folding import Folding
from energy.closed_form.ifmap_dataflows import stream_of
from energy.closed_form.ifmap_reads import ifmap_phases, ifmap_transfer, ifmap_words_by_passes
from energy.closed_form.ifmap_stream import Stream
from energy.closed_form.input_windows import Axis, InputWindows
from nfenergy.ground.errors import InputError
from tests.energy.closed_form import exhaustive_runs
from tests.energy.closed_form.exhaustive_reads import phase_ends
from tests.energy.closed_form.requests import fetched, requests
from topologies.layers import LayerShape

FOLLOWED = 60
"""Phases of a drawn layer, at most; a follower of all requests takes long for many."""


@st.composite
def shapes(draw: st.DrawFn) -> LayerShape:
    """Windows that overlap, touch, leave gaps or reach beyond the input; long rows are the rule."""
    filter_h, filter_w = draw(st.integers(1, 5)), draw(st.integers(1, 5))
    return LayerShape(
        ifmap_h=filter_h + draw(st.integers(0, 40)),
        ifmap_w=filter_w + draw(st.integers(0, 70)),
        filter_h=filter_h,
        filter_w=filter_w,
        channels=draw(st.integers(1, 17)),
        filters=draw(st.integers(1, 20)),
        stride=draw(st.sampled_from((1, 1, 1, 2, 2, 3, 4, 7))),
    )


arrays = st.builds(
    SystolicArray,
    rows=st.one_of(st.integers(1, 8), st.integers(1, 50)),
    cols=st.one_of(st.integers(1, 8), st.integers(1, 50)),
    dataflow=st.sampled_from(("os", "ws", "is")),
)
phase_sizes = st.one_of(st.integers(5, 60), st.integers(5, 2000))


def cycles(stream: Stream, phase_words: int) -> tuple[int, int, int | None] | str:
    """Phases, words held at the end, cycle in which the last phase ended; or that two share a cycle."""
    try:
        found = ifmap_phases(stream, phase_words, 1)
    except InputError:
        return "shared"
    return found.number, found.rest, found.last_end // stream.ports if found.number else None


def summary(ends: list[int], rest: int) -> tuple[int, int, int | None] | str:
    if any(end == following for end, following in pairwise(ends)):
        return "shared"
    return len(ends), rest, ends[-1] if ends else None


drawn_phases = given(
    shape=shapes(), array=arrays, phase_words=phase_sizes, close=st.sampled_from((8, 64, 4096))
)


def assert_followed(shape: LayerShape, array: SystolicArray, phase_words: int, close: int) -> None:
    """The phases are those of the exhaustive follower, from wherever they are counted out."""
    layer, windows = Folding.of(shape, array), InputWindows.of(shape)
    assume(phase_words <= windows.touched)
    assume(layer.px * layer.window * layer.col_folds < FOLLOWED * phase_words)
    runs = exhaustive_runs.runs_of(exhaustive_runs.InputWindows.of(shape), layer)
    ends, rest = phase_ends(runs, phase_words)
    with patch.object(phases_module, "CLOSE_REQUESTS", close):
        found = cycles(stream_of(windows, layer), phase_words)
    assert found == summary([end // runs.ports for end in ends], rest)


def test_a_last_fold_of_few_rows_asks_for_an_address_again_soon() -> None:
    shape = LayerShape(1, 9, 1, 5, 1, 1, 4)
    layer = Folding.of(shape, SystolicArray(rows=4, cols=2, dataflow="is"))
    followed = fetched(list(requests(shape, layer, "ifmap")), 5)
    assert cycles(stream_of(InputWindows.of(shape), layer), 5) == summary(*followed) == (1, 4, 2)


@settings(max_examples=250, deadline=None)
@drawn_phases
def test_phases_are_those_of_the_exhaustive_follower(
    shape: LayerShape, array: SystolicArray, phase_words: int, close: int
) -> None:
    assert_followed(shape, array, phase_words, close)


@pytest.mark.slow
@settings(max_examples=5000, deadline=None)
@drawn_phases
def test_phases_of_thousands_of_layers_are_those_of_the_exhaustive_follower(
    shape: LayerShape, array: SystolicArray, phase_words: int, close: int
) -> None:
    assert_followed(shape, array, phase_words, close)


@settings(max_examples=100, deadline=None)
@given(shape=shapes(), array=arrays, phase_words=phase_sizes)
def test_phases_are_those_of_a_set_filled_request_by_request(
    shape: LayerShape, array: SystolicArray, phase_words: int
) -> None:
    layer, windows = Folding.of(shape, array), InputWindows.of(shape)
    assume(layer.px * layer.window * layer.col_folds < 8000)
    stream = list(requests(shape, layer, "ifmap"))
    assert windows.touched == len({address for _, address in stream})
    assume(windows.touched >= phase_words)
    assert cycles(stream_of(windows, layer), phase_words) == summary(*fetched(stream, phase_words))


@settings(max_examples=60, deadline=None)
@given(
    shape=shapes(),
    array=arrays,
    phase_words=phase_sizes,
    passes=st.lists(st.integers(1, 30), min_size=2, max_size=4),
)
def test_more_passes_go_on_from_fewer(
    shape: LayerShape, array: SystolicArray, phase_words: int, passes: list[int]
) -> None:
    layer, windows = Folding.of(shape, array), InputWindows.of(shape)
    assume(phase_words <= windows.touched)
    assume(layer.px * layer.window < FOLLOWED * phase_words)
    follower = phases_module.PhaseFollower(stream_of(windows, layer), phase_words, lambda: None)
    for number in sorted(passes):
        fresh = phases_module.PhaseFollower(stream_of(windows, layer), phase_words, lambda: None)
        assert follower.follow(number) == fresh.follow(number)


@settings(max_examples=150, deadline=None)
@given(shape=shapes(), array=arrays, data=st.data())
def test_requests_are_counted_placed_and_enumerated_alike(
    shape: LayerShape, array: SystolicArray, data: st.DataObject
) -> None:
    layer, windows = Folding.of(shape, array), InputWindows.of(shape)
    assume(layer.px * layer.window < 8000)
    stream = stream_of(windows, layer)
    pixel, element = (grid.ravel() for grid in np.indices((windows.pixels, windows.elements)))
    valid, address = addresses(pixel, element, windows)
    place = stream.places(pixel[valid], element[valid])
    order = np.argsort(place)
    place, address = place[order], address[order]
    assert len(np.unique(place)) == len(place)
    begin = data.draw(st.integers(0, stream.pass_places), label="begin")
    end = data.draw(st.integers(begin, begin + stream.pass_places), label="end")
    assert stream.requests_before(begin) == (place < begin).sum()
    request = data.draw(st.integers(1, len(place)), label="request")
    assert stream.place_of(request) == place[request - 1]
    twice = np.append(place, place + stream.pass_places)
    asked = np.tile(address, 2)[(begin <= twice) & (twice < end)]
    requested = stream.requested(begin, end)
    assert distinct(intervals(requested, windows)) == len(np.unique(asked))
    parts = merged(intervals(requested, windows))
    assert (parts.start[1:] > parts.stop[:-1]).all()
    assert int((parts.stop - parts.start).sum()) == len(np.unique(asked))
    assert sorted(addresses(*single(requested), windows)[1]) == sorted(asked)


@settings(max_examples=200, deadline=None)
@given(shape=shapes(), array=arrays, phase_words=phase_sizes, data=st.data())
def test_plain_places_ask_for_distinct_addresses(
    shape: LayerShape, array: SystolicArray, phase_words: int, data: st.DataObject
) -> None:
    layer, windows = Folding.of(shape, array), InputWindows.of(shape)
    assume(layer.px * layer.window < 100_000)
    stream = stream_of(windows, layer)
    begin = data.draw(st.integers(0, stream.pass_places - 1), label="begin")
    plain = stream.plain_places(begin, phase_words)
    assert 0 <= plain <= stream.pass_places - begin
    first, last = stream.requests_before(begin), stream.requests_before(begin + plain)
    for start in range(first, last - phase_words + 1, max(1, (last - first) // 20)):
        place = stream.place_of(start + 1)
        end = stream.place_of(start + phase_words) + 1
        assert distinct(intervals(stream.requested(place, end), windows)) == phase_words


def test_what_no_window_covers_is_taken_away() -> None:
    assert Axis.of(10, 2, 5) == Axis(positions=3, window=2, stride=2, extent=4)
    assert Axis.of(11, 3, 2, words=4) == Axis(positions=5, window=12, stride=8, extent=44)
    assert Axis.of(9, 9, 4) == Axis(positions=1, window=9, stride=9, extent=9)


@pytest.mark.parametrize("dataflow", ["os", "ws", "is"])
@pytest.mark.parametrize(
    "shape",
    [
        LayerShape(2048, 128_256, 1, 128_256, 1, 4096, 1),
        LayerShape(2048, 2048, 3, 3, 64, 64, 1),
        LayerShape(1500, 2500, 3, 3, 1, 16, 1),
    ],
)
def test_layers_of_any_size_are_followed(shape: LayerShape, dataflow: str) -> None:
    array = SystolicArray(rows=32, cols=32, dataflow=dataflow)
    layer, windows = Folding.of(shape, array), InputWindows.of(shape)
    moved = ifmap_transfer(shape, layer)
    asked = windows.inside_before_pixel(windows.pixels) * stream_of(windows, layer).passes
    assert windows.touched <= moved.words <= asked
    assert 0 < moved.stop_cycle <= layer.last_cycle + 1


def test_places_beyond_64_bits_are_refused() -> None:
    shape = LayerShape(2**30, 2**20, 1, 1, 2, 4, 1)
    array = SystolicArray(rows=2**16, cols=1, dataflow="ws", ifmap_sram_kb=1)
    with pytest.raises(InputError, match="64 bits"):
        ifmap_transfer(shape, Folding.of(shape, array))


def test_a_layer_of_too_many_phases_is_refused_for_one_array_and_for_many() -> None:
    shape = LayerShape(10, 10, 3, 3, 2**31 - 1, 8, 2)
    folding = Folding.of(shape, SystolicArray())
    with pytest.raises(InputError, match="214,748,364,700 ifmap values"):
        ifmap_transfer(shape, folding)
    with pytest.raises(InputError, match="214,748,364,700 ifmap values"):
        ifmap_words_by_passes(shape, folding, [1])
