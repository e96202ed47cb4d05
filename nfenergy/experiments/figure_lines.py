"""Lines of an experiment's figure: a quantity over the bit error rate or over a cell, ours and printed."""

from __future__ import annotations

import statistics
from collections.abc import Callable
from dataclasses import dataclass

from nfenergy.experiments.outcome import Outcome
from nfenergy.experiments.plan import PlannedRow
from nfenergy.ground.rates import percent_of

Point = tuple[float, float, float]
"""Place on the x axis, value, and its deviation over chips."""
MOST_LINES = 7
"""In one panel, where the columns that tell lines apart can tell panels apart, too."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """Rows of one name: `panel` and `name` together tell it from the others."""

    panel: str
    name: str
    ours: tuple[Point, ...]
    printed: tuple[Point, ...]

    @property
    def title(self) -> str:
        """Of the line wherever it stands."""
        return ", ".join(filter(None, (self.panel, self.name))) or "ours"


def lines_of(outcome: Outcome) -> list[Line]:
    """All lines of the figure that the experiment declares, those without any value left out."""
    declared = outcome.plan.experiment.figure
    assert declared is not None
    groups: dict[tuple[str, ...], list[PlannedRow]] = {}
    for row in outcome.plan.rows:
        key = tuple(_said(column, row.cells.get(column)) for column in declared.by)
        groups.setdefault(key, []).append(row)
    depth = _depth(list(groups))
    lines = [
        Line(
            panel=" ".join(filter(None, key[:depth])),
            name=" ".join(filter(None, key[depth:])),
            ours=_points(rows, declared.x, lambda row, rate: _ours(outcome, row, rate, declared.y)),
            printed=_points(rows, declared.x, lambda row, rate: _printed(row, rate, declared.y)),
        )
        for key, rows in groups.items()
    ]
    return [line for line in lines if line.ours or line.printed]


def _depth(keys: list[tuple[str, ...]]) -> int:
    """How many of the columns tell panels apart: the fewest that leave no panel too many lines.

    >>> _depth([("8 bits", str(line)) for line in range(9)]), _depth([("8 bits", "a"), ("4 bits", "a")])
    (2, 0)
    """
    depths = range(len(keys[0]) + 1 if keys else 1)
    for depth in depths:
        starts = [key[:depth] for key in keys]
        if max((starts.count(start) for start in starts), default=0) <= MOST_LINES:
            return depth
    return depths[-1]


def _said(column: str, value: object) -> str:
    """A cell in a word or two.

    >>> _said("bits", 8), _said("w_max", 0.1), _said("p_train_percent", 1), _said("model", "RQUANT")
    ('8 bits', 'w_max 0.1', 'p_train 1 %', 'RQUANT')
    """
    if value is None:
        return ""
    if not isinstance(value, int | float):
        return str(value)
    if column == "bits":
        return f"{value:g} bits"
    return f"{column.removesuffix('_percent')} {value:g}{' %' if column.endswith('_percent') else ''}"


def _points(
    rows: list[PlannedRow], x: str, value: Callable[[PlannedRow, float], tuple[float, float] | None]
) -> tuple[Point, ...]:
    found = []
    for row in rows:
        for rate in row.rates:
            place = percent_of(rate) if x == "rate" else row.cells.get(x)
            measured = value(row, rate)
            if measured is not None and isinstance(place, int | float):
                found.append((float(place), *measured))
    return tuple(sorted(found))


def _ours(outcome: Outcome, row: PlannedRow, rate: float, quantity: str) -> tuple[float, float] | None:
    series = outcome.series(row, quantity, rate)
    return None if series is None else (statistics.fmean(series), statistics.pstdev(series))


def _printed(row: PlannedRow, rate: float, quantity: str) -> tuple[float, float] | None:
    value = row.printed.get(rate, {}).get(quantity)
    return None if value is None else (value, 0.0)
