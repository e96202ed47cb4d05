"""The latency that each generator adds to each base model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from neuralfuse.registry import BASES, GENERATORS, NO_GENERATOR, base_title, combination, generator_title
from nfenergy.ground.errors import InputError
from reports.plots.bars import bar_layout, bar_panels, name_bars, write_value
from reports.plots.style import COLUMN, EDGE, Size, drawing, look, new_figure, ordered
from reports.plots.words import extent
from reports.records import Saving

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

HEAD_IN = 0.5
"""Height of the axis at 7 pt text, and of a second line of titles."""


def latency_plot(savings: Sequence[Saving], *, size: Size = COLUMN) -> Figure:
    """One bar a combination with its overhead in percent, a panel a base model.

    Panels stand below each other, and beside each other where the height does not suffice.

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
    layout = bar_layout(len(bases), len(generators), size, head_in=HEAD_IN)
    with drawing(layout.size):
        figure = new_figure(size, layout.height_in)
        panels, _ = bar_panels(figure, len(bases), layout)
        for axes, base in zip(panels, bases, strict=True):
            _draw_panel(axes, base, generators, overheads, layout.size)
            alone = next(saving.base_latency_ms for (name, _), saving in overheads.items() if name == base)
            axes.set_title(
                f"{base_title(base)}{' ' if layout.stacked else chr(10)}({alone:.3g} ms alone)",
                loc="left",
                fontsize=layout.size.font_pt - 1,
            )
        figure.supxlabel("latency overhead (%)", fontsize=layout.size.font_pt)
        largest = max(saving.latency_overhead_percent for saving in overheads.values())
        panels[0].set_xlim(0, (1.14 if layout.stacked else 1.5) * largest)
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


def description(savings: Sequence[Saving]) -> str:
    """What is to be seen, in sentences."""
    protected = sorted(
        (saving for saving in savings if saving.generator != NO_GENERATOR),
        key=lambda saving: saving.latency_overhead_percent,
    )
    least, most = protected[0], protected[-1]
    return (
        f"Generators add {extent(saving.latency_overhead_percent for saving in protected)}: least "
        f"{combination(least.base, least.generator)}, most {combination(most.base, most.generator)}."
    )


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
            edgecolor=EDGE,
            linewidth=0.4 * size.line_pt,
        )
        bar.set_gid(f"latency-{base}-{generator}")
        write_value(axes, overhead, y, size)
    name_bars(axes, [generator_title(generator) for generator in generators])
