"""The report's files, the plots by kind, and the paper's two figures: a comparison in, files out."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from energy.scalesim.engine import ProgressCallback
from nfenergy.ground.errors import InputError, UnknownName
from nfenergy.ground.files import write_text
from nfenergy.ground.provenance import versions
from nfenergy.simulation import Machine
from nfenergy.tradeoffs import NAMES, Comparison, Selection, compare
from reports.columns import dictionary_csv, dictionary_markdown
from reports.content import PageContent
from reports.files import layers_csv, tradeoff_csv
from reports.fronts import REFERENCE_POINT, front_hypervolume, front_members
from reports.names import NO_GENERATOR
from reports.plots.style import FORMATS, SIZES, Size, save
from reports.records import LayerRow, Measure, Tradeoff, configuration_title
from topologies.convention import get_convention

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Draw = Callable[[Comparison, Measure, Size], "Figure"]

PAPER_FIGURES: dict[str, Measure] = {"figure5": "twma", "figure6": "mac"}
"""The energy-accuracy figures of Sun et al. by what they reckon energy by."""
PAPER_RATE = 0.01


def write_report(comparison: Comparison, page: Path, *, command: str) -> list[Path]:
    """Write the page and, beside it, ``tradeoff.csv``, ``layers.csv``, the data dictionary and provenance.

    Args:
        comparison: what to report.
        page: the HTML file; the others go into its folder.
        command: the command line that repeats it.

    Returns:
        The files written, the page last.

    Raises:
        InputError: there is nothing to report.
        NfEnergyError: a file cannot be written.
    """
    from reports.page import page_html

    content = _content(comparison, command)
    texts = {
        "tradeoff.csv": tradeoff_csv(comparison.merged.tradeoffs),
        "columns.csv": dictionary_csv(),
        "columns.md": dictionary_markdown(),
        f"{page.stem}.json": json.dumps(_provenance(comparison, command), indent=2) + "\n",
        page.name: page_html(content),
    }
    if comparison.layers:
        texts = {"layers.csv": layers_csv(content.layers), **texts}
    for name, text in texts.items():
        write_text(page.parent / name, text)
    return [page.parent / name for name in texts]


def write_plot(
    kind: str, comparison: Comparison, out: Path, *, measure: Measure = "twma", size: str = "column"
) -> list[Path]:
    """Draw one of `PLOTS`.

    Args:
        kind: a name in `PLOTS`.
        comparison: what to draw.
        out: a file with the suffix of a format, or a folder, which gets the plot in every format.
        measure: what energy is reckoned by, where the plot shows energy.
        size: a name in `reports.plots.style.SIZES`.

    Raises:
        UnknownName: no such plot or size.
        InputError: the comparison has nothing that it could show, or an unknown suffix.
        NfEnergyError: a file cannot be written.
    """
    if kind.lower() not in PLOTS:
        raise UnknownName("plot", kind, PLOTS)
    if size.lower() not in SIZES:
        raise UnknownName("size", size, SIZES)
    chosen = SIZES[size.lower()]
    figure = PLOTS[kind.lower()](comparison, measure, chosen)
    return _save(figure, chosen, [out] if out.suffix else _in_every_format(out, kind.lower()))


def reproduce_figure(
    which: str,
    folder: Path,
    *,
    machine: Machine | None = None,
    size: str = "column",
    on_progress: ProgressCallback | None = None,
) -> list[Path]:
    """The paper's Fig. 5 or 6 from savings computed here and the published accuracies, with its numbers.

    Args:
        which: a name in `PAPER_FIGURES`.
        folder: gets the figure in every format, and the numbers behind it as CSV.
        machine: of the savings; the paper's by default.
        size: a name in `reports.plots.style.SIZES`.
        on_progress: see `energy.scalesim.engine.simulate`.

    Returns:
        The files written.

    Raises:
        UnknownName: no such figure.
    """
    if which.lower() not in PAPER_FIGURES:
        raise UnknownName("figure", which, PAPER_FIGURES)
    comparison = compare(
        ["published"],
        Selection(dataset="cifar10", bit_error_rates=(PAPER_RATE,)),
        machine or Machine(engine="closed-form"),
        on_progress=on_progress,
    )
    numbers = folder / f"{which.lower()}.csv"
    write_text(numbers, tradeoff_csv(comparison.merged.tradeoffs))
    figure = _draw_tradeoff(comparison, PAPER_FIGURES[which.lower()], SIZES[size])
    return [*_save(figure, SIZES[size], _in_every_format(folder, which.lower())), numbers]


def _in_every_format(folder: Path, name: str) -> list[Path]:
    return [folder / f"{name}.{format_}" for format_ in FORMATS]


def _save(figure: Figure, size: Size, paths: list[Path]) -> list[Path]:
    for path in paths:
        save(figure, size, path)
    return paths


def _content(comparison: Comparison, command: str) -> PageContent:
    name = next(
        (row.saving.convention for row in comparison.merged.tradeoffs), comparison.machine.convention.name
    )
    convention = get_convention(name)
    return PageContent(
        merged=comparison.merged,
        layers=[row for rows in comparison.layers.values() for row in rows],
        shown_layers=_most_accurate_layers(comparison),
        curve=comparison.machine.curve,
        convention=f"{convention.name}: {convention.description}",
        names=NAMES,
        command=command,
        versions=versions(),
    )


def _most_accurate_layers(comparison: Comparison) -> list[LayerRow]:
    """Those of the combination with the highest perturbed accuracy."""
    shown = [row for row in comparison.merged.tradeoffs if row.has_generator]
    if not shown or not comparison.layers:
        return []
    best = max(shown, key=lambda row: row.accuracy.perturbed_percent)
    return comparison.layers[best.saving.base, best.saving.generator]


def _provenance(comparison: Comparison, command: str) -> dict[str, object]:
    merged, curve = comparison.merged, comparison.machine.curve
    bases = dict.fromkeys(row.saving.base for row in merged.tradeoffs if row.has_generator)
    return {
        "command": command,
        "versions": versions(),
        "accelerators": sorted({configuration_title(row.saving) for row in merged.tradeoffs}),
        "curve": {"name": curve.name, "title": curve.title, "source": curve.source, "notes": curve.notes},
        "joins": merged.joins,
        "unmatched": merged.unmatched(NAMES),
        "random_seeds": [],
        "hypervolume_reference_percent": REFERENCE_POINT,
        "fronts": {base: _front(base, merged.tradeoffs) for base in bases},
    }


def _front(base: str, tradeoffs: Sequence[Tradeoff]) -> dict[str, object]:
    rows = [row for row in tradeoffs if row.saving.base == base]
    return {
        measure: {
            "hypervolume_percent2": front_hypervolume(rows, measure),
            "members": [
                {
                    "generator": row.saving.generator,
                    "bit_error_rate": row.saving.bit_error_rate,
                    "saving_percent": row.saving.saving_percent(measure),
                    "perturbed_accuracy_percent": row.accuracy.perturbed_percent,
                }
                for row in front_members(rows, measure)
            ],
        }
        for measure in PAPER_FIGURES.values()
    }


def _draw_tradeoff(comparison: Comparison, measure: Measure, size: Size) -> Figure:
    from reports.plots.tradeoff import tradeoff_plot

    return tradeoff_plot(comparison.merged.tradeoffs, NAMES, measure=measure, size=size)


def _draw_voltage(comparison: Comparison, measure: Measure, size: Size) -> Figure:
    from reports.plots.voltage import voltage_plot

    rates = sorted({row.saving.bit_error_rate for row in comparison.merged.tradeoffs})
    curve = comparison.machine.curve
    return voltage_plot(curve, [curve.at_bit_error_rate(rate) for rate in rates], size=size)


def _draw_saving(comparison: Comparison, measure: Measure, size: Size) -> Figure:
    from reports.plots.savings import saving_plot

    savings = [row.saving for row in comparison.merged.tradeoffs]
    return saving_plot(savings, comparison.machine.curve, NAMES, measure=measure, size=size)


def _draw_layers(comparison: Comparison, measure: Measure, size: Size) -> Figure:
    from reports.plots.layers import layer_plot

    pairs = [pair for pair in comparison.layers if pair[1] != NO_GENERATOR]
    if len(pairs) != 1:
        raise InputError(
            f"the layer plot shows one combination, the selection has {len(pairs)}; choose --base and --gen"
        )
    return layer_plot(comparison.layers[pairs[0]], NAMES, size=size)


def _draw_heatmap(comparison: Comparison, measure: Measure, size: Size) -> Figure:
    from reports.plots.heatmap import saving_heatmap

    savings = [row.saving for row in comparison.merged.tradeoffs if row.has_generator]
    return saving_heatmap(savings, NAMES, measure=measure, size=size)


def _draw_latency(comparison: Comparison, measure: Measure, size: Size) -> Figure:
    from reports.plots.latency import latency_plot

    return latency_plot([row.saving for row in comparison.merged.tradeoffs], NAMES, size=size)


PLOTS: dict[str, Draw] = {
    "tradeoff": _draw_tradeoff,
    "voltage": _draw_voltage,
    "saving": _draw_saving,
    "layers": _draw_layers,
    "heatmap": _draw_heatmap,
    "latency": _draw_latency,
}
"""The plots by the names that ``nfenergy plot`` takes."""
