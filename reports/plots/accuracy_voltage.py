"""Accuracy against supply voltage: a panel a base model, a line a generator, clean accuracy at Vmin."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from neuralfuse.accuracy_labels import base_labels, generator_labels, labels
from neuralfuse.registry import BASES, GENERATORS, NO_GENERATOR, base_title
from nfenergy.ground.errors import InputError
from nfenergy.ground.rates import percent_text
from reports.plots.panels import legend, panels, panels_height_in
from reports.plots.style import (
    BASELINE_COLOUR,
    COLUMN,
    EDGE,
    FAINT,
    INK,
    MARKERS,
    MUTED,
    Look,
    Size,
    drawing,
    look,
    new_figure,
    ordered,
)
from reports.plots.words import extent
from reports.records import Tradeoff

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.transforms import Transform

Lines = dict[str, dict[str, list[int]]]
"""Indices of trade-offs by base model and name of the line."""
BESIDE_PT = 0.9
"""How far marks at one voltage stand apart."""
MARGIN = 0.09
"""Of the range of voltages, left and right of it."""


def accuracy_plot(tradeoffs: Sequence[Tradeoff], *, size: Size = COLUMN) -> Figure:
    """From the clean accuracy at Vmin to the accuracies at the operating points, with their spread.

    Args:
        tradeoffs: at any bit error rates, base models alone included.
        size: where the figure goes.

    Raises:
        InputError: there is nothing at a voltage below Vmin.
    """
    lines = _lines(tradeoffs)
    if not lines:
        raise InputError("the plot of accuracy against voltage takes at least one point below Vmin")
    looks = _looks(tradeoffs, lines)
    with drawing(size):
        figure = new_figure(size, panels_height_in(len(lines), size))
        drawn, free = panels(figure, len(lines), size)
        for axes, (base, own) in zip(drawn, lines.items(), strict=True):
            _draw_panel(axes, tradeoffs, own, looks, size)
            axes.set_title(base_title(base))
        drawn[0].set_ylim(0, 104)
        lowest = min(row.saving.voltage_norm for row in tradeoffs)
        margin = MARGIN * (1.0 - lowest)
        drawn[0].set_xlim(lowest - margin, 1.0 + margin)
        figure.supylabel("accuracy (%)", fontsize=size.font_pt)
        entries = [(name, tuple(_sample(style, size))) for name, style in looks.items()]
        legend(figure, free, [entries], size, x_title="supply voltage / Vmin", columns=4)
    return figure


def hover_texts(tradeoffs: Sequence[Tradeoff]) -> dict[str, str]:
    """The text of each mark by the id that `accuracy_plot` gave it."""
    return {
        f"accuracy-{index}": (
            f"{said}{'' if row.has_generator else ', no generator'}: "
            f"{row.accuracy.perturbed_percent:.1f} ± {row.accuracy.perturbed_std_percent:.1f} % at "
            f"{row.saving.voltage_norm:.4g} of Vmin, {percent_text(row.saving.bit_error_rate)} bit errors; "
            f"clean {row.accuracy.clean_percent:.1f} %"
        )
        for index, (row, said) in enumerate(
            zip(tradeoffs, labels([row.accuracy for row in tradeoffs]), strict=True)
        )
    }


def description(tradeoffs: Sequence[Tradeoff]) -> str:
    """What is to be seen, in sentences."""
    low = [row for row in tradeoffs if row.saving.bit_error_rate > 0]
    said = []
    for what, rows in (
        ("With a generator", [row for row in low if row.has_generator]),
        ("Without one", [row for row in low if not row.has_generator]),
    ):
        if rows:
            said.append(
                f"{what} the accuracy goes from {extent(row.accuracy.clean_percent for row in rows)} at Vmin "
                f"to {extent(row.accuracy.perturbed_percent for row in rows)} at "
                f"{extent((row.saving.voltage_norm for row in rows), 'of Vmin', 3)}."
            )
    return " ".join(said)


def _lines(tradeoffs: Sequence[Tradeoff]) -> Lines:
    """By rising voltage; lines that have nothing below Vmin are none."""
    accuracies = [row.accuracy for row in tradeoffs]
    pairs = zip(base_labels(accuracies), generator_labels(accuracies), strict=True)
    found: Lines = {base: {} for base in ordered({row.saving.base for row in tradeoffs}, BASES)}
    for index, (row, (base, generator)) in enumerate(zip(tradeoffs, pairs, strict=True)):
        made = base.removeprefix(base_title(row.saving.base)).strip(", ")
        if row.saving.bit_error_rate > 0:
            name = ", ".join(filter(None, (generator, made)))
            found[row.saving.base].setdefault(name, []).append(index)
    for own in found.values():
        for indices in own.values():
            indices.sort(key=lambda index: tradeoffs[index].saving.voltage_norm)
    return {base: own for base, own in found.items() if own}


def _looks(tradeoffs: Sequence[Tradeoff], lines: Lines) -> dict[str, Look]:
    """By name of a line: colour and dashes of its generator, and a marker that no other line of it has."""
    generators: dict[str, list[str]] = {}
    for own in lines.values():
        for name, indices in own.items():
            names = generators.setdefault(tradeoffs[indices[0]].saving.generator, [])
            names += [name] if name not in names else []
    found = {}
    for generator in ordered(generators, [*GENERATORS, NO_GENERATOR]):
        for index, name in enumerate(generators[generator]):
            style = look("", generator)
            found[name] = Look(
                marker=MARKERS[index % len(MARKERS)],
                colour=style.colour,
                dotted=style.dotted,
                dashes=style.dashes,
            )
    return found


def _draw_panel(
    axes: Axes,
    tradeoffs: Sequence[Tradeoff],
    own: Mapping[str, Sequence[int]],
    looks: Mapping[str, Look],
    size: Size,
) -> None:
    from matplotlib.transforms import ScaledTranslation

    axes.grid(color=FAINT, linewidth=0.3)
    axes.set_axisbelow(True)
    root = axes.get_figure(root=True)
    assert root is not None
    for place, (name, indices) in enumerate(own.items()):
        style, rows = looks[name], [tradeoffs[index] for index in indices]
        aside = BESIDE_PT * (place - (len(own) - 1) / 2) * size.marker_pt / 4.5 / 72
        transform = axes.transData + ScaledTranslation(aside, 0, root.dpi_scale_trans)
        voltages = [*(row.saving.voltage_norm for row in rows), 1.0]
        means = [*(row.accuracy.perturbed_percent for row in rows), rows[-1].accuracy.clean_percent]
        spreads = [row.accuracy.perturbed_std_percent for row in rows]
        colour = _colour(style)
        axes.plot(
            voltages,
            means,
            color=colour,
            linestyle=style.dashes,
            linewidth=0.8 * size.line_pt,
            transform=transform,
            zorder=2,
        )
        axes.errorbar(
            voltages[:-1],
            means[:-1],
            yerr=spreads,
            fmt="none",
            ecolor=colour,
            elinewidth=0.6 * size.line_pt,
            transform=transform,
            zorder=2.5,
        )
        for index, voltage, mean in zip([*indices, None], voltages, means, strict=True):
            _mark(axes, voltage, mean, style, size, transform, "" if index is None else f"accuracy-{index}")


def _mark(axes: Axes, x: float, y: float, style: Look, size: Size, transform: Transform, gid: str) -> None:
    for number, line in enumerate(_dots(style, size)):
        (drawn,) = axes.plot([x], [y], transform=transform, zorder=3, **line)
        if gid and not number:
            drawn.set_gid(gid)


def _dots(style: Look, size: Size) -> list[dict[str, Any]]:
    """Settings of the mark and of the white dot in it."""
    diameter = 0.75 * size.marker_pt
    outer = {
        "marker": style.marker,
        "markersize": diameter,
        "markerfacecolor": style.colour,
        "markeredgecolor": INK if style.colour == BASELINE_COLOUR else EDGE,
        "markeredgewidth": 0.4 * size.line_pt,
        "linestyle": "none",
    }
    inner = {**outer, "marker": "o", "markersize": 0.4 * diameter, "markerfacecolor": "white"}
    return [outer, {**inner, "markeredgewidth": 0.0}] if style.dotted else [outer]


def _sample(style: Look, size: Size) -> list[Any]:
    """What stands before a name in the legend."""
    from matplotlib.lines import Line2D

    line = Line2D([], [], color=_colour(style), linestyle=style.dashes, linewidth=0.8 * size.line_pt)
    return [line, *(Line2D([], [], **settings) for settings in _dots(style, size))]


def _colour(style: Look) -> str:
    return MUTED if style.colour == BASELINE_COLOUR else style.colour
