"""Maps of real memories: where weights lie in them, and maps as fault models."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from neuralfuse.memory.bit_errors import FIRST_TRAINING_CHIP
from neuralfuse.memory.fault_maps import FaultMap, map_faults, map_model, place_of
from neuralfuse.memory.profiled_chips import MAP_SEED, PROFILED_CHIPS, synthetic_map
from neuralfuse.training import streams
from nfenergy.ground.errors import InputError


def _map(rows: int, columns: int, seed: int, *, persistent: bool = True) -> FaultMap:
    rng = np.random.default_rng(seed)
    to_one, to_zero = (rng.random((2, rows, columns)) < 0.2).astype(float)
    if not persistent:
        to_one, to_zero = to_one * rng.random((rows, columns)), to_zero * rng.random((rows, columns))
    return FaultMap.of_matrices(to_one, to_zero)


def _dense(found: FaultMap) -> tuple[np.ndarray, np.ndarray]:
    to_one, to_zero = np.zeros(found.size), np.zeros(found.size)
    to_one[found.cells], to_zero[found.cells] = found.to_one, found.to_zero
    return to_one, to_zero


@settings(deadline=None)
@given(
    words=st.lists(st.integers(0, 40), min_size=1, max_size=4),
    bits=st.sampled_from([2, 3, 8, 16]),
    offset=st.integers(0, 200),
    seed=st.integers(0, 100),
)
def test_bit_j_of_word_i_lies_in_cell_offset_plus_i_times_bits_plus_j(
    words: list[int], bits: int, offset: int, seed: int
) -> None:
    found = _map(3, 16, seed)  # 48 cells: most layers wrap around
    to_one, to_zero = _dense(found)
    stored = np.random.default_rng(seed + 1).integers(0, 2**bits, sum(words))
    address = (offset + np.arange(sum(words))[:, None] * bits + np.arange(bits)) % found.size
    bit = (stored[:, None] >> np.arange(bits)) & 1
    expected = np.where(bit == 0, to_one[address] > 0, to_zero[address] == 0).astype(int)
    layers = map_faults(found, words, bits, offset=offset)
    start = 0
    for count, faults in zip(words, layers, strict=True):
        read = stored[start : start + count].copy()
        read[faults.index] = (read[faults.index] & faults.keep.astype(int)) ^ faults.toggle
        assert read.tolist() == (expected[start : start + count] << np.arange(bits)).sum(axis=1).tolist()
        start += count


def test_probabilities_below_one_misread_as_often_as_they_say() -> None:
    found = FaultMap.of_matrices(np.full((1, 8), 0.25), np.zeros((1, 8)))
    counts = sum(
        int(np.bitwise_count(map_faults(found, [1], 8, seed=seed)[0].toggle).sum()) for seed in range(2000)
    )
    assert abs(counts - 4000) < 4 * (16_000 * 0.25 * 0.75) ** 0.5
    first, again = (map_faults(found, [1], 8, seed=7)[0] for _ in range(2))
    assert first.toggle.tolist() == again.toggle.tolist()


def test_a_map_is_a_fault_model_whose_seeds_are_places() -> None:
    found = _map(16, 16, 0)
    model = map_model(found, name="lab", title="measured")
    words, rate = [300], found.fault_rate
    at_start, elsewhere, again = (model.draw(words, 8, rate, seed)[0] for seed in (0, 1, 1))
    assert at_start.index.tolist() == map_faults(found, words, 8)[0].index.tolist()
    assert elsewhere.toggle.tolist() == again.toggle.tolist()
    assert elsewhere.toggle.tolist() != at_start.toggle.tolist()
    with pytest.raises(InputError, match=r"lab has a bit error rate of .* not 0.1 %"):
        model.draw(words, 8, 0.001, 0)


def test_a_map_has_a_rate_of_four_digits_and_takes_no_other() -> None:
    found = FaultMap.of_matrices(np.eye(7), np.zeros((7, 7)))
    model = map_model(found, name="lab", title="measured")
    assert model.own_rate == model.rate() == 0.1429
    assert model.rate(0.1425) == 0.1425  # as a user rounds it
    assert model.record["fault_rate_percent"] == pytest.approx(100.0 / 7.0)
    with pytest.raises(InputError, match=r"lab has a bit error rate of 14.29 %, not 14 %"):
        model.rate(0.14)


def test_the_digest_is_of_the_contents() -> None:
    def digest(to_one: list[list[float]], to_zero: list[list[float]]) -> str:
        return FaultMap.of_matrices(np.array(to_one), np.array(to_zero)).digest

    found = digest([[0, 1, 0, 0]], [[0, 0, 1, 0]])
    assert len(found) == 64
    assert found == digest([[0, 1, 0, 0]], [[0, 0, 1, 0]])
    others = [
        digest([[0, 0, 1, 0]], [[0, 1, 0, 0]]),
        digest([[0, 1], [0, 0]], [[0, 0], [1, 0]]),
        digest([[0, 0.5, 0, 0]], [[0, 0, 1, 0]]),
        digest([[0, 1, 0, 0]], [[0, 0, 0, 1]]),
    ]
    assert len({found, *others}) == 5


def test_the_record_of_a_map_says_its_size_and_rates() -> None:
    found = FaultMap.of_matrices(np.array([[1.0, 0.5, 0.0, 0.0]]), np.array([[0.0, 0.25, 0.0, 1.0]]))
    assert found.record == {
        "digest": found.digest,
        "rows": 1,
        "columns": 4,
        "fault_rate_percent": 68.75,
        "to_one_percent": 37.5,
        "to_zero_percent": 31.25,
    }


def test_training_chips_begin_where_no_test_chip_does() -> None:
    """On chip 1 seven of the ten test chips once lay where a training chip had lain."""
    found = synthetic_map(PROFILED_CHIPS["chip1-2.744"], seed=MAP_SEED)
    training = {place_of(found, streams.training_chip(0, step, 0, 0)) for step in range(20_000)}
    testing = {place_of(found, chip) for chip in (*streams.TEST_CHIPS, *range(3_000))}
    assert not training & testing
    assert len(training) > 15_000


@pytest.mark.parametrize(("rows", "columns"), [(2, 4), (5, 3), (1, 7), (1, 8)])
def test_every_place_of_a_map_belongs_to_training_or_to_testing(rows: int, columns: int) -> None:
    found = _map(rows, columns, 0)
    testing = {place_of(found, seed) for seed in range(400)}
    training = {place_of(found, FIRST_TRAINING_CHIP + seed) for seed in range(400)}
    assert testing.isdisjoint(training)
    assert testing | training == set(range(found.size))


def test_the_first_training_chip_is_that_of_the_training_streams() -> None:
    assert FIRST_TRAINING_CHIP == streams.FIRST_TRAINING_CHIP


def test_a_map_of_one_cell_has_one_place() -> None:
    found = FaultMap.of_matrices(np.ones((1, 1)), np.zeros((1, 1)))
    assert {place_of(found, seed) for seed in (0, 1, FIRST_TRAINING_CHIP)} == {0}


def test_scattered_faults_are_as_many_and_lie_independently() -> None:
    rng = np.random.default_rng(0)
    to_one = np.zeros((1000, 128))
    to_one[rng.integers(0, 1000, 60), :64] = rng.choice([0.5, 1.0], (60, 64))  # whole words at a time
    found = FaultMap.of_matrices(to_one, np.zeros_like(to_one))
    alike = found.scattered(seed=1)
    assert alike.fault_rate == pytest.approx(found.fault_rate)
    assert sorted(alike.to_one) == sorted(found.to_one)
    assert len(np.unique(alike.cells)) == len(found.cells)
    assert (np.diff(alike.cells) > 0).all()
    before, after = (each.statistics(bank_cells=1024) for each in (found, alike))
    assert abs(after.broken_words - after.independent_broken_words) < 4 * after.independent_broken_words**0.5
    assert before.worst_bank > after.worst_bank
    assert found.scattered(seed=1).digest == alike.digest != found.scattered(seed=2).digest
