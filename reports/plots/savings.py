"""Energy saving against supply voltage, a line a generator, with the voltage where it breaks even."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from energy.curve import CurvePoint, VoltageCurve
from energy.measures import DEFAULT_MEASURE, MEASURES
from neuralfuse.registry import BASES, GENERATORS, NO_GENERATOR, base_title, combination, generator_title
from nfenergy.ground.errors import InputError
from reports.operating import measures_at
from reports.plots.panels import Entry, legend, panels, panels_height_in
from reports.plots.style import (
    BASELINE_COLOUR,
    COLUMN,
    FAINT,
    INK,
    MUTED,
    Size,
    drawing,
    look,
    new_figure,
    ordered,
)
from reports.plots.words import extent, spread
from reports.records import Saving

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

VOLTAGE = "supply voltage / Vmin"
NAMED = 12
"""Up to so many lines of one base model have their names beside them."""


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
        figure = new_figure(size, panels_height_in(len(bases), size))
        drawn, free = panels(figure, len(bases), size)
        for axes, base in zip(drawn, bases, strict=True):
            _draw_panel(axes, _one_each(savings, base), curve, measure, size)
            axes.set_title(base_title(base))
        saved = f"energy saving by {MEASURES[measure].title} (%)"
        if len(bases) == 1:
            drawn[0].set_xlabel(VOLTAGE)
            drawn[0].set_ylabel(saved)
            own = _one_each(savings, bases[0])
            named = len(own) <= NAMED
            if named:
                _name_lines(drawn[0], own, curve, measure, size)
            _legend(figure, free, [] if named else own, size, x_title="")
        else:
            figure.supylabel(saved, fontsize=size.font_pt)
            _legend(figure, free, savings, size, x_title=VOLTAGE)
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


def description(savings: Sequence[Saving], curve: VoltageCurve, measure: str) -> str:
    """What is to be seen, in sentences."""
    first = curve.points[0]
    found = [_saved(saving, measure, first) for saving in savings]
    even = [saving.measures[measure].break_even_voltage_norm for saving in savings if saving.has_generator]
    known = [voltage for voltage in even if voltage is not None]
    pays = f" break even at {extent(known, 'of Vmin', 3)}" if known else ""
    never = f"{len(even) - len(known)} break even nowhere on the curve" if len(known) < len(even) else ""
    said = "; ".join(filter(None, (f"{len(known)} of {len(even)} generators{pays}" if known else "", never)))
    return (
        f"At {first.voltage_norm:g} of Vmin, the lowest voltage, the lines save {extent(found)}, and less "
        f"towards Vmin.{f' {said}.' if said else ''}"
    )


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
                facecolor=BASELINE_COLOUR,
                edgecolor=colour,
                linewidth=size.line_pt,
                zorder=4,
            )


def _saved(saving: Saving, measure: str, point: CurvePoint) -> float:
    return measures_at(saving, point)[measure].saving_percent


def _name_lines(axes: Axes, savings: Sequence[Saving], curve: VoltageCurve, measure: str, size: Size) -> None:
    """Names right of the panel, in the order of the lines' ends, as far apart as the text needs."""
    last = curve.points[-1]
    ends = sorted((_saved(saving, measure, last), generator_title(saving.generator)) for saving in savings)
    axes.margins(x=0.02)
    low, high = axes.get_ylim()
    pitch = 1.3 * (size.font_pt - 1) / (0.62 * 72.0 * size.height_in) * (high - low)
    for y, (value, title) in zip(spread([value for value, _ in ends], pitch), ends, strict=True):
        axes.annotate(
            title,
            xy=(last.voltage_norm, value),
            xytext=(1.07, (y - low) / (high - low)),
            textcoords="axes fraction",
            va="center",
            fontsize=size.font_pt - 1,
            arrowprops={
                "arrowstyle": "-",
                "color": MUTED,
                "linewidth": 0.4 * size.line_pt,
                "shrinkA": 0,
                "shrinkB": 1,
                "relpos": (0, 0.5),
            },
        )


def _one_each(savings: Sequence[Saving], base: str) -> list[Saving]:
    """One saving a generator: the operating point does not matter here."""
    first: dict[str, Saving] = {}
    for saving in savings:
        if saving.base == base:
            first.setdefault(saving.generator, saving)
    return list(first.values())


def _legend(
    figure: Figure, free: Axes | None, savings: Sequence[Saving], size: Size, *, x_title: str
) -> None:
    from matplotlib.lines import Line2D

    lines: list[Entry] = []
    for generator in ordered({saving.generator for saving in savings}, [*GENERATORS, NO_GENERATOR]):
        style = look(savings[0].base, generator)
        colour = MUTED if generator == NO_GENERATOR else style.colour
        line = Line2D([], [], color=colour, linestyle=style.dashes, linewidth=1.2 * size.line_pt)
        lines.append((generator_title(generator), (line,)))
    ring = Line2D([], [], linestyle="none", marker="o", markersize=0.9 * size.marker_pt)
    ring.set(markerfacecolor=BASELINE_COLOUR, markeredgecolor=INK)
    legend(figure, free, [[*lines, ("break-even", (ring,))]], size, x_title=x_title, columns=4)
