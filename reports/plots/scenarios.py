"""Saving of weight accesses against saving of the whole: a panel for each thing that may stay on chip."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from typing import TYPE_CHECKING

from energy.measures import DEFAULT_MEASURE, MEASURES, SYSTEM_MEASURE
from neuralfuse.registry import (
    BASES,
    GENERATORS,
    NO_GENERATOR,
    base_title,
    combination,
    generator_title,
)
from nfenergy.ground.errors import InputError
from reports.plots.panels import legend, mark_entry, shape_entry
from reports.plots.style import (
    COLUMN,
    FAINT,
    INK,
    MUTED,
    SHADE,
    Size,
    drawing,
    look,
    mark,
    new_figure,
    ordered,
)
from reports.plots.words import extent
from reports.scenarios import ScenarioSaving
from reports.verdict import PLACES

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


def scenario_plot(
    rows: Sequence[ScenarioSaving], *, measure: str = SYSTEM_MEASURE, size: Size = COLUMN
) -> Figure:
    """One mark a combination in each panel, which is of one residency.

    Args:
        rows: combinations in several scenarios; those of the first energy table are drawn, at the highest
            bit error rate.
        measure: of the upright axis; one that counts accesses stands for the one that leaves nothing out.
        size: where the figure goes.

    Raises:
        InputError: no combination has a generator.
    """
    shown = _shown(rows)
    if not shown:
        raise InputError(
            "the scenario plot takes combinations whose savings are computed here, not from a file"
        )
    of = _measure(measure)
    places = [name for name in PLACES if any(row.scenario.residency == name for row in shown)]
    upright = size.name == "column"
    letters = int(0.85 * 72 * size.width_in / (1 if upright else len(places)) / (0.6 * (size.font_pt - 1)))
    with drawing(size):
        figure = new_figure(size, (2.15 * len(places) + 0.8 if upright else 0.82 * size.height_in))
        shape = (len(places), 1) if upright else (1, len(places))
        panels = figure.subplots(*shape, sharex=True, sharey=True, squeeze=False)
        for axes, place in zip(panels.flat, places, strict=True):
            _draw_panel(axes, [row for row in shown if row.scenario.residency == place], of, size)
            axes.set_title(textwrap.fill(PLACES[place], letters), fontsize=size.font_pt - 1)
        _frame(panels[0, 0], shown, of)
        figure.supylabel(f"saving by {MEASURES[of].title} (%)", fontsize=size.font_pt)
        _legend(figure, shown, DEFAULT_MEASURE, size)
    return figure


def hover_texts(rows: Sequence[ScenarioSaving], measure: str) -> dict[str, str]:
    """The text of each mark by the id that `scenario_plot` gave it."""
    of = _measure(measure)
    return {
        _gid(row): f"{combination(row.base, row.generator)} {PLACES[row.scenario.residency]}: saves "
        f"{row.saving_percent[DEFAULT_MEASURE]:.1f} % by {MEASURES[DEFAULT_MEASURE].title}, "
        f"{row.saving_percent[of]:.1f} % by {MEASURES[of].title}"
        for row in _shown(rows)
    }


def description(rows: Sequence[ScenarioSaving], measure: str) -> str:
    """What is to be seen, in sentences."""
    of, shown, said = _measure(measure), _shown(rows), []
    for place, title in PLACES.items():
        saved = [row.saving_percent[of] for row in shown if row.scenario.residency == place]
        if saved:
            losses = sum(value < 0 for value in saved)
            said.append(f"{extent(saved)} {title}, of which {losses} of {len(saved)} lose")
    return f"By {MEASURES[of].title} the combinations save {'; '.join(said)}."


def _measure(measure: str) -> str:
    return measure if MEASURES[measure].domains else SYSTEM_MEASURE


def _shown(rows: Sequence[ScenarioSaving]) -> list[ScenarioSaving]:
    protected = [row for row in rows if row.generator != NO_GENERATOR]
    rate = max((row.bit_error_rate for row in protected), default=0.0)
    return [
        row
        for row in protected
        if row.bit_error_rate == rate and row.scenario.energy_table == rows[0].scenario.energy_table
    ]


def _gid(row: ScenarioSaving) -> str:
    return f"scenario-{row.scenario.residency}-{row.base}-{row.generator}"


def _draw_panel(axes: Axes, rows: Sequence[ScenarioSaving], measure: str, size: Size) -> None:
    axes.axhspan(-1000, 0, color=SHADE, zorder=0)
    axes.axhline(0, color=INK, linewidth=0.6 * size.line_pt, zorder=1)
    axes.axline((0, 0), slope=1, color=MUTED, linewidth=0.7 * size.line_pt, linestyle=":", zorder=1)
    axes.grid(color=FAINT, linewidth=0.3)
    axes.set_axisbelow(True)
    for row in rows:
        x, y = row.saving_percent[DEFAULT_MEASURE], row.saving_percent[measure]
        mark(axes, x, y, look(row.base, row.generator), size, gid=_gid(row))


def _frame(axes: Axes, rows: Sequence[ScenarioSaving], measure: str) -> None:
    for limit, name in ((axes.set_xlim, DEFAULT_MEASURE), (axes.set_ylim, measure)):
        values = [row.saving_percent[name] for row in rows]
        margin = 0.07 * max(max(values) - min(values), 5.0)
        limit(min(values) - margin, max(values) + margin)


def _legend(figure: Figure, rows: Sequence[ScenarioSaving], measure: str, size: Size) -> None:
    bases = ordered({row.base for row in rows}, BASES)
    shapes = [shape_entry(base_title(base), look(base, NO_GENERATOR).marker, size) for base in bases]
    colours = [
        mark_entry(generator_title(generator), look(bases[0], generator), size, marker="o")
        for generator in ordered({row.generator for row in rows}, GENERATORS)
    ]
    legend(figure, None, [shapes, colours], size, x_title=f"saving by {MEASURES[measure].title} (%)", rows=3)
