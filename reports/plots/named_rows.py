"""Panels that share rows with names, in bands below each other and blocks beside each other as room asks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import ceil
from typing import TYPE_CHECKING

from reports.plots.style import FAINT, Size

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

ROW_IN = 0.125
"""Least height of a row at text of 7 points."""
BAND_IN = 0.62
"""Height of the axis below a band of panels, likewise."""
LETTER = 0.6
"""Width of a letter of DejaVu Sans, of its size."""
SMALLEST = 5
"""Tenths of the usual text that crowded rows may be written in."""
MOST_BLOCKS = 4
NAMES = 0.42
"""Most of the width that names of rows take."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RowLayout:
    """How rows fit into a figure.

    Attributes:
        size: of its text, which may be smaller than was asked for.
        height_in: of the figure.
        bands: panels beside each other, by number; each band has all rows of a block.
        blocks: first row of each block and the one after its last.
    """

    size: Size
    height_in: float
    bands: tuple[tuple[int, ...], ...]
    blocks: tuple[tuple[int, int], ...]

    @property
    def longest(self) -> int:
        return max(end - start for start, end in self.blocks)


@dataclass(frozen=True, slots=True, kw_only=True)
class RowPanel:
    """Some rows of one panel: row `start` lies at 0, those below it at 1 and so on."""

    axes: Axes
    panel: int
    start: int
    end: int


def row_layout(
    names: Sequence[str], widths_in: Sequence[float], size: Size, *, head_in: float, row_in: float = ROW_IN
) -> RowLayout:
    """The largest text, then the fewest blocks, that the rows fit in; else a figure as high as it takes.

    Args:
        names: of the rows.
        widths_in: least widths of the panels at 7 pt text.
        size: where the figure goes.
        head_in: height of title, legend and so on at 7 pt text.
        row_in: wanted height of a row, likewise, which `ROW_IN` takes the place of where it must.
    """
    found = None
    for tenths in range(10, SMALLEST - 1, -1):
        scale = tenths / 10
        text = replace(size, font_pt=scale * size.font_pt, marker_pt=scale * size.marker_pt)
        unit = text.font_pt / 7.0
        for blocks in range(1, MOST_BLOCKS + 1):
            rows = ceil(len(names) / blocks)
            room = size.width_in / blocks - unit * LETTER * 6.0 * (max(map(len, names)) + 3) / 72.0
            bands = _bands([unit * width for width in widths_in], room)
            if bands is None or rows * (blocks - 1) >= len(names):
                break
            least, wanted = (
                unit * (head_in + len(bands) * (rows * height + BAND_IN)) for height in (ROW_IN, row_in)
            )
            height_in = max(least, min(wanted, size.max_height_in))
            starts = range(0, len(names), rows)
            layout = RowLayout(
                size=replace(text, max_height_in=height_in),
                height_in=height_in,
                bands=bands,
                blocks=tuple((start, min(start + rows, len(names))) for start in starts),
            )
            if least <= size.max_height_in:
                return layout
            if found is None or layout.height_in < found.height_in:
                found = layout
    assert found is not None
    return found


def short_names(names: Sequence[str], size: Size) -> list[str]:
    """Names of which long ones begin with an ellipsis, so that panels have room beside them."""
    most = int(NAMES * 72 * size.width_in / (LETTER * (size.font_pt - 1)))
    return [name if len(name) <= most else f"…{name[1 - most :]}" for name in names]


def _bands(widths_in: Sequence[float], room_in: float) -> tuple[tuple[int, ...], ...] | None:
    """Panels that fit beside each other, evenly where that fits; None where one alone does not."""
    bands: list[list[int]] = []
    for panel, width in enumerate(widths_in):
        if width > room_in:
            return None
        if not bands or sum(widths_in[other] for other in bands[-1]) + width > room_in:
            bands.append([])
        bands[-1].append(panel)
    each = ceil(len(widths_in) / len(bands))
    even = [list(range(len(widths_in)))[start : start + each] for start in range(0, len(widths_in), each)]
    if all(sum(widths_in[panel] for panel in band) <= room_in for band in even):
        bands = even
    return tuple(map(tuple, bands))


def row_panels(
    figure: Figure, names: Sequence[str], widths_in: Sequence[float], layout: RowLayout
) -> list[RowPanel]:
    """The panels of all bands and blocks, with the names of the rows before the first of each."""
    grid = figure.add_gridspec(len(layout.bands), len(layout.blocks))
    found = []
    for place, band in enumerate(layout.bands):
        for block, (start, end) in enumerate(layout.blocks):
            # Bands of fewer panels take the whole width, too: a last panel alone is no narrow one.
            cells = grid[place, block].subgridspec(1, len(band), width_ratios=[widths_in[n] for n in band])
            first = None
            for column, panel in enumerate(band):
                axes = figure.add_subplot(cells[0, column], sharey=first)
                if first is None:
                    first = axes
                    axes.set_yticks(range(end - start), names[start:end])
                    axes.set_ylim(layout.longest - 0.4, -0.6)
                axes.tick_params(axis="y", length=0, labelleft=column == 0)
                axes.grid(axis="x", color=FAINT, linewidth=0.3)
                axes.set_axisbelow(True)
                found.append(RowPanel(axes=axes, panel=panel, start=start, end=end))
    return found


def share_x(panels: Sequence[RowPanel], panel: int) -> None:
    """One extent for all blocks of a panel."""
    own = [found.axes for found in panels if found.panel == panel]
    low = min(axes.get_xlim()[0] for axes in own)
    high = max(axes.get_xlim()[1] for axes in own)
    for axes in own:
        axes.set_xlim(low, high)
