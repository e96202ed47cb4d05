"""Fault maps of real memories: which cell reads 1 for a stored 0, or 0 for a stored 1, how often.

Weights lie in the memory linearly: bit j of word i in cell ``offset + i * bits + j``, cells counted
row by row, and from the start again after the last one. A map is measured and read from files (see
`neuralfuse.memory.map_files`), or made with the statistics of a profiled chip (`profiled_chips`).
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neuralfuse.memory.banks import BankStatistics, bank_statistics
from neuralfuse.memory.bit_errors import FIRST_TRAINING_CHIP, Cells, FaultModel, WordFaults, layer_faults
from nfenergy.ground.errors import InputError

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
        bank_cells: cells of one of the banks that lie one after another; None where they are not known.
    """

    rows: int
    columns: int
    cells: Cells
    to_one: Probabilities
    to_zero: Probabilities
    bank_cells: int | None = None

    @classmethod
    def of_matrices(cls, to_one: NDArray[Any], to_zero: NDArray[Any]) -> FaultMap:
        """The map of a memory from the probabilities of all its cells, both of shape (rows, columns)."""
        cells = np.flatnonzero((to_one > 0) | (to_zero > 0))
        return cls(
            rows=to_one.shape[0],
            columns=to_one.shape[1],
            cells=cells,
            to_one=to_one.ravel()[cells].astype(float),
            to_zero=to_zero.ravel()[cells].astype(float),
        )

    @property
    def size(self) -> int:
        """Cells of the memory."""
        return self.rows * self.columns

    @property
    def fault_rate(self) -> float:
        """0-to-1 rate plus 1-to-0 rate: the p that Stutz et al. print, the rate of ``stuck-at``."""
        return float(self.to_one.sum() + self.to_zero.sum()) / self.size

    def statistics(self, *, bank_cells: int | None = None, word_bits: int = 64) -> BankStatistics:
        """How the faults lie over the map's banks, or banks of another size, and over words.

        Raises:
            InputError: the size of a bank is neither known nor given, or sizes do not fit.
        """
        cells = self.bank_cells if bank_cells is None else bank_cells
        if cells is None:
            raise InputError("the map does not say how large a bank is; give the cells of one")
        return bank_statistics(self.cells, size=self.size, bank_cells=cells, word_bits=word_bits)

    def scattered(self, *, seed: int) -> FaultMap:
        """The same faults in cells drawn at random: independent faults at an equal rate, to compare with."""
        rng = np.random.Generator(np.random.PCG64(np.random.SeedSequence(seed, spawn_key=(6,))))
        cells = rng.choice(self.size, len(self.cells), replace=False, shuffle=False)
        order = rng.permutation(len(cells))
        return replace(self, cells=np.sort(cells), to_one=self.to_one[order], to_zero=self.to_zero[order])

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
    """The map as a fault model: each seed is a place of the weights in it, see `place_of`.

    The map has its own bit error rate, its `fault_rate`; the rate given when drawing must be that, to 1 %.

    Args:
        found: the map.
        name: as in tables.
        title: what it is, in words.
        origin: where the map comes from, for the records of results.
    """

    def draw(words: Sequence[int], bits: int, rate: float, seed: int) -> tuple[WordFaults, ...]:
        model.rate(rate)
        return map_faults(found, words, bits, offset=place_of(found, seed), seed=seed)

    rate = float(f"{found.fault_rate:.4g}")  # four digits, so that a user can name it; the record has all
    record = {**(origin or {}), **found.record}
    model = FaultModel(name=name, title=title, draw=draw, own_rate=rate, record=record)
    return model


def place_of(found: FaultMap, seed: int) -> int:
    """Cell of the map that holds the first bit on chip `seed`; on chip 0 it is the first.

    Chips for testing begin in the rows 0, 2, 4, ..., those for training (`FIRST_TRAINING_CHIP`) in the
    others, so that no place serves both. In a map of one row they take turns in its cells.
    """
    rng = np.random.Generator(np.random.PCG64(np.random.SeedSequence(seed, spawn_key=(4,))))
    if seed == 0:
        return 0
    strip = found.columns if found.rows > 1 else 1
    training = seed >= FIRST_TRAINING_CHIP
    strips = found.size // strip
    chosen = 2 * int(rng.integers(max(1, (strips + (not training)) // 2))) + training
    return (chosen * strip + int(rng.integers(strip))) % found.size


def _misreading(
    found: FaultMap, rng: np.random.Generator
) -> tuple[Cells, NDArray[np.bool_], NDArray[np.bool_]]:
    ones = rng.random(len(found.cells)) < found.to_one
    zeros = rng.random(len(found.cells)) < found.to_zero
    hit = ones | zeros
    return found.cells[hit], ones[hit], zeros[hit]
