"""The tables of the page's section on energy."""

from __future__ import annotations

from energy.measures import DEFAULT_MEASURE, MEASURES, SYSTEM_MEASURE
from nfenergy.ground.rates import percent_text
from reports.cells import Cell, Table, number
from reports.content import PageContent
from reports.energy_section import combination_rows, number_rows
from reports.verdict import PLACES


def energy_tables(content: PageContent) -> tuple[Table, ...]:
    """The combinations by what stays on chip, and the numbers of the energy table."""
    setting = content.energy
    rows = combination_rows(content.data.scenarios, setting)
    unit, title = setting.table.unit_text, MEASURES[SYSTEM_MEASURE].title
    combinations = Table(
        caption=f"Saving by {title} under {setting.table.name}; the last two columns with resident "
        f"{setting.residency}.",
        header=(
            "combination",
            "bit error rate",
            f"by {MEASURES[DEFAULT_MEASURE].title} (%)",
            *(f"{place} (%)" for place in PLACES.values()),
            "pays below (Vmin)",
            f"pays below (DRAM, {unit} a bit)",
        ),
        rows=tuple(
            (
                Cell(text=name),
                Cell(text=percent_text(rate), value=rate),
                number(twma, 1),
                *(number(saved[place], 1) for place in PLACES),
                _limit(voltage, 4),
                _limit(dram, 2),
            )
            for name, rate, twma, saved, voltage, dram in rows
        ),
    )
    numbers = Table(
        caption=f"Energy table {setting.table.name}: {setting.table.title}, in {unit}.",
        header=("number", "value", "source", "certainty"),
        rows=tuple(tuple(Cell(text=text) for text in row) for row in number_rows(setting.table)),
    )
    return (combinations, numbers) if rows else (numbers,)


def _limit(value: float | None, decimals: int) -> Cell:
    """A break-even point; never is smaller than all others."""
    return Cell(text="never", value=-1.0) if value is None else number(value, decimals)
