"""Where the texts of a figure lie, as matplotlib draws them."""

from __future__ import annotations

from itertools import combinations

from matplotlib.axis import Axis
from matplotlib.figure import Figure
from matplotlib.text import Annotation, Text
from matplotlib.transforms import Bbox

from reports.plots.style import Size, drawing


def text_boxes(figure: Figure, size: Size) -> list[tuple[str, Bbox]]:
    """Every text that is drawn, with its box in units of 1/72 inch."""
    with drawing(size):
        figure.draw_without_rendering()
        renderer = figure.canvas.get_renderer()  # type: ignore[attr-defined]
        hidden = _undrawn_tick_labels(figure)
        return [
            (text.get_text(), Text.get_window_extent(text, renderer))
            for text in figure.findobj(Text)
            if isinstance(text, Text)
            and text.get_text().strip()
            and text.get_visible()
            and (text.axes is None or text.axes.get_visible())
            and text not in hidden
        ]


def overlapping(boxes: list[tuple[str, Bbox]]) -> list[tuple[str, str]]:
    """Pairs of texts whose boxes overlap by more than a hair."""
    shrunk = [(text, box.padded(-0.75)) for text, box in boxes]
    return [(a, b) for (a, x), (b, y) in combinations(shrunk, 2) if x.overlaps(y)]


def clipped(figure: Figure, boxes: list[tuple[str, Bbox]]) -> list[str]:
    """Texts that leave the figure."""
    frame = figure.bbox.padded(0.75)
    return [
        text
        for text, box in boxes
        if box.x0 < frame.x0 or box.y0 < frame.y0 or box.x1 > frame.x1 or box.y1 > frame.y1
    ]


def _undrawn_tick_labels(figure: Figure) -> set[Text]:
    """Tick labels beyond the axis limits, or switched off, exist but are not drawn."""
    hidden: set[Text] = set()
    for axis in figure.findobj(Axis):
        assert isinstance(axis, Axis)
        low, high = sorted(axis.get_view_interval())
        for tick in [*axis.get_major_ticks(), *axis.get_minor_ticks()]:
            outside = not low <= tick.get_loc() <= high
            hidden |= {
                label
                for label in (tick.label1, tick.label2)
                if outside or not axis.axes.get_visible() or not axis.axes.axison
            }
    return hidden


def annotations(figure: Figure) -> list[str]:
    """Texts of the direct labels."""
    return [text.get_text() for text in figure.findobj(Annotation) if text.get_text()]  # type: ignore[attr-defined]
