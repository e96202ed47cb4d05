"""Faulty cells: their number, their nesting over rates, their independence; the three fault models."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from neuralfuse.memory.bit_errors import (
    WordFaults,
    faulty_cells,
    flip,
    neuralfuse_map,
    stuck_at,
)
from neuralfuse.memory.fault_models import FAULT_MODELS, get_fault_model
from nfenergy.ground.errors import InputError, UnknownName

RATES = (1e-5, 1e-4, 1e-3, 5e-3, 0.01, 0.02, 0.05, 0.1, 0.2)
CELLS = 4_000_000
rates = st.floats(0.0, 1.0) | st.floats(0.0, 0.01)


def read(words: np.ndarray, faults: WordFaults) -> np.ndarray:
    """Words as they are read back."""
    out = words.copy()
    out[faults.index] = (out[faults.index] & faults.keep) ^ faults.toggle
    return out


def flipped_bits(model: str, words: int, bits: int, rate: float, seed: int) -> int:
    stored = np.random.default_rng(7).integers(0, 2**bits, words).astype(np.uint8 if bits <= 8 else np.int32)
    (faults,) = FAULT_MODELS[model].draw([words], bits, rate, seed)
    return int(np.bitwise_count(read(stored, faults) ^ stored).sum())


@pytest.mark.parametrize("rate", RATES)
@pytest.mark.parametrize("bits", [8, 3, 16])
@pytest.mark.parametrize(("model", "share"), [("flip", 1.0), ("stuck-at", 0.5)])
def test_flipped_fraction_is_that_of_the_rate(rate: float, bits: int, model: str, share: float) -> None:
    words = CELLS // bits
    flips = flipped_bits(model, words, bits, rate, seed=11)
    expected = share * rate
    sigma = math.sqrt(words * bits * expected * (1 - expected))
    assert abs(flips - words * bits * expected) < 4 * sigma


@pytest.mark.parametrize("rate", [1e-8, 1e-6, 0.004, 0.3, 0.70710678, 0.9])
def test_number_of_faulty_cells_over_many_chips_is_that_of_the_rate(rate: float) -> None:
    chips, cells = 100, 20_000
    total = sum(len(faulty_cells(cells, rate=rate, seed=seed)) for seed in range(chips))
    mean = chips * cells * rate
    assert abs(total - mean) < 4 * math.sqrt(mean * (1 - rate)) + 1


def test_no_rate_no_faults_and_all_cells_at_one() -> None:
    assert len(faulty_cells(1000, rate=0.0, seed=0)) == 0
    assert len(faulty_cells(0, rate=0.5, seed=0)) == 0
    assert faulty_cells(1000, rate=1.0, seed=0).tolist() == list(range(1000))


@settings(deadline=None)
@given(low=rates, high=rates, seed=st.integers(0, 2**63), cells=st.integers(0, 30_000))
def test_cells_at_a_lower_rate_are_among_those_at_a_higher(
    low: float, high: float, seed: int, cells: int
) -> None:
    low, high = sorted((low, high))
    few = faulty_cells(cells, rate=low, seed=seed)
    many = faulty_cells(cells, rate=high, seed=seed)
    assert np.isin(few, many).all()
    assert (np.diff(many) > 0).all()


@settings(deadline=None)
@given(rate=rates, seed=st.integers(0, 2**63), small=st.integers(0, 9_000), more=st.integers(0, 9_000))
def test_a_larger_memory_begins_with_the_smaller(rate: float, seed: int, small: int, more: int) -> None:
    large = faulty_cells(small + more, rate=rate, seed=seed)
    assert large[large < small].tolist() == faulty_cells(small, rate=rate, seed=seed).tolist()


@pytest.mark.parametrize("model", sorted(FAULT_MODELS))
@pytest.mark.parametrize(("low", "high"), [(1e-4, 0.013), (0.005, 0.006), (0.01, 0.2)])
def test_a_chip_keeps_its_errors_at_higher_rates(model: str, low: float, high: float) -> None:
    words = [30_000, 50_000]
    for few, many in zip(*(FAULT_MODELS[model].draw(words, 8, rate, 5) for rate in (low, high)), strict=True):
        place = {int(index): position for position, index in enumerate(many.index)}
        at = [place[int(index)] for index in few.index]
        stuck, flipped = ~few.keep, few.toggle
        assert not (stuck & many.keep[at]).any()
        assert not (flipped & ~many.toggle[at]).any()
        assert not (stuck & (flipped ^ many.toggle[at])).any()  # stuck at the same value


@pytest.mark.parametrize("model", sorted(FAULT_MODELS))
def test_one_seed_is_one_chip(model: str) -> None:
    draw = FAULT_MODELS[model].draw
    first, again, other = (draw([40_000], 8, 0.01, seed)[0] for seed in (3, 3, 4))
    assert np.array_equal(first.index, again.index)
    assert np.array_equal(first.toggle, again.toggle)
    assert np.array_equal(first.keep, again.keep)
    assert not np.array_equal(first.index, other.index)
    assert len(np.unique(first.index)) == len(first.index)


def test_layers_lie_in_memory_one_after_another() -> None:
    words = [700, 1, 0, 1300]
    layers = stuck_at(words, 8, 0.05, 9)
    (whole,) = stuck_at([sum(words)], 8, 0.05, 9)
    starts = np.cumsum([0, *words[:-1]])
    joined = np.concatenate([layer.index + start for layer, start in zip(layers, starts, strict=True)])
    assert np.array_equal(joined, whole.index)
    assert np.array_equal(np.concatenate([layer.toggle for layer in layers]), whole.toggle)
    assert np.array_equal(np.concatenate([layer.keep for layer in layers]), whole.keep)


def test_every_bit_of_a_word_flips_alike_and_chips_share_nothing() -> None:
    (faults,) = flip([1_000_000], 8, 0.02, 1)
    counts = np.array([int(((faults.toggle >> bit) & 1).sum()) for bit in range(8)])
    assert (abs(counts - 20_000) < 4 * math.sqrt(20_000)).all()
    chip1, chip2 = (faulty_cells(CELLS, rate=0.01, seed=seed) for seed in (1, 2))
    shared = len(np.intersect1d(chip1, chip2))
    assert abs(shared - CELLS * 1e-4) < 4 * math.sqrt(CELLS * 1e-4)


def test_neighbouring_cells_fail_independently() -> None:
    cells = faulty_cells(CELLS, rate=0.1, seed=2)
    pairs = int((np.diff(cells) == 1).sum())
    assert abs(pairs - CELLS * 0.01) < 5 * math.sqrt(CELLS * 0.01)


def test_stuck_cells_are_the_flipping_ones_half_at_each_value() -> None:
    (flips,), (stuck,) = (draw([500_000], 8, 0.01, 6) for draw in (flip, stuck_at))
    assert np.array_equal(flips.index, stuck.index)
    assert np.array_equal(flips.toggle, ~stuck.keep)
    cells = int(np.bitwise_count(flips.toggle).sum())
    ones = int(np.bitwise_count(stuck.toggle).sum())
    assert abs(ones - cells / 2) < 4 * math.sqrt(cells) / 2
    assert (read(np.zeros(500_000, np.uint8), stuck)[stuck.index] == stuck.toggle).all()


def test_neuralfuse_map_repeats_each_row_sixteen_times_and_restarts_in_every_layer() -> None:
    period = 2_097_152
    small, large = neuralfuse_map([5_000, 2 * period + 300], 8, 0.01, 8)
    masks = np.zeros(2 * period + 300, np.int64)
    masks[large.index] = 256 * ~large.keep.astype(np.int64) % 65536 + large.toggle
    rows = masks[:period].reshape(8192, 16, 16)
    assert (rows == rows[:, :1]).all()  # word 256 r + 16 t + c: the same for all t
    assert (masks[period : 2 * period] == masks[:period]).all()
    inside = large.index < 5_000
    assert sorted(small.index) == sorted(large.index[inside])
    faulty = np.bitwise_count((~large.keep)[large.index < period]).sum() / 16
    assert abs(faulty - 1_048_576 * 0.01) < 4 * math.sqrt(1_048_576 * 0.01)


@pytest.mark.parametrize("bits", [2, 5, 8])
def test_neuralfuse_map_changes_about_half_the_rate(bits: int) -> None:
    flips = flipped_bits("neuralfuse-map", 2_097_152, bits, 0.01, seed=4) / 16
    cells = 131_072 * bits * 0.005
    assert abs(flips - cells) < 4 * math.sqrt(cells)


def test_polarities_of_a_chip_are_not_the_faults_of_the_next() -> None:
    here, there = (neuralfuse_map([2_097_152], 8, 0.05, seed)[0] for seed in (5, 6))
    _, at_here, at_there = np.intersect1d(here.index, there.index, return_indices=True)
    both = ~here.keep[at_here] & ~there.keep[at_there]
    ones = np.bitwise_count(both & here.toggle[at_here]).sum() / np.bitwise_count(both).sum()
    assert 0.4 < ones < 0.6


def test_neuralfuse_map_has_no_room_for_wide_words() -> None:
    with pytest.raises(InputError, match="8 cells"):
        neuralfuse_map([10], 16, 0.01, 0)


@pytest.mark.parametrize(("rate", "seed"), [(-0.1, 0), (1.5, 0), (math.nan, 0), (0.1, -1)])
def test_impossible_rates_and_seeds_are_refused(rate: float, seed: int) -> None:
    with pytest.raises(InputError):
        flip([10], 8, rate, seed)


def test_an_unknown_fault_model_lists_near_ones() -> None:
    with pytest.raises(UnknownName, match="Did you mean 'stuck-at'"):
        get_fault_model("stuck_at")
