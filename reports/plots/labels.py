"""Direct labels that touch neither each other nor the marks.

Each label tries places around its mark, near ones first. Labels are placed one after the other and
then re-placed in turn, which frees most of the knots that the first round ties. A label that finds no
free place is left out: a legend must cover it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import cos, hypot, pi, sin
from typing import TYPE_CHECKING

from reports.plots.style import MUTED, PAPER, Size

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.backends.backend_agg import RendererAgg

DIRECTIONS = 24
ROUNDS = 4
NEAR_PT = 2.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Label:
    """A text for a mark, in the axes' data coordinates.

    Attributes:
        x, y: the mark.
        text: what to write; empty for a mark that only must not be covered.
        bold: set in bold.
    """

    x: float
    y: float
    text: str
    bold: bool = False


Box = tuple[float, float, float, float]
"""Left, bottom, right, top; for a line its two ends."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Place:
    """A label's box and its leader, in display units of 1/72 inch; cost is soft."""

    box: Box
    cost: float
    leader: Box | None


def place_labels(
    axes: Axes,
    labels: Sequence[Label],
    size: Size,
    *,
    avoid: Sequence[Box] = (),
    soft: Sequence[Box] = (),
    mark_scale: float = 1.0,
) -> list[Label]:
    """Write the labels into `axes`, whose limits must be final, and fix the figure's layout.

    Args:
        axes: where the marks are.
        labels: earlier ones choose first.
        size: of text and marks.
        avoid: rectangles (x0, y0, x1, y1) in data coordinates that no label may cover.
        soft: such rectangles that a label covers only where there is no other place (error bars).
        mark_scale: diameter of the marks relative to the usual one.

    Returns:
        The labels that found no place.
    """
    figure = axes.get_figure(root=True)
    assert figure is not None
    figure.draw_without_rendering()
    figure.set_layout_engine("none")
    renderer: RendererAgg = figure.canvas.get_renderer()  # type: ignore[attr-defined]
    font_pt = size.font_pt - (2.0 if size.font_pt > 10 else 1.0)
    extents = [_extent(axes, label, font_pt, renderer) for label in labels]
    mark_pt = mark_scale * size.marker_pt
    hard = [_mark_box(axes, label, mark_pt) for label in labels]
    hard += [_display_box(axes, rectangle) for rectangle in avoid]
    weak = [_display_box(axes, rectangle) for rectangle in soft]
    frame = axes.get_window_extent()
    bounds = (frame.x0, frame.y0, frame.x1, frame.y1)
    options = [
        _places(axes, label, extent, mark_pt, bounds, hard, weak)
        for label, extent in zip(labels, extents, strict=True)
    ]
    chosen = _choose(options)
    for label, place in zip(labels, chosen, strict=True):
        if place is not None and label.text:
            _write(axes, label, place, font_pt, size)
    return [label for label, place in zip(labels, chosen, strict=True) if place is None and label.text]


def _choose(options: Sequence[Sequence[_Place]]) -> list[_Place | None]:
    chosen: list[_Place | None] = [None] * len(options)
    for _ in range(ROUNDS):
        for index, places in enumerate(options):
            others = [place for other, place in enumerate(chosen) if other != index and place is not None]
            chosen[index] = next((place for place in places if not _collides(place, others)), None)
    return chosen


def _collides(place: _Place, others: Sequence[_Place]) -> bool:
    return any(
        _overlap(place.box, other.box)
        or (other.leader is not None and _crosses(other.leader, place.box))
        or (place.leader is not None and _crosses(place.leader, other.box))
        for other in others
    )


def _places(
    axes: Axes,
    label: Label,
    extent: tuple[float, float],
    mark_pt: float,
    bounds: Box,
    hard: Sequence[Box],
    weak: Sequence[Box],
) -> list[_Place]:
    """Free places for one label, whatever the other labels do; the best first."""
    if not label.text:
        return []
    x, y = axes.transData.transform((label.x, label.y)).tolist()
    width, height = extent
    own = (x, y, x, y)
    found = []
    for step in range(9):
        gap = mark_pt / 2 + NEAR_PT + step * 0.7 * height
        for direction in range(DIRECTIONS):
            angle = 2 * pi * direction / DIRECTIONS
            # From the mark to the label's centre: an ellipse that keeps the box at the gap.
            centre_x = x + cos(angle) * (gap + width / 2)
            centre_y = y + sin(angle) * (gap + height / 2)
            box = (centre_x - width / 2, centre_y - height / 2, centre_x + width / 2, centre_y + height / 2)
            if not _inside(box, bounds) or any(_overlap(box, other) for other in hard):
                continue
            leader = _leader(x, y, box) if step else None
            if leader is not None and sum(_crosses(leader, other) for other in hard) > 1:
                continue
            cost = gap + (0.0 if abs(sin(angle)) < 0.3 else 2.0)
            cost += 12.0 * sum(_overlap(box, other) for other in weak)
            cost += 4.0 * sum(_distance(box, other) < _distance(box, own) - mark_pt for other in hard)
            found.append(_Place(box=box, cost=cost, leader=leader))
    return sorted(found, key=lambda place: place.cost)


def _leader(x: float, y: float, box: Box) -> Box:
    left, bottom, right, top = box
    return x, y, min(max(x, left), right), min(max(y, bottom), top)


def _distance(a: Box, b: Box) -> float:
    """Between the edges of two boxes; 0 where they overlap."""
    return hypot(max(a[0] - b[2], b[0] - a[2], 0.0), max(a[1] - b[3], b[1] - a[3], 0.0))


def _overlap(a: Box, b: Box) -> bool:
    return a[0] < b[2] and b[0] < a[2] and a[1] < b[3] and b[1] < a[3]


def _crosses(line: Box, box: Box) -> bool:
    """Whether a line runs through a box, looked at every 1/72 inch."""
    x0, y0, x1, y1 = line
    left, bottom, right, top = box
    if max(x0, x1) < left or min(x0, x1) > right or max(y0, y1) < bottom or min(y0, y1) > top:
        return False
    steps = max(2, int(hypot(x1 - x0, y1 - y0)))
    return any(
        left <= x0 + (x1 - x0) * step / steps <= right and bottom <= y0 + (y1 - y0) * step / steps <= top
        for step in range(steps)
    )


def _inside(box: Box, bounds: Box) -> bool:
    return box[0] >= bounds[0] and box[1] >= bounds[1] and box[2] <= bounds[2] and box[3] <= bounds[3]


def _extent(axes: Axes, label: Label, font_pt: float, renderer: RendererAgg) -> tuple[float, float]:
    text = axes.text(0, 0, label.text, fontsize=font_pt, fontweight=_weight(label))
    box = text.get_window_extent(renderer)
    text.remove()
    return box.width + 1.0, box.height + 0.5


def _mark_box(axes: Axes, label: Label, mark_pt: float) -> Box:
    x, y = axes.transData.transform((label.x, label.y)).tolist()
    half = mark_pt / 2 + 0.5
    return x - half, y - half, x + half, y + half


def _display_box(axes: Axes, rectangle: Box) -> Box:
    x0, y0, x1, y1 = rectangle
    (left, bottom), (right, top) = axes.transData.transform([(x0, y0), (x1, y1)]).tolist()
    return min(left, right) - 0.4, min(bottom, top) - 0.4, max(left, right) + 0.4, max(bottom, top) + 0.4


def _weight(label: Label) -> str:
    return "bold" if label.bold else "normal"


def _write(axes: Axes, label: Label, place: _Place, font_pt: float, size: Size) -> None:
    x, y = axes.transData.transform((label.x, label.y)).tolist()
    left, bottom, right, top = place.box
    if place.leader is not None:
        line = axes.annotate(
            "",
            xy=(label.x, label.y),
            xytext=(place.leader[2] - x, place.leader[3] - y),
            textcoords="offset points",
            arrowprops={"arrowstyle": "-", "color": MUTED, "linewidth": 0.35 * size.line_pt, "shrinkA": 0},
            zorder=2.5,
        )
        line.set_in_layout(False)
    text = axes.annotate(
        label.text,
        xy=(label.x, label.y),
        xytext=((left + right) / 2 - x, (bottom + top) / 2 - y),
        textcoords="offset points",
        ha="center",
        va="center",
        fontsize=font_pt,
        fontweight=_weight(label),
        zorder=5,
        bbox={"facecolor": PAPER, "edgecolor": "none", "alpha": 0.8, "pad": 0.2},
    )
    text.set_in_layout(False)
