"""Faults by bank and by word, against independent cells."""

from __future__ import annotations

import numpy as np
import pytest

from neuralfuse.memory.banks import bank_statistics
from neuralfuse.memory.bit_errors import faulty_cells
from neuralfuse.memory.fault_maps import FaultMap
from nfenergy.ground.errors import InputError


def test_faults_are_counted_by_bank_and_by_word() -> None:
    cells = np.array([0, 63, 64, 128, 129, 130, 1000])
    found = bank_statistics(cells, size=1024, bank_cells=100)
    assert found.faults.tolist() == [3, 3, 0, 0, 0, 0, 0, 0, 0, 0, 1]
    assert (found.clean_banks, found.worst_bank) == (8, 3)
    assert found.worst_to_mean == pytest.approx(3 / (7 / 11))
    assert found.broken_words == 2
    assert found.clustering == pytest.approx(2 / found.independent_broken_words)


@pytest.mark.parametrize(("rate", "word_bits"), [(0.01, 64), (0.001, 64), (0.05, 8), (0.02, 72)])
def test_independent_cells_break_as_many_words_as_expected(rate: float, word_bits: int) -> None:
    size = 4_000_000
    found = bank_statistics(
        faulty_cells(size, rate=rate, seed=3), size=size, bank_cells=8192, word_bits=word_bits
    )
    expected = found.independent_broken_words
    assert abs(found.broken_words - expected) < 4.5 * expected**0.5
    assert 1.0 < found.worst_to_mean < 4.0


def test_clustered_faults_break_more_words() -> None:
    rng = np.random.default_rng(0)
    cells = np.unique(rng.integers(0, 500, 200)[:, None] * 64 + rng.integers(0, 64, (200, 3)))
    found = bank_statistics(cells, size=1_000_000, bank_cells=8192)
    assert found.clustering > 10
    assert found.clean_banks > 100


def test_a_memory_without_faults_has_only_clean_banks() -> None:
    found = bank_statistics(np.empty(0, np.int64), size=800, bank_cells=100)
    assert (found.clean_banks, found.worst_bank, found.worst_to_mean, found.clustering) == (8, 0, 0.0, 0.0)


def test_a_map_needs_the_size_of_a_bank() -> None:
    found = FaultMap.of_matrices(np.eye(8), np.zeros((8, 8)))
    with pytest.raises(InputError, match="does not say how large a bank is"):
        found.statistics()
    assert found.statistics(bank_cells=16, word_bits=8).faults.tolist() == [2, 2, 2, 2]
    with pytest.raises(InputError, match="a bank of 100 cells does not fit into a memory of 64 cells"):
        found.statistics(bank_cells=100)
    with pytest.raises(InputError, match="a word of 0 cells"):
        found.statistics(bank_cells=8, word_bits=0)
