"""Sensitivity by layer and bit position: points of accuracy lost, as a heat map beside bars."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from nfenergy.ground.errors import InputError
from reports.plots.style import COLOURS, COLUMN, FAINT, Size, drawing, new_figure, text_on

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

ROW_IN = 0.16


def sensitivity_plot(
    layers: Sequence[str],
    only_points: Sequence[float],
    *,
    by_bit_points: NDArray[Any],
    intervals: Sequence[float | None] = (),
    title: str = "",
    size: Size = COLUMN,
) -> Figure:
    """Rows are layers; bars for errors in all bits of a layer, cells for errors in one bit position of it.

    Args:
        layers: their names.
        only_points: points lost with errors in this layer only.
        by_bit_points: points lost with errors in one bit of it, shape (layers, bits), lowest bit first; or
            shape (layers, 0), which draws the bars alone.
        intervals: half of the 95 % interval of each of `only_points`.
        title: above all.
        size: where the figure goes.

    Raises:
        InputError: there are no layers.
    """
    if not layers:
        raise InputError("the sensitivity plot takes at least one layer")
    bits = by_bit_points.shape[1] if by_bit_points.ndim == 2 else 0
    with drawing(size):
        figure = new_figure(size, (6.0 + len(layers)) * ROW_IN * size.font_pt / 7.0)
        widths = [1.0, 1.6] if bits else [1.0]
        panels = figure.subplots(1, len(widths), sharey=True, squeeze=False, width_ratios=widths)[0]
        _bars(panels[0], layers, only_points, intervals, size)
        if bits:
            _cells(panels[1], by_bit_points, size)
        if title:
            figure.suptitle(title, fontsize=size.font_pt)
    return figure


def _bars(
    axes: Axes, layers: Sequence[str], points: Sequence[float], intervals: Sequence[float | None], size: Size
) -> None:
    rows = np.arange(len(layers)) + 0.5
    axes.barh(rows, points, height=0.7, color=COLOURS[0])
    for row, value, half in zip(rows, points, intervals, strict=False):
        if half is not None:
            axes.plot([value - half, value + half], [row, row], color=COLOURS[1], linewidth=size.line_pt)
    axes.set_yticks(rows, layers)
    axes.set_ylim(len(layers), 0)
    axes.tick_params(axis="y", length=0)
    axes.grid(axis="x", color=FAINT, linewidth=0.3)
    axes.set_axisbelow(True)
    axes.set_xlabel("points lost with errors\nin this layer only")


def _cells(axes: Axes, points: NDArray[Any], size: Size) -> None:
    from matplotlib.colors import to_hex

    layers, bits = points.shape
    low, high = min(0.0, float(points.min())), max(float(points.max()), 1.0)
    mesh = axes.pcolormesh(
        np.arange(bits + 1) - 0.5,
        np.arange(layers + 1),
        points,
        cmap="cividis",
        vmin=low,
        vmax=high,
        edgecolor="white",
        linewidth=0.6 * size.line_pt,
    )
    axes.spines[:].set_visible(False)
    axes.set_xticks(range(bits), [str(bit) for bit in range(bits)])
    axes.tick_params(length=0)
    axes.set_xlabel(f"points lost with errors in one bit only\n(0 lowest, {bits - 1} highest)")
    for (layer, bit), value in np.ndenumerate(points):
        ground = to_hex(mesh.cmap((float(value) - low) / (high - low)))
        axes.text(
            bit,
            layer + 0.5,
            f"{value:.0f}" if abs(value) >= 9.95 else f"{abs(value) if abs(value) < 0.05 else value:.1f}",
            ha="center",
            va="center",
            fontsize=size.font_pt - (3.0 if size.font_pt > 10 else 2.0),
            color=text_on(ground),
        )
    axes.figure.colorbar(mesh, ax=axes, pad=0.02, aspect=30).outline.set_visible(False)
