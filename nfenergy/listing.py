"""Everything that can be named on the command line, read from the registries."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from nfenergy.ground.errors import InputError, UnknownName

Entries = dict[str, str]


def listing(what: str | None = None) -> dict[str, Entries]:
    """Names and descriptions by kind; one kind only where `what` names it.

    Raises:
        UnknownName: there is no such kind.
    """
    if what is None:
        return {kind: entries() for kind, entries in KINDS.items()}
    if what.lower() not in KINDS:
        raise UnknownName("kind of name", what, KINDS)
    return {what.lower(): KINDS[what.lower()]()}


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
    return list(KINDS[kind]())


def _titles(rows: Mapping[str, object]) -> Entries:
    return {name: getattr(row, "title", "") or str(row) for name, row in rows.items()}


def _bases() -> Entries:
    from neuralfuse.registry import BASES

    return _titles(BASES)


def _generators() -> Entries:
    from neuralfuse.registry import GENERATORS

    return _titles(GENERATORS)


def _datasets() -> Entries:
    from neuralfuse.registry import DATASETS

    return {name: str(row) for name, row in DATASETS.items()}


def _fault_models() -> Entries:
    from neuralfuse.memory.fault_models import FAULT_MODELS
    from neuralfuse.memory.profiled_chips import PROFILED_CHIPS

    return _titles(FAULT_MODELS) | _titles(PROFILED_CHIPS)


def _curves() -> Entries:
    from energy.curve_files import CURVES

    return _titles(CURVES)


def _energy_tables() -> Entries:
    from energy.energy_tables import ENERGY_TABLES

    return _titles(ENERGY_TABLES)


def _measures() -> Entries:
    from energy.measures import MEASURES

    return {name: str(row) for name, row in MEASURES.items()}


def _conventions() -> Entries:
    from topologies.convention import CONVENTIONS

    return {name: convention.description for name, convention in CONVENTIONS.items()}


def _engines() -> Entries:
    from energy.engines import ENGINES

    return _titles(ENGINES)


def _arrays() -> Entries:
    from energy.array import PRESET_TITLES, PRESETS

    return {
        name: f"{array}, {array.ifmap_sram_kb}/{array.filter_sram_kb}/{array.ofmap_sram_kb} kB SRAM; "
        f"{PRESET_TITLES[name]}"
        for name, array in PRESETS.items()
    }


def _plots() -> Entries:
    from reports.plots.registry import PLOTS

    blanks = {
        "measure": "a measure",
        "rate": "a rate of",
        "curve": "the voltage curve",
        "combination": "one pair",
    }
    return {name: row.title.format(**blanks) for name, row in PLOTS.items()}


def _tables() -> Entries:
    from reports.published import published_tables

    return dict.fromkeys(published_tables(), "as printed, for comparison")


KINDS: dict[str, Callable[[], Entries]] = {
    "bases": _bases,
    "generators": _generators,
    "datasets": _datasets,
    "fault-models": _fault_models,
    "curves": _curves,
    "measures": _measures,
    "energy-tables": _energy_tables,
    "conventions": _conventions,
    "engines": _engines,
    "arrays": _arrays,
    "plots": _plots,
    "published": _tables,
}


def one_of(kind: str, more: Iterable[str] = ()) -> str:
    """The names of a kind in words, for the help of an option."""
    return ", ".join([*names(kind), *more])
