"""Where the energy goes: base model at Vmin, at the operating point, and there behind each generator."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from energy.measures import ENERGY_DOMAINS
from neuralfuse.registry import BASES, GENERATORS, base_title, generator_title
from nfenergy.ground.errors import InputError
from reports.operating import low_energy
from reports.plots import style
from reports.plots.bars import bar_layout, bar_panels, name_bars, write_value
from reports.plots.panels import Entry, legend
from reports.plots.style import COLUMN, EDGE, INK, Size, drawing, new_figure, ordered
from reports.plots.words import extent
from reports.records import Saving

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

HEAD_IN = 0.95
"""Height of axis and legend at 7 pt text."""
COLOURS = dict(
    zip(
        (domain.name for domain in ENERGY_DOMAINS),
        (*style.COLOURS[:3], style.PALE[0], style.COLOURS[4], style.PALE[1]),
        strict=True,
    )
)
"""From dark to light, leakage apart."""
ENERGY = "energy of one inference (% of the base model at Vmin)"
HATCH = "////"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Bar:
    """One bar: energies by domain of the base model and of the generator, in percent of the base at Vmin."""

    key: str
    title: str
    base: dict[str, float]
    generator: dict[str, float]

    @property
    def total(self) -> float:
        return sum(self.base.values()) + sum(self.generator.values())


def energy_plot(savings: Sequence[Saving], *, size: Size = COLUMN) -> Figure:
    """A panel a base model; each bar is stacked by domain, the generator's part hatched.

    Args:
        savings: one operating point of each combination; base models alone at others are left out.
        size: where the figure goes.

    Raises:
        InputError: no saving has energies by domain, or one combination has several operating points.
    """
    panels_of = _panels(savings)
    longest = max(map(len, panels_of.values()))
    layout = bar_layout(len(panels_of), longest, size, head_in=HEAD_IN)
    with drawing(layout.size):
        figure = new_figure(size, layout.height_in)
        ratios = [len(bars) + 0.6 for bars in panels_of.values()]
        panels, free = bar_panels(figure, len(panels_of), layout, ratios)
        every = {bar.key: bar.title for bars in panels_of.values() for bar in bars}
        keys = [*list(every)[:2], *ordered(set(every) - {"vmin", "low"}, GENERATORS)]
        for axes, (base, bars) in zip(panels, panels_of.items(), strict=True):
            own = {bar.key for bar in bars}
            titles = {key: every[key] for key in keys if not layout.stacked or key in own}
            _draw_panel(axes, base, bars, titles, layout.size)
        largest = max(bar.total for bars in panels_of.values() for bar in bars)
        panels[0].set_xlim(0, (1.12 if layout.stacked else 1.6) * largest)
        _legend(figure, free, panels_of, layout.size)
    return figure


def hover_texts(savings: Sequence[Saving]) -> dict[str, str]:
    """The text of each segment by the id that `energy_plot` gave it."""
    texts = {}
    titles = {domain.name: domain.title for domain in ENERGY_DOMAINS}
    for base, bars in _panels(savings).items():
        for bar in bars:
            for role, parts in (("base", bar.base), ("generator", bar.generator)):
                for name, share in parts.items():
                    texts[f"energy-{base}-{bar.key}-{role}-{name}"] = (
                        f"{base_title(base)}, {bar.title}: {titles[name]} of the "
                        f"{'base model' if role == 'base' else role} {share:.1f} %, {bar.total:.1f} % in all"
                    )
    return texts


def description(savings: Sequence[Saving]) -> str:
    """What is to be seen, in sentences."""
    titles = {domain.name: domain.title for domain in ENERGY_DOMAINS}
    said = []
    for base, bars in _panels(savings).items():
        vmin, low, *behind = bars
        largest = max(vmin.base, key=lambda name: vmin.base[name])
        behind_said = f", behind a generator {extent(bar.total for bar in behind)}" if behind else ""
        said.append(
            f"{base_title(base)} spends most in {titles[largest]}, {vmin.base[largest]:.1f} %; {low.title} "
            f"it takes {low.total:.1f} %{behind_said}."
        )
    return " ".join(said)


def _panels(savings: Sequence[Saving]) -> dict[str, list[_Bar]]:
    shown = [saving for saving in savings if saving.domains]
    if not shown:
        raise InputError("the energy plot takes savings with energies by domain; these have none")
    found = {}
    for base in ordered({saving.base for saving in shown}, BASES):
        own = [saving for saving in shown if saving.base == base]
        low = [saving for saving in own if saving.has_generator] or [own[-1]]
        keys = [saving.generator for saving in low]
        if len(set(keys)) < len(keys):
            raise InputError(
                f"the energy plot takes one operating point a combination, {base} has several; narrow them "
                "with --ber"
            )
        found[base] = _bars(low)
    return found


def _bars(low: Sequence[Saving]) -> list[_Bar]:
    """The base model twice, then with each generator."""
    first = low[0]
    total = sum(energy.base for energy in first.domains.values())
    nominal = {name: 100.0 * energy.base / total for name, energy in first.domains.items()}
    lowered = {name: 100.0 * low_energy(first, name) / total for name in first.domains}
    at = f"at {first.voltage_norm:.3g} of Vmin"
    bars = [_Bar(key="vmin", title="at Vmin", base=nominal, generator={})]
    bars.append(_Bar(key="low", title=at, base=lowered, generator={}))
    by_generator = {saving.generator: saving for saving in low if saving.has_generator}
    for generator in ordered(by_generator, GENERATORS):
        spent = {
            name: 100.0 * energy.generator / total for name, energy in by_generator[generator].domains.items()
        }
        title = f"+ {generator_title(generator)}"
        bars.append(_Bar(key=generator, title=title, base=lowered, generator=spent))
    return bars


def _draw_panel(axes: Axes, base: str, bars: Sequence[_Bar], titles: Mapping[str, str], size: Size) -> None:
    places = list(titles)
    for bar in bars:
        y, left = places.index(bar.key), 0.0
        for role, parts in (("base", bar.base), ("generator", bar.generator)):
            for name in (domain.name for domain in ENERGY_DOMAINS if domain.name in parts):
                (patch,) = axes.barh(
                    y,
                    parts[name],
                    left=left,
                    height=0.76,
                    color=COLOURS[name],
                    edgecolor=EDGE,
                    linewidth=0.3 * size.line_pt,
                    hatch=HATCH if role == "generator" else None,
                )
                patch.set_gid(f"energy-{base}-{bar.key}-{role}-{name}")
                left += parts[name]
        write_value(axes, left, y, size)
    axes.axvline(100.0, color=INK, linewidth=0.5 * size.line_pt, linestyle=":")
    name_bars(axes, list(titles.values()))
    axes.set_title(base_title(base), loc="left", fontsize=size.font_pt - 1)


def _legend(figure: Figure, free: Axes | None, panels: dict[str, list[_Bar]], size: Size) -> None:
    from matplotlib.patches import Patch

    bars = [bar for found in panels.values() for bar in found]
    entries: list[Entry] = [
        (domain.title, (Patch(facecolor=COLOURS[domain.name], edgecolor=EDGE, linewidth=0.4),))
        for domain in ENERGY_DOMAINS
        if any(domain.name in bar.base for bar in bars)
    ]
    if any(bar.generator for bar in bars):
        hatched = Patch(facecolor="white", edgecolor=INK, linewidth=0.4, hatch=HATCH)
        entries.append(("the generator's part", (hatched,)))
    legend(figure, free, [entries], size, x_title=ENERGY, columns=3)
