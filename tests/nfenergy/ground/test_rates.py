"""Rates: a fraction inside, percent in text and tables."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nfenergy.ground.errors import InputError
from nfenergy.ground.rates import fraction_of, parse_percentage, parse_rate, percent_of, rate_key


@pytest.mark.parametrize(
    ("text", "rate"),
    [
        ("1%", 0.01), ("1 %", 0.01), (" 0.01 ", 0.01), ("0.5%", 0.005), ("1e-3", 0.001), ("1E-1%", 0.001),
        ("0", 0.0), ("0%", 0.0), ("50%", 0.5), ("0.5", 0.5), (".25", 0.25), ("+1%", 0.01), ("2.%", 0.02),
    ],
)  # fmt: skip
def test_rates_as_percent_or_fraction(text: str, rate: float) -> None:
    assert parse_rate(text) == pytest.approx(rate, rel=1e-15)


@given(st.floats(0, 0.5))
def test_every_fraction_that_python_prints_is_read(rate: float) -> None:
    assert parse_rate(repr(rate)) == rate


@pytest.mark.parametrize(("text", "percent"), [("1", "1"), ("0.51", "0.51"), ("50", "50"), ("1e3", "1e3")])
def test_a_forgotten_percent_sign_gets_the_hint(text: str, percent: str) -> None:
    with pytest.raises(InputError, match=f"above 0.5; for {percent} percent write {percent}%"):
        parse_rate(text)


def test_a_percentage_above_50_gets_no_hint() -> None:
    with pytest.raises(InputError) as error:
        parse_rate("60%")
    assert str(error.value) == "bit error rate 60% is above 0.5"


@pytest.mark.parametrize("text", ["-1%", "-0.01"])
def test_a_negative_rate_is_refused(text: str) -> None:
    with pytest.raises(InputError, match="is negative"):
        parse_rate(text)


@pytest.mark.parametrize("text", ["", "one", "1%%", "%", "nan", "inf", "1,5%", "0x1", "1e", "1 0", "1_0%"])
def test_what_is_no_number_is_refused(text: str) -> None:
    with pytest.raises(InputError, match=r"is not a number; write 1% or 0\.01"):
        parse_rate(text)


@given(st.integers(0, 10**12))
def test_percent_and_fraction_are_inverse(whole: int) -> None:
    fraction, percent = whole / 10**12, whole / 10**10
    assert percent_of(fraction) == percent
    assert fraction_of(percent) == fraction


@given(st.floats(0, 0.5))
def test_a_rate_and_what_a_table_holds_of_it_join(rate: float) -> None:
    assert rate_key(fraction_of(percent_of(rate))) == rate_key(rate)


@pytest.mark.parametrize(("text", "percent"), [("85", 85.0), ("85%", 85.0), ("0.5%", 0.5), ("0", 0.0)])
def test_percentages(text: str, percent: float) -> None:
    assert parse_percentage(text, "--min-accuracy") == percent


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("0.85", "--min-accuracy is in percent; for 0.85 write 85, or 0.85%"),
        ("101", "--min-accuracy is 101 %, expected at most 100 %"),
        ("-1", "--min-accuracy '-1' is not a percentage; write 85 or 85%"),
        ("high", "--min-accuracy 'high' is not a percentage; write 85 or 85%"),
    ],
)
def test_what_is_no_percentage(text: str, message: str) -> None:
    with pytest.raises(InputError) as error:
        parse_percentage(text, "--min-accuracy", largest=100.0)
    assert str(error.value) == message
