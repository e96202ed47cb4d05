"""An experiment's figure: a quantity over the bit error rate, or over a cell, with the paper's beside it."""

from __future__ import annotations

import statistics
from collections.abc import Callable
from typing import Any

from nfenergy.experiments.outcome import Outcome
from nfenergy.experiments.plan import PlannedRow
from nfenergy.experiments.quantities import QUANTITIES
from nfenergy.ground.rates import percent_of

Point = tuple[float, float, float]
"""Place on the x axis, value, and its deviation over chips."""


def figure_svg(outcome: Outcome) -> bytes:
    """The figure as SVG: ours as lines with a band of one deviation, the printed values as crosses."""
    from reports.plots import style

    size = style.SIZES["page"]
    lines = outcome.plan.experiment.figure
    assert lines is not None
    kind = QUANTITIES[lines.y]
    with style.drawing(size):
        figure = style.new_figure(size)
        axes = figure.add_subplot()
        for index, (name, rows) in enumerate(_groups(outcome, lines.by).items()):
            ours = _points(rows, lines.x, lambda row, rate: _ours(outcome, row, rate, lines.y))
            theirs = _points(rows, lines.x, lambda row, rate: _printed(row, rate, lines.y))
            colour = style.COLOURS[index % len(style.COLOURS)]
            dashes = style.DASHES[index // len(style.COLOURS) % len(style.DASHES)]
            if ours:
                x, y, spread = zip(*ours, strict=True)
                marker = style.MARKERS[index % len(style.MARKERS)]
                axes.plot(x, y, color=colour, linestyle=dashes, marker=marker, label=name or "ours")
                low, high = ([a + sign * b for a, b in zip(y, spread, strict=True)] for sign in (-1, 1))
                axes.fill_between(x, low, high, color=colour, alpha=0.12, linewidth=0)
            if theirs:
                x, y, _ = zip(*theirs, strict=True)
                axes.plot(x, y, linestyle="none", marker="x", color=colour)
        if lines.log_x and axes.dataLim.x0 > 0:
            axes.set_xscale("log")
        axes.set_xlabel("bit error rate, %" if lines.x == "rate" else lines.x)
        axes.set_ylabel(f"{kind.title}, %")
        axes.legend(frameon=False, title="crosses: as printed", fontsize=size.font_pt - 1, ncols=2)
        return style.figure_bytes(figure, size, "svg")


def _groups(outcome: Outcome, by: list[str]) -> dict[str, list[PlannedRow]]:
    """Rows of each line, by its name."""
    groups: dict[str, list[PlannedRow]] = {}
    for row in outcome.plan.rows:
        name = " ".join(str(row.cells[column]) for column in by if row.cells.get(column) is not None)
        groups.setdefault(name, []).append(row)
    return groups


def _points(rows: list[PlannedRow], x: str, value: Callable[[PlannedRow, float], Any]) -> list[Point]:
    found = []
    for row in rows:
        for rate in row.rates:
            place = percent_of(rate) if x == "rate" else row.cells.get(x)
            measured = value(row, rate)
            if measured is not None and isinstance(place, int | float):
                found.append((float(place), *measured))
    return sorted(found)


def _ours(outcome: Outcome, row: PlannedRow, rate: float, quantity: str) -> tuple[float, float] | None:
    series = outcome.series(row, quantity, rate)
    return None if series is None else (statistics.fmean(series), statistics.pstdev(series))


def _printed(row: PlannedRow, rate: float, quantity: str) -> tuple[float, float] | None:
    value = row.printed.get(rate, {}).get(quantity)
    return None if value is None else (value, 0.0)
