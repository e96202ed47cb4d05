"""The total energy of a simulation: as JSON, and as a block of text."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict

from energy.accesses import RESIDENCIES
from energy.energy_tables import EnergyTable
from energy.measures import ENERGY_DOMAINS, MEASURES, SYSTEM_MEASURE
from energy.savings import SavingBy
from nfenergy.machine import low_voltage_text
from nfenergy.scenario_savings import Evaluated, residencies_of
from nfenergy.simulation import NetworkResult, SimulationReport
from reports.tables import render
from reports.verdict import shares, shares_text, verdict

Json = dict[str, object]

PREFIXES = ((1e9, "mJ"), (1e6, "µJ"), (1e3, "nJ"), (1.0, "pJ"))
MULTIPLES = ((1e9, "billions of MACs"), (1e6, "millions of MACs"), (1e3, "thousands of MACs"), (1.0, "MACs"))


def energy_json(report: SimulationReport) -> Json:
    """``measures``, ``domains`` and ``energy``: of one inference, and what they are of."""
    setting = report.machine.energy
    return {
        "measures": {
            name: _measure(report, name, by, MEASURES[name].key or setting.table.unit)
            for name, by in report.measures.items()
        },
        "domains": _domains(report, setting.table.unit),
        "energy": {
            "table": setting.table.name,
            "unit": setting.table.unit,
            "dram": setting.dram_kind,
            f"dram_{setting.table.unit}_per_bit": setting.dram_per_bit,
            "residency": setting.residency,
            "access": setting.access,
            "low_voltage": low_voltage_text(setting),
            "leakage": setting.leakage,
            "activation_bits": setting.activation_bits,
            "verdict": said_verdict(report),
            "saving_percent_by_residency": by_residency(report),
            "caveats": list(setting.caveats),
        },
    }


def table_json(table: EnergyTable) -> Json:
    """An energy table with the source and the certainty of every number."""
    return {
        "name": table.name,
        "title": table.title,
        "unit": table.unit,
        "numbers": {
            key: {
                "value": {f"{size:g}": energy for size, energy in number.items()}
                if isinstance(number, Mapping)
                else number,
                **asdict(table.provenance(key)),
            }
            for key, number in table.numbers.items()
        },
    }


def by_residency(report: SimulationReport) -> dict[str, dict[str, float]]:
    """Savings in percent by measure under every residency, with the report's own table."""
    evaluated, settings = Evaluated(), residencies_of(report.machine.energy)
    found = {setting.residency: evaluated.measures(report, setting) for setting in settings}
    return {name: {m: by.saving_percent for m, by in found[name].items()} for name in RESIDENCIES}


def said_verdict(report: SimulationReport) -> str:
    """What the saving of weight accesses is of the whole, in a sentence."""
    return verdict(by_residency(report))


def _measure(report: SimulationReport, name: str, by: SavingBy, unit: str) -> Json:
    found: Json = {
        "saving_percent": by.saving_percent,
        f"base_nominal_{unit}": by.base,
        f"base_low_{unit}": by.base_low,
        f"generator_{unit}": by.generator,
    }
    even: Json = {"voltage_norm": by.break_even_voltage_norm}
    if name == SYSTEM_MEASURE:
        even[f"dram_{unit}_per_bit"] = Evaluated().break_even_dram(report, report.machine.energy)
    return found | {"break_even": even}


def _domains(report: SimulationReport, unit: str) -> Json:
    setting, scales = report.machine.energy, report.scales

    def of(result: NetworkResult) -> tuple[dict[str, float], dict[str, float]]:
        return result.accesses(setting), dict(result.counted.energies)

    accesses, energies = of(report.base)
    found: Json = {}
    for name, energy in energies.items():
        found[name] = {
            "base": {
                "accesses": accesses.get(name),
                f"nominal_{unit}": energy,
                f"low_{unit}": energy * scales[name],
            },
            "generator": None,
        }
        if report.generator:
            own_accesses, own = of(report.generator)
            found[name]["generator"] = {  # type: ignore[index]
                "accesses": own_accesses.get(name),
                f"nominal_{unit}": own[name],
            }
    return found


def energy_lines(report: SimulationReport) -> list[str]:
    """Energy by domain, what the measures of energy save, and the verdict."""
    setting = report.machine.energy
    evens = [
        f"by {MEASURES[name].title} {_even(by)}"
        for name, by in report.measures.items()
        if MEASURES[name].domains
    ]
    lines = [
        f"energy of one inference: {setting}",
        "",
        _table(report),
        "",
        f"verdict          {said_verdict(report)}",
        f"shares           of the base model at Vmin: {shares_text(shares(report.domains))}",
    ]
    if report.generator:
        lines[-1] += f"; of the generator: {shares_text(shares(report.domains, 'generator'))}"
        limit = Evaluated().break_even_dram(report, setting)
        unit = setting.table.unit_text
        dram = f"the generator pays up to {limit or 0:.3g} {unit} a bit from DRAM"
        if limit is None:
            dram = "the generator does not pay, whatever a bit from DRAM costs"
        lines.append(f"break-even       {'; '.join(evens)}; {dram}")
    lines += [f"caveat           {caveat}" for caveat in setting.caveats]
    return lines


def _even(by: SavingBy) -> str:
    voltage = by.break_even_voltage_norm
    return "nowhere on the curve" if voltage is None else f"at {voltage:.4f} of Vmin"


def _table(report: SimulationReport) -> str:
    voltage, scales = f"{report.operating_point.voltage_norm:.4g}", report.scales
    factor, unit = _prefix(
        sum(energy.base for energy in report.domains.values()), report.machine.energy.table.unit
    )
    rows = [
        [domain.title, *_cells((energy.base, energy.base * scales[name], energy.generator), factor), ""]
        for domain in ENERGY_DOMAINS
        if (energy := report.domains.get(name := domain.name)) is not None
    ]
    rows += [
        [
            MEASURES[name].title,
            *_cells((by.base, by.base_low, by.generator), factor),
            f"{by.saving_percent:.1f} %",
        ]
        for name, by in report.measures.items()
        if MEASURES[name].domains
    ]
    base = report.base.model.network.title
    generator = report.generator.model.network.title if report.generator else "no generator"
    header = [f"in {unit}", f"{base} at Vmin", f"at {voltage} of Vmin", generator, "saving"]
    return render(header, rows)


def _prefix(energy: float, unit: str) -> tuple[float, str]:
    """A factor and a unit for energies of this size: two to four digits before the point."""
    rows = PREFIXES if unit == "pj" else MULTIPLES
    return next((row for row in rows if energy >= 10 * row[0]), rows[-1])


def _cells(values: tuple[float, ...], factor: float) -> list[str]:
    return [f"{value / factor:,.2f}" for value in values]
