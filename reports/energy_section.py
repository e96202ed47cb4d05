"""The section "Whose energy is this?": what savings of weight accesses are of the whole, by which numbers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import groupby

from energy.domains import EnergySetting
from energy.energy_tables import EnergyTable
from energy.measures import DEFAULT_MEASURE, MEASURES, SYSTEM_MEASURE
from neuralfuse.registry import NO_GENERATOR, combination
from nfenergy.ground.rates import percent_text
from reports.records import Saving
from reports.scenarios import ScenarioSaving
from reports.verdict import PLACES, shares, shares_text, verdict

Pair = tuple[str, str]


def energy_sentences(
    savings: Sequence[Saving],
    scenarios: Sequence[ScenarioSaving],
    setting: EnergySetting,
    shown: Pair | None,
) -> list[str]:
    """The setting, who turns from a saving into a loss, and one combination in detail."""
    counted = [saving for saving in savings if saving.domains and saving.has_generator and _low(saving)]
    if not counted:
        return ["The savings have no energies by domain."] if not any(x.domains for x in savings) else []
    found = [f"Energies of one inference by {setting}; generators run at Vmin."]
    found += [_turned(list(rows)) for _, rows in groupby(sorted(counted, key=_rate), key=_rate)]
    pair = shown if shown in {_pair(saving) for saving in counted} else _pair(counted[0])
    for saving in counted:
        if _pair(saving) == pair:
            found.append(_detail(saving, [row for row in scenarios if _same(row, saving)], setting))
    return found


def combination_rows(
    scenarios: Sequence[ScenarioSaving], setting: EnergySetting
) -> list[tuple[str, float, float, dict[str, float], float | None, float | None]]:
    """Each combination under the report's own table.

    Returns:
        Name, bit error rate, saving of weight accesses, saving of the system by residency, its break-even
        voltage and energy of a bit from DRAM under the report's residency.
    """
    own = [
        row
        for row in scenarios
        if row.scenario.energy_table == setting.table.name and row.generator != NO_GENERATOR
    ]
    found = []
    for (base, generator, rate), group in groupby(own, key=lambda x: (x.base, x.generator, x.bit_error_rate)):
        rows = {row.scenario.residency: row for row in group}
        here = rows[setting.residency]
        found.append(
            (
                combination(base, generator),
                rate,
                here.saving_percent[DEFAULT_MEASURE],
                {place: rows[place].saving_percent[SYSTEM_MEASURE] for place in PLACES},
                here.break_even_voltage_norm[SYSTEM_MEASURE],
                here.break_even_dram_per_bit,
            )
        )
    return found


def number_rows(table: EnergyTable) -> list[tuple[str, str, str, str]]:
    """The table's numbers with source and certainty."""
    return [
        (key, _number(number), table.provenance(key).source, table.provenance(key).certainty)
        for key, number in table.numbers.items()
    ]


def _number(number: float | Mapping[float, float]) -> str:
    if isinstance(number, Mapping):
        return ", ".join(f"{size:g} kB: {energy:g}" for size, energy in sorted(number.items()))
    return f"{number:g}"


def _turned(rows: Sequence[Saving]) -> str:
    """Which combinations save weight accesses and cost energy."""
    measure, system = MEASURES[DEFAULT_MEASURE].title, MEASURES[SYSTEM_MEASURE].title
    saving = [row for row in rows if row.saving_percent(DEFAULT_MEASURE) > 0]
    losing = [row for row in saving if row.saving_percent(SYSTEM_MEASURE) < 0]
    at, place = percent_text(rows[0].bit_error_rate), PLACES[rows[0].residency]
    if not losing:
        return (
            f"At {at} bit errors all combinations that save by {measure} ({len(saving)}) save {system} too, "
            f"{place}."
        )
    listed = ", ".join(
        f"{combination(row.base, row.generator)} ({row.saving_percent(DEFAULT_MEASURE):.1f} % by {measure}, "
        f"{row.saving_percent(SYSTEM_MEASURE):.1f} % by {system})"
        for row in losing
    )
    return (
        f"At {at} bit errors, of the combinations that save by {measure} ({len(saving)}), {len(losing)} lose "
        f"by {system} {place}: {listed}."
    )


def _detail(saving: Saving, rows: Sequence[ScenarioSaving], setting: EnergySetting) -> str:
    name = f"{combination(saving.base, saving.generator)} at {percent_text(saving.bit_error_rate)} bit errors"
    own = {
        row.scenario.residency: row.saving_percent
        for row in rows
        if row.scenario.energy_table == setting.table.name
    }
    if not own:
        own = {saving.residency: {m: by.saving_percent for m, by in saving.measures.items()}}
    by_residency = {place: own[place] for place in PLACES if place in own}
    here = next(
        (
            row
            for row in rows
            if (row.scenario.energy_table, row.scenario.residency) == (setting.table.name, setting.residency)
        ),
        None,
    )
    return (
        f"{name}: {verdict(by_residency)}. Of the base model's energy at Vmin: "
        f"{shares_text(shares(saving.domains))}; of the generator's: "
        f"{shares_text(shares(saving.domains, 'generator'))}. {_break_even(saving, here, setting)}"
    )


def _break_even(saving: Saving, here: ScenarioSaving | None, setting: EnergySetting) -> str:
    voltage = saving.measures[SYSTEM_MEASURE].break_even_voltage_norm
    title = MEASURES[SYSTEM_MEASURE].title
    at = f"below {voltage:.4f} of Vmin" if voltage is not None else "at no voltage of the curve"
    text = f"Break-even: by {title} the generator pays {at}"
    if here is None:
        return f"{text}."
    limit = here.break_even_dram_per_bit
    if limit is None:
        return f"{text}, and at this voltage at no energy of a bit from DRAM."
    return (
        f"{text}, and at this voltage as long as a bit from DRAM costs no more than {limit:.3g} "
        f"{setting.table.unit_text} ({setting.dram_per_bit:.3g} here)."
    )


def _low(saving: Saving) -> bool:
    return saving.bit_error_rate > 0


def _rate(saving: Saving) -> float:
    return saving.bit_error_rate


def _pair(saving: Saving) -> Pair:
    return saving.base, saving.generator


def _same(row: ScenarioSaving, saving: Saving) -> bool:
    return (row.base, row.generator, row.bit_error_rate) == (*_pair(saving), saving.bit_error_rate)
