"""How every plot looks: sizes, fonts, and colours and markers that tell combinations apart in grey too.

A base model has a marker, a generator a colour: networks of a kind share a colour, whose lightness
differs from the others', and every second of them carries a white dot.
"""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from neuralfuse.registry import BASES, GENERATORS, NO_GENERATOR
from nfenergy.ground import figures

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

MARKERS = ("o", "s", "^", "D", "v", "P", "X", "h", "<", ">")
COLOURS = ("#123a6f", "#b5431f", "#c48a0a", "#26917f", "#644a80")
"""Dark blue, vermilion, ochre and two more: apart for all colour visions, and the first from dark to light;
each has a contrast of 3 to 1 with white."""
Dashes = Literal["-"] | tuple[float, tuple[float, ...]]

DASHES: tuple[Dashes, ...] = (
    "-",
    (0, (5, 1.5)),
    (0, (1, 1)),
    (0, (4, 1, 1, 1)),
    (0, (2, 1)),
    (0, (6, 1, 1, 1, 1, 1)),
)
PAPER = BASELINE_COLOUR = "#ffffff"
INK, MUTED, FAINT = "#1a1a1a", "#6b6b6b", "#c8c8c8"
SHADE, KEY, BAR = "#ededed", "#9a9a9a", "#8f8f8f"
"""Grounds, marks in a legend that stand for a shape alone, and error bars."""
EDGE = "#1b1b1b"
"""Around and across coloured areas, which are bright where the page is dark."""
TEXTS = ("#000001", "#fffffe")
"""Of texts on coloured cells, which stay as they are where the page is dark."""
PALE = ("#dfe3e8", "#c9b3d4")

DARK: dict[str, str] = {
    PAPER: "#15181d",
    INK: "#e8e8e8",
    MUTED: "#adb2ba",
    FAINT: "#3a414b",
    SHADE: "#262b33",
    KEY: "#7d8590",
    BAR: "#8f96a1",
    PALE[0]: "#aab2bd",
    **dict(zip(COLOURS, ("#7db4f0", "#f08a60", "#f2c14e", "#4cc9b8", "#c39bd3"), strict=True)),
}
"""What a colour becomes on a dark page; others stay, such as the cells of a heat map with their text."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Size:
    """Where a figure goes: its width and the size of its text and marks.

    Attributes:
        name: as users type it.
        width_in, height_in: the usual size in inches; a plot with many rows may take more height, up
            to `max_height_in`.
        font_pt: text; the smallest is a point or so less.
        marker_pt: diameter of a marker.
        line_pt: width of a line.
    """

    name: str
    width_in: float
    height_in: float
    max_height_in: float
    font_pt: float
    marker_pt: float
    line_pt: float


SIZES: dict[str, Size] = {
    "column": Size(
        name="column",
        width_in=3.5,
        height_in=2.9,
        max_height_in=9.0,
        font_pt=7.0,
        marker_pt=4.5,
        line_pt=0.9,
    ),
    "slide": Size(
        name="slide",
        width_in=10.0,
        height_in=5.6,
        max_height_in=5.6,
        font_pt=13.0,
        marker_pt=9.0,
        line_pt=1.8,
    ),
    "page": Size(
        name="page",
        width_in=7.4,
        height_in=4.6,
        max_height_in=11.0,
        font_pt=9.0,
        marker_pt=7.0,
        line_pt=1.3,
    ),
}
"""A journal's single column, a slide, and the page of ``nfenergy report``."""
COLUMN = SIZES["column"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """The mark of one combination."""

    marker: str
    colour: str
    dotted: bool
    dashes: Dashes


def look(base: str, generator: str) -> Look:
    """Marker by base model, colour and dot by generator, in the order of `names`; others come after."""
    base_index = _index(BASES, base)
    if generator == NO_GENERATOR:
        return Look(
            marker=MARKERS[base_index % len(MARKERS)], colour=BASELINE_COLOUR, dotted=False, dashes="-"
        )
    index = _index(GENERATORS, generator)
    return Look(
        marker=MARKERS[base_index % len(MARKERS)],
        colour=COLOURS[index // 2 % len(COLOURS)],
        dotted=bool(index % 2),
        dashes=DASHES[index % len(DASHES)],
    )


def ordered(found: Iterable[str], known: Iterable[str]) -> list[str]:
    """`found` in the order of `known`; others after them by name."""
    order = {name: index for index, name in enumerate(known)}
    return sorted(found, key=lambda name: (order.get(name, len(order)), name))


def _index(known: Iterable[str], name: str) -> int:
    names = list(known)
    return names.index(name) if name in names else len(names)


def luminance(colour: str) -> float:
    """Relative luminance as WCAG 2 defines it, 0 black to 1 white."""
    from matplotlib.colors import to_rgb

    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in to_rgb(colour)]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(first: str, second: str) -> float:
    """Contrast ratio of two colours as WCAG 2 defines it, 1 to 21."""
    low, high = sorted((luminance(first), luminance(second)))
    return (high + 0.05) / (low + 0.05)


def text_on(ground: str) -> str:
    """Near black or near white, whichever has more contrast: at least 4.5, whatever the ground."""
    return max(TEXTS, key=lambda text: contrast(text, ground))


def settings(size: Size) -> figures.Settings:
    """Matplotlib's settings for a figure of this size."""
    small = size.font_pt - (2.0 if size.font_pt > 10 else 1.0)
    texts = ("font.size", "axes.titlesize", "axes.labelsize", "figure.titlesize")
    inked = ("axes.edgecolor", "axes.labelcolor", "text.color", "xtick.color", "ytick.color")
    thin = ("axes.linewidth", "xtick.major.width", "ytick.major.width")
    return {
        "font.family": "sans-serif",
        "font.sans-serif": ["DejaVu Sans"],
        **dict.fromkeys(texts, size.font_pt),
        **dict.fromkeys(("xtick.labelsize", "ytick.labelsize", "legend.fontsize"), small),
        **dict.fromkeys(thin, 0.6 * size.line_pt),
        **dict.fromkeys(inked, INK),
        "lines.linewidth": size.line_pt,
        "lines.markersize": size.marker_pt,
        "hatch.linewidth": 0.5,
        "figure.dpi": 72,
    }


def drawing(size: Size) -> AbstractContextManager[None]:
    """Matplotlib's settings for a figure of this size, while it is made and while it is saved."""
    return figures.drawing(settings(size))


def new_figure(size: Size, height_in: float | None = None) -> Figure:
    """An empty figure, one inch 72 units; call within `drawing`."""
    return figures.new_figure(size.width_in, min(height_in or size.height_in, size.max_height_in))


def mark(
    axes: Axes, x: float, y: float, look_: Look, size: Size, *, gid: str = "", zorder: float = 3
) -> None:
    """Draw one combination's mark; `gid` becomes the id of the SVG group, for a text on hover."""
    area = size.marker_pt**2
    artist = axes.scatter(
        [x],
        [y],
        s=area,
        marker=look_.marker,
        facecolor=look_.colour,
        edgecolor=INK if look_.colour == BASELINE_COLOUR else EDGE,
        linewidth=0.5 * size.line_pt,
        zorder=zorder,
    )
    if gid:
        artist.set_gid(gid)
    if look_.dotted:
        axes.scatter([x], [y], s=0.14 * area, marker="o", facecolor="white", linewidth=0, zorder=zorder + 0.1)


def figure_bytes(figure: Figure, size: Size, format_: str) -> bytes:
    """The figure as a file of one of `figures.FORMATS`; the same figure gives the same bytes."""
    return figures.figure_bytes(figure, settings(size), format_)


def save(figure: Figure, size: Size, path: Path) -> None:
    """Write the figure in the format that the suffix of `path` names; see `nfenergy.ground.figures.save`."""
    figures.save(figure, settings(size), path)
