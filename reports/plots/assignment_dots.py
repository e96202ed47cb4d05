"""An assignment of voltages: the layers with theirs, and how it stands beside one voltage for all."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import numpy as np

from energy.measures import MEASURES
from nfenergy.ground.errors import InputError
from nfenergy.ground.rates import percent_text
from reports.assignment_rows import AssignedLayer, AssignmentStanding, ShownAssignment
from reports.plots.named_rows import RowPanel, row_layout, row_panels, share_x, short_names
from reports.plots.style import BAR, COLOURS, COLUMN, EDGE, MUTED, PAPER, SHADE, Size, drawing, new_figure
from reports.plots.words import extent, listed

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

LAYER_PANELS = ("voltage\nof Vmin", "group's energy\n(%)", "points lost,\nthis group only")
STANDING_PANELS = ("energy (%)\nby {measure}", "accuracy on chips\nheld out (%)")
PANEL_IN = 0.72
"""Least width of a panel at 7 pt text."""
HEAD_IN = 0.1


def assignment_plot(found: ShownAssignment, *, size: Size = COLUMN) -> Figure:
    """Layers from the first: voltage, its group's share of the energy, and what its errors alone cost.

    A line is the best uniform voltage.

    Raises:
        InputError: there are no layers.
    """
    if not found.layers:
        raise InputError("the plot of an assignment takes at least one layer")
    values: tuple[Callable[[AssignedLayer], float], ...] = (
        lambda row: row.voltage_norm,
        lambda row: row.group_energy_percent,
        lambda row: row.group_loss_points,
    )
    names = short_names([row.layer for row in found.layers], size)
    lines = [_uniform(found), None, 0.0]

    def draw(cell: RowPanel, size: Size) -> None:
        _line(cell.axes, lines[cell.panel], size)
        for place, row in enumerate(found.layers[cell.start : cell.end]):
            _dot(
                cell.axes,
                values[cell.panel](row),
                place,
                size,
                gid=f"layer-{cell.panel}-{cell.start + place}",
            )

    return _drawn(names, LAYER_PANELS, draw, size)


def standings_plot(found: ShownAssignment, *, size: Size = COLUMN) -> Figure:
    """The assignment and what it is compared with: energy, and accuracy with the floor asked for.

    Raises:
        InputError: there are no standings.
    """
    if not found.standings:
        raise InputError("the plot of an assignment takes at least one standing")
    first = found.standings[0]
    titles = tuple(title.format(measure=MEASURES[first.measure].title) for title in STANDING_PANELS)
    names = short_names([row.what for row in found.standings], size)

    def draw(cell: RowPanel, size: Size) -> None:
        if cell.panel == 1:
            cell.axes.axvspan(-1e3, first.floor_percent, color=SHADE, linewidth=0, zorder=0)
        for place, row in enumerate(found.standings[cell.start : cell.end]):
            value = row.held_out_percent if cell.panel else row.energy_percent
            half = row.held_out_interval_points if cell.panel else None
            if half is not None:
                ends = [max(0.0, value - half), min(100.0, value + half)]
                cell.axes.plot(ends, [place, place], color=BAR, linewidth=size.line_pt, zorder=2)
            gid = f"standing-{cell.panel}-{cell.start + place}"
            _dot(cell.axes, value, place, size, gid=gid, filled=row.keeps)

    return _drawn(names, titles, draw, size, floor=first.floor_percent)


def hover_texts(found: ShownAssignment) -> dict[str, str]:
    """The texts of the marks of both plots by the ids that they gave them."""
    texts: dict[str, str] = {}
    for place, row in enumerate(found.layers):
        said = (
            f"{row.layer}: {row.voltage_norm:.4g} of Vmin, {percent_text(row.bit_error_rate)} bit errors",
            f"{row.layer}: group {row.group} takes {row.group_energy_percent:.1f} % of the energy",
            f"{row.layer}: errors in group {row.group} alone cost {row.group_loss_points:.2f} points",
        )
        texts |= {f"layer-{panel}-{place}": words for panel, words in enumerate(said)}
    for place, standing in enumerate(found.standings):
        texts[f"standing-0-{place}"] = f"{standing.what}: {standing.energy_percent:.1f} % of the energy"
        texts[f"standing-1-{place}"] = f"{standing.what}: {_accuracy(standing)} on chips held out"
    return texts


def layers_description(found: ShownAssignment) -> str:
    """What is to be seen of the layers, in sentences."""
    by_voltage = sorted(found.layers, key=lambda row: row.voltage_norm)
    low, high = by_voltage[0].voltage_norm, by_voltage[-1].voltage_norm
    said = f"{len(found.layers)} layers at {extent((low, high), 'of Vmin', 3)}"
    if low < high:
        said += f", the lowest for {listed([row.layer for row in by_voltage if row.voltage_norm == low], 4)}"
        said += (
            f", the highest for {listed([row.layer for row in by_voltage if row.voltage_norm == high], 4)}"
        )
    uniform = _uniform(found)
    return f"{said}{'' if uniform is None else f'; the best uniform voltage is {uniform:.3f}'}."


def standings_description(found: ShownAssignment) -> str:
    """What is to be seen of the standings, in sentences."""
    floor = found.standings[0].floor_percent
    told = "; ".join(
        f"{row.what} {row.energy_percent:.1f} % of the energy at {_accuracy(row)}" for row in found.standings
    )
    missed = [row.what for row in found.standings if not row.keeps]
    kept = f"{listed(missed)} missed" if missed else "all keep"
    return f"{told}; {kept} the floor of {floor:g} %."


def _drawn(
    names: Sequence[str],
    titles: Sequence[str],
    draw: Callable[[RowPanel, Size], None],
    size: Size,
    *,
    floor: float | None = None,
) -> Figure:
    widths = [PANEL_IN] * len(titles)
    layout = row_layout(names, widths, size, head_in=HEAD_IN, row_in=0.16)
    with drawing(layout.size):
        figure = new_figure(layout.size, layout.height_in)
        panels = row_panels(figure, names, widths, layout)
        for cell in panels:
            draw(cell, layout.size)
            cell.axes.set_xlabel(titles[cell.panel], fontsize=layout.size.font_pt - 1)
        for panel in range(len(titles)):
            _limit([cell.axes for cell in panels if cell.panel == panel], floor if panel else None)
            share_x(panels, panel)
    return figure


def _limit(panels: Sequence[Axes], floor: float | None) -> None:
    """Extents that hold every mark, and the floor; one value alone gets room on both sides."""
    for axes in panels:
        ends = [end for line in axes.lines for end in np.asarray(line.get_xdata(), float)]
        ends += [x for marks in axes.collections for x in np.asarray(marks.get_offsets(), float)[:, 0]]
        ends += [] if floor is None else [floor]
        room = max(0.1 * (max(ends) - min(ends)), 0.02 * abs(max(ends)), 1e-3)
        axes.set_xlim(min(ends) - room, max(ends) + room)
        axes.locator_params(axis="x", nbins=3)


def _line(axes: Axes, x: float | None, size: Size) -> None:
    if x is not None:
        axes.axvline(x, color=MUTED, linewidth=0.6 * size.line_pt, linestyle="--", zorder=1)


def _dot(axes: Axes, x: float, y: float, size: Size, *, gid: str, filled: bool = True) -> None:
    dot = axes.scatter(
        [x],
        [y],
        s=(0.8 * size.marker_pt) ** 2,
        facecolor=COLOURS[0] if filled else PAPER,
        edgecolor=EDGE if filled else COLOURS[0],
        linewidth=0.5 * size.line_pt,
        zorder=3,
    )
    dot.set_gid(gid)


def _uniform(found: ShownAssignment) -> float | None:
    return next((row.voltage_norm for row in found.standings if row.voltage_norm is not None), None)


def _accuracy(row: AssignmentStanding) -> str:
    half = row.held_out_interval_points
    return f"{row.held_out_percent:.1f}{'' if half is None else f' ± {half:.1f}'} %"
