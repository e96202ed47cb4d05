"""The figures of the report page, each with caption and texts on hover."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import count

from energy.measures import DEFAULT_MEASURE, MEASURES
from nfenergy.ground.rates import percent_text
from reports.fronts import DEFINITION
from reports.measured import chief_measures
from reports.plots.inline import inline_svg
from reports.plots.notes import left_out
from reports.plots.registry import PLOTS, Plot, PlotData, title_of_plot
from reports.plots.style import SIZES
from reports.records import Saving

PAGE = SIZES["column"]
"""Two beside each other on a wide screen and on paper, one on a phone: its text is readable on all."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """A drawn figure: `name` is unique on the page, `svg` an element to put into its `section`."""

    name: str
    section: str
    caption: str
    svg: str


def figures(data: PlotData) -> Iterator[Figure]:
    """All figures of the page, in the order of `PLOTS`."""
    numbers = count(1)
    for plot in PLOTS.values():
        if plot.applies(data):
            yield from _variants(plot, data, numbers)


def _variants(plot: Plot, data: PlotData, numbers: Iterator[int]) -> Iterator[Figure]:
    rates = data.rates if plot.by_rate else [0.0]
    for index, rate in enumerate(rates or [0.0]):
        chosen = replace(data, tradeoffs=[row for row in data.tradeoffs if _belongs(row.saving, rate)])
        shown = chosen if plot.by_rate and rates else data
        for measure in chief_measures(data.savings) if plot.by_measure else (DEFAULT_MEASURE,):
            parts = [
                plot.name,
                *([measure] if plot.by_measure else []),
                *([str(index)] if plot.by_rate else []),
            ]
            title = title_of_plot(plot, shown, MEASURES[measure].title, percent_text(rate))
            joined = f" {data.tradeoffs[0].joined.capitalize()}." if data.tradeoffs[0].joined else ""
            source = joined if plot.shows_accuracy else ""
            said = f"{title.rstrip('.')}. {plot.caption}"
            front = f" {DEFINITION}." if plot.name == "tradeoff" else ""
            figure = plot.draw(shown, measure, PAGE)
            yield Figure(
                name="-".join(parts),
                section=plot.section,
                caption=" ".join(f"{said}{front}{source} {left_out(figure)}".split()),
                svg=inline_svg(
                    figure,
                    PAGE,
                    # Every id in an SVG begins with its name: a short one keeps the page small.
                    name=f"f{next(numbers)}",
                    title=title,
                    hover=plot.hover(shown, measure, PAGE),
                    description=plot.description(shown, measure),
                ),
            )


def _belongs(saving: Saving, rate: float) -> bool:
    """What is at `rate`, and base models alone without errors."""
    return saving.bit_error_rate == rate or (not saving.has_generator and saving.bit_error_rate == 0)
