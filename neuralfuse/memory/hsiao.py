"""SECDED codes: any one wrong bit of a stored word is corrected, any two are detected.

The codes are Hsiao's ("A Class of Optimal Minimum Odd-weight-column SEC-DED Codes", IBM J. Res. Dev. 14,
1970): every bit of a code word has its own column of the check matrix, an odd number of ones. The sum of
two columns has an even number of them, so a double error never looks like a single one.

A code word is `data_bits` of data, bit i of it being bit i % 8 of byte i // 8, and its check bits.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from itertools import combinations
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from nfenergy.ground.errors import InputError

Bytes = NDArray[np.uint8]
Checks = NDArray[np.uint16]

DATA_BITS = (8, 16, 32, 64, 128)
"""Widths of a data word; they take 5, 6, 7, 8 and 9 check bits."""

CLEAN, DETECTED = -1, -2
"""What a syndrome says if not where the one wrong bit is: there is none, or there are several."""


class Decoded(NamedTuple):
    """Data words as a decoder hands them on.

    Attributes:
        data: shaped like the data read; words with detected errors as they were read.
        detected: which words have errors that were detected and not corrected, shape (words,).
    """

    data: Bytes
    detected: NDArray[np.bool_]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class SecdedCode:
    """One SECDED code; `secded_code` makes it.

    Attributes:
        data_bits: k.
        check_bits: r.
        columns: of the check matrix, as numbers of r bits: those of the data bits, then of the check bits.
        contributions: check bits that each value of each data byte adds, shape (k / 8, 256).
        verdicts: position of the wrong bit for every syndrome, or `CLEAN` or `DETECTED`, shape (2**r,).
    """

    data_bits: int
    check_bits: int
    columns: tuple[int, ...]
    contributions: Checks
    verdicts: NDArray[np.int16]

    @property
    def cells(self) -> int:
        """Bits of a code word, n = k + r."""
        return len(self.columns)

    def encode(self, data: Bytes) -> Checks:
        """Check bits of data words.

        Args:
            data: shape (words, k / 8).

        Returns:
            shape (words,), check bit i in bit i.
        """
        checks = np.zeros(len(data), np.uint16)
        for byte, table in enumerate(self.contributions):
            checks ^= table[data[:, byte]]
        return checks

    def decode(self, data: Bytes, checks: Checks) -> Decoded:
        """Data words as read from a memory, with single errors corrected; shapes as for `encode`."""
        verdict = self.verdicts[self.encode(data) ^ checks]
        wrong = np.flatnonzero((verdict >= 0) & (verdict < self.data_bits))
        position = verdict[wrong]
        corrected = data.copy()
        corrected[wrong, position >> 3] ^= np.left_shift(1, position & 7).astype(np.uint8)
        return Decoded(corrected, verdict == DETECTED)


@cache
def secded_code(data_bits: int) -> SecdedCode:
    """The odd-weight-column code for data words of so many bits, with as few check bits as there can be.

    Raises:
        InputError: the width is not one of `DATA_BITS`.
    """
    if data_bits not in DATA_BITS:
        widths = ", ".join(map(str, DATA_BITS))
        raise InputError(f"no SECDED code for words of {data_bits} bits; choose {widths}")
    check_bits = next(bits for bits in range(4, 16) if (1 << (bits - 1)) - bits >= data_bits)
    columns = (*_data_columns(data_bits, check_bits), *(1 << row for row in range(check_bits)))
    return SecdedCode(
        data_bits=data_bits,
        check_bits=check_bits,
        columns=columns,
        contributions=_contributions(columns[:data_bits]),
        verdicts=_verdicts(columns, check_bits),
    )


def _data_columns(count: int, check_bits: int) -> list[int]:
    """Columns of three ones, then five, ...: each time the one that keeps the rows most even."""
    ones = np.zeros(check_bits, int)
    chosen: list[int] = []
    for weight in range(3, check_bits + 1, 2):
        left = list(combinations(range(check_bits), weight))
        while left and len(chosen) < count:
            rows = min(left, key=lambda rows: (sum(ones[list(rows)]), rows))
            left.remove(rows)
            ones[list(rows)] += 1
            chosen.append(sum(1 << row for row in rows))
    return chosen


def _contributions(columns: tuple[int, ...]) -> Checks:
    bits = (np.arange(256)[:, None] >> np.arange(8)) & 1
    by_byte = np.array(columns).reshape(-1, 1, 8)
    checks: NDArray[np.int64] = np.bitwise_xor.reduce(bits * by_byte, axis=2)
    return checks.astype(np.uint16)


def _verdicts(columns: tuple[int, ...], check_bits: int) -> NDArray[np.int16]:
    verdicts = np.full(1 << check_bits, DETECTED, np.int16)
    verdicts[0] = CLEAN
    verdicts[list(columns)] = np.arange(len(columns))
    return verdicts
