"""The report as one HTML file that needs nothing else: figures, tables, sources, warnings."""

from __future__ import annotations

import base64
import gzip
import re
from collections.abc import Sequence
from importlib.resources import files
from typing import TYPE_CHECKING
from urllib.parse import quote

from energy.curve import VoltageCurve
from energy.measures import DEFAULT_MEASURE
from neuralfuse.accuracy_labels import base_labels, generator_labels
from neuralfuse.registry import base_title, dataset_title, title_of
from nfenergy.ground.columns import columns
from nfenergy.ground.errors import InputError
from nfenergy.ground.rates import percent_text
from nfenergy.ground.tables import csv_text
from reports import summary
from reports.cells import Cell, Table, number
from reports.content import PageContent
from reports.coverage_table import coverage_table
from reports.energy_section import energy_sentences
from reports.energy_section_tables import energy_tables
from reports.explorer import explorer_css, explorer_section
from reports.figures import figures
from reports.fronts import DEFINITION, front_hypervolume, standings
from reports.layer_records import LayerRow
from reports.measured import chief_measures, measures_of
from reports.plots.inline import dark_css
from reports.protection_figures import protection_figures
from reports.protection_rows import ProtectionRow
from reports.protections_section import (
    assignment_tables,
    protection_sentences,
    protection_tables,
    sensitivity_table,
)
from reports.records import Tradeoff

if TYPE_CHECKING:
    from markupsafe import Markup

LONGEST_PLAIN = 100_000
FILES = {"tradeoff.csv": Tradeoff, "layers.csv": LayerRow, "protections.csv": ProtectionRow}
"""The files beside the page, each with the record of its rows."""


def page_html(content: PageContent) -> str:
    """The page's text.

    Raises:
        InputError: no combination has an accuracy, or there are several accelerators.
    """
    from jinja2 import Environment, StrictUndefined
    from markupsafe import Markup

    shown = content.tradeoffs
    if not shown:
        raise InputError(
            f"nothing to report: no saving found its accuracy; {'; '.join(content.merged.unmatched[:3])}"
        )
    if len({row.saving.configuration for row in shown}) > 1:
        raise InputError("a report takes the savings of one accelerator; the file holds several")
    layers = content.data.shown_layers if content.data.layers else ()
    environment = Environment(
        autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters["code"] = with_code
    return environment.from_string(_resource("report.html.j2")).render(
        css=Markup(_resource("report.css") + dark_css() + explorer_css()),
        js=Markup(_resource("report.js")),
        explorer=explorer_section(content),
        title=_title(shown),
        sentences=summary.sentences(shown),
        warnings=summary.warnings(content.merged, content.convention),
        figures=_numbered(content),
        energy_sentences=energy_sentences(
            content.data.savings, content.data.scenarios, content.energy, content.data.shown
        ),
        energy_tables=energy_tables(content) if any(row.saving.domains for row in shown) else (),
        caveats=content.energy.caveats,
        protection_sentences=protection_sentences(content.protections),
        protection_tables=protection_tables(content.protections),
        protection_notes=content.protections.notes if content.protections else (),
        sensitivity_tables=[sensitivity_table(found) for found in content.sensitivities],
        assignments=[(found.verdict, assignment_tables(found)) for found in content.assignments],
        tradeoff_table=_tradeoff_table(shown),
        front_table=_front_table(shown),
        coverage_table=coverage_table(row.saving for row in shown),
        layer_table=_layer_table(layers),
        constants=summary.constants(shown, content.data.curve, content.convention),
        curve_table=_curve_table(content.data.curve),
        curve_notes=content.data.curve.notes,
        downloads=_downloads(content),
        dictionary={name: columns(record) for name, record in FILES.items()},
        command=content.command,
        versions=content.versions,
    )


def with_code(text: str) -> Markup:
    """A sentence for a page: what stands between backticks is code, and everything is escaped."""
    from markupsafe import Markup, escape

    return Markup(re.sub("`([^`]*)`", r"<code>\1</code>", str(escape(text))))


def _resource(name: str) -> str:
    return (files("reports") / "templates" / name).read_text(encoding="utf-8")


def _numbered(content: PageContent) -> list[dict[str, object]]:
    """The figures, numbered in the order of the page's sections."""
    from markupsafe import Markup

    drawn = sorted(figures(content.data), key=lambda figure: figure.section != "figures")
    protections = content.protections.rows if content.protections else ()
    drawn += protection_figures(protections, content.sensitivities, content.assignments)
    return [
        {
            "name": figure.name,
            "section": figure.section,
            "number": place,
            "caption": figure.caption,
            # The SVG is ours, and every text in it was escaped when it was written.
            "svg": Markup(figure.svg),
        }
        for place, figure in enumerate(drawn, start=1)
    ]


def _title(shown: Sequence[Tradeoff]) -> str:
    bases = {row.saving.base for row in shown}
    datasets = " and ".join(map(dataset_title, dict.fromkeys(row.saving.dataset for row in shown)))
    what = base_title(next(iter(bases))) if len(bases) == 1 else f"{len(bases)} base models"
    return f"Energy, accuracy and latency of {what} on {datasets}"


def _downloads(content: PageContent) -> list[tuple[str, str]]:
    """File names with their contents as data addresses."""
    texts = {"tradeoff.csv": csv_text(Tradeoff, content.tradeoffs)}
    if content.layers:
        texts["layers.csv"] = csv_text(LayerRow, content.layers)
    if content.protections:
        texts["protections.csv"] = csv_text(ProtectionRow, content.protections.rows)
    return [download(name, text) for name, text in texts.items()]


def download(name: str, text: str) -> tuple[str, str]:
    """A table's file name and data address; a long one is compressed, for the page's sake."""
    if len(text) > LONGEST_PLAIN:
        packed = base64.b64encode(gzip.compress(text.encode(), mtime=0)).decode()
        return f"{name}.gz", f"data:application/gzip;base64,{packed}"
    # Hardly anything in a table needs an escape, so that this is a quarter shorter than base64.
    return name, "data:text/csv;charset=utf-8," + quote(text, safe=" ,;:/()+")


def _tradeoff_table(tradeoffs: Sequence[Tradeoff]) -> Table:
    accuracies = [row.accuracy for row in tradeoffs]
    measures = list(measures_of(row.saving for row in tradeoffs))
    found = zip(tradeoffs, base_labels(accuracies), generator_labels(accuracies), strict=True)
    return Table(
        caption="Combinations and operating points; accuracies are means over chips ± standard deviation.",
        header=(
            "base model",
            "generator",
            "bit error rate",
            "voltage / Vmin",
            *(
                f"saving by {measure.title} (%)"
                for measure in measures_of(row.saving for row in tradeoffs).values()
            ),
            "perturbed accuracy (%)",
            "clean accuracy (%)",
            "latency overhead (%)",
            "latency (ms)",
            "on the front (probability)",
            "accuracy",
        ),
        rows=tuple(_tradeoff_cells(row, base, generator, measures) for row, base, generator in found),
    )


def _tradeoff_cells(row: Tradeoff, base: str, generator: str, measures: Sequence[str]) -> tuple[Cell, ...]:
    saving, accuracy, standing = row.saving, row.accuracy, row.standings[DEFAULT_MEASURE]
    below = "below " if saving.bit_error_rate_is_bound else ""
    return (
        Cell(text=base),
        Cell(text=generator),
        Cell(text=f"{below}{percent_text(saving.bit_error_rate)}", value=saving.bit_error_rate),
        number(saving.voltage_norm, 4),
        *(number(saving.saving_percent(measure), 1) for measure in measures),
        Cell(
            text=f"{accuracy.perturbed_percent:.1f} ± {accuracy.perturbed_std_percent:.1f}",
            value=accuracy.perturbed_percent,
        ),
        number(accuracy.clean_percent, 1),
        number(saving.latency_overhead_percent, 1),
        number(saving.total_latency_ms, 3),
        Cell(
            text=f"{'yes' if standing.on_front else 'no'} ({standing.probability:.0%})",
            value=standing.probability,
        ),
        Cell(text=accuracy.source),
    )


def _front_table(shown: Sequence[Tradeoff]) -> Table:
    """A row a base model and measure: what nothing beats, and the area under it."""
    said = dict(zip(shown, generator_labels([row.accuracy for row in shown]), strict=True))
    rows = []
    for base in dict.fromkeys(row.saving.base for row in shown):
        own = [row for row in shown if row.saving.base == base]
        for measure, row_of in chief_measures(row.saving for row in own).items():
            members = ", ".join(
                f"{said[row]} at {percent_text(row.saving.bit_error_rate)} ({standing.probability:.0%})"
                for row, standing in zip(own, standings(own, measure), strict=True)
                if standing.on_front
            )
            area = front_hypervolume(own, measure)
            cells = (Cell(text=base_title(base)), Cell(text=row_of.title), Cell(text=members))
            rows.append((*cells, number(area, 0)))
    return Table(
        caption=f"The front of each base model. {DEFINITION}. Percentages: probability to be on it for one "
        "chip. Hypervolume: the area in saving x accuracy that it dominates.",
        header=("base model", "saving by", "on the front", "hypervolume (% x %)"),
        rows=tuple(rows),
    )


def _layer_table(layers: Sequence[LayerRow]) -> Table:
    networks = {row.network: row for row in layers}.values()
    titles = " and ".join(
        title_of("base" if row.role == "base" else "generator", row.network) for row in networks
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
                number(row.layer.channels, 0),
                number(row.layer.filters, 0),
                number(row.layer.stride, 0),
                number(row.folds, 0),
                number(row.counts.overall_util_percent, 1),
                number(row.counts.total_cycles, 0),
                number(row.counts.sram_filter_reads, 0),
                number(row.counts.dram_filter_reads, 0),
                number(row.energy_share_percent, 2),
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
                number(point.voltage_norm, 4),
                Cell(text=f"{point.bit_error_rate_percent:g}", value=point.bit_error_rate_percent),
                number(point.energy_per_access_norm, 3),
            )
            for point in curve.points
        ),
    )
