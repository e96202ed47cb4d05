"""Sums over layers, and T.W.M.A. from filter reads."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from energy.counts import REPORTED_COLUMNS, LayerCounts, filter_reads, total_cycles, twma, weights_per_word
from nfenergy.ground.errors import InputError

COUNTS = LayerCounts(
    layer="conv", total_cycles=10, total_cycles_incl_prefetch=12, stall_cycles=0, overall_util_percent=50.0,
    mapping_efficiency_percent=60.0, compute_util_percent=55.0, sram_ifmap_reads=7, sram_filter_reads=24,
    sram_ofmap_writes=9, sram_ofmap_writes_true=4, dram_ifmap_reads=3, dram_filter_reads=2,
    dram_ofmap_writes=1, sram_ifmap_bw_words_per_cycle=0.7, sram_filter_bw_words_per_cycle=2.4,
    sram_ofmap_bw_words_per_cycle=0.9, dram_ifmap_bw_words_per_cycle=0.3,
    dram_filter_bw_words_per_cycle=0.2, dram_ofmap_bw_words_per_cycle=0.1,
    sram_ifmap_start_cycle=1, sram_ifmap_stop_cycle=9, sram_filter_start_cycle=1,
    sram_filter_stop_cycle=8, sram_ofmap_start_cycle=4, sram_ofmap_stop_cycle=10,
    dram_ifmap_start_cycle=-2, dram_ifmap_stop_cycle=-1, dram_filter_start_cycle=-1,
    dram_filter_stop_cycle=-1, dram_ofmap_start_cycle=10, dram_ofmap_stop_cycle=10,
)  # fmt: skip


@pytest.mark.parametrize(("bits", "weights"), [(8, 8), (4, 16), (6, 10), (16, 4), (1, 64), (64, 1), (33, 1)])
def test_weights_in_a_word_of_64_bits(bits: int, weights: int) -> None:
    assert weights_per_word(bits) == weights


@pytest.mark.parametrize("bits", [0, -8, 65])
def test_weights_that_fit_no_word_are_refused(bits: int) -> None:
    with pytest.raises(InputError, match=f"weight bits are {bits}, expected 1 to 64"):
        weights_per_word(bits)


@given(st.lists(st.integers(0, 10**9), max_size=5), st.sampled_from([4, 8, 16]))
def test_twma_is_the_sum_of_filter_reads_over_the_word(reads: list[int], bits: int) -> None:
    layers = [replace(COUNTS, sram_filter_reads=count) for count in reads]
    assert filter_reads(layers) == sum(reads)
    assert twma(layers, weight_bits=bits) == sum(reads) / (64 // bits)
    assert twma(layers, weight_bits=8) == 2 * twma(layers, weight_bits=4)


def test_cycles_are_those_without_prefetch() -> None:
    assert total_cycles([COUNTS, COUNTS]) == 20


def test_reported_columns_are_the_fixed_ones() -> None:
    assert ", ".join(REPORTED_COLUMNS) == (
        "layer, total_cycles, total_cycles_incl_prefetch, stall_cycles, overall_util_percent, "
        "mapping_efficiency_percent, compute_util_percent, sram_ifmap_reads, sram_filter_reads, "
        "sram_ofmap_writes, dram_ifmap_reads, dram_filter_reads, dram_ofmap_writes"
    )
    assert set(REPORTED_COLUMNS) < set(COUNTS.as_dict())
