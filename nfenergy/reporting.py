"""The report's files, one plot, and the paper's two figures: a comparison in, files out."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from energy.curve import VoltageCurve
from energy.measures import DEFAULT_MEASURE, MEASURES, PAPER_MEASURES
from energy.scalesim.engine import ProgressCallback
from neuralfuse.accuracy_labels import labels
from neuralfuse.layer_sensitivity import Sensitivity
from nfenergy.assigning_results import Assignment
from nfenergy.compared_arrays import explorer_data
from nfenergy.ground.columns import columns
from nfenergy.ground.errors import UnknownName
from nfenergy.ground.figures import FORMATS
from nfenergy.ground.files import write_text
from nfenergy.ground.provenance import versions
from nfenergy.ground.tables import csv_text, dictionary
from nfenergy.machine import MachineArguments
from nfenergy.page_protections import page_protections
from nfenergy.scenario_savings import scenario_savings
from nfenergy.tradeoffs import Comparison, Selection, compare
from reports.content import PageContent
from reports.explorer_data import ExplorerData
from reports.fronts import DEFINITION, REFERENCE_POINT, front_hypervolume, front_members
from reports.layer_records import LayerRow
from reports.measured import measures_of
from reports.plots.registry import PLOTS, PlotData
from reports.plots.style import SIZES, Size, save
from reports.protection_rows import ProtectionRow
from reports.records import Tradeoff

PAPER_FIGURES = dict(zip(("figure5", "figure6"), PAPER_MEASURES, strict=True))
"""The energy-accuracy figures of Sun et al. by what they reckon energy by."""
PAPER_RATE = 0.01
DEFAULT_STEM = "report"


def write_report(
    comparison: Comparison,
    page: Path,
    *,
    command: str,
    sensitivities: Sequence[Sensitivity] = (),
    assignments: Sequence[Assignment] = (),
    explorer: ExplorerData | None = None,
) -> list[Path]:
    """Write the page and, beside it, its tables, the data dictionary and provenance.

    Args:
        comparison: what to report.
        page: the HTML file; the others go into its folder: ``tradeoff.csv`` and so on beside
            ``report.html``, ``NAME.tradeoff.csv`` beside ``NAME.html``.
        command: the command line that repeats it.
        sensitivities, assignments: of base models' layers, to be shown with it.
        explorer: what the page's explorer can be switched to; None for the comparison's own array.

    Returns:
        The files written, the page last.

    Raises:
        InputError: there is nothing to report.
        NfEnergyError: a file cannot be written.
    """
    from reports.page import FILES, page_html

    if explorer is None and comparison.reports:
        explorer = explorer_data(comparison)
    content = replace(
        _content(comparison, command),
        protections=page_protections(comparison),
        sensitivities=sensitivities,
        assignments=[found.shown for found in assignments],
        explorer=explorer,
    )
    entries = dictionary({name: columns(record) for name, record in FILES.items()})
    prefix = "" if page.stem == DEFAULT_STEM else f"{page.stem}."
    tables = {"tradeoff.csv": csv_text(Tradeoff, comparison.merged.tradeoffs)}
    if comparison.layers:
        tables["layers.csv"] = csv_text(LayerRow, content.layers)
    if content.protections:
        tables["protections.csv"] = csv_text(ProtectionRow, content.protections.rows)
    tables |= {"columns.csv": _dictionary_csv(entries), "columns.md": _dictionary_markdown(entries)}
    texts = {f"{prefix}{name}": text for name, text in tables.items()}
    texts[f"{page.stem}.json"] = json.dumps(_provenance(comparison, command), indent=2) + "\n"
    texts[page.name] = page_html(content)
    for name, text in texts.items():
        write_text(page.parent / name, text)
    return [page.parent / name for name in texts]


def write_plot(
    kind: str,
    comparison: Comparison,
    out: Path,
    *,
    measure: str = DEFAULT_MEASURE,
    size: str = "column",
    curves: Sequence[VoltageCurve] = (),
) -> list[Path]:
    """Draw one of `PLOTS`.

    Args:
        kind: a name in `PLOTS`.
        comparison: what to draw.
        out: a file with the suffix of a format, or a folder, which gets the plot in every format.
        measure: what energy is reckoned by, where the plot shows energy.
        size: a name in `reports.plots.style.SIZES`.
        curves: for the plot of a curve, several to draw over each other.

    Raises:
        UnknownName: no such plot, measure or size.
        InputError: the comparison has nothing that it could show, or an unknown suffix.
        NfEnergyError: a file cannot be written.
    """
    plot, by = PLOTS.find(kind), MEASURES.find(measure).name
    if size.lower() not in SIZES:
        raise UnknownName("size", size, SIZES)
    chosen = SIZES[size.lower()]
    figure = plot.draw(replace(_plot_data(comparison), curves=curves), by, chosen)
    paths = [out] if out.suffix else [out / f"{plot.name}.{format_}" for format_ in FORMATS]
    for path in paths:
        save(figure, chosen, path)
    return paths


def reproduce_figure(
    which: str,
    folder: Path,
    *,
    arguments: MachineArguments | None = None,
    size: str = "column",
    on_progress: ProgressCallback | None = None,
) -> list[Path]:
    """The paper's Fig. 5 or 6 from savings computed here and the published accuracies, with its numbers.

    Args:
        which: a name in `PAPER_FIGURES`.
        folder: gets the figure in every format, and the numbers behind it as CSV.
        arguments: of the machine; the paper's by default.
        size: a name in `reports.plots.style.SIZES`.
        on_progress: see `energy.scalesim.engine.simulate`.

    Returns:
        The files written.

    Raises:
        UnknownName: no such figure.
    """
    if which.lower() not in PAPER_FIGURES:
        raise UnknownName("figure", which, PAPER_FIGURES)
    selection = Selection(dataset="cifar10", bit_error_rates=(PAPER_RATE,))
    comparison = compare(["published"], selection, arguments or {}, on_progress=on_progress)
    numbers = folder / f"{which.lower()}.csv"
    write_text(numbers, csv_text(Tradeoff, comparison.merged.tradeoffs))
    chosen: Size = SIZES[size]
    figure = PLOTS["tradeoff"].draw(_plot_data(comparison), PAPER_FIGURES[which.lower()], chosen)
    written = [folder / f"{which.lower()}.{format_}" for format_ in FORMATS]
    for path in written:
        save(figure, chosen, path)
    return [*written, numbers]


def _plot_data(comparison: Comparison, shown: tuple[str, str] | None = None) -> PlotData:
    return PlotData(
        tradeoffs=comparison.merged.tradeoffs,
        layers=comparison.layers,
        curve=comparison.machine.curve,
        shown=shown,
        scenarios=scenario_savings(comparison.reports),
    )


def _content(comparison: Comparison, command: str) -> PageContent:
    rows = comparison.merged.tradeoffs
    convention = comparison.machine.convention
    shown = max(rows, key=lambda row: (row.has_generator, row.accuracy.perturbed_percent), default=None)
    return PageContent(
        merged=comparison.merged,
        data=_plot_data(comparison, (shown.saving.base, shown.saving.generator) if shown else None),
        energy=comparison.machine.energy,
        convention=f"{convention.name}: {convention.description}",
        command=command,
        versions=versions(),
    )


def _provenance(comparison: Comparison, command: str) -> dict[str, object]:
    merged, curve = comparison.merged, comparison.machine.curve
    bases = dict.fromkeys(row.saving.base for row in merged.tradeoffs)
    return {
        "command": command,
        "versions": versions(),
        "accelerators": sorted({row.saving.accelerator for row in merged.tradeoffs}),
        "curve": {"name": curve.name, "title": curve.title, "source": curve.source, "notes": curve.notes},
        "joins": merged.joins,
        "unmatched": merged.unmatched,
        "random_seeds": [],
        "front": DEFINITION,
        "hypervolume_reference_percent": REFERENCE_POINT,
        "fronts": {base: _front(base, merged.tradeoffs) for base in bases},
    }


def _front(base: str, tradeoffs: Sequence[Tradeoff]) -> dict[str, object]:
    rows = [row for row in tradeoffs if row.saving.base == base]
    said = dict(zip(rows, labels([row.accuracy for row in rows]), strict=True))
    return {
        measure: {
            "hypervolume_percent2": front_hypervolume(rows, measure),
            "members": [
                {
                    "generator": row.saving.generator,
                    "label": said[row],
                    "bit_error_rate": row.saving.bit_error_rate,
                    "saving_percent": row.saving.saving_percent(measure),
                    "perturbed_accuracy_percent": row.accuracy.perturbed_percent,
                }
                for row in front_members(rows, measure)
            ],
        }
        for measure in measures_of(row.saving for row in rows)
    }


def _dictionary_csv(entries: Sequence[Mapping[str, str]]) -> str:
    import csv
    import io

    out = io.StringIO()
    writer = csv.DictWriter(out, list(entries[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(entries)
    return out.getvalue()


def _dictionary_markdown(entries: Sequence[Mapping[str, str]]) -> str:
    """One table a file."""
    lines = ["# Columns of the files that `nfenergy report` writes", "", "An empty cell: no such value."]
    head = [name for name in entries[0] if name != "file"]
    for file in dict.fromkeys(entry["file"] for entry in entries):
        lines += ["", f"## {file}", "", f"| {' | '.join(head)} |", "|---" * len(head) + "|"]
        lines += [
            f"| {' | '.join(entry[name] for name in head)} |" for entry in entries if entry["file"] == file
        ]
    return "\n".join(lines) + "\n"
