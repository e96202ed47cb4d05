"""Everything that can be named on the command line, read from the registries."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from importlib import import_module
from typing import Any

from nfenergy.ground.errors import InputError, UnknownName

Entries = dict[str, str]


def listing(what: str | None = None) -> dict[str, Entries]:
    """Names and descriptions by kind; one kind only where `what` names it.

    Raises:
        UnknownName: there is no such kind.
    """
    if what is None:
        return {name: kind.entries() for name, kind in KINDS.items()}
    if what.lower() not in KINDS:
        raise UnknownName("kind of name", what, KINDS)
    return {what.lower(): KINDS[what.lower()].entries()}


def library_listing(what: str | None, library: str) -> dict[str, Entries]:
    """The base models of an installed library, as they are named on the command line.

    Raises:
        InputError: another kind is asked for, or the library is not installed.
        UnknownName: there is no such library.
    """
    from neuralfuse.library_networks import library_names

    if what not in (None, "bases"):
        raise InputError(
            f"a library has base models, no {what}; write: nfenergy list bases --library {library}"
        )
    return {"bases": {f"{library.lower()}:{name}": "" for name in library_names(library)}}


def names(kind: str) -> list[str]:
    """The names of a kind, for help and completion."""
    return list(KINDS[kind].rows())


def one_of(kind: str, more: Iterable[str] = ()) -> str:
    """The names of a kind in words, for the help of an option."""
    return ", ".join([*names(kind), *more])


def _title(name: str, row: Any) -> str:
    return getattr(row, "title", "") or str(row)


def _array(name: str, array: Any) -> str:
    from energy.array import PRESET_TITLES

    sizes = f"{array.ifmap_sram_kb}/{array.filter_sram_kb}/{array.ofmap_sram_kb} kB SRAM"
    return f"{array}, {sizes}; {PRESET_TITLES[name]}"


def _plot(name: str, plot: Any) -> str:
    blanks = {"measure": "a measure", "rate": "a rate of", "curve": "the voltage curve"}
    return str(plot.title.format(combination="one pair", **blanks))


def _published() -> Mapping[str, Any]:
    from reports.published import published_tables

    return dict.fromkeys(published_tables())


def _rows(*places: str) -> Callable[[], Mapping[str, Any]]:
    """The rows of registries given as ``module:NAME``, which are imported when they are asked for."""

    def rows() -> Mapping[str, Any]:
        found: dict[str, Any] = {}
        for place in places:
            module, _, name = place.partition(":")
            found |= getattr(import_module(module), name)
        return found

    return rows


@dataclass(frozen=True, slots=True)
class Kind:
    """What can be named: its rows by name, and what is said of one, which may take reading a file."""

    rows: Callable[[], Mapping[str, Any]]
    describe: Callable[[str, Any], str] = _title

    def entries(self) -> Entries:
        return {name: self.describe(name, row) for name, row in self.rows().items()}


KINDS: dict[str, Kind] = {
    "bases": Kind(_rows("neuralfuse.registry:BASES")),
    "generators": Kind(_rows("neuralfuse.registry:GENERATORS")),
    "datasets": Kind(_rows("neuralfuse.registry:DATASETS"), lambda name, row: str(row)),
    "fault-models": Kind(
        _rows(
            "neuralfuse.memory.fault_models:FAULT_MODELS", "neuralfuse.memory.profiled_chips:PROFILED_CHIPS"
        )
    ),
    "protections": Kind(_rows("neuralfuse.memory.protections:PROTECTIONS")),
    "curves": Kind(_rows("energy.curve_files:CURVES")),
    "measures": Kind(_rows("energy.measures:MEASURES"), lambda name, row: str(row)),
    "energy-tables": Kind(_rows("energy.energy_tables:ENERGY_TABLES")),
    "conventions": Kind(_rows("topologies.convention:CONVENTIONS"), lambda name, row: str(row.description)),
    "engines": Kind(_rows("energy.engines:ENGINES")),
    "arrays": Kind(_rows("energy.array:PRESETS"), _array),
    "plots": Kind(_rows("reports.plots.registry:PLOTS"), _plot),
    "published": Kind(_published, lambda name, row: "as printed, for comparison"),
}
