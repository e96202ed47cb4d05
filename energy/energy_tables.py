"""Energy tables: what an access, a MAC and a bit from DRAM cost, each number with its source."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache, partial
from importlib.resources import as_file, files
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from energy.counts import SRAM_WORD_BITS
from nfenergy.ground.errors import InputError, UnknownName
from nfenergy.ground.registry import Registry

DEFAULT_ENERGY_TABLE = "horowitz2014-45nm"

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Amount = float | NDArray[Any]
else:
    Amount = Any
"""A number, or one a machine in an array of shape (A,)."""

Unit = Literal["pj", "mac"]
Action = Literal["read", "write"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Provenance:
    """Where a number comes from, and how it was read."""

    source: str
    certainty: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PowerLaw:
    """A figure of a memory by its capacity: straight in log-log between neighbouring sizes.

    Outside, the nearest segment goes on. One size alone stands for every capacity.

    Attributes:
        capacities_kb: rising, in units of 1,024 bytes.
        values: the figure at each of them.
    """

    capacities_kb: tuple[float, ...]
    values: tuple[float, ...]

    def at(self, capacity_kb: Amount) -> Amount:
        """The figure at a capacity, or at many.

        >>> round(PowerLaw(capacities_kb=(8.0, 32.0), values=(10.0, 20.0)).at(128.0), 9)
        40.0
        """
        if len(self.values) == 1:
            return self.values[0]
        import numpy as np

        sizes, values = np.array(self.capacities_kb), np.array(self.values)
        # In an array always: numpy's powers of numbers and of arrays differ in the last bit.
        capacities = np.atleast_1d(capacity_kb)
        lower = np.clip(np.searchsorted(sizes, capacities, side="right") - 1, 0, len(sizes) - 2)
        exponents = np.diff(np.log(values)) / np.diff(np.log(sizes))
        found = values[lower] * (capacities / sizes[lower]) ** exponents[lower]
        return found if isinstance(capacity_kb, np.ndarray) else float(found[0])


@dataclass(frozen=True, slots=True, kw_only=True)
class EnergyTable:
    """Energies of one technology, all in one unit.

    Attributes:
        name, title: as users type it, and what it is.
        source, certainty: of all numbers that `sources` does not name.
        unit: ``pj``, or ``mac`` where everything is relative to the energy of one MAC.
        access_bits: bits that one SRAM access moves.
        mac: energy of one MAC.
        sram_read, sram_write: energy of one SRAM access.
        dram_per_bit: energy of one bit read from or written to DRAM, by kind.
        dram_default: a kind in `dram_per_bit`.
        leakage_mw: power that an SRAM leaks at nominal voltage; None where the table has none.
        numbers: the table's numbers as its file gives them, by key; of DRAM, one a kind.
        sources: provenance of single numbers, by the keys of `numbers`.
    """

    name: str
    title: str
    source: str
    certainty: str
    unit: Unit = "pj"
    access_bits: int = SRAM_WORD_BITS
    mac: float
    sram_read: PowerLaw
    sram_write: PowerLaw
    dram_per_bit: Mapping[str, float]
    dram_default: str
    leakage_mw: PowerLaw | None
    numbers: Mapping[str, float | Mapping[float, float]]
    sources: Mapping[str, Provenance]

    @property
    def unit_text(self) -> str:
        """The unit for people."""
        return "pJ" if self.unit == "pj" else "MAC"

    def sram_energy(self, capacity_kb: Amount, action: Action) -> Amount:
        """Energy of one access of `access_bits` bits to an SRAM of that capacity, in `unit`."""
        return (self.sram_read if action == "read" else self.sram_write).at(capacity_kb)

    def dram_energy_per_bit(self, kind: str | None = None) -> float:
        """Energy of one bit of a kind of DRAM, in `unit`; None is the table's default kind.

        Raises:
            UnknownName: the table has no such kind.
        """
        name = self.dram_default if kind is None else kind.lower()
        if name not in self.dram_per_bit:
            raise UnknownName(f"DRAM in energy table {self.name!r}", name, self.dram_per_bit)
        return self.dram_per_bit[name]

    def leakage(self) -> PowerLaw:
        """Power in mW that an SRAM leaks, by capacity.

        Raises:
            InputError: the table does not count leakage.
        """
        if self.leakage_mw is None:
            raise InputError(
                f"energy table {self.name!r} counts no leakage; leave out --leakage or take a table that does"
            )
        return self.leakage_mw

    def provenance(self, number: str) -> Provenance:
        """Where one of `numbers` comes from."""
        return self.sources.get(number, Provenance(source=self.source, certainty=self.certainty))


@dataclass(frozen=True, slots=True, kw_only=True)
class NamedTable:
    """An energy table by name; it is read when it is needed."""

    name: str
    load: Callable[[], EnergyTable]

    @property
    def title(self) -> str:
        """What it is, where its numbers come from, and how sure they are."""
        table = self.load()
        return f"{table.title}. {table.source} ({table.certainty})"


@cache
def _shipped(name: str) -> EnergyTable:
    from energy.energy_table_files import read_energy_table

    with as_file(files("energy") / "data" / "energy_tables" / f"{name}.yaml") as path:
        return read_energy_table(path)


ENERGY_TABLES: Registry[NamedTable] = Registry(
    "energy table",
    (
        NamedTable(name=name, load=partial(_shipped, name))
        for name in (
            DEFAULT_ENERGY_TABLE,
            "jouppi2021-7nm",
            "cacti7-45nm-lop",
            "cacti7-22nm-lop",
            "eyeriss2016-relative",
        )
    ),
)


def is_table_file(name: str) -> bool:
    """Whether `load_energy_table` takes this name for a file's."""
    return Path(name).suffix.lower() in (".yaml", ".yml")


def load_energy_table(name_or_file: str) -> EnergyTable:
    """A named energy table, or one's own from a YAML file (see `energy.energy_table_files`).

    Raises:
        UnknownName: neither a named table nor a YAML file.
        InputError: the file is not an energy table; the message names file and key.
    """
    if not is_table_file(name_or_file):
        return ENERGY_TABLES.find(name_or_file).load()
    from energy.energy_table_files import read_energy_table

    table = read_energy_table(Path(name_or_file))
    if table.name.lower() in ENERGY_TABLES:
        raise InputError(
            f"energy table {name_or_file}: name: {table.name!r} is a table that comes with nfenergy; "
            "give it another name"
        )
    return table
