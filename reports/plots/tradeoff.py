"""Energy saving against perturbed accuracy: the paper's Fig. 5 (T.W.M.A.) and Fig. 6 (MACs)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING

from energy.measures import DEFAULT_MEASURE, MEASURES
from neuralfuse.accuracy_labels import base_labels, generator_labels, labels
from neuralfuse.registry import base_title
from nfenergy.ground.errors import InputError
from nfenergy.ground.rates import percent_text
from reports.fronts import front_members, fronts, objectives
from reports.plots.scatter import NAMED, Frame, Point, scatter_plot
from reports.plots.style import COLUMN, Size
from reports.plots.words import extent, listed
from reports.records import Tradeoff

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def tradeoff_plot(
    tradeoffs: Sequence[Tradeoff], *, measure: str = DEFAULT_MEASURE, size: Size = COLUMN
) -> Figure:
    """Each combination with its spread over chips, and the fronts of each base model as staircases.

    Args:
        tradeoffs: of one bit error rate, or of several, which names or markers then tell; base models
            alone have empty marks.
        measure: what energy is reckoned by.
        size: where the figure goes.

    Raises:
        InputError: there is nothing to show.
    """
    if not tradeoffs:
        raise InputError("the trade-off plot takes at least one combination")
    stairs: dict[str, list[list[tuple[float, float]]]] = {}
    for members in fronts(tradeoffs, measure):
        corners = [(row.saving.saving_percent(measure), row.accuracy.perturbed_percent) for row in members]
        stairs.setdefault(members[0].saving.base, []).append(corners)
    frame = Frame(
        x_title=f"energy saving by {MEASURES[measure].title} (%)",
        y_title="perturbed accuracy (%)",
        y_low=0.0,
        y_high=104.0,
        fronts=stairs,
    )
    return scatter_plot(_points(tradeoffs, measure), frame, size)


def hover_texts(tradeoffs: Sequence[Tradeoff], measure: str) -> dict[str, str]:
    """The text of each mark by the id that `tradeoff_plot` gave it."""
    return {
        f"point-{index}": (
            f"{said}{'' if row.has_generator else ', no generator'}: saves "
            f"{row.saving.saving_percent(measure):.1f} % by {MEASURES[measure].title}, accuracy "
            f"{row.accuracy.perturbed_percent:.1f} ± {row.accuracy.perturbed_std_percent:.1f} % at "
            f"{percent_text(row.saving.bit_error_rate)} bit errors"
        )
        for index, (row, said) in enumerate(
            zip(tradeoffs, labels([row.accuracy for row in tradeoffs]), strict=True)
        )
    }


def description(tradeoffs: Sequence[Tradeoff], measure: str) -> str:
    """What is to be seen, in sentences."""
    points = [objectives(row, measure) for row in tradeoffs]
    sets = []
    for members in fronts(tradeoffs, measure):
        names = [
            f"{said} at {percent_text(row.saving.bit_error_rate)}"
            for row, said in zip(members, generator_labels([row.accuracy for row in members]), strict=True)
        ]
        sets.append(f"{base_title(members[0].saving.base)}: {listed(names)}")
    return (
        f"{len(tradeoffs)} marks save {extent([x for x, _ in points])} and keep "
        f"{extent([y for _, y in points])} accuracy. On the front of {'; of '.join(sets)}."
    )


def _points(tradeoffs: Sequence[Tradeoff], measure: str) -> list[Point]:
    members = set(map(id, front_members(tradeoffs, measure)))
    alike = Counter(map(_mark, tradeoffs))
    return [
        Point(
            base=row.saving.base,
            generator=row.saving.generator,
            bit_error_rate=row.saving.bit_error_rate,
            x=row.saving.saving_percent(measure),
            y=row.accuracy.perturbed_percent,
            spread=row.accuracy.perturbed_std_percent,
            text=text,
            needed=alike[_mark(row)] > 1,
            bold=id(row) in members and row.has_generator,
            gid=f"point-{index}",
        )
        for index, (row, text) in enumerate(zip(tradeoffs, _titles(tradeoffs), strict=True))
    ]


def _mark(row: Tradeoff) -> tuple[str, str, float]:
    """What the legend tells of a mark."""
    return row.saving.base, row.saving.generator, row.saving.bit_error_rate


def _titles(rows: Sequence[Tradeoff]) -> list[str]:
    """What tells each mark from the others; what all share is in the caption, and bases have markers."""
    accuracies = [row.accuracy for row in rows]
    one_base = len({row.saving.base for row in rows}) == 1
    protected = [row for row in rows if row.has_generator]
    robust = len(set(base_labels(accuracies))) > len({row.saving.base for row in rows})
    many_rates = (
        len({row.saving.bit_error_rate for row in protected or rows if row.saving.bit_error_rate}) > 1
    )
    titles = []
    pairs = zip(base_labels(accuracies), generator_labels(accuracies), strict=True)
    for row, (base, generator) in zip(rows, pairs, strict=True):
        rate = row.saving.bit_error_rate
        if not row.has_generator:
            low = percent_text(rate) if many_rates else "low voltage"
            voltage = low if rate > 0 else "nominal voltage"
            titles.append(f"{base}, {voltage}" if one_base or robust else "")
            continue
        whole = robust or (not one_base and len(protected) <= NAMED)
        title = f"{base} + {generator}" if whole else generator
        titles.append(f"{title} {percent_text(rate)}" if many_rates else title)
    return titles
