"""The figures of the page's section on protections, sensitive layers and a voltage for each."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from energy.measures import MEASURES
from neuralfuse.layer_sensitivity import Sensitivity
from nfenergy.ground.rates import percent_text
from reports.assignment_rows import ShownAssignment
from reports.figures import PAGE, Figure
from reports.plots import (
    assignment_dots,
    protection_dots,
    protection_words,
    sensitivity_map,
    sensitivity_words,
)
from reports.plots.inline import inline_svg
from reports.protection_rows import ProtectionRow

if TYPE_CHECKING:
    from matplotlib.figure import Figure as Drawing

SECTION = "protections"


def protection_figures(
    rows: Sequence[ProtectionRow],
    sensitivities: Sequence[Sensitivity],
    assignments: Sequence[ShownAssignment],
) -> Iterator[Figure]:
    """Protections by base model, then the sensitivity maps, then the assignments."""
    for place, base in enumerate(dict.fromkeys(row.base for row in rows)):
        own = [row for row in rows if row.base == base]
        yield _figure(
            f"protections-{place}",
            f"Protections of {base} at {own[0].voltage_norm:.4g} of Vmin, where cells misread at "
            f"{percent_text(own[0].bit_error_rate)}",
            "Energy in percent of the unprotected base model's at Vmin: beyond 100 %, in grey, a protection "
            "costs more than it saves. Accuracies are measured, with one standard deviation over "
            "chips. The dashed line is the unprotected base model at this voltage.",
            protection_dots.protection_plot(own, size=PAGE),
            hover=protection_words.hover_texts(own),
            description=protection_words.description(own),
        )
    end = max((sensitivity_map.scale_end(found.by_bit_losses) for found in sensitivities), default=None)
    for place, found in enumerate(sensitivities):
        yield _sensitivity(f"sensitivity-{place}", found, end)
    for place, assigned in enumerate(assignments):
        yield from _assignment(place, assigned)


def _sensitivity(name: str, found: Sensitivity, end: float | None) -> Figure:
    first = found.layers[0]
    layers = [row.layer for row in found.layers]
    points = [row.only_loss_points for row in found.layers]
    halves = [row.only_interval_points for row in found.layers]
    cells = found.by_bit_losses
    mapped = (
        ", and in one bit position of it: red loses accuracy, blue gains it, which a corner marks too; all "
        "maps have one scale"
        if cells.size
        else ""
    )
    return _figure(
        name,
        f"Sensitivity of {found.base or 'the layers'} to {percent_text(first.bit_error_rate)} bit errors",
        f"Points of accuracy lost with errors ({first.fault_model}) in one layer only, with 95 % intervals "
        f"over {len(first.seeds.split())} chips{mapped}. {first.clean_percent:.1f} % without errors, "
        f"{first.all_percent:.1f} % with errors everywhere.",
        sensitivity_map.sensitivity_plot(
            layers, points, by_bit_points=cells, intervals=halves, end=end, size=PAGE
        ),
        hover=sensitivity_words.hover_texts(layers, points, cells, halves),
        description=sensitivity_words.description(layers, points, cells, halves),
    )


def _assignment(place: int, found: ShownAssignment) -> Iterator[Figure]:
    first, of = found.standings[0], found.base or "the layers"
    texts = assignment_dots.hover_texts(found)
    yield _figure(
        f"assignment-{place}-standings",
        f"Voltages for {of} beside one voltage for all",
        f"Energy by {MEASURES[first.measure].title} in percent of that at Vmin, and accuracy on chips held "
        f"out with 95 % intervals; below the floor of {first.floor_percent:g} %, in grey, a mark is hollow.",
        assignment_dots.standings_plot(found, size=PAGE),
        hover=texts,
        description=assignment_dots.standings_description(found),
    )
    yield _figure(
        f"assignment-{place}-layers",
        f"Voltages for the layers of {of}",
        "From the first layer down; the dashed line is the best uniform voltage. Layers of one group share a "
        "voltage, its energy and its loss.",
        assignment_dots.assignment_plot(found, size=PAGE),
        hover=texts,
        description=assignment_dots.layers_description(found),
    )


def _figure(
    name: str, title: str, caption: str, drawn: Drawing, *, hover: Mapping[str, str], description: str
) -> Figure:
    svg = inline_svg(drawn, PAGE, name=name, title=title, hover=hover, description=description)
    return Figure(name=name, section=SECTION, caption=f"{title}. {caption}", svg=svg)
