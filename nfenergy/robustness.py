"""Whether a recommendation holds under other energy tables, residencies and voltage curves, and where not."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from energy.curve import VoltageCurve
from energy.curve_files import CURVES
from energy.domains import EnergySetting
from energy.measures import MEASURES, SYSTEM_MEASURE
from energy.savings import domain_costs
from neuralfuse.accuracy_labels import labels
from nfenergy.ground.errors import InputError
from nfenergy.ground.rates import percent_text
from nfenergy.scenario_savings import Evaluated, settings_of
from nfenergy.simulation import SimulationReport
from nfenergy.tabular import saving_of
from nfenergy.tradeoffs import Comparison
from reports.recommend import Constraints, recommend
from reports.records import Tradeoff
from reports.scenarios import Scenario


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """What would be recommended in a scenario.

    Attributes:
        best: named; empty where nothing qualifies.
        same: it is the recommended choice.
        best_percent, choice_percent: what it and the recommended choice save by the measure asked for.
        choice_system_percent: what the recommended choice saves of the whole system.
    """

    scenario: Scenario
    best: str
    same: bool
    best_percent: float | None
    choice_percent: float
    choice_system_percent: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Robustness:
    """A recommendation in every scenario.

    Attributes:
        measure: what it was chosen by.
        standings: one a scenario, the recommendation's own first.
        left_out: curves that lack a bit error rate of the candidates, with the reason.
    """

    measure: str
    standings: tuple[Standing, ...]
    left_out: dict[str, str]

    @property
    def holds(self) -> bool:
        """The same choice everywhere, and nowhere a loss by the measure."""
        return all(row.same and row.choice_percent > 0 for row in self.standings)

    def sentence(self) -> str:
        """Whether it holds, and where it turns."""
        rows, title = self.standings, MEASURES[self.measure].title
        over = _over(rows)
        turned = [row for row in rows if not row.same]
        held = f"The choice is the same in {len(rows) - len(turned)} of {len(rows)} scenarios ({over})"
        if turned:
            others: dict[str, list[Scenario]] = {}
            for row in turned:
                others.setdefault(row.best or "nothing", []).append(row.scenario)
            held += "".join(f"; {best} is better in {_listed(found)}" for best, found in others.items())
        losing = [row for row in rows if row.choice_percent <= 0]
        system = sorted(rows, key=lambda row: row.choice_system_percent)
        spread = (
            f"of the system it saves {system[0].choice_system_percent:.1f} % "
            f"under {_listed([system[0].scenario])} to {system[-1].choice_system_percent:.1f} % "
            f"under {_listed([system[-1].scenario])}"
        )
        loss = f"; by {title} it is a loss in {len(losing)}" if losing else ""
        left = "".join(f" Curve {name} is left out: {reason}." for name, reason in self.left_out.items())
        return f"{held}; {spread}{loss}.{left}"

    def as_json(self) -> dict[str, object]:
        """For scripts."""
        return {
            "holds": self.holds,
            "sentence": self.sentence(),
            "scenarios": [
                {
                    "energy_table": row.scenario.energy_table,
                    "residency": row.scenario.residency,
                    "curve": row.scenario.curve,
                    "best": row.best or None,
                    "same_choice": row.same,
                    "best_saving_percent": row.best_percent,
                    "choice_saving_percent": row.choice_percent,
                    "choice_system_saving_percent": row.choice_system_percent,
                }
                for row in self.standings
            ],
            "curves_left_out": self.left_out,
        }


def robustness(
    comparison: Comparison, choice: Tradeoff, constraints: Constraints, *, measure: str
) -> Robustness | None:
    """The choice among the measured trade-offs in every scenario; None for savings from a file.

    An interpolated choice is looked at as well: only what was measured competes, so that it may be beaten.
    """
    reports = {saving_of(report).key: report for report in comparison.reports}
    rows = [row for row in comparison.merged.tradeoffs if row.saving.key in reports]
    chosen = next((row for row in rows if _identity(row) == _identity(choice)), None)
    if chosen is None:
        return None
    evaluated = Evaluated()
    curves, left_out = _curves(comparison.machine.curve, rows)
    standings = []
    for curve in curves:
        for setting in settings_of(comparison.machine.energy):
            moved = [_moved(row, reports[row.saving.key], setting, curve, evaluated) for row in rows]
            own = moved[rows.index(chosen)]
            best = recommend(moved, constraints, measure=measure).best
            standings.append(_standing(own, best, setting, curve, measure))
    return Robustness(measure=measure, standings=tuple(standings), left_out=left_out)


def _standing(
    own: Tradeoff, best: Tradeoff | None, setting: EnergySetting, curve: VoltageCurve, measure: str
) -> Standing:
    named = ""
    if best is not None:
        rate = percent_text(best.saving.bit_error_rate)
        alone = "" if best.has_generator else ", no generator"
        named = f"{labels([best.accuracy])[0]}{alone} at {rate}"
    return Standing(
        scenario=Scenario(energy_table=setting.table.name, residency=setting.residency, curve=curve.name),
        best=named,
        same=best is not None and _identity(best) == _identity(own),
        best_percent=None if best is None else best.saving.saving_percent(measure),
        choice_percent=own.saving.saving_percent(measure),
        choice_system_percent=own.saving.saving_percent(SYSTEM_MEASURE),
    )


def _curves(own: VoltageCurve, rows: Sequence[Tradeoff]) -> tuple[list[VoltageCurve], dict[str, str]]:
    """The savings' curve and all named ones that have every bit error rate of the rows."""
    rates, left_out, found = sorted({row.saving.bit_error_rate for row in rows}), {}, [own]
    for name, row in CURVES.items():
        curve = row.load()
        if name == own.name:
            continue
        lacking = [percent_text(rate) for rate in rates if not _has(curve, rate)]
        if lacking:
            left_out[name] = f"it lacks the bit error rates {', '.join(lacking)}"
        else:
            found.append(curve)
    return found, left_out


def _has(curve: VoltageCurve, rate: float) -> bool:
    try:
        curve.at_bit_error_rate(rate)
    except InputError:
        return False
    return True


def _moved(
    row: Tradeoff,
    report: SimulationReport,
    setting: EnergySetting,
    curve: VoltageCurve,
    evaluated: Evaluated,
) -> Tradeoff:
    """The trade-off in another scenario."""
    point = curve.at_bit_error_rate(row.saving.bit_error_rate)
    generator = evaluated.counted(report.generator, setting) if report.generator else None
    saving = replace(
        row.saving,
        curve=curve.name,
        voltage_norm=point.voltage_norm,
        energy_per_access_norm=point.energy_per_access_norm,
        energy_table=setting.table.name,
        energy_unit=setting.table.unit,
        dram=setting.dram_kind,
        residency=setting.residency,
        leakage=setting.leakage,
        measures=evaluated.measures(report, setting, point=point, curve=curve),
        domains=domain_costs(evaluated.counted(report.base, setting), generator),
    )
    return replace(row, saving=saving)


def _identity(row: Tradeoff) -> object:
    return row.saving.key, row.accuracy.base_identity, row.accuracy.generator_identity


def _over(rows: Sequence[Standing]) -> str:
    counts = [
        (len({getattr(row.scenario, name) for row in rows}), one, many)
        for name, one, many in (
            ("energy_table", "energy table", "energy tables"),
            ("residency", "residency", "residencies"),
            ("curve", "curve", "curves"),
        )
    ]
    return " x ".join(f"{count} {one if count == 1 else many}" for count, one, many in counts)


def _listed(scenarios: Sequence[Scenario]) -> str:
    """Scenarios in short: tables with what stays on chip."""
    by_table: dict[str, list[str]] = {}
    for scenario in scenarios:
        by_table.setdefault(scenario.energy_table, []).append(scenario.residency)
    return ", ".join(
        f"{table} (resident {' or '.join(dict.fromkeys(places))})" for table, places in by_table.items()
    )
