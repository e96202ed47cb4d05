"""Roofline: MACs a cycle of each layer over the MACs that it does for a value from or to DRAM."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil, floor, log
from typing import TYPE_CHECKING

from neuralfuse.registry import title_of
from nfenergy.ground.errors import InputError
from reports.layer_records import LayerRow
from reports.plots.labels import Box, Label, place_labels
from reports.plots.notes import note
from reports.plots.panels import Entry, dot, legend
from reports.plots.style import COLOURS, COLUMN, EDGE, FAINT, INK, MUTED, Size, drawing, new_figure
from reports.plots.words import extent
from reports.records import Saving

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

MARKS = {"generator": ("D", COLOURS[2]), "base": ("o", COLOURS[0])}
NAMED = 5
"""Marks that have a name, those that take most cycles."""
HEADROOM = 20
"""The panel ends so many times above the roof: bandwidths and names stand there."""
BANDWIDTH_STEP = 4
"""Each diagonal is of so many times the bandwidth of the next."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Mark:
    """Layers of one network at one place."""

    role: str
    intensity: float
    speed: float
    names: tuple[str, ...]
    cycles: int

    @property
    def text(self) -> str:
        return self.names[0] + (f" and {len(self.names) - 1} more" if len(self.names) > 1 else "")


def roofline_plot(rows: Sequence[LayerRow], saving: Saving, *, size: Size = COLUMN) -> Figure:
    """Layers under the roof of the array; diagonals are bandwidths to and from DRAM.

    Args:
        rows: the layers of a base model, and of its generator where it has one.
        saving: of the accelerator that they were counted for; with given bandwidths their sum is a roof.
        size: where the figure goes.

    Raises:
        InputError: no layer has MACs and moves values.
    """
    marks = _marks(rows)
    if not marks:
        raise InputError("the roofline takes layers that multiply and move values from or to DRAM")
    peak = saving.array_rows * saving.array_cols
    left_out: list[str] = []
    while True:
        figure, missing = _drawn(marks, rows, peak, _bandwidth(saving), size, left_out)
        if not missing:
            return figure
        left_out += missing


def hover_texts(rows: Sequence[LayerRow]) -> dict[str, str]:
    """The text of each mark by the id that `roofline_plot` gave it."""
    return {
        f"roof-{index}": (
            f"{', '.join(mark.names)}: {mark.speed:.3g} MACs a cycle, {mark.intensity:.3g} MACs a value from "
            f"or to DRAM, {mark.speed / mark.intensity:.3g} values a cycle"
        )
        for index, mark in enumerate(_marks(rows))
    }


def description(rows: Sequence[LayerRow], saving: Saving) -> str:
    """What is to be seen, in sentences."""
    marks, peak = _marks(rows), saving.array_rows * saving.array_cols
    first = max(marks, key=lambda mark: mark.cycles)
    return (
        f"{sum(len(mark.names) for mark in marks)} layers run at "
        f"{extent(100 * mark.speed / peak for mark in marks)} of the {peak:,} MACs a cycle of the array, "
        f"with {extent((mark.intensity for mark in marks), 'MACs a value from or to DRAM', 0)}; most cycles "
        f"go to {first.text}."
    )


def _marks(rows: Sequence[LayerRow]) -> list[_Mark]:
    """Layers at one place, to three digits, share a mark; those that take most cycles come first."""
    found: dict[tuple[str, str, str], list[LayerRow]] = {}
    for row in rows:
        if row.layer.macs and _moved(row):
            place = f"{row.layer.macs / _moved(row):.3g}", f"{row.layer.macs / row.counts.total_cycles:.3g}"
            found.setdefault((row.role, *place), []).append(row)
    marks = [
        _Mark(
            role=role,
            intensity=own[0].layer.macs / _moved(own[0]),
            speed=own[0].layer.macs / own[0].counts.total_cycles,
            names=tuple(row.layer.name for row in own),
            cycles=sum(row.counts.total_cycles for row in own),
        )
        for (role, _, _), own in found.items()
    ]
    return sorted(marks, key=lambda mark: -mark.cycles)


def _moved(row: LayerRow) -> int:
    counts = row.counts
    return counts.dram_ifmap_reads + counts.dram_filter_reads + counts.dram_ofmap_writes


def _bandwidth(saving: Saving) -> int:
    """Values a cycle from and to DRAM; 0 where the array never waits."""
    return sum(int(part) for part in saving.bandwidths.split("/") if part)


def _drawn(
    marks: Sequence[_Mark],
    rows: Sequence[LayerRow],
    peak: int,
    bandwidth: int,
    size: Size,
    left_out: Sequence[str],
) -> tuple[Figure, list[str]]:
    with drawing(size):
        figure = new_figure(size)
        axes = figure.subplots()
        axes.set_xscale("log")
        axes.set_yscale("log")
        axes.minorticks_off()
        axes.grid(color=FAINT, linewidth=0.3)
        axes.set_axisbelow(True)
        left, right = min(mark.intensity for mark in marks) / 2, 2 * max(mark.intensity for mark in marks)
        bottom = min(mark.speed for mark in marks) / 2
        axes.set_xlim(left, right)
        axes.set_ylim(bottom, HEADROOM * peak)
        told = _draw_roof(axes, peak, bandwidth, size)
        for index, mark in enumerate(marks):
            shape, colour = MARKS[mark.role]
            point = axes.scatter([mark.intensity], [mark.speed], s=(0.8 * size.marker_pt) ** 2, marker=shape)
            point.set(facecolor=colour, edgecolor=EDGE, linewidth=0.4 * size.line_pt, zorder=3)
            point.set_gid(f"roof-{index}")
        axes.set_xlabel("MACs a value from or to DRAM")
        axes.set_ylabel("MACs a cycle")
        note(figure, left_out, size)
        _legend(figure, rows, size)
        labels = [
            Label(
                x=mark.intensity,
                y=mark.speed,
                text=mark.text if index < NAMED and mark.text not in left_out else "",
            )
            for index, mark in enumerate(marks)
        ]
        missing = place_labels(axes, labels, size, avoid=told, mark_scale=0.8)
    return figure, [label.text for label in missing]


def _draw_roof(axes: Axes, peak: int, bandwidth: int, size: Size) -> list[Box]:
    """The array's roof, and diagonals of bandwidths that meet it; where these say their values."""
    left, right = axes.get_xlim()
    axes.axhline(peak, color=INK, linewidth=size.line_pt, zorder=1)
    steps = range(ceil(log(peak / right, BANDWIDTH_STEP)), floor(log(peak / left, BANDWIDTH_STEP)) + 1)
    told: list[Box] = []
    shown = [bandwidth] if bandwidth else [float(BANDWIDTH_STEP) ** step for step in steps]
    for values in shown:
        style = "-" if bandwidth else ":"
        corner = peak / values
        axes.plot(
            [left, corner], [values * left, peak], color=INK if bandwidth else MUTED, linestyle=style,
            linewidth=(1.0 if bandwidth else 0.7) * size.line_pt, zorder=1,
        )  # fmt: skip
        if left < corner < right:
            told.append((corner / 1.3, peak, corner * 1.3, 2 * peak))
            axes.annotate(
                f"{values:,.0f}" if values >= 1 else f"{values:.3g}",
                xy=(corner, peak),
                xytext=(0, 2),
                textcoords="offset points",
                ha="center",
                fontsize=size.font_pt - 1,
                color=INK,
            )
    return told


def _legend(figure: Figure, rows: Sequence[LayerRow], size: Size) -> None:
    from matplotlib.lines import Line2D

    networks = {row.role: row.network for row in rows}
    entries: list[Entry] = [
        (title_of("base" if role == "base" else "generator", networks[role]), (dot(*mark, size),))
        for role, mark in MARKS.items()
        if role in networks
    ]
    line = Line2D([], [], color=MUTED, linestyle=":", linewidth=0.7 * size.line_pt)
    entries.append(("values a cycle from or to DRAM", (line,)))
    legend(figure, None, [entries], size, columns=len(entries))
