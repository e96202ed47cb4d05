"""Where the reads, cycles and MACs go: layer by layer, generator and base model."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING

from nfenergy.errors import InputError
from reports.names import Names
from reports.plots.style import COLOURS, COLUMN, FAINT, INK, Size, drawing, new_figure
from reports.records import LayerRow

if TYPE_CHECKING:
    from matplotlib.figure import Figure

PANELS = ("SRAM weight reads", "cycles", "MACs")
ROW_IN = 0.115
"""Height of a row at 7 pt text."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Bar:
    role: str
    name: str
    values: tuple[int, int, int]


def layer_plot(rows: Sequence[LayerRow], names: Names, *, size: Size = COLUMN) -> Figure:
    """Each layer's share of the reads, cycles and MACs of one inference, in the order of execution.

    Where the layers do not fit on the figure, neighbours of one block (``layer1.0``) share a bar.

    Args:
        rows: the layers of a base model, and of its generator where it has one.
        names: titles.
        size: where the figure goes.

    Raises:
        InputError: there are no layers.
    """
    if not rows:
        raise InputError("the layer plot takes the layers of a network")
    row_in = ROW_IN * size.font_pt / 7.0
    bars = _bars(rows, merged=False)
    if 0.9 + row_in * len(bars) > size.max_height_in:
        bars = _bars(rows, merged=True)
    totals = [sum(bar.values[panel] for bar in bars) for panel in range(len(PANELS))]
    with drawing(size):
        figure = new_figure(size, max(1.6, 0.9 * size.font_pt / 7.0 + row_in * len(bars)))
        panels = figure.subplots(1, len(PANELS), sharey=True)
        fit = min(1.0, (size.max_height_in - 0.13 * size.font_pt) / (row_in * len(bars)))
        for index, (axes, title) in enumerate(zip(panels, PANELS, strict=True)):
            for y, bar in enumerate(bars):
                base = bar.role == "base"
                (patch,) = axes.barh(
                    y,
                    100.0 * bar.values[index] / totals[index],
                    height=0.8,
                    color=COLOURS[0] if base else COLOURS[2],
                    edgecolor=INK,
                    linewidth=0.3 * size.line_pt,
                )
                patch.set_gid(f"layer-{index}-{y}")
            axes.set_title(f"{title}\n{totals[index]:,}", fontsize=size.font_pt - 1)
            axes.grid(axis="x", color=FAINT, linewidth=0.3)
            axes.set_axisbelow(True)
            axes.tick_params(axis="y", length=0, pad=1)
        panels[0].set_yticks(range(len(bars)), [bar.name for bar in bars], fontsize=fit * (size.font_pt - 1))
        panels[0].set_ylim(len(bars) - 0.4, -0.6)
        figure.supxlabel("share of generator and base model (%)", fontsize=size.font_pt)
        _legend(figure, rows, names)
    return figure


def hover_texts(rows: Sequence[LayerRow], names: Names, *, size: Size) -> dict[str, str]:
    """The text of each bar by the id that `layer_plot` gave it."""
    bars = _bars(rows, merged=False)
    if 0.9 + ROW_IN * size.font_pt / 7.0 * len(bars) > size.max_height_in:
        bars = _bars(rows, merged=True)
    return {
        f"layer-{panel}-{y}": f"{bar.name}: {bar.values[panel]:,} {title}"
        for y, bar in enumerate(bars)
        for panel, title in enumerate(PANELS)
    }


def _bars(rows: Sequence[LayerRow], *, merged: bool) -> list[_Bar]:
    """One bar a layer or a block; the generator, which runs first, comes first."""
    ordered = sorted(rows, key=lambda row: row.role == "base")
    return [
        _Bar(
            role=role,
            name=name,
            values=(
                sum(row.counts.sram_filter_reads for row in group),
                sum(row.counts.total_cycles for row in group),
                sum(row.layer.macs for row in group),
            ),
        )
        for (role, name), group in (
            (key, list(found))
            for key, found in groupby(ordered, key=lambda row: (row.role, _name(row, merged=merged)))
        )
    ]


def _name(row: LayerRow, *, merged: bool) -> str:
    parts = row.layer.name.split(".")
    return ".".join(parts[:2]) if merged and len(parts) > 2 else row.layer.name


def _legend(figure: Figure, rows: Sequence[LayerRow], names: Names) -> None:
    from matplotlib.patches import Patch

    titles = {"generator": names.generator, "base": names.base}
    found = {row.role: row.network for row in rows}
    handles = [
        Patch(
            facecolor=COLOURS[0] if role == "base" else COLOURS[2],
            edgecolor=INK,
            linewidth=0.3,
            label=titles[role](found[role]),
        )
        for role in ("generator", "base")
        if role in found
    ]
    figure.legend(handles=handles, loc="outside upper center", ncols=2)
