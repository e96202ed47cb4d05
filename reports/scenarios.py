"""What a combination saves in other scenarios: other energy tables, residencies and voltage curves."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """What is not the designer's choice of generator and voltage, but decides what they are worth.

    Attributes:
        energy_table, residency, curve: by name.
    """

    energy_table: str
    residency: str
    curve: str

    def __str__(self) -> str:
        return f"{self.energy_table}, resident {self.residency}, {self.curve}"


@dataclass(frozen=True, slots=True, kw_only=True)
class ScenarioSaving:
    """A combination in a scenario.

    Attributes:
        base, generator: as in `reports.records.Saving`.
        bit_error_rate: of the operating point, a fraction.
        saving_percent: by measure.
        break_even_voltage_norm: by measure; None where the curve does not reach it.
        break_even_dram_per_bit: energy of a bit from DRAM up to which the generator pays by the measure that
            nothing is left out of, in the table's unit; None where it does not pay without DRAM either.
    """

    base: str
    generator: str
    bit_error_rate: float
    scenario: Scenario
    saving_percent: Mapping[str, float]
    break_even_voltage_norm: Mapping[str, float | None]
    break_even_dram_per_bit: float | None
