"""What the page's explorer calculates from: what every network counts on every array of the report."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from energy.accesses import Extents, MemorySizes, Traffic
from energy.domains import EnergySetting
from energy.measures import MEASURES
from energy.savings import SavingBy
from reports.records import Saving

ARRAY = (
    "array_rows",
    "array_cols",
    "dataflow",
    "ifmap_sram_kb",
    "filter_sram_kb",
    "ofmap_sram_kb",
    "bandwidths",
)
"""The columns of a `Saving` that make an array; all others of the configuration are one on a page."""


class Accesses(NamedTuple):
    """What a network costs by a measure that counts accesses.

    Attributes:
        nominal: of one inference.
        lowered: the part of it that a base model runs at the operating point.
    """

    nominal: float
    lowered: float


@dataclass(frozen=True, slots=True, kw_only=True)
class ExplorerNetwork:
    """What one inference of a network costs on an array.

    Attributes:
        accesses: by measure that counts accesses.
        cycles: stalls included.
        traffic, extents: what energies are calculated from; None where only energies are known.
        energies: at nominal voltage by (energy table, residency) and domain; what is known without traffic.
    """

    accesses: Mapping[str, Accesses]
    cycles: int
    traffic: Traffic | None = None
    extents: Extents | None = None
    energies: Mapping[tuple[str, str], Mapping[str, float]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class ExplorerArray:
    """An array with the networks counted on it.

    Attributes:
        title: for people, such as ``32x32 os``; `memory` tells arrays of one title apart.
        memory: SRAM sizes and bandwidths for people.
        sizes: of its buffers.
        bases, generators: networks by `base_key` and `generator_key`.
    """

    title: str
    memory: str
    sizes: MemorySizes
    bases: Mapping[str, ExplorerNetwork]
    generators: Mapping[str, ExplorerNetwork]


@dataclass(frozen=True, slots=True, kw_only=True)
class ExplorerData:
    """What an explorer can be switched to.

    Attributes:
        arrays: the report's own first.
        settings: one for each energy table, the report's own first.
        left_out: how many arrays of a file found no room on the page.
    """

    arrays: tuple[ExplorerArray, ...]
    settings: tuple[EnergySetting, ...]
    left_out: int = 0


def data_key(saving: Saving) -> str:
    """The data set and input, which decide the networks' form."""
    return f"{saving.dataset} {saving.input_shape}".strip()


def base_key(saving: Saving) -> str:
    """A base model as it was counted."""
    return f"{saving.base} x {saving.base_width:.12g} on {data_key(saving)}"


def generator_key(saving: Saving) -> str:
    """A generator as it was counted."""
    return f"{saving.generator} on {data_key(saving)}"


def array_titles(saving: Saving) -> tuple[str, str]:
    """The array and its memory for people."""
    sizes = f"{saving.ifmap_sram_kb}/{saving.filter_sram_kb}/{saving.ofmap_sram_kb}"
    stalls = f", DRAM words a cycle {saving.bandwidths}" if saving.bandwidths else ""
    return f"{saving.array_rows}x{saving.array_cols} {saving.dataflow}", f"SRAM {sizes} kB{stalls}"


def accesses_of(measures: Mapping[str, SavingBy]) -> dict[str, Accesses]:
    """A base model's accesses, from its savings."""
    return {
        name: Accesses(float(by.base), float(by.base_lowered))
        for name, by in measures.items()
        if not MEASURES[name].domains
    }


def arrays_of_savings(savings: Iterable[Saving]) -> tuple[ExplorerArray, ...]:
    """The arrays of savings that no counts are known of, in their order."""
    groups: dict[object, list[Saving]] = {}
    for saving in savings:
        groups.setdefault(tuple(getattr(saving, name) for name in ARRAY), []).append(saving)
    return tuple(map(_array_of, groups.values()))


def _array_of(rows: Sequence[Saving]) -> ExplorerArray:
    first = rows[0]
    title, memory = array_titles(first)
    bases: dict[str, list[Saving]] = {}
    generators: dict[str, list[Saving]] = {}
    for row in rows:
        bases.setdefault(base_key(row), []).append(row)
        if row.has_generator:
            generators.setdefault(generator_key(row), []).append(row)
    return ExplorerArray(
        title=title,
        memory=memory,
        sizes=MemorySizes(
            weight_sram=first.filter_sram_kb, ifmap_sram=first.ifmap_sram_kb, ofmap_sram=first.ofmap_sram_kb
        ),
        bases={key: _base(own) for key, own in bases.items()},
        generators={key: _generator(own) for key, own in generators.items()},
    )


def _base(rows: Sequence[Saving]) -> ExplorerNetwork:
    return ExplorerNetwork(
        accesses=accesses_of(rows[0].measures),
        cycles=rows[0].base_cycles,
        energies={
            (row.energy_table, row.residency): {name: e.base for name, e in row.domains.items()}
            for row in rows
            if row.domains
        },
    )


def _generator(rows: Sequence[Saving]) -> ExplorerNetwork:
    return ExplorerNetwork(
        accesses={
            name: Accesses(float(by.generator), 0.0)
            for name, by in rows[0].measures.items()
            if not MEASURES[name].domains
        },
        cycles=rows[0].generator_cycles,
        energies={
            (row.energy_table, row.residency): {name: e.generator for name, e in row.domains.items()}
            for row in rows
            if row.domains
        },
    )
