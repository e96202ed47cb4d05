"""Energy saving as a heat map: base models down, generators across, a panel a bit error rate.

Colours are of one scale about zero, losses apart from savings; in grey a corner marks a loss.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import ceil
from typing import TYPE_CHECKING, Any

import numpy as np

from energy.measures import DEFAULT_MEASURE, MEASURES
from neuralfuse.registry import BASES, GENERATORS, base_title, combination, generator_title
from nfenergy.ground.errors import InputError
from nfenergy.ground.rates import percent_text
from reports.measured import chief_measures
from reports.plots.style import COLUMN, MUTED, PAPER, Size, drawing, new_figure, ordered, text_on
from reports.plots.words import extent
from reports.records import Saving

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.colors import Colormap, Normalize
    from matplotlib.figure import Figure

    Scale = tuple[Colormap, Normalize]

SCALE = ("#9c3a14", "#e39a6c", "#f5f3ef", "#7fa5d4", "#0f3a72")
"""From the greatest loss over nothing to the greatest saving."""
STEP = 5.0
"""Percentage points that the ends of the scale are rounded up to."""
ROW_IN = 0.35
"""Height of a row at text of 7 points."""
Cells = dict[tuple[str, str], Saving]
Cell = tuple[float | None, str]
"""A saving in percent, and the id of its text in an SVG."""


def saving_heatmap(
    savings: Sequence[Saving], *, measure: str = DEFAULT_MEASURE, size: Size = COLUMN
) -> Figure:
    """One cell a combination and bit error rate; a missing one has a dash.

    Args:
        savings: the combinations; all their chief measures and rates decide the scale, so that maps of
            the same savings by different measures compare.
        measure: what energy is reckoned by.
        size: where the figure goes.

    Raises:
        InputError: there are no savings, or two for one combination and rate.
    """
    from matplotlib.cm import ScalarMappable

    if not savings:
        raise InputError("the heat map takes at least one combination with a generator")
    by_rate = _by_rate(savings)
    bases = ordered({saving.base for saving in savings}, BASES)
    generators = ordered({saving.generator for saving in savings}, GENERATORS)
    rows = len(by_rate) * len(bases)
    unit = size.font_pt / 7.0
    with drawing(size):
        height = (0.45 + 0.3 * len(by_rate) + ROW_IN * rows) * unit
        figure = new_figure(size, max(height, 1.15 * unit))
        panels = figure.subplots(len(by_rate), 1, sharex=True, squeeze=False)[:, 0]
        # Cells get what titles and names leave.
        row_pt = 72.0 * (figure.get_figheight() - (0.45 + 0.3 * len(by_rate)) * unit) / rows
        font_pt = min(size.font_pt, 0.75 * row_pt)
        scale = _scale(savings)
        for place, (axes, (rate, cells)) in enumerate(zip(panels, by_rate.items(), strict=True)):
            values: dict[tuple[str, str], Cell] = {
                key: (saving.saving_percent(measure), _gid(*key, place)) for key, saving in cells.items()
            }
            _draw_panel(axes, values, bases, generators, scale, size, font_pt)
            axes.set_title(f"saving by {MEASURES[measure].title} (%) at {percent_text(rate)} bit errors")
        _name_columns(panels[-1], bases, generators, size)
        bar = figure.colorbar(
            ScalarMappable(scale[1], scale[0]),
            ax=list(panels),
            pad=0.02,
            aspect=12 * len(panels),
            fraction=0.08,
        )
        bar.outline.set_visible(False)
        bar.ax.tick_params(length=0)
    return figure


def hover_texts(savings: Sequence[Saving], measure: str) -> dict[str, str]:
    """The text of each cell by the id that `saving_heatmap` gave it."""
    return {
        _gid(*key, place): (
            f"{combination(saving.base, saving.generator)}: saves {saving.saving_percent(measure):.2f} % by "
            f"{MEASURES[measure].title} at {percent_text(rate)} bit errors"
        )
        for place, (rate, cells) in enumerate(_by_rate(savings).items())
        for key, saving in cells.items()
    }


def description(savings: Sequence[Saving], measure: str) -> str:
    """What is to be seen, in sentences."""
    values = {saving: saving.saving_percent(measure) for saving in savings}
    by_value = sorted(savings, key=lambda saving: values[saving])
    worst, best = by_value[0], by_value[-1]
    losses = sum(value < 0 for value in values.values())
    return (
        f"{len(savings)} cells of {extent(values.values())}, the least "
        f"for {combination(worst.base, worst.generator)}, the most for "
        f"{combination(best.base, best.generator)}; {losses or 'none'} of them "
        f"{'is a loss' if losses < 2 else 'are losses'}."
    )


def _by_rate(savings: Sequence[Saving]) -> dict[float, Cells]:
    found: dict[float, Cells] = {}
    for saving in sorted(savings, key=lambda saving: saving.bit_error_rate):
        cells = found.setdefault(saving.bit_error_rate, {})
        key = saving.base, saving.generator
        if key in cells:
            raise InputError(
                f"the heat map takes one saving a combination and bit error rate, {saving.base} + "
                f"{saving.generator} has several; narrow them with --base, --gen and --ber"
            )
        cells[key] = saving
    return found


def _scale(savings: Sequence[Saving]) -> Scale:
    greatest = max(abs(saving.saving_percent(name)) for name in chief_measures(savings) for saving in savings)
    return signed_scale(STEP * max(1, ceil(greatest / STEP)))


def _gid(base: str, generator: str, place: int) -> str:
    return f"cell-{place}-{base}-{generator}"


def _draw_panel(
    axes: Axes,
    cells: Mapping[tuple[str, str], Cell],
    bases: Sequence[str],
    generators: Sequence[str],
    scale: Scale,
    size: Size,
    font_pt: float,
) -> None:
    from matplotlib.colors import to_hex

    grid = np.full((len(bases), len(generators)), np.nan)
    for (base, generator), (value, _) in cells.items():
        grid[bases.index(base), generators.index(generator)] = value
    axes.pcolormesh(grid, cmap=scale[0], norm=scale[1], edgecolor=PAPER, linewidth=size.line_pt)
    axes.invert_yaxis()
    axes.spines[:].set_visible(False)
    axes.tick_params(length=0)
    axes.set_yticks([0.5 + row for row in range(len(bases))], map(base_title, bases))
    for row, base in enumerate(bases):
        for column, generator in enumerate(generators):
            value, gid = cells.get((base, generator), (None, ""))
            said = "\N{EN DASH}" if value is None else f"{value:.1f}".replace("-0.0", "0.0")
            ink = MUTED if value is None else text_on(to_hex(scale[0](float(scale[1](value)))))
            text = axes.text(
                column + 0.5,
                row + 0.5,
                said,
                ha="center",
                va="center",
                fontsize=font_pt,
                color=ink,
            )
            if value is not None:
                text.set_gid(gid)
            if said.startswith("-"):
                mark_corner(axes, column + 0.985, row + 0.97, ink, font_pt)


def mark_corner(axes: Axes, right: float, below: float, ink: str, font_pt: float) -> None:
    """A corner of a cell, which tells a negative number from a positive one in grey."""
    corner = [(0, 0), (-1, 0), (0, 1), (0, 0)]
    axes.scatter([right], [below], s=(0.9 * font_pt) ** 2, marker=corner, color=ink, linewidth=0)


def signed_scale(end: float, *, costs: bool = False) -> Scale:
    """Colours from -`end` over nothing to `end`; `costs` swaps them, for numbers of which more is worse."""
    from matplotlib.colors import LinearSegmentedColormap, Normalize

    colours = SCALE[::-1] if costs else SCALE
    return LinearSegmentedColormap.from_list("saving", colours, N=61), Normalize(-end, end)


def _name_columns(axes: Axes, bases: Sequence[str], generators: Sequence[str], size: Size) -> None:
    """Names of generators under the cells; upright where they do not fit side by side."""
    titles = [generator_title(generator) for generator in generators]
    letter = 0.6 * (size.font_pt - (2.0 if size.font_pt > 10 else 1.0))
    room = 0.86 * 72.0 * size.width_in - letter * max(len(base_title(base)) for base in bases)
    wide = letter * (max(map(len, titles)) + 0.8) * len(titles) > room
    turned: dict[str, Any] = {"rotation": 90} if wide else {}
    axes.set_xticks([0.5 + column for column in range(len(titles))], titles, **turned)
