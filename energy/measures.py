"""What energy is reckoned by: each measure is one row, and nothing outside the registry names one.

A measure says what one inference of a network costs by domain: a part of the machine with one supply
voltage. A cost may be a number, or an array over many accelerators: the formulas are the same.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from nfenergy.ground.columns import Kind
from nfenergy.ground.registry import Registry

Amount = Any
"""A number, or a numpy array over accelerators and operating points."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Counted:
    """What measures are calculated from: a network on one accelerator, or arrays over several.

    Attributes:
        macs: of one inference, as the convention counts them.
        filter_reads: SRAM reads of one weight each.
        weights_per_word: weights in one SRAM word.
        energies: of one inference at nominal voltage, by domain of `ENERGY_DOMAINS`; empty where energies
            were not asked for. See `energy.domains.domain_energies`.
        low_voltage: the SRAM domains that the base model runs at the operating point.
    """

    macs: Amount
    filter_reads: Amount
    weights_per_word: Amount
    energies: Mapping[str, Amount] = field(default_factory=dict)
    low_voltage: tuple[str, ...] = ("weight_sram",)


@dataclass(frozen=True, slots=True, kw_only=True)
class Domain:
    """A part of the machine with one supply voltage, or what it leaks."""

    name: str
    title: str


ENERGY_DOMAINS = (
    Domain(name="weight_sram", title="weight SRAM"),
    Domain(name="activation_sram", title="activation SRAM"),
    Domain(name="logic", title="logic"),
    Domain(name="dram", title="DRAM"),
    Domain(name="weight_sram_leakage", title="weight SRAM leakage"),
    Domain(name="activation_sram_leakage", title="activation SRAM leakage"),
)
"""What energy is spent in; leakage is there where it is counted."""


def energy_domains() -> tuple[Domain, ...]:
    """The rows of tables that have a column a domain."""
    return ENERGY_DOMAINS


LEAKAGE_EXPONENT = 3.0
"""Leakage power goes with (V / V0)^3; measured exponents lie between 3.0 and 3.5."""

SRAM = ("weight_sram", "activation_sram", "weight_sram_leakage", "activation_sram_leakage")
CHIP = (*SRAM, "logic")
SYSTEM = (*CHIP, "dram")


@dataclass(frozen=True, slots=True, kw_only=True)
class Measure:
    """One measure of energy.

    Attributes:
        name: as users type it.
        title: as people write it.
        unit: of a cost.
        quantity: a cost in the names of columns, such as ``twma`` in ``base_twma``.
        key: the unit in the names of JSON keys; empty for that of the energy table.
        kind: of a cost in tables, ``integer`` or ``number``.
        costs: of one inference at nominal voltage, by domain; nothing where it was not counted.
        lowered: the domains that the base model runs at the low voltage.
        meaning: one line for people.
        domains: of a measure of energy, those of `ENERGY_DOMAINS` that it adds up; of these the base model
            lowers the ones in `Counted.low_voltage`, and their leakage.
    """

    name: str
    title: str
    unit: str
    quantity: str
    costs: Callable[[Counted], Mapping[str, Amount]]
    lowered: tuple[str, ...]
    meaning: str
    key: str = ""
    kind: Kind = "number"
    domains: tuple[str, ...] = ()

    def lowered_of(self, counted: Counted) -> tuple[str, ...]:
        """The domains whose energy follows that of an SRAM access at the operating point."""
        return tuple(name for name in self.lowered if not self.domains or name in counted.low_voltage)

    def leaking_of(self, counted: Counted) -> tuple[str, ...]:
        """The domains whose energy follows the leakage at the operating point."""
        return tuple(f"{name}_leakage" for name in self.lowered_of(counted)) if self.domains else ()

    def __str__(self) -> str:
        return f"{self.title}: {self.meaning}"


def _of_energy(*, name: str, title: str, domains: tuple[str, ...], meaning: str) -> Measure:
    return Measure(
        name=name,
        title=title,
        unit="energy_unit",
        quantity=f"{name}_energy",
        costs=lambda counted: {key: counted.energies[key] for key in domains if key in counted.energies},
        lowered=("weight_sram", "activation_sram"),
        meaning=meaning,
        domains=domains,
    )


MEASURES: Registry[Measure] = Registry(
    "measure",
    (
        Measure(
            name="twma",
            title="T.W.M.A.",
            unit="64-bit words",
            quantity="twma",
            key="words",
            costs=lambda counted: {"weight_sram": counted.filter_reads / counted.weights_per_word},
            lowered=("weight_sram",),
            meaning="total weight memory access, SRAM words read for the weights (Sun et al., App. C)",
        ),
        Measure(
            name="mac",
            title="MACs",
            unit="MAC",
            quantity="macs",
            key="macs",
            kind="integer",
            costs=lambda counted: {"macs": counted.macs},
            lowered=("macs",),
            meaning="multiply-accumulates, each with one access of the weight memory (Sun et al., Table 8)",
        ),
        _of_energy(
            name="sram",
            title="SRAM energy",
            domains=SRAM,
            meaning="all accesses of the weight, ifmap and ofmap SRAM, fills and drains included",
        ),
        _of_energy(
            name="chip", title="chip energy", domains=CHIP, meaning="SRAM energy and the multiply-accumulates"
        ),
        _of_energy(
            name="system", title="system energy", domains=SYSTEM, meaning="chip energy and DRAM traffic"
        ),
    ),
)

PAPER_MEASURES = ("twma", "mac")
"""Those of Sun et al.: of Fig. 5 and its headline figures, and of Fig. 6."""

DEFAULT_MEASURE = PAPER_MEASURES[0]
SYSTEM_MEASURE = "system"
"""The measure that nothing is left out of."""
