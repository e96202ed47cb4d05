"""Figures of the training module: t-SNE of outputs, transformed inputs; how any of them is written."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, ParamSpec

import numpy as np
from numpy.typing import NDArray

from nfenergy.ground.figures import drawing, new_figure, save

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

DPI = 200
SETTINGS: Mapping[str, object] = {"font.size": 8, "axes.titlesize": 8, "figure.titlesize": 8}

P = ParamSpec("P")


def drawn(draw: Callable[P, Figure]) -> Callable[P, Figure]:
    """Draw under `SETTINGS`."""

    @wraps(draw)
    def with_settings(*args: P.args, **kwargs: P.kwargs) -> Figure:
        with drawing(SETTINGS):
            return draw(*args, **kwargs)

    return with_settings


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Panel:
    """One t-SNE map.

    Attributes:
        title: above it.
        points: (n, 2).
        labels: (n,) true classes.
    """

    title: str
    points: NDArray[np.float64]
    labels: NDArray[np.int64]


@drawn
def embedding_figure(
    panels: Sequence[Panel], *, columns: int = 2, class_names: Sequence[str] = (), caption: str = ""
) -> Figure:
    """t-SNE maps side by side, points coloured by true class; up to 20 classes have a colour each.

    Classes are called by `class_names`, where there are any; `caption` stands above all maps.
    """
    rows = -(-len(panels) // columns)
    figure = new_figure(2.4 * columns, 2.3 * rows + 0.3)
    classes = sorted({int(label) for panel in panels for label in panel.labels})
    colours = _class_colours(len(classes))
    for number, panel in enumerate(panels):
        axes = figure.add_subplot(rows, columns, number + 1)
        for index, label in enumerate(classes):
            chosen = panel.points[panel.labels == label]
            colour = colours[index % len(colours)]
            name = class_names[label] if label < len(class_names) else str(label)
            axes.scatter(chosen[:, 0], chosen[:, 1], s=5, color=colour, linewidths=0, label=name)
        axes.set_title(f"({chr(97 + number)}) {panel.title}", loc="left")
        axes.set_xticks([])
        axes.set_yticks([])
        axes.spines[:].set_visible(True)
        axes.spines[:].set_color("#c8c8c8")
    if len(classes) <= 20:
        handles, labels = figure.axes[0].get_legend_handles_labels()
        figure.legend(handles, labels, loc="outside lower center", ncols=5, title="class", markerscale=2)
    if caption:
        figure.suptitle(caption)
    return figure


@drawn
def image_grid(grid: Mapping[str, NDArray[np.float32]], titles: Sequence[str]) -> Figure:
    """Images in rows (the input, then each generator) and columns.

    Args:
        grid: row title -> images of shape (columns, 3, H, W) in [-1, 1].
        titles: of the columns.
    """
    columns = len(titles)
    figure = new_figure(0.75 * columns + 0.9, 0.78 * len(grid) + 0.3)
    for row, (name, images) in enumerate(grid.items()):
        for column in range(columns):
            axes = figure.add_subplot(len(grid), columns, row * columns + column + 1)
            axes.imshow(np.clip((images[column].transpose(1, 2, 0) + 1.0) / 2.0, 0.0, 1.0))
            axes.set_xticks([])
            axes.set_yticks([])
            axes.spines[:].set_visible(False)
            if row == 0:
                axes.set_title(titles[column])
            if column == 0:
                axes.set_ylabel(name, rotation=0, ha="right", va="center")
    return figure


def save_figure(figure: Figure, path: Path) -> None:
    """Write a figure whole, in the format that the suffix names; see `nfenergy.ground.figures.save`."""
    save(figure, SETTINGS, path, dpi=DPI)


def _class_colours(classes: int) -> Sequence[tuple[float, ...]]:
    import matplotlib as mpl

    palette = mpl.colormaps["tab10" if classes <= 10 else "tab20"]
    return [tuple(palette(index)) for index in range(palette.N)]


def panels(figure: Figure, count: int) -> list[Axes]:
    """So many axes side by side."""
    return [figure.add_subplot(1, count, number + 1) for number in range(count)]
