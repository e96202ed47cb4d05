"""Protections beside each other: bit error rate left, energy, and accuracy where it was measured."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from energy.measures import MEASURES
from neuralfuse.registry import NO_GENERATOR, NO_PROTECTION
from nfenergy.ground.errors import InputError
from nfenergy.ground.rates import percent_text
from reports.plots.style import COLOURS, COLUMN, FAINT, INK, MUTED, Size, drawing, new_figure
from reports.protection_rows import ProtectionRow

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

ROW_IN = 0.155
"""Height of a row at text of 7 points."""


def protection_plot(rows: Sequence[ProtectionRow], *, size: Size = COLUMN) -> Figure:
    """A row a protection; dots, with the unprotected base model's value as a line in each panel.

    Args:
        rows: of one operating point, each protection once for every measure of energy.
        size: where the figure goes.

    Raises:
        InputError: there are no rows.
    """
    if not rows:
        raise InputError("the plot of protections takes at least one")
    by_measure = {name: [row for row in rows if row.measure == name] for name in {r.measure: 0 for r in rows}}
    rows, alone = next(iter(by_measure.values())), len(by_measure) == 1
    measured = any(row.perturbed_percent is not None for row in rows)
    several = len({row.base for row in rows}) > 1
    with drawing(size):
        figure = new_figure(size, (6.5 + len(rows)) * ROW_IN * size.font_pt / 7.0)
        panels = figure.subplots(1, 1 + len(by_measure) + measured, sharey=True, squeeze=False)[0]
        names = [f"{row.name}, {row.base}" if several else row.name for row in rows]
        panels[0].set_yticks(range(len(rows)), names)
        panels[0].set_ylim(len(rows) - 0.4, -0.6)
        for axes in panels:
            axes.tick_params(axis="y", length=0)
            axes.grid(color=FAINT, linewidth=0.3)
            axes.set_axisbelow(True)
        _draw_rates(panels[0], rows, size)
        for axes, (name, same) in zip(panels[1:], by_measure.items(), strict=False):
            _draw(axes, same, lambda row: row.energy_percent, size)
            axes.set_xlabel("energy (%)" if alone else f"{MEASURES[name].title} (%)")
        if measured:
            _draw(
                panels[-1],
                rows,
                lambda row: row.perturbed_percent,
                size,
                lambda row: row.perturbed_std_percent,
            )
            panels[-1].set_xlabel("accuracy (%)")
        point = rows[0]
        by = MEASURES[point.measure].title if alone else "each measure"
        figure.suptitle(
            f"{point.voltage_norm:.4g} of Vmin, cells misread at {percent_text(point.bit_error_rate)}\n"
            "errors left: mean (dot) and highest bit (tick; triangle: none)\n"
            f"energy by {by}, of unprotected at Vmin",
            fontsize=size.font_pt,
        )
    return figure


def _draw_rates(axes: Axes, rows: Sequence[ProtectionRow], size: Size) -> None:
    """Mean bit error rate as a dot, that of the highest bit as a tick; a triangle for 0."""
    left = [rate for row in rows for rate in (row.residual_rate, row.residual_rate_top) if rate > 0]
    if left:
        axes.set_xscale("log")
        axes.minorticks_off()
        axes.set_xlim(100 * min(left) / 4, 100 * max(left) * 3)
    edge = axes.get_xlim()[0]
    for y, row in enumerate(rows):
        top = 100 * row.residual_rate_top
        axes.plot(
            [max(top, 1.25 * edge)],
            [y],
            marker="|" if top > 0 else "<",
            markersize=1.3 * size.marker_pt if top > 0 else 0.8 * size.marker_pt,
            color=MUTED,
            clip_on=False,
            zorder=2,
        )
        if row.residual_rate > 0:
            _dot(axes, 100 * row.residual_rate, y, row, size)
    axes.set_xlabel("errors left (%)")


def _draw(
    axes: Axes,
    rows: Sequence[ProtectionRow],
    value_of: Callable[[ProtectionRow], float | None],
    size: Size,
    spread_of: Callable[[ProtectionRow], float | None] = lambda row: None,
) -> None:
    base = next((value_of(row) for row in rows if _is_bare(row)), None)
    if base is not None:
        axes.axvline(base, color=MUTED, linewidth=0.6 * size.line_pt, linestyle="--", zorder=1)
    for y, row in enumerate(rows):
        value = value_of(row)
        if value is None:
            continue
        if spread := spread_of(row):
            axes.plot([value - spread, value + spread], [y, y], color=INK, linewidth=0.6 * size.line_pt)
        _dot(axes, value, y, row, size)


def _dot(axes: Axes, value: float, y: int, row: ProtectionRow, size: Size) -> None:
    """Filled where the weight memory is protected, with a generator in its own colour."""
    colour = COLOURS[1] if row.generator != NO_GENERATOR else COLOURS[0]
    axes.scatter(
        [value],
        [y],
        s=(0.8 * size.marker_pt) ** 2,
        marker="D" if row.generator != NO_GENERATOR else "o",
        facecolor="white" if row.protection == NO_PROTECTION else colour,
        edgecolor=colour,
        linewidth=0.8 * size.line_pt,
        zorder=3,
    )


def _is_bare(row: ProtectionRow) -> bool:
    return row.protection == NO_PROTECTION and row.generator == NO_GENERATOR
