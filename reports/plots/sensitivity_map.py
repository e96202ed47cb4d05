"""Sensitivity by layer and bit position: points of accuracy lost, with intervals, beside a heat map.

Colours are of one scale about zero, as in the heat map of savings: red loses, blue gains, and a corner marks
a gain in grey.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import ceil
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from nfenergy.ground.errors import InputError
from reports.plots.heatmap import mark_corner, signed_scale
from reports.plots.named_rows import RowPanel, row_layout, row_panels, share_x, short_names
from reports.plots.style import BAR, COLOURS, COLUMN, EDGE, MUTED, PAPER, Size, drawing, new_figure, text_on

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

LOSS_COLOUR, GAIN_COLOUR = COLOURS[1], COLOURS[0]
LOSSES_IN, CELL_IN = 0.85, 0.155
"""Least widths at 7 pt text of the losses, and of a cell of the map."""
STEPS = (1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0)
"""Points that the ends of the scale are rounded up to."""
DECIMAL_PT = 4.4
"""Smallest text with decimals; where cells are narrower they go without."""
HEAD_IN = 0.2
"""Height of a title at 7 pt text."""


def sensitivity_plot(
    layers: Sequence[str],
    only_points: Sequence[float],
    *,
    by_bit_points: NDArray[Any],
    intervals: Sequence[float | None] = (),
    title: str = "",
    end: float | None = None,
    size: Size = COLUMN,
) -> Figure:
    """Rows are layers; marks for errors in all bits of a layer, cells for errors in one bit position of it.

    Args:
        layers: their names.
        only_points: points lost with errors in this layer only.
        by_bit_points: points lost with errors in one bit of it, shape (layers, bits), lowest bit first; or
            shape (layers, 0), which draws the marks alone.
        intervals: half of the 95 % interval of each of `only_points`.
        title: above all.
        end: of the scale in points, so that maps compare; None for that of these cells.
        size: where the figure goes.

    Raises:
        InputError: there are no layers.
    """
    if not layers:
        raise InputError("the sensitivity plot takes at least one layer")
    bits = by_bit_points.shape[1] if by_bit_points.ndim == 2 else 0
    widths = [LOSSES_IN, CELL_IN * bits] if bits else [LOSSES_IN]
    names = short_names(layers, size)
    layout = row_layout(names, widths, size, head_in=HEAD_IN * (1 + title.count("\n")), row_in=0.16)
    with drawing(layout.size):
        figure = new_figure(layout.size, layout.height_in)
        panels = row_panels(figure, names, widths, layout)
        for cell in panels:
            if cell.panel == 0:
                _losses(cell, only_points, intervals, layout.size)
            else:
                _cells(cell, by_bit_points, end or scale_end(by_bit_points), layout.size)
        share_x(panels, 0)
        for cell in panels:
            if cell.panel == 0:
                low, high = cell.axes.get_xlim()
                cell.axes.set_xlim(max(low, -105.0), min(high, 105.0))
        if title:
            figure.suptitle(title, fontsize=layout.size.font_pt)
    return figure


def scale_end(by_bit_points: NDArray[Any]) -> float:
    """End of the scale that shows these points, the least of `STEPS` that does."""
    greatest = float(np.abs(by_bit_points).max()) if by_bit_points.size else 0.0
    return next((step for step in STEPS if greatest <= step), STEPS[-1])


def _losses(cell: RowPanel, points: Sequence[float], intervals: Sequence[float | None], size: Size) -> None:
    axes = cell.axes
    axes.axvline(0.0, color=MUTED, linewidth=0.6 * size.line_pt, zorder=1)
    for row in range(cell.start, cell.end):
        value, half = points[row], intervals[row] if row < len(intervals) else None
        y = row - cell.start
        if half is not None:
            axes.plot([value - half, value + half], [y, y], color=BAR, linewidth=size.line_pt, zorder=2)
        mark = axes.scatter(
            [value],
            [y],
            s=(0.8 * size.marker_pt) ** 2,
            marker="D" if value < 0 else "o",
            facecolor=GAIN_COLOUR if value < 0 else LOSS_COLOUR,
            edgecolor=EDGE,
            linewidth=0.4 * size.line_pt,
            zorder=3,
        )
        mark.set_gid(f"loss-{row}")
    axes.margins(x=0.08)
    axes.locator_params(axis="x", nbins=3)
    axes.set_xlabel("points lost,\nthis layer only", fontsize=size.font_pt - 1)


def _cells(cell: RowPanel, points: NDArray[Any], end: float, size: Size) -> None:
    from matplotlib.cm import ScalarMappable
    from matplotlib.colors import to_hex

    axes, (_, bits) = cell.axes, points.shape
    colours, norm = signed_scale(end, costs=True)
    axes.grid(visible=False)
    axes.pcolormesh(
        np.arange(bits + 1) - 0.5,
        np.arange(cell.end - cell.start + 1) - 0.5,
        points[cell.start : cell.end],
        cmap=colours,
        norm=norm,
        edgecolor=PAPER,
        linewidth=0.6 * size.line_pt,
    )
    axes.spines[:].set_visible(False)
    axes.set_xlim(-0.5, bits - 0.5)
    axes.tick_params(length=0)
    step = ceil(bits / 8)
    axes.set_xticks(range((bits - 1) % step, bits, step))
    axes.set_xlabel(f"points lost, one bit only\n(0 lowest, {bits - 1} highest)", fontsize=size.font_pt - 1)
    wide_pt = 72 * CELL_IN * size.font_pt / 7.0
    decimals = max(len(_text(value, decimals=True)) for value in points.flat)
    font_pt = min(size.font_pt - 1.5, wide_pt / (0.62 * decimals))
    if font_pt < DECIMAL_PT * size.font_pt / 7.0:
        font_pt = min(size.font_pt - 1.5, wide_pt / (0.62 * 3))
    for row in range(cell.start, cell.end):
        for bit in range(bits):
            value = float(points[row, bit])
            ink = text_on(to_hex(colours(float(norm(value)))))
            said = _text(value, decimals=font_pt <= wide_pt / (0.62 * decimals))
            text = axes.text(
                bit, row - cell.start, said, ha="center", va="center", fontsize=font_pt, color=ink
            )
            text.set_gid(f"bit-{row}-{bit}")
            if said.startswith("-"):
                mark_corner(axes, bit + 0.48, row - cell.start + 0.46, ink, 0.7 * font_pt)
    _bar(axes, ScalarMappable(norm, colours))


def _bar(axes: Axes, colours: Any) -> None:
    bar = axes.figure.colorbar(colours, ax=axes, pad=0.03, aspect=25, fraction=0.06)
    bar.outline.set_visible(False)
    bar.ax.tick_params(length=0)
    bar.ax.locator_params(axis="y", nbins=5)


def _text(value: float, *, decimals: bool) -> str:
    """Without a sign where nothing is left of the number.

    >>> _text(-0.04, decimals=True), _text(12.3, decimals=True), _text(-0.6, decimals=False)
    ('0.0', '12', '-1')
    """
    said = f"{value:.1f}" if decimals and abs(value) < 9.95 else f"{value:.0f}"
    return said.removeprefix("-") if float(said) == 0 else said
