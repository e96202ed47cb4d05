"""Protections beside each other: bit error rate left, energy by measure, and accuracy where it was measured.

A row is a protection; its marks are the base model alone and behind each generator. Beyond 100 %, in grey,
it costs more than the unprotected base model at Vmin.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from math import ceil, floor, log10
from typing import TYPE_CHECKING

from neuralfuse.registry import GENERATORS, NO_GENERATOR, generator_title
from nfenergy.ground.errors import InputError
from reports.plots.named_rows import RowPanel, row_layout, row_panels, share_x, short_names
from reports.plots.panels import Entry, legend, mark_entry
from reports.plots.protection_panels import ProtectionPanel, is_bare, mark_id, protection_panels
from reports.plots.style import (
    BAR,
    COLUMN,
    INK,
    MUTED,
    SHADE,
    Look,
    Size,
    drawing,
    look,
    mark,
    new_figure,
    ordered,
)
from reports.protection_rows import ProtectionRow

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

PANEL_IN = 0.64
"""Least width of a panel at 7 pt text."""
MARK_IN = 0.045
"""What a row grows by for each mark in it."""
WIDE = 4.0
"""Ratio of the greatest energy to the least from which their axis is logarithmic."""
TICKS = (20, 50, 70, 100, 150, 200, 300, 500, 1000, 2000, 5000)
MEAN, TOP, NOTHING = "mean over bits", "highest bit", "none left"


def protection_plot(rows: Sequence[ProtectionRow], *, size: Size = COLUMN) -> Figure:
    """See the top; with rows of several trainings of one base model, accuracies have a panel for each.

    Args:
        rows: of one operating point and network, each protection once for every training, generator and
            measure of energy.
        size: where the figure goes.

    Raises:
        InputError: there are no rows.
    """
    if not rows:
        raise InputError("the plot of protections takes at least one")
    panels = protection_panels(rows)
    names = list(dict.fromkeys(row.protection for row in rows))
    generators = _generators(rows)
    widths = [PANEL_IN] * len(panels)
    lines = max(len(panel.title.splitlines()) for panel in panels)
    head = 0.55 + 0.13 * (lines - 2) + 0.12 * len(generators) / 3
    shown = short_names(names, size)
    layout = row_layout(shown, widths, size, head_in=head, row_in=0.14 + MARK_IN * len(generators))
    with drawing(layout.size):
        figure = new_figure(layout.size, layout.height_in)
        drawn = row_panels(figure, shown, widths, layout)
        for cell in drawn:
            _draw_panel(cell, panels[cell.panel], names, generators, layout.size)
        for number, panel in enumerate(panels):
            _limit(drawn, number, panel)
            share_x(drawn, number)
        entries = [mark_entry(_title(name), _look(name), layout.size) for name in generators]
        legend(figure, None, [[*entries, *_rate_entries(layout.size)]], layout.size, columns=4)
    return figure


def _generators(rows: Sequence[ProtectionRow]) -> list[str]:
    return [NO_GENERATOR, *ordered({row.generator for row in rows} - {NO_GENERATOR}, GENERATORS)]


def _draw_panel(
    cell: RowPanel, panel: ProtectionPanel, names: Sequence[str], generators: Sequence[str], size: Size
) -> None:
    axes = cell.axes
    axes.set_xlabel(panel.title, fontsize=size.font_pt - 1)
    places = {name: index - cell.start for index, name in enumerate(names)}
    if panel.kind == "rate":
        _draw_rates(axes, panel, places, cell, size)
        return
    bare = next((panel.value(row) for row in panel.rows if is_bare(row)), None)
    if bare is not None:
        axes.axvline(bare, color=MUTED, linewidth=0.6 * size.line_pt, linestyle="--", zorder=1)
    for row in panel.rows:
        value, place = panel.value(row), places[row.protection]
        if value is None or not 0 <= place < cell.end - cell.start:
            continue
        y = place + 0.7 * ((generators.index(row.generator) + 0.5) / len(generators) - 0.5)
        if panel.kind == "accuracy" and (spread := row.perturbed_std_percent):
            low, high = max(0.0, value - spread), min(100.0, value + spread)
            axes.plot([low, high], [y, y], color=BAR, linewidth=0.6 * size.line_pt, zorder=2)
        gid = mark_id(cell.panel, row)
        mark(axes, value, y, _look(row.generator), replace(size, marker_pt=0.8 * size.marker_pt), gid=gid)


def _draw_rates(
    axes: Axes, panel: ProtectionPanel, places: dict[str, int], cell: RowPanel, size: Size
) -> None:
    """The mean as a dot, the highest bit as a tick, and a triangle at the edge for none."""
    left = [rate for row in panel.rows for rate in (row.residual_rate, row.residual_rate_top) if rate > 0]
    low, high = (100 * min(left), 100 * max(left)) if left else (1e-6, 1.0)
    axes.set_xscale("log")
    axes.set_xlim(low / 10, high * 3)
    exponents = range(floor(log10(low / 10)), ceil(log10(high * 3)) + 1)
    kept = [10.0**exponent for exponent in exponents if low / 10 <= 10.0**exponent <= high * 3]
    axes.set_xticks(kept[:: ceil(len(kept) / 3)])
    axes.minorticks_off()
    for row in panel.rows:
        y = places[row.protection]
        if not 0 <= y < cell.end - cell.start:
            continue
        for rate, look_ in (
            (row.residual_rate_top, {"marker": "|", "color": MUTED, "markersize": 1.2 * size.marker_pt}),
            (row.residual_rate, {"marker": "o", "color": INK, "markersize": 0.7 * size.marker_pt}),
        ):
            if rate == 0:
                look_ = {"marker": "<", "color": look_["color"], "markersize": 0.7 * size.marker_pt}
            (drawn,) = axes.plot([100 * rate or low / 5], [y], linestyle="none", zorder=3, **look_)  # type: ignore[arg-type]
        drawn.set_gid(mark_id(cell.panel, row))


def _limit(drawn: Sequence[RowPanel], number: int, panel: ProtectionPanel) -> None:
    """Margins that no mark leaves, and what costs more than it saves in grey."""
    own = [cell.axes for cell in drawn if cell.panel == number]
    values = [value for row in panel.rows if (value := panel.value(row)) is not None]
    for axes in own:
        if panel.kind == "accuracy":
            axes.set_xlim(-7, 107)
            axes.set_xticks([0, 50, 100])
        elif panel.kind == "energy":
            low, high = min(*values, 100.0), max(*values, 100.0)
            if high > WIDE * low:
                axes.set_xscale("log")
                axes.set_xlim(low / (high / low) ** 0.09, high * (high / low) ** 0.09)
                far = (high / low) ** 0.3
                axes.set_xticks(
                    [100, *[tick for tick in TICKS if low < tick < high and tick > 100 * far][-1:]]
                )
                axes.xaxis.set_major_formatter("{x:.0f}")
                axes.minorticks_off()
            else:
                margin = 0.09 * max(high - low, 1.0)
                axes.set_xlim(low - margin, high + margin)
                axes.locator_params(axis="x", nbins=3)
            axes.axvspan(100.0, 1e6, color=SHADE, linewidth=0, zorder=0)


def _rate_entries(size: Size) -> list[Entry]:
    from matplotlib.lines import Line2D

    return [
        (
            title,
            (
                Line2D(
                    [], [], linestyle="none", marker=marker, color=colour, markersize=scale * size.marker_pt
                ),
            ),
        )
        for title, marker, colour, scale in (
            (MEAN, "o", INK, 0.7),
            (TOP, "|", MUTED, 1.2),
            (NOTHING, "<", INK, 0.7),
        )
    ]


def _look(generator: str) -> Look:
    found = look("", generator)
    return Look(
        marker="o" if generator == NO_GENERATOR else "D",
        colour=found.colour,
        dotted=found.dotted,
        dashes=found.dashes,
    )


def _title(generator: str) -> str:
    return "no generator" if generator == NO_GENERATOR else generator_title(generator)
