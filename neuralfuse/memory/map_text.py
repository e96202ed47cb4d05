"""Matrices of a memory's cells from text: numbers between spaces, tabs or commas, a row of cells a line.

What follows a ``#`` is a comment. Text without a mistake is read by numpy in one piece; the other way,
line by line, is taken only to say where the mistake is.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nfenergy.ground.errors import InputError

Matrix = NDArray[Any]

SEPARATORS, LINE_ENDS = b" \t,", b"\r\n"

BLOCK = 1 << 20
"""Characters that numpy reads together: memory that is used again costs far less than fresh memory."""


def parse_matrix(text: str, where: str, what: str, *, flags: bool) -> Matrix:
    """The matrix that a text holds.

    Args:
        text: of the file.
        where: path of the file, for messages.
        what: the text should have been, for messages.
        flags: every number is 0 or 1; otherwise probabilities in [0, 1].

    Returns:
        shape (rows, columns), uint8 where all is 0 or 1, else float64.

    Raises:
        InputError: nothing in it, rows of several lengths, another number or none.
    """
    found = _at_once(text)
    if found is None or not _usable(found, flags).all():
        return _line_by_line(text, where, what, flags)
    return found


def check_numbers(matrix: Matrix, where: str, *, flags: bool) -> None:
    """Raises InputError: a number is outside [0, 1] or, for flags, neither 0 nor 1."""
    usable = _usable(matrix, flags)
    if not usable.all():
        row, column = np.argwhere(~usable)[0]
        wanted = _wanted(flags)
        raise InputError(f"{where}, row {row + 1}, column {column + 1}: {matrix[row, column]} is {wanted}")


def _at_once(text: str) -> Matrix | None:
    """The matrix of a text without a mistake; None where it must be read more closely."""
    if not text.isascii():
        return None
    if "#" in text:
        text = re.sub("#[^\r\n]*", "", text)
    found: list[Matrix] = []
    for block in _blocks(text.encode()):
        rows = _rows(np.frombuffer(block, np.uint8))
        if rows is None:
            return None
        if len(rows):
            found.append(rows)
    if len({rows.shape[1] for rows in found}) != 1:
        return None
    return np.concatenate(found)


def _blocks(text: bytes) -> Iterator[bytes]:
    """The text cut between lines."""
    start = 0
    while start < len(text):
        end = text.find(b"\n", start + BLOCK) + 1 or len(text)
        yield text[start:end]
        start = end


def _rows(raw: NDArray[np.uint8]) -> Matrix | None:
    ends = _among(raw, LINE_ENDS)
    inside = ~(ends | _among(raw, SEPARATORS))
    starts = np.flatnonzero(inside & ~np.append(False, inside[:-1]))
    lengths = np.flatnonzero(inside & ~np.append(inside[1:], False)) + 1 - starts
    by_line = np.diff(np.searchsorted(starts, np.append(np.flatnonzero(ends), len(raw))), prepend=0)
    columns = np.unique(by_line[by_line > 0])
    if len(columns) == 0:
        return np.empty((0, 0), np.uint8)
    numbers = _numbers(raw, starts, lengths) if len(columns) == 1 else None
    return None if numbers is None else numbers.reshape(-1, int(columns[0]))


def _numbers(raw: NDArray[np.uint8], starts: NDArray[np.intp], lengths: NDArray[np.intp]) -> Matrix | None:
    """The numbers that begin there; those of one digit, most of a map, are their character less that of 0."""
    digits = raw[starts] - np.uint8(ord("0"))
    longer = np.flatnonzero(lengths > 1)
    if not len(longer):
        return digits
    edges = np.zeros(len(raw) + 1, np.int8)
    edges[starts[longer]] = 1
    edges[starts[longer] + lengths[longer]] = -1
    parts = np.where(np.cumsum(edges[:-1], dtype=np.int8) > 0, raw, np.uint8(ord(" ")))
    needed = parts[(parts != ord(" ")) | (edges[:-1] < 0)]
    try:
        read = np.fromstring(needed.tobytes().decode("ascii"), sep=" ")
    except ValueError:
        return None
    if len(read) != len(longer):
        return None
    numbers = digits.astype(float)
    numbers[longer] = read
    return numbers


def _among(raw: NDArray[np.uint8], characters: bytes) -> NDArray[np.bool_]:
    table = np.zeros(256, np.bool_)
    table[list(characters)] = True
    return table[raw]


def _usable(numbers: Matrix, flags: bool) -> NDArray[np.bool_]:
    usable: NDArray[np.bool_] = (numbers >= 0) & (numbers <= 1)
    return usable & ((numbers == 0) | (numbers == 1)) if flags else usable


def _wanted(flags: bool) -> str:
    return "neither 0 nor 1" if flags else "no probability in [0, 1]"


def _line_by_line(text: str, where: str, what: str, flags: bool) -> Matrix:
    rows: list[Matrix] = []
    for number, line in enumerate(re.split("\r\n|\r|\n", text), start=1):
        entries = line.partition("#")[0].replace(",", " ").split()
        if not entries:
            continue
        row = _row(entries, flags, f"{where}, line {number}")
        if rows and len(row) != len(rows[0]):
            raise InputError(f"{where}, line {number} has {len(row)} cells, the rows above {len(rows[0])}")
        rows.append(row)
    if not rows:
        raise InputError(f"{where} is empty; expected {what}")
    return np.array(rows)


def _row(entries: Sequence[str], flags: bool, where: str) -> Matrix:
    row = np.array([_number(entry) for entry in entries])
    usable = _usable(row, flags)
    if not usable.all():
        raise InputError(f"{where}: {entries[int(usable.argmin())]!r} is {_wanted(flags)}")
    return row


def _number(text: str) -> float:
    try:
        return float(text) if text.isascii() else math.nan
    except ValueError:
        return math.nan
