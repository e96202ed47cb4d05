"""The latency that each generator adds to each base model."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from nfenergy.errors import InputError
from reports.names import NO_GENERATOR, Names
from reports.plots.style import COLUMN, FAINT, INK, Size, drawing, look, new_figure, ordered
from reports.records import Saving

if TYPE_CHECKING:
    from matplotlib.figure import Figure

ROW_IN = 0.13
"""Height of a bar and its gap at 7 pt text."""


def latency_plot(savings: Sequence[Saving], names: Names, *, size: Size = COLUMN) -> Figure:
    """One bar a combination with its overhead in percent, grouped by base model.

    Args:
        savings: the combinations; latency does not depend on the operating point.
        names: titles, and the order of the bars.
        size: where the figure goes.

    Raises:
        InputError: no combination has a generator.
    """
    overheads = {
        (saving.base, saving.generator): saving for saving in savings if saving.generator != NO_GENERATOR
    }
    if not overheads:
        raise InputError("the latency plot takes at least one combination with a generator")
    bases = ordered({base for base, _ in overheads}, names.bases)
    generators = ordered({generator for _, generator in overheads}, names.generators)
    with drawing(size):
        rows = len(overheads) + len(bases)
        figure = new_figure(size, 0.6 + rows * ROW_IN * size.font_pt / 7.0)
        axes = figure.subplots()
        largest = max(saving.latency_overhead_percent for saving in overheads.values())
        ticks, y = [], 0.0
        for base in bases:
            saving = next(found for (name, _), found in overheads.items() if name == base)
            axes.text(
                0,
                y,
                f"{names.base(base)} ({saving.base_latency_ms:.3g} ms alone)",
                va="center",
                fontweight="bold",
                fontsize=size.font_pt - 1,
            )
            for generator in generators:
                if (base, generator) in overheads:
                    y += 1
                    ticks.append((y, names.generator(generator)))
                    overhead = overheads[base, generator].latency_overhead_percent
                    (bar,) = axes.barh(
                        y,
                        overhead,
                        height=0.75,
                        color=look(names, base, generator).colour,
                        edgecolor=INK,
                        linewidth=0.4 * size.line_pt,
                        hatch="...." if look(names, base, generator).dotted else None,
                    )
                    bar.set_gid(f"latency-{base}-{generator}")
                    axes.text(
                        overhead + 0.01 * largest,
                        y,
                        f"{overhead:.1f}",
                        va="center",
                        fontsize=size.font_pt - 1,
                    )
            y += 1.2
        axes.set_yticks([tick for tick, _ in ticks], [title for _, title in ticks])
        axes.set_ylim(y - 0.6, -0.7)
        axes.set_xlim(0, 1.14 * largest)
        axes.tick_params(axis="y", length=0)
        axes.grid(axis="x", color=FAINT, linewidth=0.3)
        axes.set_axisbelow(True)
        axes.set_xlabel("latency overhead (%)")
    return figure


def hover_texts(savings: Sequence[Saving], names: Names) -> dict[str, str]:
    """The text of each bar by the id that `latency_plot` gave it."""
    return {
        f"latency-{saving.base}-{saving.generator}": (
            f"{names.combination(saving.base, saving.generator)}: {saving.total_latency_ms:.3f} ms at "
            f"{saving.clock_ghz:g} GHz, {saving.latency_overhead_percent:.1f} % over "
            f"{saving.base_latency_ms:.3f} ms"
        )
        for saving in savings
        if saving.generator != NO_GENERATOR
    }
