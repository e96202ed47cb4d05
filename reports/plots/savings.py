"""Energy saving against supply voltage, a line a generator, with the voltage where it breaks even."""

from __future__ import annotations

from collections.abc import Sequence
from math import ceil
from typing import TYPE_CHECKING

from energy.curve import CurvePoint, VoltageCurve
from energy.measures import DEFAULT_MEASURE, MEASURES
from neuralfuse.registry import BASES, GENERATORS, NO_GENERATOR, base_title, combination, generator_title
from nfenergy.ground.errors import InputError
from reports.operating import measures_at
from reports.plots.style import COLUMN, FAINT, INK, MUTED, Size, drawing, look, new_figure, ordered
from reports.records import Saving

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.lines import Line2D


def saving_plot(
    savings: Sequence[Saving],
    curve: VoltageCurve,
    *,
    measure: str = DEFAULT_MEASURE,
    size: Size = COLUMN,
) -> Figure:
    """A panel a base model; each line follows the curve, its ring is the break-even point.

    Args:
        savings: any operating points of the combinations; only their counts are used.
        curve: voltage to energy.
        measure: what energy is reckoned by.
        size: where the figure goes.

    Raises:
        InputError: there are no savings.
    """
    if not savings:
        raise InputError("the saving plot takes at least one combination")
    bases = ordered({saving.base for saving in savings}, BASES)
    with drawing(size):
        columns = 1 if len(bases) == 1 else 3 if size.name == "slide" else 2
        rows = ceil(len(bases) / columns)
        figure = new_figure(size, size.height_in * (1.0 if rows == 1 else 0.62 * rows))
        panels = figure.subplots(rows, columns, sharex=True, sharey=True, squeeze=False)
        for axes, base in zip(panels.flat, bases, strict=False):
            _draw_panel(axes, _one_each(savings, base), curve, measure, size)
            axes.set_title(base_title(base))
        for axes in panels.flat[len(bases) :]:
            axes.set_visible(False)
        for column in range(columns):
            used = [row for row in range(rows) if row * columns + column < len(bases)]
            panels[used[-1], column].tick_params(labelbottom=True)
            panels[used[-1], column].set_xlabel("supply voltage / Vmin")
        figure.supylabel(f"energy saving by {MEASURES[measure].title} (%)", fontsize=size.font_pt)
        if len(bases) == 1:
            _label_lines(panels[0, 0], _one_each(savings, bases[0]), curve, measure, size)
        _legend(figure, savings, bases, size)
    return figure


def hover_texts(savings: Sequence[Saving], measure: str) -> dict[str, str]:
    """The text of each line by the id that `saving_plot` gave it."""
    texts = {}
    for saving in savings:
        voltage = saving.measures[measure].break_even_voltage_norm
        where = "not within the curve" if voltage is None else f"{voltage:.4f} of Vmin"
        texts[f"saving-{saving.base}-{saving.generator}"] = (
            f"{combination(saving.base, saving.generator)}: breaks even at {where}"
        )
    return texts


def _draw_panel(
    axes: Axes,
    savings: Sequence[Saving],
    curve: VoltageCurve,
    measure: str,
    size: Size,
) -> None:
    axes.axhline(0, color=INK, linewidth=0.6 * size.line_pt, zorder=1)
    axes.grid(color=FAINT, linewidth=0.3)
    axes.set_axisbelow(True)
    voltages = [point.voltage_norm for point in curve.points]
    for saving in savings:
        values = [_saved(saving, measure, point) for point in curve.points]
        style = look(saving.base, saving.generator)
        alone = saving.generator == NO_GENERATOR
        colour = MUTED if alone else style.colour
        (line,) = axes.plot(
            voltages, values, color=colour, linestyle=style.dashes, linewidth=1.2 * size.line_pt, zorder=2
        )
        line.set_gid(f"saving-{saving.base}-{saving.generator}")
        even = saving.measures[measure].break_even_voltage_norm
        if even is not None and not alone:
            axes.scatter(
                [even],
                [0],
                s=(0.9 * size.marker_pt) ** 2,
                facecolor="white",
                edgecolor=colour,
                linewidth=size.line_pt,
                zorder=4,
            )


def _saved(saving: Saving, measure: str, point: CurvePoint) -> float:
    return measures_at(saving, point)[measure].saving_percent


def _label_lines(
    axes: Axes,
    savings: Sequence[Saving],
    curve: VoltageCurve,
    measure: str,
    size: Size,
) -> None:
    """Names at the left ends of the lines, moved apart as far as the text needs."""
    first = curve.points[0]
    ends = sorted(
        ((_saved(saving, measure, first), generator_title(saving.generator)) for saving in savings),
        reverse=True,
    )
    span = curve.points[-1].voltage_norm - first.voltage_norm
    axes.set_xlim(first.voltage_norm - 0.36 * span, curve.points[-1].voltage_norm + 0.03 * span)
    low, high = axes.get_ylim()
    spacing = 0.05 * (high - low)
    y = high + spacing
    for value, title in ends:
        y = min(y - spacing, value)
        axes.annotate(
            title,
            xy=(first.voltage_norm, value),
            xytext=(first.voltage_norm - 0.06 * span, y),
            ha="right",
            va="center",
            fontsize=size.font_pt - 1,
            arrowprops={"arrowstyle": "-", "color": FAINT, "linewidth": 0.5 * size.line_pt},
        )


def _one_each(savings: Sequence[Saving], base: str) -> list[Saving]:
    """One saving a generator: the operating point does not matter here."""
    first: dict[str, Saving] = {}
    for saving in savings:
        if saving.base == base:
            first.setdefault(saving.generator, saving)
    return list(first.values())


def _legend(figure: Figure, savings: Sequence[Saving], bases: Sequence[str], size: Size) -> None:
    from matplotlib.lines import Line2D

    handles: list[Line2D] = []
    generators = {saving.generator for saving in savings} if len(bases) > 1 else set()
    for generator in ordered(generators, [*GENERATORS, NO_GENERATOR]):
        style = look(bases[0], generator)
        handles.append(
            Line2D(
                [],
                [],
                color=MUTED if generator == NO_GENERATOR else style.colour,
                linestyle=style.dashes,
                linewidth=1.2 * size.line_pt,
                label=generator_title(generator),
            )
        )
    handles.append(
        Line2D(
            [],
            [],
            linestyle="none",
            marker="o",
            markersize=0.9 * size.marker_pt,
            markerfacecolor="white",
            markeredgecolor=INK,
            label="break-even",
        )
    )
    figure.legend(handles=handles, loc="outside lower center", ncols=4)
