"""Fault maps of real memories: which cell reads 1 for a stored 0, or 0 for a stored 1, how often.

Weights lie in the memory linearly: bit j of word i in cell ``offset + i * bits + j``, cells counted
row by row, and from the start again after the last one. A map is measured and read from text files, or
made with the statistics of a profiled chip (see `neuralfuse.memory.profiled_chips`).
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neuralfuse.memory.bit_errors import Cells, FaultModel, WordFaults, layer_faults
from nfenergy.ground.errors import InputError
from nfenergy.ground.files import read_text

Probabilities = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class FaultMap:
    """The cells of a memory that misread, and how often.

    Attributes:
        rows: of the memory.
        columns: bits of a row.
        cells: addresses of the cells that misread, ascending, shape (k,).
        to_one: probability that a stored 0 reads 1; 1 is a cell stuck at 1. Shape (k,).
        to_zero: probability that a stored 1 reads 0; 1 is a cell stuck at 0. Shape (k,).
    """

    rows: int
    columns: int
    cells: Cells
    to_one: Probabilities
    to_zero: Probabilities

    @classmethod
    def of_matrices(cls, to_one: Probabilities, to_zero: Probabilities) -> FaultMap:
        """The map of a memory from the probabilities of all its cells, both of shape (rows, columns)."""
        cells = np.flatnonzero((to_one > 0) | (to_zero > 0))
        return cls(
            rows=to_one.shape[0],
            columns=to_one.shape[1],
            cells=cells,
            to_one=to_one.ravel()[cells],
            to_zero=to_zero.ravel()[cells],
        )

    @property
    def size(self) -> int:
        """Cells of the memory."""
        return self.rows * self.columns

    @property
    def fault_rate(self) -> float:
        """0-to-1 rate plus 1-to-0 rate: the p that Stutz et al. print, the rate of ``stuck-at``."""
        return float(self.to_one.sum() + self.to_zero.sum()) / self.size

    @property
    def digest(self) -> str:
        """A name for the contents, 64 hex digits: equal for maps of the same size and cells."""
        digest = hashlib.sha256(f"{self.rows} x {self.columns}".encode())
        for values in (self.cells.astype("<i8"), self.to_one.astype("<f8"), self.to_zero.astype("<f8")):
            digest.update(values.tobytes())
        return digest.hexdigest()

    @property
    def record(self) -> dict[str, Any]:
        """What the records of results say of a map, JSON values; rates in percent of the cells."""
        return {
            "digest": self.digest,
            "rows": self.rows,
            "columns": self.columns,
            "fault_rate_percent": 100.0 * self.fault_rate,
            "to_one_percent": 100.0 * float(self.to_one.sum()) / self.size,
            "to_zero_percent": 100.0 * float(self.to_zero.sum()) / self.size,
        }


def read_stuck_at_maps(stuck_at_zero: Path, stuck_at_one: Path) -> FaultMap:
    """A measured map from two text matrices of 0 and 1, where 1 marks a stuck cell.

    Raises:
        InputError: unreadable or ragged text, another value, sizes that differ, a cell stuck at both.
    """
    zeros = _read_matrix(stuck_at_zero, "a matrix of stuck-at-0 cells", flags=True)
    ones = _read_matrix(stuck_at_one, "a matrix of stuck-at-1 cells", flags=True)
    _check_sizes(stuck_at_zero, zeros, stuck_at_one, ones)
    both = np.argwhere((zeros > 0) & (ones > 0))
    if len(both):
        row, column = both[0] + 1
        raise InputError(
            f"row {row}, column {column} is stuck at 0 in {stuck_at_zero} and stuck at 1 in {stuck_at_one}"
        )
    return FaultMap.of_matrices(ones, zeros)


def read_flip_maps(to_one: Path, to_zero: Path) -> FaultMap:
    """A measured map from two text matrices of probabilities: 0 read as 1, and 1 read as 0.

    Raises:
        InputError: unreadable or ragged text, a value outside [0, 1], sizes that differ.
    """
    ones = _read_matrix(to_one, "a matrix of 0-to-1 flip probabilities")
    zeros = _read_matrix(to_zero, "a matrix of 1-to-0 flip probabilities")
    _check_sizes(to_one, ones, to_zero, zeros)
    return FaultMap.of_matrices(ones, zeros)


def map_faults(
    found: FaultMap, words: Sequence[int], bits: int, *, offset: int = 0, seed: int = 0
) -> tuple[WordFaults, ...]:
    """Bit errors of layers of so many `words` laid into the memory one after another.

    A memory smaller than the weights is used again from its start: a faulty cell then hits several.

    Args:
        found: the memory's map.
        words: words of each layer.
        bits: bits of a word.
        offset: cell that holds the first bit, counted from the memory's first and wrapped around.
        seed: decides which of the cells with probabilities below 1 misread; the others always do.
    """
    rng = np.random.Generator(np.random.PCG64(np.random.SeedSequence(seed, spawn_key=(3,))))
    cells, to_one, to_zero = _misreading(found, rng)
    size = found.size
    start = offset % size
    end = start + sum(words) * bits
    rounds = np.arange(-(-end // size))[:, None] * size
    addresses = (rounds + cells).ravel()
    inside = (addresses >= start) & (addresses < end)
    return layer_faults(
        addresses[inside] - start,
        words,
        bits,
        to_one=np.tile(to_one, len(rounds))[inside],
        to_zero=np.tile(to_zero, len(rounds))[inside],
    )


def map_model(
    found: FaultMap, *, name: str, title: str, origin: Mapping[str, Any] | None = None
) -> FaultModel:
    """The map as a fault model: each seed is another place of the weights in it, seed 0 its start.

    The map has its own bit error rate, its `fault_rate`; the rate given when drawing must be that, to 1 %.

    Args:
        found: the map.
        name: as in tables.
        title: what it is, in words.
        origin: where the map comes from, for the records of results.
    """

    def draw(words: Sequence[int], bits: int, rate: float, seed: int) -> tuple[WordFaults, ...]:
        model.rate(rate)
        rng = np.random.Generator(np.random.PCG64(np.random.SeedSequence(seed, spawn_key=(4,))))
        offset = 0 if seed == 0 else int(rng.integers(found.size))
        return map_faults(found, words, bits, offset=offset, seed=seed)

    rate = float(f"{found.fault_rate:.4g}")  # four digits, so that a user can name it; the record has all
    record = {**(origin or {}), **found.record}
    model = FaultModel(name=name, title=title, draw=draw, own_rate=rate, record=record)
    return model


def _misreading(
    found: FaultMap, rng: np.random.Generator
) -> tuple[Cells, NDArray[np.bool_], NDArray[np.bool_]]:
    ones = rng.random(len(found.cells)) < found.to_one
    zeros = rng.random(len(found.cells)) < found.to_zero
    hit = ones | zeros
    return found.cells[hit], ones[hit], zeros[hit]


def _read_matrix(path: Path, what: str, *, flags: bool = False) -> Probabilities:
    rows: list[Probabilities] = []
    for number, line in enumerate(read_text(path, what).splitlines(), start=1):
        entries = line.partition("#")[0].replace(",", " ").split()
        if not entries:
            continue
        row = _row(entries, flags, f"{path}, line {number}")
        if rows and len(row) != len(rows[0]):
            raise InputError(f"{path}, line {number} has {len(row)} cells, the rows above {len(rows[0])}")
        rows.append(row)
    if not rows:
        raise InputError(f"{path} is empty; expected {what}")
    return np.array(rows)


def _row(entries: Sequence[str], flags: bool, where: str) -> Probabilities:
    row = np.array([_number(entry) for entry in entries])
    usable = (row == 0.0) | (row == 1.0) if flags else (row >= 0.0) & (row <= 1.0)
    if not usable.all():
        wanted = "neither 0 nor 1" if flags else "no probability in [0, 1]"
        raise InputError(f"{where}: {entries[int(usable.argmin())]!r} is {wanted}")
    return row


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return math.nan


def _check_sizes(path: Path, matrix: Probabilities, other_path: Path, other: Probabilities) -> None:
    if matrix.shape != other.shape:
        sizes = " and ".join(f"{rows} x {columns}" for rows, columns in (matrix.shape, other.shape))
        raise InputError(f"{path} and {other_path} describe one memory, but have {sizes} cells")
