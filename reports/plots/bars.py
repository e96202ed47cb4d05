"""Panels of lying bars: beside each other where the height asks for it, in smaller text where needed."""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import ceil
from typing import TYPE_CHECKING

from reports.plots.style import FAINT, Size

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

ROW_IN = 0.13
"""Height of a bar and its gap at 7 pt text."""
TITLE_ROWS = 2.2
"""Title and gap of a panel, in bars."""
PANEL_IN = 1.6
"""Narrowest panel at 7 pt text."""
SMALLEST = 5
"""Tenths of the usual text that crowded bars may be written in."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BarLayout:
    """How panels of bars fit into a figure.

    Attributes:
        columns: of panels.
        height_in: of the figure.
        size: of its text, which may be smaller than was asked for.
    """

    columns: int
    height_in: float
    size: Size

    @property
    def stacked(self) -> bool:
        return self.columns == 1


def bar_layout(panels: int, bars: int, size: Size, *, head_in: float) -> BarLayout:
    """The fewest columns, and then the largest text, that so many panels of so many bars fit in.

    `head_in` is the height of axis, legend and so on at 7 pt text.
    """
    for tenths in range(10, SMALLEST - 1, -1):
        unit = tenths / 10 * size.font_pt / 7.0
        text = replace(size, font_pt=tenths / 10 * size.font_pt)
        widest = max(1, int(size.width_in / (PANEL_IN * unit)))
        for columns in range(1, min(panels, widest) + 1):
            height = unit * (head_in + ceil(panels / columns) * (bars + TITLE_ROWS) * ROW_IN)
            if height <= size.max_height_in:
                return BarLayout(columns=columns, height_in=height, size=text)
    return BarLayout(columns=min(panels, widest), height_in=size.max_height_in, size=text)


def bar_panels(
    figure: Figure, panels: int, layout: BarLayout, ratios: list[float] | None = None
) -> tuple[list[Axes], Axes | None]:
    """The panels, and the first cell left over; `ratios` are the heights of stacked ones."""
    rows = ceil(panels / layout.columns)
    heights = ratios if layout.stacked else None
    cells = figure.subplots(
        rows, layout.columns, sharex=True, sharey=not layout.stacked, squeeze=False, height_ratios=heights
    )
    used, free = list(cells.flat[:panels]), list(cells.flat[panels:])
    for axes in free:
        axes.set_axis_off()
    for axes in used[-layout.columns :]:
        axes.tick_params(labelbottom=True)
    for axes in used:
        axes.tick_params(axis="y", length=0)
        axes.grid(axis="x", color=FAINT, linewidth=0.3)
        axes.set_axisbelow(True)
    return used, free[0] if free else None


def name_bars(axes: Axes, titles: list[str]) -> None:
    """Bars from the top, one a title."""
    axes.set_yticks(range(len(titles)), titles)
    axes.set_ylim(len(titles) - 0.4, -0.6)


def write_value(axes: Axes, value: float, place: int, size: Size) -> None:
    """The value at a bar's end, over any line there."""
    axes.annotate(
        f"{value:.1f}",
        xy=(value, place),
        xytext=(2, 0),
        textcoords="offset points",
        va="center",
        fontsize=size.font_pt - 1,
        bbox={"facecolor": "white", "edgecolor": "none", "alpha": 0.8, "pad": 0.3},
    )
