"""Figures of the training module: accuracy by bit error rate, t-SNE of outputs, transformed inputs.

Colours are those of Okabe and Ito, told apart with every colour vision; lines carry markers and dashes
as well, for prints in grey.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, ParamSpec

import numpy as np
from numpy.typing import NDArray

from neuralfuse.accuracy import Accuracy
from neuralfuse.accuracy_labels import base_labels, generator_labels
from nfenergy.ground.errors import InputError
from nfenergy.ground.figures import drawing, new_figure, save
from nfenergy.ground.rates import percent_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

COLOURS = ("#000000", "#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#999933")
MARKERS = ("o", "s", "^", "D", "v", "P", "X", "*")
DASHES = ("--", "-", "-.", ":", (0, (5, 1)), (0, (3, 1, 1, 1)), (0, (1, 1)), (0, (7, 2)))
DPI = 200
SETTINGS: Mapping[str, object] = {"font.size": 8, "axes.titlesize": 8}

P = ParamSpec("P")


def _drawn(draw: Callable[P, Figure]) -> Callable[P, Figure]:
    """Draw under `SETTINGS`."""

    @wraps(draw)
    def drawn(*args: P.args, **kwargs: P.kwargs) -> Figure:
        with drawing(SETTINGS):
            return draw(*args, **kwargs)

    return drawn


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


@_drawn
def accuracy_figure(rows: Sequence[Accuracy]) -> Figure:
    """Perturbed accuracy against bit error rate, one panel a base as it was trained, one line a generator.

    The band is one standard deviation over the chips on each side, cut at 0 and 100 %.

    Raises:
        InputError: there are no rows, rows of several fault models, data sets or numbers of bits, or two
            rows that would be one point.
    """
    labels = dict(zip(rows, base_labels(rows), strict=True))
    _check_one_measurement(rows, labels)
    bases = list(dict.fromkeys(labels.values()))
    figure = new_figure(3.5 * len(bases), 2.8)
    for axes, base in zip(_columns(figure, len(bases)), bases, strict=True):
        own = [row for row in rows if labels[row] == base]
        _accuracy_lines(axes, own)
        clean = own[0].base_clean_percent
        axes.set_title(f"{base}\non {own[0].dataset}, {clean:.1f} % without bit errors", loc="left")
        axes.set_xlabel(f"bit error rate (%), {own[0].fault_model}, {own[0].weight_bits}-bit weights")
        axes.set_ylabel(f"accuracy (%), {len(own[0].seeds.split())} test chips")
    return figure


@_drawn
def embedding_figure(panels: Sequence[Panel], *, columns: int = 2) -> Figure:
    """t-SNE maps side by side, points coloured by true class; up to 20 classes have a colour each."""
    rows = -(-len(panels) // columns)
    figure = new_figure(2.4 * columns, 2.3 * rows + 0.3)
    classes = sorted({int(label) for panel in panels for label in panel.labels})
    colours = _class_colours(len(classes))
    for number, panel in enumerate(panels):
        axes = figure.add_subplot(rows, columns, number + 1)
        for index, label in enumerate(classes):
            chosen = panel.points[panel.labels == label]
            colour = colours[index % len(colours)]
            axes.scatter(chosen[:, 0], chosen[:, 1], s=5, color=colour, linewidths=0, label=str(label))
        axes.set_title(f"({chr(97 + number)}) {panel.title}", loc="left")
        axes.set_xticks([])
        axes.set_yticks([])
        axes.spines[:].set_visible(True)
        axes.spines[:].set_color("#c8c8c8")
    if len(classes) <= 20:
        handles, labels = figure.axes[0].get_legend_handles_labels()
        figure.legend(handles, labels, loc="outside lower center", ncols=5, title="class", markerscale=2)
    return figure


@_drawn
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


def _accuracy_lines(axes: Axes, rows: Sequence[Accuracy]) -> None:
    labels = dict(zip(rows, generator_labels(rows), strict=True))
    for number, generator in enumerate(dict.fromkeys(labels.values())):
        chosen = sorted((row for row in rows if labels[row] == generator), key=lambda row: row.bit_error_rate)
        x = np.array([percent_of(row.bit_error_rate) for row in chosen])
        mean = np.array([row.perturbed_percent for row in chosen])
        std = np.array([row.perturbed_std_percent for row in chosen])
        style = number % len(COLOURS)
        axes.fill_between(
            x, (mean - std).clip(0), (mean + std).clip(max=100), color=COLOURS[style], alpha=0.13, linewidth=0
        )
        axes.plot(
            x,
            mean,
            color=COLOURS[style],
            marker=MARKERS[style],
            linestyle=DASHES[style],
            markersize=4,
            linewidth=1.2,
            label=generator,
        )
    axes.set_xscale("log")
    ticks = sorted({percent_of(row.bit_error_rate) for row in rows})
    axes.set_xticks(ticks, [f"{tick:g}" for tick in ticks])
    axes.minorticks_off()
    axes.set_ylim(0, 102)
    axes.grid(axis="y", color="#e4e4e4", linewidth=0.6)
    axes.set_axisbelow(True)
    axes.legend(loc="lower left")


def _check_one_measurement(rows: Sequence[Accuracy], labels: Mapping[Accuracy, str]) -> None:
    if not rows:
        raise InputError("no accuracies to draw")
    kinds = {(row.dataset, row.fault_model, row.weight_bits, row.quantization) for row in rows}
    if len(kinds) > 1:
        raise InputError("accuracies of several data sets, fault models or bits do not belong in one plot")
    if any(row.bit_error_rate <= 0 for row in rows):
        raise InputError("a bit error rate of 0 has no place on a logarithmic axis; leave those rows out")
    generators = generator_labels(rows)
    points = {(labels[row], name, row.bit_error_rate) for row, name in zip(rows, generators, strict=True)}
    if len(points) < len(rows):
        raise InputError("two accuracies of one base, generator and bit error rate; keep one of them")


def _class_colours(classes: int) -> Sequence[tuple[float, ...]]:
    import matplotlib as mpl

    palette = mpl.colormaps["tab10" if classes <= 10 else "tab20"]
    return [tuple(palette(index)) for index in range(palette.N)]


def _columns(figure: Figure, count: int) -> list[Axes]:
    return [figure.add_subplot(1, count, number + 1) for number in range(count)]
