"""An experiment's table: as printed, ours beside theirs, for people and for programs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from nfenergy.experiments.outcome import Found, Outcome
from nfenergy.experiments.plan import PlannedRow
from nfenergy.experiments.quantities import QUANTITIES
from nfenergy.ground.rates import percent_text

if TYPE_CHECKING:
    import pandas as pd

DECIMALS = 2
MISSING = ""

PRINTED = "_printed"
"""Ends the name of a column with what the paper prints."""

OfRow = Callable[[PlannedRow], float | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """A quantity at one rate.

    Attributes:
        name: in files, such as ``rerr_percent_at_1``.
        title: for people.
        ours: what we found in a row.
        printed: what the paper prints there.
    """

    name: str
    title: str
    ours: OfRow
    printed: OfRow


def columns(outcome: Outcome) -> list[Column]:
    """Columns of the quantities: clean ones once, perturbed ones at each rate of the table."""
    rows, found = outcome.plan.rows, []
    rates = list(dict.fromkeys(rate for row in rows for rate in row.rates))
    single = all(len(row.rates) == 1 for row in rows)
    for name in outcome.plan.experiment.values:
        kind = QUANTITIES[name]
        if single or not kind.perturbed:
            found.append(_column(outcome, name, kind.title, None))
    if single:
        return found
    perturbed = [name for name in outcome.plan.experiment.values if QUANTITIES[name].perturbed]
    for rate in sorted(rates):
        for name in perturbed:
            found.append(_column(outcome, name, f"{QUANTITIES[name].title}, p = {percent_text(rate)}", rate))
    return found


def _column(outcome: Outcome, name: str, title: str, rate: float | None) -> Column:
    def ours(row: PlannedRow) -> float | None:
        at = row.rates[0] if rate is None else rate
        return outcome.value(row, name, at) if at in row.rates else None

    def printed(row: PlannedRow) -> float | None:
        at = row.rates[0] if rate is None else rate
        return row.printed.get(at, {}).get(name)

    at = "" if rate is None else f"_at_{percent_text(rate).removesuffix(' %')}"
    return Column(name=f"{name}_percent{at}", title=title, ours=ours, printed=printed)


def table_frame(outcome: Outcome) -> pd.DataFrame:
    """One row a row of the table; each quantity in two columns, ours and the printed one."""
    import pandas as pd

    records = []
    shown = columns(outcome)
    for row in outcome.plan.rows:
        record: dict[str, object] = dict(row.cells)
        for column in shown:
            value = column.ours(row)
            record[column.name] = None if value is None else round(value, DECIMALS)
            record[f"{column.name}{PRINTED}"] = column.printed(row)
        records.append(record)
    frame = pd.DataFrame(records)
    empty = [name for name in frame if str(name).endswith(PRINTED) and frame[name].isna().all()]
    return frame.drop(columns=empty)


def table_cells(outcome: Outcome) -> tuple[list[str], list[list[str]]]:
    """Header and cells for people: ours, and what is printed in brackets."""
    shown = columns(outcome)
    keys = list(outcome.plan.rows[0].cells)
    body = [
        [*(_text(row.cells.get(key)) for key in keys)]
        + [_both(column.ours(row), column.printed(row)) for column in shown]
        for row in outcome.plan.rows
    ]
    return [*keys, *(column.title for column in shown)], body


def claim_cells(found: Found) -> list[str]:
    """Text, ours with its interval, theirs, and the verdict."""
    width = "" if found.half_width is None else f" +- {found.half_width:.1f}"
    ours = MISSING if found.difference is None else f"{found.difference:+.1f}{width}"
    theirs = MISSING if found.printed is None else f"{found.printed:+.1f}"
    claim = found.claim
    margin = f" (by more than {claim.by:g} points)" if claim.by > 0 else ""
    margin = margin if claim.within is None else f" (within {claim.within:g} points)"
    return [claim.text + margin, ours, found.over, theirs, found.verdict]


CLAIM_HEADER = ["claim", "difference, points", "interval over", "printed", "verdict"]


def markdown(header: list[str], body: list[list[str]]) -> str:
    """A table in Markdown."""
    lines = ["| " + " | ".join(header) + " |", "|" + " --- |" * len(header)]
    lines += ["| " + " | ".join(cell.replace("|", "\\|") for cell in row) + " |" for row in body]
    return "\n".join(lines) + "\n"


def _both(ours: float | None, printed: float | None) -> str:
    first = MISSING if ours is None else f"{ours:.1f}"
    return first if printed is None else f"{first} ({printed:g})"


def _text(cell: object) -> str:
    return MISSING if cell is None else str(cell)
