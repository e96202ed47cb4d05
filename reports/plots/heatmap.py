"""A heat map of the saving over base models and generators, the value in every cell."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from energy.measures import DEFAULT_MEASURE, MEASURES
from neuralfuse.registry import BASES, GENERATORS, base_title, combination, generator_title
from nfenergy.ground.errors import InputError
from reports.plots.style import COLUMN, INK, Size, drawing, new_figure, ordered
from reports.records import Saving

if TYPE_CHECKING:
    from matplotlib.figure import Figure

LIGHT_ABOVE = 0.55
"""Share of the colour scale from which its colours are light, so that text on them is dark."""


def saving_heatmap(
    savings: Sequence[Saving], *, measure: str = DEFAULT_MEASURE, size: Size = COLUMN
) -> Figure:
    """One cell a combination; a missing one stays empty.

    Args:
        savings: one operating point of each combination.
        measure: what energy is reckoned by.
        size: where the figure goes.

    Raises:
        InputError: there are no savings, or two for one combination.
    """
    if not savings:
        raise InputError("the heat map takes at least one combination")
    bases = ordered({saving.base for saving in savings}, BASES)
    generators = ordered({saving.generator for saving in savings}, GENERATORS)
    grid = np.full((len(bases), len(generators)), np.nan)
    for saving in savings:
        cell = bases.index(saving.base), generators.index(saving.generator)
        if not np.isnan(grid[cell]):
            raise InputError(
                f"the heat map takes one operating point a combination, {saving.base} + "
                f"{saving.generator} has several; narrow them with --ber"
            )
        grid[cell] = saving.saving_percent(measure)
    with drawing(size):
        figure = new_figure(size, (0.75 + 0.35 * len(bases)) * size.font_pt / 7.0)
        axes = figure.subplots()
        # A single value would leave the colour scale without extent.
        low, high = float(np.nanmin(grid)), float(np.nanmax(grid))
        span = max(high - low, 1.0)
        axes.pcolormesh(
            grid, cmap="cividis", vmin=high - span, vmax=high, edgecolor="white", linewidth=size.line_pt
        )
        axes.invert_yaxis()
        axes.spines[:].set_visible(False)
        axes.tick_params(length=0)
        axes.set_xticks([0.5 + index for index in range(len(generators))], map(generator_title, generators))
        axes.set_yticks([0.5 + index for index in range(len(bases))], map(base_title, bases))
        for (row, column), value in np.ndenumerate(grid):
            if not np.isnan(value):
                dark = (value - high + span) / span > LIGHT_ABOVE
                text = axes.text(
                    column + 0.5,
                    row + 0.5,
                    f"{value:.1f}",
                    ha="center",
                    va="center",
                    color=INK if dark else "white",
                )
                text.set_gid(f"cell-{bases[row]}-{generators[column]}")
        axes.set_title(f"energy saving by {MEASURES[measure].title} (%)")
    return figure


def hover_texts(savings: Sequence[Saving], measure: str) -> dict[str, str]:
    """The text of each cell by the id that `saving_heatmap` gave it."""
    return {
        f"cell-{saving.base}-{saving.generator}": (
            f"{combination(saving.base, saving.generator)}: saves "
            f"{saving.saving_percent(measure):.2f} % by {MEASURES[measure].title}"
        )
        for saving in savings
    }
