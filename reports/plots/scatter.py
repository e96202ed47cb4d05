"""Combinations as marks over two figures: one panel with names, or a panel a base model.

In one panel a base model has a marker; with a panel each, the marker tells the bit error rate. A mark that
the legend tells whole needs no name; names that find no place stand above the panels.
"""

from __future__ import annotations

import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from neuralfuse.registry import BASES, GENERATORS, NO_GENERATOR, base_title, generator_title
from nfenergy.ground.rates import percent_text
from reports.plots.labels import Box, Label, place_labels
from reports.plots.notes import note
from reports.plots.panels import Entry, legend, mark_entry, panels, panels_height_in, shape_entry
from reports.plots.style import (
    BAR,
    FAINT,
    INK,
    MARKERS,
    MUTED,
    Look,
    Size,
    drawing,
    look,
    mark,
    new_figure,
    ordered,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

FRONT_DASHES = (0, (4, 2))
NAMED = 6
"""Up to so many generators before several base models, they share a panel and carry the whole name."""
BESIDE = 3
"""Base models whose fronts may cross in one panel."""
CROWDED = 16
"""Marks in one panel from which the legend alone tells them."""
LINE = 36
"""Characters of a label's line; how a robust base model was trained takes more than one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Point:
    """One mark.

    Attributes:
        base, generator: as in `reports.records.Saving`.
        bit_error_rate: a fraction.
        x, y, spread: where it is, and half of its upright bar.
        text: its name, empty for none.
        needed: whether the legend does not tell it from another mark.
        bold: of the name.
        gid: id of its group in an SVG.
    """

    base: str
    generator: str
    bit_error_rate: float
    x: float
    y: float
    spread: float = 0.0
    text: str = ""
    needed: bool = False
    bold: bool = False
    gid: str = ""

    @property
    def box(self) -> Box:
        return self.x, self.y - self.spread, self.x, self.y + self.spread


@dataclass(frozen=True, slots=True, kw_only=True)
class Frame:
    """What the marks are drawn over.

    Attributes:
        x_title, y_title: of the axes.
        x_least, y_least: extent that the margins are reckoned with at least.
        y_low, y_high: beyond which the upright axis does not go.
        fronts: by base model, marks whose boundary is drawn, by rising `x`.
        zero: draws a line where nothing is saved.
    """

    x_title: str
    y_title: str
    x_least: float = 5.0
    y_least: float = 10.0
    y_low: float = -1e9
    y_high: float = 1e9
    fronts: Mapping[str, Sequence[Sequence[tuple[float, float]]]] = field(default_factory=dict)
    zero: bool = False


def by_panel(points: Sequence[Point]) -> list[list[Point]]:
    """The marks of each panel, those without generator first, so that they lie under the others."""
    drawn = sorted(points, key=lambda point: point.generator != NO_GENERATOR)
    bases = ordered({point.base for point in points}, BASES)
    protected = sum(point.generator != NO_GENERATOR for point in points)
    if len(bases) == 1 or (len(bases) <= BESIDE and max(protected, len(points) // 3) <= NAMED):
        return [drawn]
    return [[point for point in drawn if point.base == base] for base in bases]


def scatter_plot(points: Sequence[Point], frame: Frame, size: Size) -> Figure:
    """The marks with their names; see above."""
    left_out: list[Point] = []
    while True:
        figure, missing = _drawn(points, frame, size, left_out)
        if not missing:
            return figure
        left_out += missing


def _drawn(
    points: Sequence[Point], frame: Frame, size: Size, left_out: Sequence[Point]
) -> tuple[Figure, list[Point]]:
    """A figure without the names of `left_out`, and the marks whose names found no place in it."""
    shown = by_panel(points)
    alone = len(shown) == 1
    marks = size if alone else replace(size, marker_pt=0.8 * size.marker_pt)
    tall = 1.45 * size.height_in if len(points) > NAMED + 2 else size.height_in
    with drawing(size):
        figure = new_figure(size, tall if alone else panels_height_in(len(shown), size))
        axes_of, free = panels(figure, len(shown), size)
        _limit(axes_of[0], points, frame)
        boxes = []
        for axes, own in zip(axes_of, shown, strict=True):
            boxes.append(_draw_panel(axes, own, points, frame, marks, alone=alone))
        if alone:
            axes_of[0].set_xlabel(frame.x_title)
            axes_of[0].set_ylabel(frame.y_title)
        else:
            figure.supylabel(frame.y_title, fontsize=size.font_pt)
        note(figure, [_name(point, alone=alone) for point in left_out], size)
        _legend(figure, free, points, frame, size, alone=alone)
        missing: list[Point] = []
        for axes, own, soft in zip(axes_of, shown, boxes, strict=True):
            missing += _label(axes, own, size, soft, left_out, alone=alone)
    return figure, missing


def _limit(axes: Axes, points: Sequence[Point], frame: Frame) -> None:
    left, right = min(point.x for point in points), max(point.x for point in points)
    low, high = min(point.box[1] for point in points), max(point.box[3] for point in points)
    margin = 0.12 * max(right - left, frame.x_least)
    axes.set_xlim(left - margin, right + margin)
    margin = 0.08 * max(high - low, frame.y_least)
    axes.set_ylim(max(frame.y_low, low - margin), min(frame.y_high, high + margin))


def _draw_panel(
    axes: Axes, own: Sequence[Point], points: Sequence[Point], frame: Frame, size: Size, *, alone: bool
) -> list[Box]:
    """Draw the marks, and say what names keep off where they can."""
    axes.grid(color=FAINT, linewidth=0.3)
    axes.set_axisbelow(True)
    if frame.zero:
        axes.axhline(0, color=INK, linewidth=0.6 * size.line_pt, zorder=1)
    if not alone:
        axes.set_title(base_title(own[0].base))
    boxes = [point.box for point in own]
    for base in dict.fromkeys(point.base for point in own):
        for members in frame.fronts.get(base, ()):
            x, y = _staircase(axes, members)
            axes.plot(x, y, color=MUTED, linewidth=0.8 * size.line_pt, linestyle=FRONT_DASHES, zorder=1.5)
            boxes += zip(x, y, x[1:], y[1:], strict=False)
    for point in own:
        if point.spread > 0:
            axes.errorbar(
                point.x,
                point.y,
                yerr=point.spread,
                ecolor=BAR,
                elinewidth=0.5 * size.line_pt,
                capsize=0.25 * size.marker_pt,
                capthick=0.5 * size.line_pt,
                fmt="none",
                zorder=2,
            )
        zorder = 2.8 if point.generator == NO_GENERATOR else 3
        mark(axes, point.x, point.y, _look(point, points), size, gid=point.gid, zorder=zorder)
    return boxes


def _staircase(axes: Axes, members: Sequence[tuple[float, float]]) -> tuple[list[float], list[float]]:
    """The boundary of what the members dominate: to the left and below of each."""
    left, bottom = axes.get_xlim()[0], axes.get_ylim()[0]
    x, y = [left], [members[0][1]]
    for index, (right, top) in enumerate(members):
        x += [right, right]
        y += [top, members[index + 1][1] if index + 1 < len(members) else bottom]
    return x, y


def _look(point: Point, points: Sequence[Point]) -> Look:
    """Marker by base model where several share a panel, else by bit error rate where there are several."""
    own, rates = look(point.base, point.generator), _rates(points)
    together = len(by_panel(points)) == 1
    if together and len({other.base for other in points}) > 1:
        return own
    if rates:
        return replace(own, marker=MARKERS[rates.index(point.bit_error_rate) % len(MARKERS)])
    return own if together else replace(own, marker=MARKERS[0])


def _rates(points: Sequence[Point]) -> list[float]:
    """Bit error rates where there are several; base models at Vmin are known without."""
    protected = {point.bit_error_rate for point in points if point.generator != NO_GENERATOR}
    low = {point.bit_error_rate for point in points} - {0.0}
    several = len(protected | low) > 1
    return sorted({point.bit_error_rate for point in points}, reverse=True) if several else []


def _name(point: Point, *, alone: bool) -> str:
    return point.text if alone else f"{base_title(point.base)} {point.text}"


def _label(
    axes: Axes,
    own: Sequence[Point],
    size: Size,
    soft: Sequence[Box],
    left_out: Sequence[Point],
    *,
    alone: bool,
) -> list[Point]:
    """Those in bold choose their places first."""
    first = sorted(own, key=lambda point: not point.bold)
    named = [
        point
        for point in first
        if point.text and point not in left_out and (point.needed or (alone and len(own) <= CROWDED))
    ]
    if not named:
        return []
    labels = [
        Label(x=point.x, y=point.y, text=_in_lines(point.text) if point in named else "", bold=point.bold)
        for point in first
    ]
    missing = place_labels(axes, labels, size, soft=soft)
    return [point for point, label in zip(first, labels, strict=True) if label in missing]


def _in_lines(title: str) -> str:
    """A long label in lines, no number torn from its unit."""
    if len(title) <= LINE:
        return title
    return textwrap.fill(title.replace(" %", "\N{NO-BREAK SPACE}%"), LINE, break_long_words=False)


def _legend(
    figure: Figure, free: Axes | None, points: Sequence[Point], frame: Frame, size: Size, *, alone: bool
) -> None:
    from matplotlib.lines import Line2D

    bases = ordered({point.base for point in points}, BASES)
    rates = _rates(points)
    shapes: list[Entry] = []
    if alone and len(bases) > 1:
        shapes = [shape_entry(base_title(base), look(base, NO_GENERATOR).marker, size) for base in bases]
    elif rates:
        shapes = [
            shape_entry(
                f"{percent_text(rate)} bit errors" if rate else "no bit errors",
                MARKERS[index % len(MARKERS)],
                size,
            )
            for index, rate in enumerate(rates)
        ]
    own = None if alone and not shapes else "o"
    generators = ordered({point.generator for point in points} - {NO_GENERATOR}, GENERATORS)
    blocks: list[list[Entry]] = [shapes]
    blocks.append(
        [mark_entry(generator_title(name), look(bases[0], name), size, marker=own) for name in generators]
    )
    others: list[Entry] = []
    if any(point.generator == NO_GENERATOR for point in points):
        others.append(mark_entry("no generator", look(bases[0], NO_GENERATOR), size, marker=own))
    if any(frame.fronts.values()):
        line = Line2D([], [], color=MUTED, linewidth=0.8 * size.line_pt, linestyle=FRONT_DASHES)
        others.append(("front", (line,)))
    blocks.append(others)
    x_title = "" if alone else frame.x_title
    legend(figure, free, blocks, size, x_title=x_title, rows=3 if shapes else 2)
