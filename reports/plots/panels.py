"""Small multiples: a panel a base model, and the legend in the cell that is left over."""

from __future__ import annotations

from collections.abc import Sequence
from math import ceil
from typing import TYPE_CHECKING, Any

from reports.plots.style import BASELINE_COLOUR, EDGE, INK, KEY, Look, Size

if TYPE_CHECKING:
    from matplotlib.artist import Artist
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.lines import Line2D

Entry = tuple[str, "tuple[Artist, ...]"]
"""A title in a legend, and what is drawn before it."""
MOST_ROWS = 24
"""Of a legend."""


def panel_columns(count: int, size: Size) -> int:
    """Panels side by side."""
    widest = {"column": 2, "page": 3}.get(size.name, 3 if count <= 6 else 5)
    return min(count, widest)


def panels_height_in(count: int, size: Size) -> float:
    """Height of a figure of so many panels."""
    rows = ceil(count / panel_columns(count, size))
    if size.max_height_in == size.height_in or rows == 1:
        return size.height_in
    return min(size.max_height_in, 0.6 + {"column": 1.6}.get(size.name, 2.5) * rows)


def panels(figure: Figure, count: int, size: Size) -> tuple[list[Axes], Axes | None]:
    """Panels with common axes, tick labels below the last of each column, and the first cell left over."""
    columns = panel_columns(count, size)
    rows = ceil(count / columns)
    cells = figure.subplots(rows, columns, sharex=True, sharey=True, squeeze=False)
    used, free = list(cells.flat[:count]), list(cells.flat[count:])
    for axes in free:
        axes.set_axis_off()
    for axes in used[-columns:]:
        axes.tick_params(labelbottom=True)
    return used, free[0] if free else None


def legend(
    figure: Figure,
    free: Axes | None,
    blocks: Sequence[Sequence[Entry]],
    size: Size,
    *,
    x_title: str = "",
    rows: int = 3,
    columns: int | None = None,
) -> None:
    """Below the panels, each block from a new column on, or in `free` under one another.

    Args:
        figure, free: see `panels`.
        blocks: entries that belong together.
        size: of text.
        x_title: of the axis that the panels have in common, which stands between them and the legend.
        rows: of the legend below the panels, and more where they do not fit beside each other.
        columns: of that legend, and fewer likewise; entries then follow each other.
    """
    from matplotlib.legend_handler import HandlerTuple

    told: dict[str, Any] = {"handletextpad": 0.4, "columnspacing": 1.0, "labelspacing": 0.35}
    told["handler_map"] = {tuple: HandlerTuple(ndivide=1, pad=0.0)}
    filled = [block for block in blocks if block]
    if free is not None:
        figure.supxlabel(x_title, fontsize=size.font_pt)
        entries = [entry for block in filled for entry in block]
        told |= {"loc": "center", "borderpad": 0.0, "ncols": 2 if len(entries) > 12 else 1}
        free.legend([entry[1] for entry in entries], [entry[0] for entry in entries], **told)
        return
    if columns is None:
        for height in range(rows, MOST_ROWS):
            entries = [entry for block in filled for entry in _padded(block, height)]
            if _width_pt(entries, height, size) <= 72 * size.width_in:
                break
        columns = len(entries) // height
    else:
        entries = [entry for block in filled for entry in block]
        while columns > 1 and _width_pt(entries, ceil(len(entries) / columns), size) > 72 * size.width_in:
            columns -= 1
    if x_title:
        told |= {"title": x_title, "title_fontsize": size.font_pt, "borderaxespad": 0.2}
    told |= {"handles": [entry[1] for entry in entries], "labels": [entry[0] for entry in entries]}
    figure.legend(loc="outside lower center", ncols=columns, **told)


def _width_pt(entries: Sequence[Entry], rows: int, size: Size) -> float:
    """Of a legend with so many rows, filled column by column; DejaVu Sans is 0.6 of its size wide."""
    small = size.font_pt - (2.0 if size.font_pt > 10 else 1.0)
    columns = [entries[start : start + rows] for start in range(0, len(entries), rows)]
    longest = [max(len(title) for title, _ in column) for column in columns]
    return sum(0.6 * small * length + 3.6 * small for length in longest)


def _padded(entries: Sequence[Entry], rows: int) -> list[Entry]:
    """Filled up to whole columns, so that the next block begins a new one."""
    from matplotlib.lines import Line2D

    return [*entries, *((("", (Line2D([], [], linestyle="none"),)),) * (-len(entries) % rows))]


def mark_entry(title: str, style: Look, size: Size, *, marker: str | None = None) -> Entry:
    """The mark of a combination in a legend."""
    dots = [dot(marker or style.marker, style.colour, size)]
    if style.dotted:
        dots.append(dot("o", "white", size, inner=True))
    return title, tuple(dots)


def shape_entry(title: str, marker: str, size: Size) -> Entry:
    """A shape of marks in a legend, whatever their colour."""
    return title, (dot(marker, KEY, size),)


def dot(marker: str, colour: str, size: Size, *, inner: bool = False) -> Line2D:
    """A mark, or the white dot within one."""
    from matplotlib.lines import Line2D

    return Line2D(
        [],
        [],
        linestyle="none",
        marker=marker,
        markersize=(0.37 if inner else 1.0) * size.marker_pt,
        markerfacecolor=colour,
        markeredgecolor=INK if colour == BASELINE_COLOUR else EDGE,
        markeredgewidth=0.0 if inner else 0.5 * size.line_pt,
    )
