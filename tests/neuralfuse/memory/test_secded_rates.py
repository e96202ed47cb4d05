"""Residual rates of SECDED against the real encoder and decoder."""

from __future__ import annotations

import math
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest

from neuralfuse.memory.hsiao import DATA_BITS, SecdedCode, secded_code
from neuralfuse.memory.secded_rates import broken_word_probability, mean_residual_rate, residual_rates

every_width = pytest.mark.parametrize("width", DATA_BITS)
RATES = (0.057, 0.01, 0.001)


class Broken(NamedTuple):
    """Wrong bits that words with two or more misreading cells leave, shape (words, k), and their share."""

    passed_on: np.ndarray
    zeroed: np.ndarray
    share: float


def broken_words(code: SecdedCode, rate: float, words: int, seed: int = 0) -> Broken:
    """Random words encoded, misread and decoded; those with fewer misreading cells come out whole."""
    rng = np.random.default_rng(seed)
    errors = np.arange(2, code.cells + 1)
    chance = np.array([math.comb(code.cells, n) * rate**n * (1 - rate) ** (code.cells - n) for n in errors])
    count = rng.choice(errors, size=words, p=chance / chance.sum())
    wrong = rng.random((words, code.cells)).argsort(axis=1) < count[:, None]
    data = rng.integers(0, 256, (words, code.data_bits // 8), dtype=np.uint8)
    spoilt = np.packbits(wrong[:, : code.data_bits], axis=1, bitorder="little")
    checks = (wrong[:, code.data_bits :] << np.arange(code.check_bits)).sum(axis=1).astype(np.uint16)
    decoded = code.decode(data ^ spoilt, code.encode(data) ^ checks)
    zeroed = np.where(decoded.detected[:, None], 0, decoded.data)
    left = [np.unpackbits(read ^ data, axis=1, bitorder="little") for read in (decoded.data, zeroed)]
    return Broken(left[0], left[1], float(chance.sum()))


def sigmas(wrong: np.ndarray, share: float, expected: float) -> float:
    """How far the rate of wrong bits is from what is expected, words being independent."""
    by_word = wrong.mean(axis=1) * share
    return abs(float(by_word.mean()) - expected) / (float(by_word.std()) / math.sqrt(len(by_word)))


SHORT_OF_THE_REAL_CODE = {(8, 0.057): 2.5, (16, 0.057): 1.5, (32, 0.057): 0.7}
"""Where the formula is not within four sigma of enough words, and by how many percent it is too low."""


@pytest.mark.parametrize(
    ("width", "rate"),
    [(width, rate) for width in DATA_BITS for rate in RATES if (width, rate) not in SHORT_OF_THE_REAL_CODE],
)
def test_the_formula_is_within_four_sigma_of_the_real_code(width: int, rate: float) -> None:
    code = secded_code(width)
    found = broken_words(code, rate, words=50_000)
    assert sigmas(found.passed_on, found.share, mean_residual_rate(width, code.check_bits, rate)) < 4


@pytest.mark.parametrize(("width", "rate"), SHORT_OF_THE_REAL_CODE)
def test_the_formula_is_a_little_low_for_short_words_at_high_rates(width: int, rate: float) -> None:
    code = secded_code(width)
    low = 1 - mean_residual_rate(width, code.check_bits, rate) / residual_rates(code, rate).mean()
    assert 100 * low == pytest.approx(SHORT_OF_THE_REAL_CODE[width, rate], abs=0.05)


@every_width
@pytest.mark.parametrize("rate", RATES)
@pytest.mark.parametrize("zeroed", [False, True])
def test_the_exact_rates_are_within_four_sigma_at_any_number_of_words(
    width: int, rate: float, zeroed: bool
) -> None:
    code, words = secded_code(width), 50_000
    found = broken_words(code, rate, words)
    wrong, expected = found[zeroed], residual_rates(code, rate, zeroed=zeroed)
    assert sigmas(wrong, found.share, float(expected.mean())) < 4
    each = expected / found.share
    assert (abs(wrong.mean(axis=0) - each) < 5 * np.sqrt(each * (1 - each) / words)).all()


@every_width
@pytest.mark.parametrize("rate", [0.01, 1e-3, 1e-5])
def test_the_formula_is_within_six_thousandths_of_the_exact_rate(width: int, rate: float) -> None:
    code = secded_code(width)
    formula = mean_residual_rate(width, code.check_bits, rate)
    assert formula == pytest.approx(residual_rates(code, rate).mean(), rel=0.006)


def test_the_documented_table_is_what_comes_out() -> None:
    """What codes leave, and by how much the mean formula misses it."""
    text = (Path(__file__).parents[3] / "docs" / "protections.md").read_text(encoding="utf-8")
    for width in DATA_BITS:
        code, cells = secded_code(width), []
        for rate in RATES:
            exact = float(residual_rates(code, rate).mean())
            missed = mean_residual_rate(width, code.check_bits, rate) / exact - 1
            cells += [f"{100 * exact:#.4g} %", f"{100 * missed:+.2f} %"]
        assert f"| SECDED({code.cells},{width}) | {' | '.join(cells)} |" in text


def test_the_published_shares_of_broken_words_come_out() -> None:
    assert 100 * broken_word_probability(64, 0.01) == pytest.approx(13.46, abs=0.005)
    assert 100 * broken_word_probability(72, 0.01) == pytest.approx(16.2, abs=0.05)
    assert broken_word_probability(64, 0.01, errors=0) == pytest.approx(1.0)


def test_the_rates_of_72_64_are_those_of_the_design() -> None:
    assert 100 * mean_residual_rate(64, 8, 0.01) == pytest.approx(0.532, abs=5e-4)
    assert mean_residual_rate(64, 8, 0.001) == pytest.approx(6.9e-5, rel=0.005)
    small = 1e-6
    assert mean_residual_rate(64, 8, small) == pytest.approx(71 * small**2, rel=0.25)


@every_width
def test_nothing_is_left_of_no_errors_and_half_of_noise(width: int) -> None:
    code = secded_code(width)
    assert residual_rates(code, 0.0) == pytest.approx(np.zeros(width), abs=1e-12)
    assert residual_rates(code, 0.0, zeroed=True) == pytest.approx(np.zeros(width), abs=1e-12)
    assert residual_rates(code, 0.5) == pytest.approx(np.full(width, 0.5))
