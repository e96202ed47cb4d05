"""Simulated combinations in other scenarios: nothing is simulated again, the counts are the same."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

from energy.accesses import RESIDENCIES
from energy.break_even import break_even_dram_per_bit
from energy.curve import OperatingPoint, VoltageCurve
from energy.domains import EnergySetting
from energy.energy_tables import ENERGY_TABLES, EnergyTable
from energy.measures import Counted
from energy.savings import SavingBy, savings
from neuralfuse.registry import NO_GENERATOR
from nfenergy.simulation import NetworkResult, SimulationReport, scales_at
from nfenergy.tabular import network_of
from reports.scenarios import Scenario, ScenarioSaving


def settings_of(setting: EnergySetting) -> list[EnergySetting]:
    """The setting with every residency under its own table and every other named one; its own comes first.

    Another table has its own default DRAM; leakage is counted where a table has it.
    """
    tables = [row.load() for name, row in ENERGY_TABLES.items() if name != setting.table.name]
    settings = [setting, *(_under(setting, table) for table in tables)]
    return [resident for under in settings for resident in residencies_of(under)]


def residencies_of(setting: EnergySetting) -> list[EnergySetting]:
    """The setting with every residency, its own first."""
    names = sorted(RESIDENCIES, key=lambda name: name != setting.residency)
    return [replace(setting, residency=name) for name in names]


def _under(setting: EnergySetting, table: EnergyTable) -> EnergySetting:
    leakage = setting.leakage and table.leakage_mw is not None
    return replace(setting, table=table, dram=None, leakage=leakage)


class Evaluated:
    """Energies of simulated networks by setting, each calculated once."""

    def __init__(self) -> None:
        self._known: dict[tuple[int, int], tuple[NetworkResult, EnergySetting, Counted]] = {}

    def counted(self, network: NetworkResult, setting: EnergySetting) -> Counted:
        """What measures are calculated from, in another setting."""
        key = id(network), id(setting)
        if key not in self._known:
            energies, low = network.energies(setting), setting.low_voltage
            counted = replace(network.counted, energies=energies, low_voltage=low)
            self._known[key] = (network, setting, counted)
        return self._known[key][2]

    def measures(
        self,
        report: SimulationReport,
        setting: EnergySetting,
        *,
        point: OperatingPoint | None = None,
        curve: VoltageCurve | None = None,
    ) -> dict[str, SavingBy]:
        """The savings of a combination in another setting, or at the operating point of another curve."""
        at = report.operating_point if point is None else point
        return savings(
            self.counted(report.base, setting),
            self.counted(report.generator, setting) if report.generator else None,
            at.energy_per_access_norm,
            report.machine.curve if curve is None else curve,
            voltage_norm=at.voltage_norm,
        )

    def saving(self, report: SimulationReport, setting: EnergySetting) -> ScenarioSaving:
        """A combination in another setting, at its own operating point."""
        found = self.measures(report, setting)
        return ScenarioSaving(
            base=network_of(report.base),
            generator=network_of(report.generator) if report.generator else NO_GENERATOR,
            bit_error_rate=report.operating_point.bit_error_rate,
            scenario=Scenario(
                energy_table=setting.table.name,
                residency=setting.residency,
                curve=report.machine.curve.name,
            ),
            saving_percent={name: by.saving_percent for name, by in found.items()},
            break_even_voltage_norm={name: by.break_even_voltage_norm for name, by in found.items()},
            break_even_dram_per_bit=self.break_even_dram(report, setting),
        )

    def break_even_dram(self, report: SimulationReport, setting: EnergySetting) -> float | None:
        """The energy of a bit from DRAM up to which the generator pays; None also where there is no limit."""
        if report.generator is None:
            return None
        limit = break_even_dram_per_bit(
            self.counted(report.base, setting).energies,
            self.counted(report.generator, setting).energies,
            scales_at(setting, report.operating_point),
            generator_dram_bits=report.generator.accesses(setting)["dram"],
        )
        return limit if limit is not None and math.isfinite(limit) else None


def scenario_savings(reports: Sequence[SimulationReport]) -> list[ScenarioSaving]:
    """Every combination in every setting of `settings_of` its machine, at its own operating point."""
    if not reports:
        return []
    evaluated, settings = Evaluated(), settings_of(reports[0].machine.energy)
    return [evaluated.saving(report, setting) for report in reports for setting in settings]
