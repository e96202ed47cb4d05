"""Chips that Stutz et al. profiled (App. C.1): their error statistics, and synthetic maps that have them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np

from neuralfuse.memory.bit_errors import Cells, FaultModel
from neuralfuse.memory.fault_maps import FaultMap, map_model
from nfenergy.ground.errors import UnknownName

MAP_SEED = 1
"""Of the one map of each chip that is a fault model; all its rates are within 0.5 % of the printed ones."""

SOURCE = "synthetic, with the statistics of Stutz et al., App. C.1"


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

    @property
    def title(self) -> str:
        """What the map is, in words."""
        return (
            f"synthetic map of {self.rows} x {self.columns} cells (Stutz et al., App. C.1): "
            f"{self.to_one_percent:g} % read 1 for 0, {self.to_zero_percent:g} % 0 for 1"
        )


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


@cache
def chip_model(name: str) -> FaultModel:
    """The synthetic map of a profiled chip as a fault model; the same map in every run.

    Raises:
        UnknownName: there is no such chip.
    """
    chip = get_chip(name)
    origin = {"chip": chip.name, "source": SOURCE, "map_seed": MAP_SEED}
    return map_model(synthetic_map(chip, seed=MAP_SEED), name=chip.name, title=chip.title, origin=origin)


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
