"""Energy saving against perturbed accuracy: the paper's Fig. 5 (T.W.M.A.) and Fig. 6 (MACs)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from nfenergy.ground.errors import InputError
from reports.fronts import front_members, objectives
from reports.merge import percent
from reports.names import NO_GENERATOR, Names
from reports.plots.labels import Box, Label, place_labels
from reports.plots.style import COLUMN, FAINT, INK, MUTED, Size, drawing, look, mark, new_figure, ordered
from reports.records import MEASURE_TITLES, Measure, Tradeoff

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.lines import Line2D

FRONT_DASHES = (0, (4, 2))
Entry = tuple[str, tuple["Line2D", ...]]

LABELLED = 6
"""Up to so many generators marks carry the whole combination; beyond, the generator alone."""


def tradeoff_plot(
    tradeoffs: Sequence[Tradeoff], names: Names, *, measure: Measure = "twma", size: Size = COLUMN
) -> Figure:
    """Each combination with its spread over chips, the front as a staircase, and the baselines.

    Args:
        tradeoffs: of one bit error rate, or of several, which the labels then tell; those of base
            models alone are the baselines.
        names: titles, and the order of colours and markers.
        measure: what energy is reckoned by.
        size: where the figure goes.

    Raises:
        InputError: there is no combination with a generator.
    """
    shown = [tradeoff for tradeoff in tradeoffs if tradeoff.has_generator]
    alone = [tradeoff for tradeoff in tradeoffs if not tradeoff.has_generator]
    if not shown:
        raise InputError("the trade-off plot takes at least one combination with a generator")
    with drawing(size):
        figure = new_figure(size, _height(len(shown), size))
        axes = figure.subplots()
        _frame(axes, tradeoffs, measure)
        _draw_front(axes, front_members(shown, measure), measure, size)
        for index, tradeoff in enumerate([*alone, *shown]):
            _draw_point(axes, tradeoff, names, measure, size, gid=f"point-{index}")
        _legend(figure, shown, alone, names, size)
        _label(axes, shown, alone, names, measure, size)
    return figure


def hover_texts(tradeoffs: Sequence[Tradeoff], names: Names, measure: Measure) -> dict[str, str]:
    """The text of each mark by the id that `tradeoff_plot` gave it."""
    ordered = [
        *(tradeoff for tradeoff in tradeoffs if not tradeoff.has_generator),
        *(tradeoff for tradeoff in tradeoffs if tradeoff.has_generator),
    ]
    return {
        f"point-{index}": (
            f"{names.combination(tradeoff.saving.base, tradeoff.saving.generator)}: saves "
            f"{tradeoff.saving.saving_percent(measure):.1f} % by {MEASURE_TITLES[measure]}, accuracy "
            f"{tradeoff.accuracy.perturbed_percent:.1f} ± {tradeoff.accuracy.perturbed_std_percent:.1f} % at "
            f"{percent(tradeoff.saving.bit_error_rate)} bit errors"
        )
        for index, tradeoff in enumerate(ordered)
    }


def _height(points: int, size: Size) -> float:
    return size.height_in if points <= LABELLED else 1.45 * size.height_in


def _frame(axes: Axes, tradeoffs: Sequence[Tradeoff], measure: Measure) -> None:
    savings = [tradeoff.saving.saving_percent(measure) for tradeoff in tradeoffs]
    tops = [row.accuracy.perturbed_percent + row.accuracy.perturbed_std_percent for row in tradeoffs]
    bottoms = [row.accuracy.perturbed_percent - row.accuracy.perturbed_std_percent for row in tradeoffs]
    margin = 0.12 * max(max(savings) - min(savings), 5.0)
    axes.set_xlim(min(savings) - margin, max(savings) + margin)
    margin = 0.08 * max(max(tops) - min(bottoms), 10.0)
    axes.set_ylim(max(0.0, min(bottoms) - margin), min(104.0, max(tops) + margin))
    axes.set_xlabel(f"energy saving by {MEASURE_TITLES[measure]} (%)")
    axes.set_ylabel("perturbed accuracy (%)")
    axes.grid(color=FAINT, linewidth=0.3)
    axes.set_axisbelow(True)


def _draw_front(axes: Axes, members: Sequence[Tradeoff], measure: Measure, size: Size) -> None:
    x, y = _staircase(axes, members, measure)
    axes.plot(x, y, color=MUTED, linewidth=0.8 * size.line_pt, linestyle=FRONT_DASHES, zorder=1.5)


def _staircase(axes: Axes, members: Sequence[Tradeoff], measure: Measure) -> tuple[list[float], list[float]]:
    """The boundary of what the members dominate: to the left and below of each."""
    left, bottom = axes.get_xlim()[0], axes.get_ylim()[0]
    points = [objectives(member, measure) for member in members]
    x, y = [left], [points[0][1]]
    for index, (saving, accuracy) in enumerate(points):
        x += [saving, saving]
        y += [accuracy, points[index + 1][1] if index + 1 < len(points) else bottom]
    return x, y


def _draw_point(
    axes: Axes, tradeoff: Tradeoff, names: Names, measure: Measure, size: Size, *, gid: str
) -> None:
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
    look_ = look(names, tradeoff.saving.base, tradeoff.saving.generator)
    mark(axes, saving, accuracy, look_, size, gid=gid, zorder=3 if tradeoff.has_generator else 2.8)


def _legend(
    figure: Figure,
    shown: Sequence[Tradeoff],
    alone: Sequence[Tradeoff],
    names: Names,
    size: Size,
) -> None:
    bases = ordered({row.saving.base for row in shown}, names.bases)
    base_block: list[Entry] = []
    if len(bases) > 1:
        base_block = [
            (names.base(base), (_dot(look(names, base, NO_GENERATOR).marker, "#9a9a9a", size),))
            for base in bases
        ]
    generator_block: list[Entry] = []
    for generator in ordered({row.saving.generator for row in shown}, names.generators):
        look_ = look(names, bases[0], generator)
        marker = "o" if len(bases) > 1 else look_.marker
        dots = (_dot(marker, look_.colour, size), *((_dot("o", "white", size, inner=True),) * look_.dotted))
        generator_block.append((names.generator(generator), dots))
    others: list[Entry] = [("no generator", (_dot("o", "white", size),))] if alone else []
    others.append(("front", (_front_line(size),)))
    rows = 3 if base_block else 2
    entries = [entry for block in (base_block, generator_block, others) for entry in _padded(block, rows)]
    figure.legend(
        handles=[handle for _, handle in entries],
        labels=[title for title, _ in entries],
        loc="outside lower center",
        ncols=len(entries) // rows,
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
    shown: Sequence[Tradeoff],
    alone: Sequence[Tradeoff],
    names: Names,
    measure: Measure,
    size: Size,
) -> None:
    """Members of the front choose their places first; the baselines of one base model are named too."""
    members = front_members(shown, measure)
    ordered = [*members, *(row for row in shown if row not in members)]
    labels = [
        _mark_label(row, _title(row, shown, names), measure, bold=row in members and len(shown) > 1)
        for row in ordered
    ]
    one_base = len({row.saving.base for row in shown}) == 1
    for row in alone:
        text = _baseline_title(row, alone, names) if one_base else ""
        labels.append(_mark_label(row, text, measure))
    spreads = [_spread(row, measure) for row in [*shown, *alone]]
    place_labels(axes, labels, size, soft=[*spreads, *_front_boxes(axes, members, measure)])


def _title(tradeoff: Tradeoff, shown: Sequence[Tradeoff], names: Names) -> str:
    """What tells this mark from the others; what all share is in the caption, and bases have markers."""
    saving = tradeoff.saving
    title = names.generator(saving.generator)
    if len({row.saving.base for row in shown}) > 1 and len(shown) <= LABELLED:
        title = names.combination(saving.base, saving.generator)
    if len({row.saving.bit_error_rate for row in shown}) > 1:
        title += f" {percent(saving.bit_error_rate)}"
    return title


def _baseline_title(row: Tradeoff, alone: Sequence[Tradeoff], names: Names) -> str:
    """The base model's name with its voltage, or with its bit error rate where there are several."""
    voltage = "nominal voltage" if row.saving.bit_error_rate == 0 else "low voltage"
    if row.saving.bit_error_rate > 0 and len({other.saving.bit_error_rate for other in alone}) > 2:
        voltage = percent(row.saving.bit_error_rate)
    return f"{names.base(row.saving.base)}, {voltage}"


def _mark_label(tradeoff: Tradeoff, text: str, measure: Measure, *, bold: bool = False) -> Label:
    saving, accuracy = objectives(tradeoff, measure)
    return Label(x=saving, y=accuracy, text=text, bold=bold)


def _front_boxes(axes: Axes, members: Sequence[Tradeoff], measure: Measure) -> list[Box]:
    """The staircase as thin rectangles."""
    x, y = _staircase(axes, members, measure)
    return list(zip(x, y, x[1:], y[1:], strict=False))


def _spread(tradeoff: Tradeoff, measure: Measure) -> Box:
    saving, accuracy = objectives(tradeoff, measure)
    spread = tradeoff.accuracy.perturbed_std_percent
    return saving, accuracy - spread, saving, accuracy + spread
