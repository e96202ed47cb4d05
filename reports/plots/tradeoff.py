"""Energy saving against perturbed accuracy: the paper's Fig. 5 (T.W.M.A.) and Fig. 6 (MACs)."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from typing import TYPE_CHECKING

from energy.measures import DEFAULT_MEASURE, MEASURES
from neuralfuse.accuracy_labels import base_labels, generator_labels, labels
from neuralfuse.registry import BASES, GENERATORS, NO_GENERATOR, base_title, generator_title
from nfenergy.ground.errors import InputError
from nfenergy.ground.rates import percent_text
from reports.fronts import front_members, objectives
from reports.plots.labels import Box, Label, place_labels
from reports.plots.style import COLUMN, FAINT, INK, MUTED, Size, drawing, look, mark, new_figure, ordered
from reports.records import Tradeoff

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.lines import Line2D

FRONT_DASHES = (0, (4, 2))
Entry = tuple[str, tuple["Line2D", ...]]

LINE = 36
"""Characters of a label's line; how a robust base model was trained takes more than one."""
LABELLED = 6
"""Up to so many generators marks carry the whole combination; beyond, the generator alone."""


def tradeoff_plot(
    tradeoffs: Sequence[Tradeoff], *, measure: str = DEFAULT_MEASURE, size: Size = COLUMN
) -> Figure:
    """Each combination with its spread over chips, and the front of each base model as a staircase.

    Args:
        tradeoffs: of one bit error rate, or of several, which the labels then tell; base models alone
            have empty marks.
        measure: what energy is reckoned by.
        size: where the figure goes.

    Raises:
        InputError: there is nothing to show.
    """
    if not tradeoffs:
        raise InputError("the trade-off plot takes at least one combination")
    rows = _drawn_order(tradeoffs)
    with drawing(size):
        figure = new_figure(size, size.height_in if len(rows) <= LABELLED + 2 else 1.45 * size.height_in)
        axes = figure.subplots()
        _frame(axes, rows, measure)
        members = front_members(rows, measure)
        stairs = [
            _staircase(axes, [row for row in members if row.saving.base == base], measure)
            for base in dict.fromkeys(row.saving.base for row in members)
        ]
        for x, y in stairs:
            axes.plot(x, y, color=MUTED, linewidth=0.8 * size.line_pt, linestyle=FRONT_DASHES, zorder=1.5)
        for index, row in enumerate(rows):
            _draw_point(axes, row, measure, size, gid=f"point-{index}")
        _legend(figure, rows, size)
        boxes = [box for x, y in stairs for box in zip(x, y, x[1:], y[1:], strict=False)]
        _label(axes, rows, members, measure, size, soft=boxes)
    return figure


def hover_texts(tradeoffs: Sequence[Tradeoff], measure: str) -> dict[str, str]:
    """The text of each mark by the id that `tradeoff_plot` gave it."""
    rows = _drawn_order(tradeoffs)
    return {
        f"point-{index}": (
            f"{said}{'' if row.has_generator else ', no generator'}: saves "
            f"{row.saving.saving_percent(measure):.1f} % by {MEASURES[measure].title}, accuracy "
            f"{row.accuracy.perturbed_percent:.1f} ± {row.accuracy.perturbed_std_percent:.1f} % at "
            f"{percent_text(row.saving.bit_error_rate)} bit errors"
        )
        for index, (row, said) in enumerate(zip(rows, labels([row.accuracy for row in rows]), strict=True))
    }


def _drawn_order(tradeoffs: Sequence[Tradeoff]) -> list[Tradeoff]:
    """Base models alone lie under the others."""
    return sorted(tradeoffs, key=lambda row: row.has_generator)


def _frame(axes: Axes, tradeoffs: Sequence[Tradeoff], measure: str) -> None:
    savings = [tradeoff.saving.saving_percent(measure) for tradeoff in tradeoffs]
    tops = [row.accuracy.perturbed_percent + row.accuracy.perturbed_std_percent for row in tradeoffs]
    bottoms = [row.accuracy.perturbed_percent - row.accuracy.perturbed_std_percent for row in tradeoffs]
    margin = 0.12 * max(max(savings) - min(savings), 5.0)
    axes.set_xlim(min(savings) - margin, max(savings) + margin)
    margin = 0.08 * max(max(tops) - min(bottoms), 10.0)
    axes.set_ylim(max(0.0, min(bottoms) - margin), min(104.0, max(tops) + margin))
    axes.set_xlabel(f"energy saving by {MEASURES[measure].title} (%)")
    axes.set_ylabel("perturbed accuracy (%)")
    axes.grid(color=FAINT, linewidth=0.3)
    axes.set_axisbelow(True)


def _staircase(axes: Axes, members: Sequence[Tradeoff], measure: str) -> tuple[list[float], list[float]]:
    """The boundary of what the members dominate: to the left and below of each."""
    left, bottom = axes.get_xlim()[0], axes.get_ylim()[0]
    points = [objectives(member, measure) for member in members]
    x, y = [left], [points[0][1]]
    for index, (saving, accuracy) in enumerate(points):
        x += [saving, saving]
        y += [accuracy, points[index + 1][1] if index + 1 < len(points) else bottom]
    return x, y


def _draw_point(axes: Axes, tradeoff: Tradeoff, measure: str, size: Size, *, gid: str) -> None:
    saving, accuracy = objectives(tradeoff, measure)
    spread = tradeoff.accuracy.perturbed_std_percent
    if spread > 0:
        axes.errorbar(
            saving,
            accuracy,
            yerr=spread,
            ecolor="#8f8f8f",
            elinewidth=0.5 * size.line_pt,
            capsize=0.25 * size.marker_pt,
            capthick=0.5 * size.line_pt,
            fmt="none",
            zorder=2,
        )
    look_ = look(tradeoff.saving.base, tradeoff.saving.generator)
    mark(axes, saving, accuracy, look_, size, gid=gid, zorder=3 if tradeoff.has_generator else 2.8)


def _legend(figure: Figure, rows: Sequence[Tradeoff], size: Size) -> None:
    bases = ordered({row.saving.base for row in rows}, BASES)
    base_block: list[Entry] = []
    if len(bases) > 1:
        base_block = [
            (base_title(base), (_dot(look(base, NO_GENERATOR).marker, "#9a9a9a", size),)) for base in bases
        ]
    generator_block: list[Entry] = []
    generators = {row.saving.generator for row in rows if row.has_generator}
    for generator in ordered(generators, GENERATORS):
        look_ = look(bases[0], generator)
        marker = "o" if len(bases) > 1 else look_.marker
        dots = (_dot(marker, look_.colour, size), *((_dot("o", "white", size, inner=True),) * look_.dotted))
        generator_block.append((generator_title(generator), dots))
    alone = any(not row.has_generator for row in rows)
    others: list[Entry] = [("no generator", (_dot("o", "white", size),))] if alone else []
    others.append(("front", (_front_line(size),)))
    height = 3 if base_block else 2
    entries = [entry for block in (base_block, generator_block, others) for entry in _padded(block, height)]
    figure.legend(
        handles=[handle for _, handle in entries],
        labels=[title for title, _ in entries],
        loc="outside lower center",
        ncols=len(entries) // height,
        handletextpad=0.3,
        columnspacing=1.0,
    )


def _padded(entries: Sequence[Entry], rows: int) -> list[Entry]:
    """Filled up to whole columns, so that the next block begins a new one."""
    from matplotlib.lines import Line2D

    return [*entries, *((("", (Line2D([], [], linestyle="none"),)),) * (-len(entries) % rows))]


def _dot(marker: str, colour: str, size: Size, *, inner: bool = False) -> Line2D:
    from matplotlib.lines import Line2D

    return Line2D(
        [],
        [],
        linestyle="none",
        marker=marker,
        markersize=(0.37 if inner else 1.0) * size.marker_pt,
        markerfacecolor=colour,
        markeredgecolor=INK,
        markeredgewidth=0.0 if inner else 0.5 * size.line_pt,
    )


def _front_line(size: Size) -> Line2D:
    from matplotlib.lines import Line2D

    return Line2D([], [], color=MUTED, linewidth=0.8 * size.line_pt, linestyle=FRONT_DASHES)


def _label(
    axes: Axes,
    rows: Sequence[Tradeoff],
    members: Sequence[Tradeoff],
    measure: str,
    size: Size,
    *,
    soft: Sequence[Box],
) -> None:
    """Members of the front choose their places first."""
    titles = dict(zip(rows, _titles(rows), strict=True))
    first = [*members, *(row for row in rows if row not in members)]
    marks = [
        Label(
            x=row.saving.saving_percent(measure),
            y=row.accuracy.perturbed_percent,
            text=_in_lines(titles[row]),
            bold=row in members and row.has_generator,
        )
        for row in first
    ]
    place_labels(axes, marks, size, soft=[*(_spread(row, measure) for row in rows), *soft])


def _in_lines(title: str) -> str:
    """A long label in lines, no number torn from its unit."""
    if len(title) <= LINE:
        return title
    return textwrap.fill(title.replace(" %", "\N{NO-BREAK SPACE}%"), LINE, break_long_words=False)


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
        whole = robust or (not one_base and len(protected) <= LABELLED)
        title = f"{base} + {generator}" if whole else generator
        titles.append(f"{title} {percent_text(rate)}" if many_rates else title)
    return titles


def _spread(tradeoff: Tradeoff, measure: str) -> Box:
    saving, accuracy = objectives(tradeoff, measure)
    spread = tradeoff.accuracy.perturbed_std_percent
    return saving, accuracy - spread, saving, accuracy + spread
