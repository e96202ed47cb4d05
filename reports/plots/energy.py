"""Where the energy goes: base model at Vmin, at the operating point, and there behind each generator."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from energy.measures import ENERGY_DOMAINS
from neuralfuse.registry import BASES, GENERATORS, base_title, generator_title
from nfenergy.ground.errors import InputError
from reports.operating import low_energy
from reports.plots.style import COLUMN, FAINT, INK, Size, drawing, new_figure, ordered
from reports.records import Saving

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

ROW_IN = 0.13
"""Height of a bar and its gap at 7 pt text."""
COLOURS = {
    "weight_sram": "#123a6f",
    "activation_sram": "#c9552f",
    "logic": "#e3a921",
    "dram": "#dfe3e8",
    "weight_sram_leakage": "#8d6a9f",
    "activation_sram_leakage": "#c9b3d4",
}
"""From dark to light, leakage apart."""
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
    rows = sum(len(bars) + 2.2 for bars in panels_of.values())
    height = (0.9 + rows * ROW_IN) * size.font_pt / 7.0
    beside = height > size.max_height_in
    with drawing(size):
        figure = new_figure(size, None if beside else height)
        ratios = {} if beside else {"height_ratios": [len(bars) + 0.6 for bars in panels_of.values()]}
        shape = (1, len(panels_of)) if beside else (len(panels_of), 1)
        panels = figure.subplots(*shape, sharex=True, sharey=beside, squeeze=False, gridspec_kw=ratios)
        every = {bar.key: bar.title for bars in panels_of.values() for bar in bars}
        keys = [*list(every)[:2], *ordered(set(every) - {"vmin", "low"}, GENERATORS)]
        for axes, (base, bars) in zip(panels.flat, panels_of.items(), strict=True):
            own = {bar.key for bar in bars}
            titles = {key: every[key] for key in keys if beside or key in own}
            _draw_panel(axes, base, bars, titles, size)
        largest = max(bar.total for bars in panels_of.values() for bar in bars)
        panels[0, 0].set_xlim(0, (1.5 if beside else 1.1) * largest)
        for axes in panels[-1]:
            axes.set_xlabel(
                "energy (%)" if beside else "energy of one inference (% of the base model at Vmin)"
            )
        _legend(figure, panels_of)
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
    from matplotlib.patheffects import withStroke

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
                    edgecolor=INK,
                    linewidth=0.3 * size.line_pt,
                    hatch=HATCH if role == "generator" else None,
                )
                patch.set_gid(f"energy-{base}-{bar.key}-{role}-{name}")
                left += parts[name]
        axes.annotate(
            f"{left:.1f}",
            xy=(left, y),
            xytext=(2, 0),
            textcoords="offset points",
            va="center",
            fontsize=size.font_pt - 1,
            path_effects=[withStroke(linewidth=2.0 * size.line_pt, foreground="white")],
        )
    axes.axvline(100.0, color=INK, linewidth=0.5 * size.line_pt, linestyle=":")
    axes.set_yticks(range(len(places)), list(titles.values()))
    axes.set_ylim(len(places) - 0.4, -0.6)
    axes.set_title(base_title(base), loc="left", fontsize=size.font_pt - 1)
    axes.tick_params(axis="y", length=0)
    axes.grid(axis="x", color=FAINT, linewidth=0.3)
    axes.set_axisbelow(True)


def _legend(figure: Figure, panels: dict[str, list[_Bar]]) -> None:
    from matplotlib.patches import Patch

    bars = [bar for found in panels.values() for bar in found]
    handles = [
        Patch(facecolor=COLOURS[domain.name], edgecolor=INK, linewidth=0.4, label=domain.title)
        for domain in ENERGY_DOMAINS
        if any(domain.name in bar.base for bar in bars)
    ]
    if any(bar.generator for bar in bars):
        handles.append(
            Patch(facecolor="white", edgecolor=INK, linewidth=0.4, hatch=HATCH, label="the generator's part")
        )
    figure.legend(handles=handles, loc="outside lower center", ncols=3)
