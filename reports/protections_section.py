"""Words and tables of the section on protections of the memory, sensitive layers and a voltage for each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from energy.measures import DEFAULT_MEASURE, MEASURES
from neuralfuse.layer_sensitivity import Sensitivity
from neuralfuse.registry import NO_PROTECTION
from nfenergy.ground.rates import percent_text
from reports.assignment_rows import ShownAssignment
from reports.cells import Cell, Table, number
from reports.protection_rows import ProtectionRow, TargetRow


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownProtections:
    """What is compared on the page.

    Attributes:
        rows: of one operating point; every base model and protection once for each measure.
        targets: each protection's cheapest voltage by the bit error rate that it leaves, by
            `DEFAULT_MEASURE`: the same for every base model.
        findings, notes: sentences.
    """

    rows: tuple[ProtectionRow, ...]
    targets: tuple[TargetRow, ...]
    findings: tuple[str, ...]
    notes: tuple[str, ...]


def protection_sentences(shown: ShownProtections | None) -> list[str]:
    """What is compared, what was measured, and what follows."""
    if shown is None:
        return [
            "Protections are compared where networks are simulated at a low voltage; these savings are not."
        ]
    point = shown.rows[0]
    lead = (
        f"At {point.voltage_norm:.4g} of Vmin cells misread at {percent_text(point.bit_error_rate)}. Energy "
        "of one inference, check bits and generator included, is in percent of the unprotected base "
        "model's at Vmin."
    )
    measured = any(
        row.protection != NO_PROTECTION and row.perturbed_percent is not None for row in shown.rows
    )
    return [lead, *([] if measured else [UNMEASURED]), *shown.findings]


UNMEASURED = (
    "No accuracy of this page was measured under a protection at this rate; `nfenergy evaluate "
    "--protection` measures it."
)


def protection_tables(shown: ShownProtections | None) -> tuple[Table, ...]:
    """The protections of all base models, and each one's cheapest voltage."""
    return () if shown is None else (_rows_table(shown.rows), _targets_table(shown.targets))


def sensitivity_table(found: Sensitivity) -> Table:
    """What the map shows, in numbers."""
    return Table(
        caption=f"Accuracy of {found.base or 'the base model'} with bit errors in one layer only, and in all "
        "but one.",
        header=("layer", "weights", "only it (%)", "points lost", "all but it (%)", "points gained"),
        rows=tuple(
            (
                Cell(text=row.layer),
                number(row.weights, 0),
                number(row.only_percent, 2),
                _with_interval(row.only_loss_points, row.only_interval_points),
                number(row.spared_percent, 2),
                _with_interval(row.spared_gain_points, row.spared_interval_points),
            )
            for row in found.layers
        ),
    )


def assignment_tables(found: ShownAssignment) -> tuple[Table, Table]:
    """How the assignment stands, and its layers."""
    first = found.standings[0]
    standings = Table(
        caption=f"Voltages for {found.base or 'the layers'} under a floor of {first.floor_percent:g} %; "
        f"{found.clean_percent:.2f} % without bit errors.",
        header=(
            "",
            f"energy by {MEASURES[first.measure].title} (%)",
            "accuracy held out (%)",
            "keeps the floor",
        ),
        rows=tuple(
            (
                Cell(text=row.what),
                number(row.energy_percent, 1),
                _with_interval(row.held_out_percent, row.held_out_interval_points),
                Cell(text="yes" if row.keeps else "no"),
            )
            for row in found.standings
        ),
    )
    layers = Table(
        caption="The assignment, layer by layer.",
        header=(
            "layer",
            "group",
            "weights",
            "voltage / Vmin",
            "bit error rate (%)",
            "group's energy (%)",
            "points",
        ),
        rows=tuple(
            (
                Cell(text=row.layer),
                number(row.group, 0),
                number(row.weights, 0),
                number(row.voltage_norm, 4),
                Cell(text=f"{100 * row.bit_error_rate:.3g}", value=row.bit_error_rate),
                number(row.group_energy_percent, 1),
                number(row.group_loss_points, 2),
            )
            for row in found.layers
        ),
    )
    return standings, layers


def _rows_table(rows: Sequence[ProtectionRow]) -> Table:
    measures = dict.fromkeys(row.measure for row in rows)
    energies = {(row.base, row.protection, row.generator, row.measure): row.energy_percent for row in rows}
    return Table(
        caption="Protections; accuracies are means over chips ± standard deviation.",
        header=(
            "base model",
            "protection",
            "what it does",
            "errors left (%)",
            "in the highest bit (%)",
            "accuracy (%)",
            *(f"energy by {MEASURES[name].title} (%)" for name in measures),
            "cells added (%)",
            "area (%)",
            "latency added (%)",
        ),
        rows=tuple(
            (
                Cell(text=row.base),
                Cell(text=row.name),
                Cell(text=row.title),
                _rate(row.residual_rate),
                _rate(row.residual_rate_top),
                _accuracy(row),
                *(number(energies[row.base, row.protection, row.generator, name], 1) for name in measures),
                number(row.extra_storage_percent, 1),
                _or_unknown(row.area_percent),
                number(row.latency_overhead_percent, 1),
            )
            for row in rows
            if row.measure == next(iter(measures))
        ),
    )


def _targets_table(targets: Sequence[TargetRow]) -> Table:
    asked = dict.fromkeys(row.target_rate for row in targets)
    by_place = {(row.protection, row.target_rate): row for row in targets}
    return Table(
        caption=f"Energy by {MEASURES[DEFAULT_MEASURE].title} (%) at the lowest voltage that leaves at most "
        "this bit error rate, the same for every base model; *: below the curve's lowest measured rate, its "
        "slope continued.",
        header=("protection", *(f"{rate:.0e}" for rate in asked)),
        rows=tuple(
            (
                Cell(text=name),
                *(
                    Cell(text=f"{row.energy_percent:.1f}{'*' * row.beyond_curve}", value=row.energy_percent)
                    for row in (by_place[name, rate] for rate in asked)
                ),
            )
            for name in dict.fromkeys(row.protection for row in targets)
        ),
    )


def _rate(rate: float) -> Cell:
    return Cell(text=f"{100 * rate:.3g}", value=rate)


def _or_unknown(value: float | None) -> Cell:
    return Cell(text="no source", value=0.0) if value is None else number(value, 1)


def _accuracy(row: ProtectionRow) -> Cell:
    if row.perturbed_percent is None:
        return Cell(text="", value=-1.0)
    return Cell(
        text=f"{row.perturbed_percent:.1f} ± {row.perturbed_std_percent or 0:.1f}",
        value=row.perturbed_percent,
    )


def _with_interval(value: float, half: float | None) -> Cell:
    return Cell(text=f"{value:.2f}" + ("" if half is None else f" ± {half:.2f}"), value=value)
