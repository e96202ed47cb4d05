"""Fault maps of real memories: which cell reads 1 for a stored 0, or 0 for a stored 1, how often.

Weights lie in the memory linearly: bit j of word i in cell ``offset + i * bits + j``, cells counted
row by row, and from the start again after the last one. A map is measured and read from text files, or
made with the statistics of a profiled chip (Stutz et al., App. C.1).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from neuralfuse.bit_errors import Cells, FaultModel, WordFaults, layer_faults
from nfenergy.errors import InputError, UnknownName
from nfenergy.files import read_text

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


def map_model(found: FaultMap, *, name: str, title: str) -> FaultModel:
    """The map as a fault model: each seed is another place of the weights in it, seed 0 its start.

    The map has its own bit error rate; the rate given when drawing must be that `fault_rate`, to 1 %.
    """

    def draw(words: Sequence[int], bits: int, rate: float, seed: int) -> tuple[WordFaults, ...]:
        if not math.isclose(rate, found.fault_rate, rel_tol=0.01):
            raise InputError(
                f"{name} has a bit error rate of {100 * found.fault_rate:.4g} %, not {100 * rate:.4g} %"
            )
        rng = np.random.Generator(np.random.PCG64(np.random.SeedSequence(seed, spawn_key=(4,))))
        offset = 0 if seed == 0 else int(rng.integers(found.size))
        return map_faults(found, words, bits, offset=offset, seed=seed)

    return FaultModel(name=name, title=title, draw=draw)


@dataclass(frozen=True, slots=True, kw_only=True)
class ChipStatistics:
    """What Stutz et al. print of a chip at one supply voltage, all rates in percent of the cells.

    Attributes:
        name: chip and total rate.
        to_one_percent: rate of 0-to-1 flips.
        to_zero_percent: rate of 1-to-0 flips.
        persistent_percent: rate of cells that always misread.
        rows: of the map.
        columns: of the map.
        alignment: 0 where faults are spread evenly (chip 1); above, the variance of the columns' weakness.
            The paper shows the columns but prints no figure: 4 is ours.
    """

    name: str
    to_one_percent: float
    to_zero_percent: float
    persistent_percent: float
    rows: int
    columns: int = 128
    alignment: float = 4.0


def _chip(name: str, to_one: float, to_zero: float, persistent: float) -> ChipStatistics:
    first = name.startswith("chip1")
    return ChipStatistics(
        name=name,
        to_one_percent=to_one,
        to_zero_percent=to_zero,
        persistent_percent=persistent,
        rows=2048 if first else 8192,
        alignment=0.0 if first else 4.0,
    )


PROFILED_CHIPS: dict[str, ChipStatistics] = {
    chip.name: chip
    for chip in (
        _chip("chip1-2.744", 1.27, 1.47, 1.223),
        _chip("chip1-0.866", 0.38, 0.49, 0.393),
        _chip("chip2-4.707", 3.443, 1.091, 0.627),
        _chip("chip2-1.01", 0.82, 0.19, 0.105),
        _chip("chip2-0.136", 0.115, 0.021, 0.01),
        _chip("chip3-2.297", 1.81, 0.48, 0.204),
        _chip("chip3-0.597", 0.496, 0.0995, 0.206),
    )
}
"""Stutz et al., App. C.1."""


def get_chip(name: str) -> ChipStatistics:
    """The profiled chip called `name`.

    Raises:
        UnknownName: there is none.
    """
    try:
        return PROFILED_CHIPS[name.lower()]
    except KeyError:
        raise UnknownName("profiled chip", name, PROFILED_CHIPS) from None


def synthetic_map(chip: ChipStatistics, *, seed: int) -> FaultMap:
    """A map with the statistics of a profiled chip; the measured map itself is not published.

    Faulty cells are drawn without replacement, a cell in a weak column with a greater chance. The
    persistent ones always misread, the others with a probability uniform in (0, 1). Each reads
    either 1 for 0 or 0 for 1, in the ratio of the chip's two rates.
    """
    rng = np.random.Generator(np.random.PCG64(np.random.SeedSequence(seed, spawn_key=(5,))))
    size = chip.rows * chip.columns
    total = chip.to_one_percent + chip.to_zero_percent
    persistent = round(size * chip.persistent_percent / 100)
    transient = round(2 * size * (total - chip.persistent_percent) / 100)
    cells = _weakest(rng, chip, persistent + transient)
    chance = np.ones(len(cells))
    chance[persistent:] = rng.random(transient)
    bias = rng.permutation(len(cells)) < round(len(cells) * chip.to_one_percent / total)
    to_one, to_zero = np.zeros(size), np.zeros(size)
    to_one[cells[bias]], to_zero[cells[~bias]] = chance[bias], chance[~bias]
    shape = (chip.rows, chip.columns)
    return FaultMap.of_matrices(to_one.reshape(shape), to_zero.reshape(shape))


def _weakest(rng: np.random.Generator, chip: ChipStatistics, count: int) -> Cells:
    """Cells that fail first, when each waits for its column's exponential clock; in random order."""
    weakness = np.ones(chip.columns)
    if chip.alignment:
        weakness = rng.gamma(1 / chip.alignment, chip.alignment, chip.columns).clip(1e-9)
    clocks = (rng.standard_exponential((chip.rows, chip.columns)) / weakness).ravel()
    return rng.permutation(np.argpartition(clocks, count)[:count])


def _misreading(
    found: FaultMap, rng: np.random.Generator
) -> tuple[Cells, NDArray[np.bool_], NDArray[np.bool_]]:
    ones = rng.random(len(found.cells)) < found.to_one
    zeros = rng.random(len(found.cells)) < found.to_zero
    hit = ones | zeros
    return found.cells[hit], ones[hit], zeros[hit]


def _read_matrix(path: Path, what: str, *, flags: bool = False) -> Probabilities:
    rows: list[list[float]] = []
    for number, line in enumerate(read_text(path, what).splitlines(), start=1):
        entries = line.partition("#")[0].replace(",", " ").split()
        if not entries:
            continue
        row = [_entry(entry, flags, f"{path}, line {number}") for entry in entries]
        if rows and len(row) != len(rows[0]):
            raise InputError(f"{path}, line {number} has {len(row)} cells, the rows above {len(rows[0])}")
        rows.append(row)
    if not rows:
        raise InputError(f"{path} is empty; expected {what}")
    return np.array(rows)


def _entry(text: str, flags: bool, where: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if flags and value not in (0.0, 1.0):
        raise InputError(f"{where}: {text!r} is neither 0 nor 1")
    if not 0.0 <= value <= 1.0:
        raise InputError(f"{where}: {text!r} is no probability in [0, 1]")
    return value


def _check_sizes(path: Path, matrix: Probabilities, other_path: Path, other: Probabilities) -> None:
    if matrix.shape != other.shape:
        sizes = " and ".join(f"{rows} x {columns}" for rows, columns in (matrix.shape, other.shape))
        raise InputError(f"{path} and {other_path} describe one memory, but have {sizes} cells")
