"""Rates: a fraction inside, a percentage in text and tables. Every conversion and its rounding stand here."""

from __future__ import annotations

import re
from typing import TypeVar

from nfenergy.ground.errors import InputError

N = TypeVar("N", int, float)

DIGITS = 14
"""Decimals of a fraction: those of binary floating-point numbers that a percentage can carry over."""


def percent_of(fraction: float) -> float:
    """A fraction in percent, without the noise of binary numbers.

    >>> percent_of(0.07), percent_of(0.0035)
    (7.0, 0.35)
    """
    return round(100.0 * fraction, DIGITS - 2)


def fraction_of(percent: float) -> float:
    """The fraction of a percentage, the inverse of `percent_of`.

    >>> fraction_of(0.35), fraction_of(percent_of(0.0123))
    (0.0035, 0.0123)
    """
    return round(percent / 100.0, DIGITS)


def rate_key(fraction: float) -> float:
    """Equal for rates that are the same but for rounding, so that tables can be joined on it."""
    return round(fraction_of(percent_of(fraction)), 12)


def percent_text(fraction: float, *, digits: int = 4) -> str:
    """A fraction as people write it.

    >>> percent_text(0.01), percent_text(0.0035)
    ('1 %', '0.35 %')
    """
    return f"{100.0 * fraction:.{digits}g} %"


def share_text(part: float, whole: float = 1.0) -> str:
    """A share with one decimal; 0 and 100 are said only where they are meant.

    >>> share_text(1, 8), share_text(9999, 10000), share_text(0.0001)
    ('12.5 %', 'over 99.9 %', 'under 0.1 %')
    """
    if part >= whole:
        return "100 %"
    share = 100.0 * part / whole
    if share > 99.9:
        return "over 99.9 %"
    if 0 < share < 0.1:
        return "under 0.1 %"
    return f"{share:.1f} %".replace(".0 ", " ")


def parse_list(text: str, kind: type[N], what: str) -> list[N]:
    """Numbers between commas, in ASCII digits.

    >>> parse_list("8,4", int, "whole numbers, such as 8,4")
    [8, 4]

    Raises:
        InputError: it is no list of `what`.
    """
    try:
        if not text.isascii() or "_" in text:
            raise ValueError(text)
        return [kind(part) for part in text.split(",")]
    except ValueError:
        raise InputError(f"{text!r} is no list of {what}") from None


def parse_rate(text: str) -> float:
    """A bit error rate as a fraction, from ``1%`` or ``0.01``.

    >>> parse_rate("1%"), parse_rate("0.5 %"), parse_rate("1e-3")
    (0.01, 0.005, 0.001)

    Raises:
        InputError: no number, negative, or above a half, beyond which bits say nothing.
    """
    match = re.fullmatch(r"\s*([+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)\s*(%?)\s*", text, re.ASCII)
    if match is None:
        raise InputError(f"bit error rate {text!r} is not a number; write 1% or 0.01")
    number, percent = float(match[1]), bool(match[2])
    rate = number / 100.0 if percent else number
    if rate < 0:
        raise InputError(f"bit error rate {text.strip()} is negative")
    if rate > 0.5:
        hint = "" if percent else f"; for {match[1]} percent write {match[1]}%"
        raise InputError(f"bit error rate {text.strip()} is above 0.5{hint}")
    return rate


def parse_percentage(text: str, what: str, *, largest: float = 1000.0) -> float:
    """Percent, with or without the sign; a fraction is taken for a slip.

    Raises:
        InputError: no percentage, or above `largest`; the message begins with `what`.
    """
    match = re.fullmatch(r"\s*(\d+\.?\d*|\.\d+)\s*(%?)\s*", text, re.ASCII)
    if match is None:
        raise InputError(f"{what} {text!r} is not a percentage; write 85 or 85%")
    value = float(match[1])
    if not match[2] and 0 < value <= 1:
        raise InputError(f"{what} is in percent; for {value:g} write {100 * value:g}, or {value:g}%")
    if value > largest:
        raise InputError(f"{what} is {value:g} %, expected at most {largest:g} %")
    return value
