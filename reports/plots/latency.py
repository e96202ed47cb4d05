"""The latency that each generator adds to each base model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from neuralfuse.registry import BASES, GENERATORS, NO_GENERATOR, base_title, combination, generator_title
from nfenergy.ground.errors import InputError
from reports.plots.style import COLUMN, FAINT, INK, Size, drawing, look, new_figure, ordered
from reports.records import Saving

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

ROW_IN = 0.13
"""Height of a bar and its gap at 7 pt text."""


def latency_plot(savings: Sequence[Saving], *, size: Size = COLUMN) -> Figure:
    """One bar a combination with its overhead in percent, a panel a base model.

    Panels stand below each other, or beside each other where the height does not suffice.

    Args:
        savings: the combinations; latency does not depend on the operating point.
        size: where the figure goes.

    Raises:
        InputError: no combination has a generator.
    """
    overheads = {
        (saving.base, saving.generator): saving for saving in savings if saving.generator != NO_GENERATOR
    }
    if not overheads:
        raise InputError("the latency plot takes at least one combination with a generator")
    bases = ordered({base for base, _ in overheads}, BASES)
    generators = ordered({generator for _, generator in overheads}, GENERATORS)
    panel_in = (2.0 + len(generators)) * ROW_IN * size.font_pt / 7.0
    height = 0.3 * size.font_pt / 7.0 + len(bases) * panel_in
    beside = height > size.max_height_in
    with drawing(size):
        figure = new_figure(size, None if beside else height)
        shape = (1, len(bases)) if beside else (len(bases), 1)
        panels = figure.subplots(*shape, sharex=True, sharey=beside, squeeze=False)
        for axes, base in zip(panels.flat, bases, strict=True):
            _draw_panel(axes, base, generators, overheads, size)
            alone = next(saving.base_latency_ms for (name, _), saving in overheads.items() if name == base)
            axes.set_title(
                f"{base_title(base)}{chr(10) if beside else ' '}({alone:.3g} ms alone)",
                loc="left",
                fontsize=size.font_pt - 1,
            )
        for axes in panels[-1]:
            axes.set_xlabel("overhead (%)" if beside else "latency overhead (%)")
        largest = max(saving.latency_overhead_percent for saving in overheads.values())
        panels[0, 0].set_xlim(0, (1.45 if beside else 1.14) * largest)
    return figure


def hover_texts(savings: Sequence[Saving]) -> dict[str, str]:
    """The text of each bar by the id that `latency_plot` gave it."""
    return {
        f"latency-{saving.base}-{saving.generator}": (
            f"{combination(saving.base, saving.generator)}: {saving.total_latency_ms:.3f} ms at "
            f"{saving.clock_ghz:g} GHz, {saving.latency_overhead_percent:.1f} % over "
            f"{saving.base_latency_ms:.3f} ms"
        )
        for saving in savings
        if saving.generator != NO_GENERATOR
    }


def _draw_panel(
    axes: Axes,
    base: str,
    generators: Sequence[str],
    overheads: Mapping[tuple[str, str], Saving],
    size: Size,
) -> None:
    for y, generator in enumerate(generators):
        if (base, generator) not in overheads:
            continue
        overhead = overheads[base, generator].latency_overhead_percent
        style = look(base, generator)
        (bar,) = axes.barh(
            y,
            overhead,
            height=0.75,
            color=style.colour,
            edgecolor=INK,
            linewidth=0.4 * size.line_pt,
        )
        bar.set_gid(f"latency-{base}-{generator}")
        axes.annotate(
            f"{overhead:.1f}",
            xy=(overhead, y),
            xytext=(2, 0),
            textcoords="offset points",
            va="center",
            fontsize=size.font_pt - 1,
        )
    axes.set_yticks(range(len(generators)), [generator_title(generator) for generator in generators])
    axes.set_ylim(len(generators) - 0.4, -0.6)
    axes.tick_params(axis="y", length=0)
    axes.grid(axis="x", color=FAINT, linewidth=0.3)
    axes.set_axisbelow(True)
