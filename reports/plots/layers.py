"""Where the reads, cycles and MACs go: layer by layer, generator and base model."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING

from neuralfuse.registry import base_title, generator_title
from nfenergy.ground.errors import InputError
from reports.layer_records import LayerRow
from reports.plots.style import COLOURS, COLUMN, EDGE, FAINT, Size, drawing, new_figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

PANELS = ("SRAM weight reads", "cycles", "MACs on the array")
HEAD_IN = 1.0
"""Height of legend, titles and axis of a figure with lying bars."""
BASE_COLOUR, GENERATOR_COLOUR = COLOURS[0], COLOURS[2]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Bar:
    role: str
    name: str
    values: tuple[int, int, int]


def layer_plot(rows: Sequence[LayerRow], *, size: Size = COLUMN) -> Figure:
    """Each layer's share of the reads, cycles and MACs of one inference, in the order of execution.

    Bars lie where the figure may grow in height and stand where it may not. Where the layers do not
    fit, neighbours of one block (``layer1.0``) share a bar.

    Args:
        rows: the layers of a base model, and of its generator where it has one.
        size: where the figure goes.

    Raises:
        InputError: there are no layers.
    """
    if not rows:
        raise InputError("the layer plot takes the layers of a network")
    bars = _fitting_bars(rows, size)
    with drawing(size):
        if _lying(size):
            figure = new_figure(size, max(1.6, HEAD_IN + _pitch_in(size) * len(bars)))
            panels = figure.subplots(1, len(PANELS), sharey=True)
        else:
            figure = new_figure(size)
            panels = figure.subplots(len(PANELS), 1, sharex=True)
        for index, axes in enumerate(panels):
            _draw_panel(axes, bars, index, size)
        if _lying(size):
            panels[0].set_yticks(range(len(bars)), [bar.name for bar in bars])
            panels[0].set_ylim(len(bars) - 0.4, -0.6)
            panels[len(PANELS) // 2].set_xlabel("share of generator and base model (%)")
        else:
            panels[-1].set_xticks(range(len(bars)), [bar.name for bar in bars], rotation=90)
            panels[-1].set_xlim(-0.6, len(bars) - 0.4)
            figure.supylabel("share of generator and base model (%)", fontsize=size.font_pt)
        _legend(figure, rows)
    return figure


def hover_texts(rows: Sequence[LayerRow], *, size: Size = COLUMN) -> dict[str, str]:
    """The text of each bar by the id that `layer_plot` gave it."""
    return {
        f"layer-{panel}-{position}": f"{bar.name}: {bar.values[panel]:,} {title}"
        for position, bar in enumerate(_fitting_bars(rows, size))
        for panel, title in enumerate(PANELS)
    }


def description(rows: Sequence[LayerRow]) -> str:
    """What is to be seen, in sentences."""
    networks = {row.role: row.network for row in rows}
    total = sum(row.counts.total_cycles for row in rows)
    first = max(rows, key=lambda row: row.counts.total_cycles)
    said = f"{len(rows)} layers; most cycles go to {first.layer.name}, "
    said += f"{100 * first.counts.total_cycles / total:.1f} %"
    if "generator" in networks:
        own = sum(row.counts.total_cycles for row in rows if row.role == "generator")
        said += f", and {100 * own / total:.1f} % to {generator_title(networks['generator'])}"
    return f"{said}."


def _lying(size: Size) -> bool:
    return size.max_height_in > size.height_in


def _pitch_in(size: Size) -> float:
    """Room that a bar and its name take across."""
    return 1.18 * size.font_pt / 72.0


def _fitting_bars(rows: Sequence[LayerRow], size: Size) -> list[_Bar]:
    room = size.max_height_in - HEAD_IN if _lying(size) else size.width_in - 1.2
    bars = _bars(rows, merged=False)
    return bars if _pitch_in(size) * len(bars) <= room else _bars(rows, merged=True)


def _draw_panel(axes: Axes, bars: Sequence[_Bar], panel: int, size: Size) -> None:
    total = sum(bar.values[panel] for bar in bars)
    draw = axes.barh if _lying(size) else axes.bar
    for position, bar in enumerate(bars):
        (patch,) = draw(
            position,
            100.0 * bar.values[panel] / total,
            0.8,
            color=BASE_COLOUR if bar.role == "base" else GENERATOR_COLOUR,
            edgecolor=EDGE,
            linewidth=0.3 * size.line_pt,
        )
        patch.set_gid(f"layer-{panel}-{position}")
    separator = "\n" if _lying(size) else ": "
    axes.set_title(f"{PANELS[panel]}{separator}{total:,}", fontsize=size.font_pt - 1)
    axes.grid(axis="x" if _lying(size) else "y", color=FAINT, linewidth=0.3)
    axes.set_axisbelow(True)
    axes.tick_params(axis="y" if _lying(size) else "x", length=0, pad=1)


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


def _legend(figure: Figure, rows: Sequence[LayerRow]) -> None:
    from matplotlib.patches import Patch

    titles = {"generator": generator_title, "base": base_title}
    found = {row.role: row.network for row in rows}
    handles = [
        Patch(
            facecolor=BASE_COLOUR if role == "base" else GENERATOR_COLOUR,
            edgecolor=EDGE,
            linewidth=0.3,
            label=titles[role](found[role]),
        )
        for role in ("generator", "base")
        if role in found
    ]
    figure.legend(handles=handles, loc="outside upper center", ncols=2)
