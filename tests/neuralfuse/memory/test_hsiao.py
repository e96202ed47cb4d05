"""The SECDED codes: their columns, and that every single error is corrected and every double one found."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from neuralfuse.memory.hsiao import DATA_BITS, SecdedCode, secded_code
from nfenergy.ground.errors import InputError

every_width = pytest.mark.parametrize("width", DATA_BITS)


def random_data(code: SecdedCode, words: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (words, code.data_bits // 8), dtype=np.uint8)


def flipped(code: SecdedCode, data: np.ndarray, cells: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Data and check bits as read when word i misreads cells `cells[i]`, data bits first."""
    checks = code.encode(data)
    read = np.unpackbits(data, axis=1, bitorder="little")
    bits = np.concatenate([read, (checks[:, None] >> np.arange(code.check_bits)) & 1], axis=1).astype(
        np.uint8
    )
    np.bitwise_xor.at(bits, (np.arange(len(data))[:, None], cells), 1)
    checks = (bits[:, code.data_bits :] << np.arange(code.check_bits)).sum(axis=1).astype(np.uint16)
    return np.packbits(bits[:, : code.data_bits], axis=1, bitorder="little"), checks


@pytest.mark.parametrize(("width", "checks"), [(8, 5), (16, 6), (32, 7), (64, 8), (128, 9)])
def test_columns_are_distinct_odd_and_even_over_the_rows(width: int, checks: int) -> None:
    code = secded_code(width)
    assert (code.check_bits, code.cells) == (checks, width + checks)
    assert len(set(code.columns)) == code.cells
    assert all(column.bit_count() % 2 for column in code.columns)
    weights = [column.bit_count() for column in code.columns]
    assert sum(weights) == _least_ones(width, checks)
    rows = [sum(column >> row & 1 for column in code.columns) for row in range(checks)]
    assert max(rows) - min(rows) <= 1


def _least_ones(width: int, checks: int) -> int:
    ones, left = checks, width
    for weight in range(3, checks + 1, 2):
        taken = min(left, len(list(combinations(range(checks), weight))))
        ones, left = ones + weight * taken, left - taken
    return ones


@every_width
def test_the_check_bits_are_those_of_the_check_matrix(width: int) -> None:
    code, data = secded_code(width), random_data(secded_code(width), 300)
    bits = np.unpackbits(data, axis=1, bitorder="little")
    expected = np.zeros(len(data), int)
    for position, column in enumerate(code.columns[:width]):
        expected ^= bits[:, position].astype(int) * column
    assert code.encode(data).tolist() == expected.tolist()


@every_width
def test_every_single_error_is_corrected_and_a_whole_word_left_alone(width: int) -> None:
    code = secded_code(width)
    data = random_data(code, code.cells)
    whole = code.decode(data, code.encode(data))
    assert (whole.data == data).all()
    assert not whole.detected.any()
    decoded = code.decode(*flipped(code, data, np.arange(code.cells)[:, None]))
    assert (decoded.data == data).all()
    assert not decoded.detected.any()


@every_width
def test_every_double_error_is_detected_and_passed_on(width: int) -> None:
    code = secded_code(width)
    pairs = np.array(list(combinations(range(code.cells), 2)))
    data = random_data(code, len(pairs))
    read, checks = flipped(code, data, pairs)
    decoded = code.decode(read, checks)
    assert decoded.detected.all()
    assert (decoded.data == read).all()


@settings(deadline=None)
@given(width=st.sampled_from(DATA_BITS), seed=st.integers(0, 2**32), data=st.data())
def test_any_word_survives_any_one_error_and_shows_any_two(
    width: int, seed: int, data: st.DataObject
) -> None:
    code = secded_code(width)
    words = random_data(code, 4, seed)
    cells = data.draw(st.lists(st.integers(0, code.cells - 1), min_size=2, max_size=2, unique=True))
    one = code.decode(*flipped(code, words, np.tile(cells[:1], (4, 1))))
    assert (one.data == words).all()
    assert not one.detected.any()
    assert code.decode(*flipped(code, words, np.tile(cells, (4, 1)))).detected.all()


@pytest.mark.parametrize("width", [0, 7, 24, 256, -8])
def test_an_impossible_width_is_refused(width: int) -> None:
    with pytest.raises(InputError, match=rf"words of {width} bits; choose 8, 16, 32, 64, 128"):
        secded_code(width)
