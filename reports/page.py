"""The report as one HTML file that needs nothing else: figures, tables, sources, warnings."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.resources import files

from energy.curve import VoltageCurve
from nfenergy.ground.errors import InputError
from reports import summary
from reports.columns import FILES
from reports.content import PageContent
from reports.figures import Figure, figures
from reports.files import layers_csv, tradeoff_csv
from reports.fronts import front_hypervolume, standings_by_base
from reports.merge import percent
from reports.names import Names
from reports.records import MEASURE_TITLES, LayerRow, Tradeoff, configuration


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """A cell of a table: what is read, and the number to sort by; None sorts by the text."""

    text: str
    value: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """A sortable table."""

    caption: str
    header: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]


def _nothing_shown(content: PageContent) -> str:
    unmatched = content.merged.unmatched(content.names)
    if not unmatched:
        return "the accuracies are of base models alone; evaluate one behind a generator as well"
    return "no saving found its accuracy; " + "; ".join(unmatched[:3])


def page_html(content: PageContent) -> str:
    """The page's text.

    Raises:
        InputError: no combination with a generator has an accuracy, or there are several accelerators.
    """
    from jinja2 import Environment, StrictUndefined
    from markupsafe import Markup

    shown = [row for row in content.merged.tradeoffs if row.has_generator]
    if not shown:
        raise InputError(f"nothing to report: {_nothing_shown(content)}")
    if len({configuration(row.saving) for row in shown}) > 1:
        raise InputError("a report takes the savings of one accelerator; the file holds several")
    environment = Environment(
        autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    return environment.from_string(_resource("report.html.j2")).render(
        css=Markup(_resource("report.css")),
        js=Markup(_resource("report.js")),
        title=_title(shown, content.names),
        sentences=summary.sentences(shown, content.names),
        warnings=summary.warnings(content.merged, content.names, content.convention),
        figures=[_drawn(figure) for figure in figures(content)],
        tradeoff_table=_tradeoff_table(content.merged.tradeoffs, content.names),
        front_table=_front_table(shown, content.names),
        layer_table=_layer_table(content.shown_layers, content.names),
        constants=summary.constants(shown, content.curve, content.convention),
        curve_table=_curve_table(content.curve),
        curve_notes=content.curve.notes,
        downloads=_downloads(content),
        dictionary=FILES,
        command=content.command,
        versions=content.versions,
    )


def _resource(name: str) -> str:
    return (files("reports") / "templates" / name).read_text(encoding="utf-8")


def _drawn(figure: Figure) -> dict[str, object]:
    from markupsafe import Markup

    # The SVG is ours, and every text in it was escaped when it was written.
    return {"name": figure.name, "caption": figure.caption, "svg": Markup(figure.svg)}


def _title(shown: Sequence[Tradeoff], names: Names) -> str:
    bases = {row.saving.base for row in shown}
    datasets = " and ".join(
        names.dataset(name) for name in dict.fromkeys(row.saving.dataset for row in shown)
    )
    what = names.base(next(iter(bases))) if len(bases) == 1 else f"{len(bases)} base models"
    return f"Energy, accuracy and latency of {what} on {datasets}"


def _downloads(content: PageContent) -> list[tuple[str, str]]:
    """File names with their contents as data addresses."""
    texts = {
        "tradeoff.csv": tradeoff_csv(content.merged.tradeoffs),
        "layers.csv": layers_csv(content.layers),
    }
    return [
        (name, "data:text/csv;charset=utf-8;base64," + base64.b64encode(text.encode()).decode())
        for name, text in texts.items()
    ]


def _tradeoff_table(tradeoffs: Sequence[Tradeoff], names: Names) -> Table:
    standings = standings_by_base(tradeoffs, "twma")
    rows = []
    for row, standing in zip(tradeoffs, standings, strict=True):
        saving, accuracy = row.saving, row.accuracy
        rows.append(
            (
                Cell(text=names.base(saving.base)),
                Cell(text=names.generator(saving.generator)),
                Cell(text=percent(saving.bit_error_rate), value=saving.bit_error_rate),
                _number(saving.voltage_norm, 4),
                _number(saving.twma_saving_percent, 1),
                _number(saving.mac_saving_percent, 1),
                Cell(
                    text=f"{accuracy.perturbed_percent:.1f} ± {accuracy.perturbed_std_percent:.1f}",
                    value=accuracy.perturbed_percent,
                ),
                _number(accuracy.clean_percent, 1),
                _number(saving.latency_overhead_percent, 1),
                _number(saving.total_latency_ms, 3),
                Cell(
                    text=f"{'yes' if standing.on_front else 'no'} ({standing.probability:.0%})"
                    if standing
                    else "",
                    value=standing.probability if standing else -1.0,
                ),
                Cell(text=accuracy.source),
            )
        )
    return Table(
        caption="Combinations and operating points; accuracies are means over chips ± standard deviation.",
        header=(
            "base model",
            "generator",
            "bit error rate",
            "voltage / Vmin",
            "saving by T.W.M.A. (%)",
            "saving by MACs (%)",
            "perturbed accuracy (%)",
            "clean accuracy (%)",
            "latency overhead (%)",
            "latency (ms)",
            "on the front (probability)",
            "accuracy",
        ),
        rows=tuple(rows),
    )


def _front_table(shown: Sequence[Tradeoff], names: Names) -> Table:
    """A row a base model and measure: the generators that nothing beats, and the area under them."""
    rows = []
    for base in dict.fromkeys(row.saving.base for row in shown):
        own = [row for row in shown if row.saving.base == base]
        for measure, title in MEASURE_TITLES.items():
            members = ", ".join(
                f"{names.generator(row.saving.generator)} at {percent(row.saving.bit_error_rate)} "
                f"({standing.probability:.0%})"
                for row, standing in zip(own, standings_by_base(own, measure), strict=True)
                if standing is not None and standing.on_front
            )
            area = front_hypervolume(own, measure)
            rows.append((Cell(text=names.base(base)), Cell(text=title), Cell(text=members), _number(area, 0)))
    return Table(
        caption="The front of each base model. Percentages: probability to be on it for one chip. "
        "Hypervolume: the area in saving x accuracy that it dominates.",
        header=("base model", "saving by", "generators on the front", "hypervolume (% x %)"),
        rows=tuple(rows),
    )


def _layer_table(layers: Sequence[LayerRow], names: Names) -> Table:
    titles = " and ".join(
        names.base(row.network) if row.role == "base" else names.generator(row.network)
        for row in {row.network: row for row in layers}.values()
    )
    return Table(
        caption=f"Layers of {titles}; all combinations are in layers.csv.",
        header=(
            "network",
            "layer",
            "ifmap",
            "filter",
            "channels",
            "filters",
            "stride",
            "folds",
            "utilisation (%)",
            "cycles",
            "SRAM weight reads",
            "DRAM weight reads",
            "energy share (%)",
        ),
        rows=tuple(
            (
                Cell(text=row.network),
                Cell(text=row.layer.name),
                Cell(text=f"{row.layer.ifmap_h} x {row.layer.ifmap_w}", value=row.layer.ifmap_h),
                Cell(text=f"{row.layer.filter_h} x {row.layer.filter_w}", value=row.layer.filter_h),
                _number(row.layer.channels, 0),
                _number(row.layer.filters, 0),
                _number(row.layer.stride, 0),
                _number(row.folds, 0),
                _number(row.counts.overall_util_percent, 1),
                _number(row.counts.total_cycles, 0),
                _number(row.counts.sram_filter_reads, 0),
                _number(row.counts.dram_filter_reads, 0),
                _number(row.energy_share_percent, 2),
            )
            for row in layers
        ),
    )


def _curve_table(curve: VoltageCurve) -> Table:
    return Table(
        caption=f"Voltage curve {curve.name}.",
        header=("voltage / Vmin", "bit error rate (%)", "energy per access / at Vmin"),
        rows=tuple(
            (
                _number(point.voltage_norm, 4),
                Cell(text=f"{point.bit_error_rate_percent:g}", value=point.bit_error_rate_percent),
                _number(point.energy_per_access_norm, 3),
            )
            for point in curve.points
        ),
    )


def _number(value: float, decimals: int) -> Cell:
    return Cell(text=f"{value:,.{decimals}f}", value=float(value))
