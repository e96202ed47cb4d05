"""An experiment's figure: panels of lines with a band of one deviation, and printed values as crosses."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from math import log10
from textwrap import fill
from typing import TYPE_CHECKING

from nfenergy.experiments.figure_lines import Line, lines_of
from nfenergy.experiments.figure_words import told
from nfenergy.experiments.outcome import Outcome
from nfenergy.experiments.quantities import QUANTITIES
from reports.plots import style
from reports.plots.panels import Entry, legend, panels, panels_height_in

if TYPE_CHECKING:
    from matplotlib.artist import Artist
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

SIZE = replace(style.COLUMN, max_height_in=40.0)
"""As wide as a phone shows with readable text; small multiples may go on downwards."""
APART = 0.2
"""Of the axis' length, between ticks."""
LETTERS = 26
"""Of a line of a panel's title."""


def figure_svg(outcome: Outcome) -> tuple[bytes, str]:
    """The figure as SVG, and in words."""
    lines, (x_title, y_title) = lines_of(outcome), _titles(outcome)
    declared = outcome.plan.experiment.figure
    assert declared is not None
    figure = lines_figure(lines, x_title=x_title, y_title=y_title, log_x=declared.log_x)
    return style.figure_bytes(figure, SIZE, "svg"), told(lines, x_title=x_title, y_title=y_title)


def lines_figure(lines: Sequence[Line], *, x_title: str, y_title: str, log_x: bool) -> Figure:
    """A panel for each `panel` of the lines; a name has one look in all of them."""
    titles = list(dict.fromkeys(line.panel for line in lines)) or [""]
    names = list(dict.fromkeys(line.name for line in lines))
    places = sorted({place for line in lines for place, _, _ in (*line.ours, *line.printed)})
    with style.drawing(SIZE):
        figure = style.new_figure(SIZE, panels_height_in(len(titles), SIZE))
        drawn, free = panels(figure, len(titles), SIZE)
        for axes, title in zip(drawn, titles, strict=True):
            for line in lines:
                if line.panel == title:
                    _draw(axes, line, names.index(line.name))
            axes.grid(color=style.FAINT, linewidth=0.3)
            axes.set_axisbelow(True)
            axes.set_title(fill(title, LETTERS), fontsize=SIZE.font_pt - 1)
        _ticks(drawn[0], places, log_x=log_x and bool(places) and places[0] > 0)
        figure.supylabel(y_title, fontsize=SIZE.font_pt)
        entries: list[Entry] = [(name or "ours", (_sample(index),)) for index, name in enumerate(names)]
        if any(line.printed for line in lines):
            entries.append(_cross())
        legend(figure, free, [entries], SIZE, x_title=x_title, columns=3)
    return figure


def _titles(outcome: Outcome) -> tuple[str, str]:
    declared = outcome.plan.experiment.figure
    assert declared is not None
    x = "bit error rate (%)" if declared.x == "rate" else declared.x
    x = f"{x.removesuffix('_percent').replace('_', ' ')} (%)" if x.endswith("_percent") else x
    return x, f"{QUANTITIES[declared.y].title} (%)"


def _look(index: int) -> tuple[str, style.Dashes, str]:
    """Colour, dashes and marker: two of them change from a name to the next, so that grey tells them too."""
    return (
        style.COLOURS[index % len(style.COLOURS)],
        style.DASHES[index % len(style.DASHES)],
        style.MARKERS[index % len(style.MARKERS)],
    )


def _draw(axes: Axes, line: Line, index: int) -> None:
    colour, dashes, marker = _look(index)
    if line.ours:
        x, y, spread = zip(*line.ours, strict=True)
        axes.plot(
            x,
            y,
            color=colour,
            linestyle=dashes,
            marker=marker,
            markersize=0.8 * SIZE.marker_pt,
            markeredgecolor=style.EDGE,
            markeredgewidth=0.4 * SIZE.line_pt,
        )
        low, high = ([a + sign * b for a, b in zip(y, spread, strict=True)] for sign in (-1, 1))
        axes.fill_between(x, low, high, color=colour, alpha=0.15, linewidth=0)
    if line.printed:
        x, y, _ = zip(*line.printed, strict=True)
        axes.plot(x, y, linestyle="none", marker="x", markersize=SIZE.marker_pt, color=colour)


def _ticks(axes: Axes, places: Sequence[float], *, log_x: bool) -> None:
    """Ticks where values are, as many as have room."""
    if not places:
        return
    if log_x:
        axes.set_xscale("log")
        axes.minorticks_off()
    at = [log10(place) if log_x else place for place in places]
    span = max(at[-1] - at[0], 1e-9)
    kept = [0]
    for index, place in enumerate(at):
        if place - at[kept[-1]] >= APART * span:
            kept.append(index)
    axes.set_xticks([places[index] for index in kept], [f"{places[index]:g}" for index in kept])


def _sample(index: int) -> Artist:
    from matplotlib.lines import Line2D

    colour, dashes, marker = _look(index)
    return Line2D([], [], color=colour, linestyle=dashes, marker=marker, markersize=0.8 * SIZE.marker_pt)


def _cross() -> Entry:
    from matplotlib.lines import Line2D

    cross = Line2D([], [], color=style.KEY, linestyle="none", marker="x", markersize=SIZE.marker_pt)
    return "as printed", (cross,)
