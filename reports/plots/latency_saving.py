"""Latency overhead against energy saving: what a generator costs in time for what the low voltage saves."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING

from energy.measures import DEFAULT_MEASURE, MEASURES
from neuralfuse.registry import combination, generator_title
from nfenergy.ground.errors import InputError
from nfenergy.ground.rates import percent_text
from reports.plots.scatter import Frame, Point, scatter_plot
from reports.plots.style import COLUMN, Size
from reports.plots.words import extent
from reports.records import Saving

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def latency_saving_plot(
    savings: Sequence[Saving], *, measure: str = DEFAULT_MEASURE, size: Size = COLUMN
) -> Figure:
    """A mark a combination and operating point; base models alone add no latency.

    Args:
        savings: the combinations at their operating points.
        measure: what energy is reckoned by.
        size: where the figure goes.

    Raises:
        InputError: no combination has a generator.
    """
    if not any(saving.has_generator for saving in savings):
        raise InputError("the plot of latency against saving takes at least one combination with a generator")
    frame = Frame(
        x_title="latency overhead (%)",
        y_title=f"energy saving by {MEASURES[measure].title} (%)",
        y_least=5.0,
        zero=True,
    )
    return scatter_plot(_points(savings, measure), frame, size)


def hover_texts(savings: Sequence[Saving], measure: str) -> dict[str, str]:
    """The text of each mark by the id that `latency_saving_plot` gave it."""
    return {
        f"overhead-{index}": (
            f"{combination(saving.base, saving.generator)}: {saving.latency_overhead_percent:.1f} % more "
            f"latency, saves {saving.saving_percent(measure):.1f} % by {MEASURES[measure].title} at "
            f"{percent_text(saving.bit_error_rate)} bit errors"
        )
        for index, saving in enumerate(savings)
    }


def description(savings: Sequence[Saving], measure: str) -> str:
    """What is to be seen, in sentences."""
    protected = [saving for saving in savings if saving.has_generator]
    worth = [saving for saving in protected if saving.saving_percent(measure) > 0]
    return (
        f"{len(protected)} marks with a generator add "
        f"{extent(row.latency_overhead_percent for row in protected)} latency and save "
        f"{extent(row.saving_percent(measure) for row in protected)}; {len(worth)} of them save something."
    )


def _points(savings: Sequence[Saving], measure: str) -> list[Point]:
    alike = Counter(map(_mark, savings))
    bases = {saving.base for saving in savings}
    rates = {saving.bit_error_rate for saving in savings if saving.has_generator}
    found = []
    for index, saving in enumerate(savings):
        needed = alike[_mark(saving)] > 1
        if saving.has_generator and len(bases) > 1:
            name = combination(saving.base, saving.generator)
        elif saving.has_generator:
            name = generator_title(saving.generator)
        else:
            name = "low voltage alone" if saving.bit_error_rate and len(bases) == 1 else ""
        width = f" x {saving.base_width:g}" if needed else ""
        rate = f" {percent_text(saving.bit_error_rate)}" if name and len(rates) > 1 else ""
        point = Point(
            base=saving.base,
            generator=saving.generator,
            bit_error_rate=saving.bit_error_rate,
            x=saving.latency_overhead_percent,
            y=saving.saving_percent(measure),
            text=f"{name}{width}{rate}",
            needed=needed,
            gid=f"overhead-{index}",
        )
        found.append(point)
    return found


def _mark(saving: Saving) -> tuple[str, str, float]:
    """What the legend tells of a mark."""
    return saving.base, saving.generator, saving.bit_error_rate
