"""Accuracy tables on disk: one tidy CSV, with all that made it in a JSON beside it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from neuralfuse.accuracy import PUBLISHED, Accuracy
from neuralfuse.accuracy_labels import base_labels, generator_labels
from nfenergy.ground.errors import InputError
from nfenergy.ground.files import check_folder, is_folder, write_text
from nfenergy.ground.rates import percent_text, rate_key
from nfenergy.ground.table_files import read
from nfenergy.ground.tables import csv_text

WHAT = "an accuracy table"
MEANS = {
    "clean_accuracy": "base_clean_percent",
    "perturbed_accuracy_mean": "base_perturbed_percent",
    "nf_clean_accuracy": "nf_clean_percent",
    "nf_perturbed_accuracy_mean": "nf_perturbed_percent",
}
"""Columns of accuracies, with their fields; a standard deviation may be small."""
ROUNDING_PERCENT = 0.11
"""What two roundings to one decimal may differ in."""

Numbered = Sequence[tuple[int, Accuracy]]


def read_accuracies(path: Path) -> tuple[Accuracy, ...]:
    """The rows of an accuracy table, of `nfenergy evaluate` or one's own.

    Raises:
        InputError: see `nfenergy.ground.table_files.read`; a fraction stands where percent is due; a
            measurement comes twice; or two rows contradict each other in the base model that they share.
    """
    numbered = read(Accuracy, path, WHAT)
    _refuse_fractions(numbered, path)
    _refuse_duplicates(numbered, path)
    _refuse_contradictions(numbered, path)
    return tuple(
        replace(row, reference=f"{path.name}, Table {row.reference}" if row.reference else path.name)
        for _, row in numbered
    )


def check_place(path: Path) -> None:
    """Whether a table can be `path`, before a long measurement for it.

    Raises:
        InputError: it is a folder, or would take the name of the JSON beside it.
        NfEnergyError: see `check_folder`.
    """
    if is_folder(path):
        raise InputError(f"{path} is a folder; name the table in it, such as {path / 'accuracy.csv'}")
    if path.suffix.lower() == ".json":
        raise InputError(f"{path.name} is the name of what the table's JSON records; end the table in .csv")
    check_folder(path.parent)


def write_accuracies(path: Path, rows: Sequence[Accuracy], provenance: dict[str, Any]) -> None:
    """Write the table whole, and `provenance` (records, accuracies of each chip) as JSON beside it.

    Raises:
        NfEnergyError: a file cannot be written.
    """
    write_text(path.with_suffix(".json"), json.dumps(provenance, indent=2) + "\n")
    write_text(path, csv_text(Accuracy, rows))


def as_cells(rows: Sequence[Accuracy]) -> tuple[list[str], list[list[str]]]:
    """Header and cells of the table for people."""
    header = ["base", "generator", "bits", "rate %", "clean %", "perturbed %", "recovery", "per M parameters"]
    if any(row.recovery_half_width_percent is not None for row in rows):
        header[6] = "recovery (95 %)"
    cells = []
    for row, base, generator in zip(rows, base_labels(rows), generator_labels(rows), strict=True):
        recovery, ratio = row.recovery_percent, row.recovery_per_million_parameters
        cells.append(
            [
                base,
                generator if row.has_generator else row.generator,
                f"{row.weight_bits}",
                f"{100 * row.bit_error_rate:g}",
                f"{row.clean_percent:.1f}",
                f"{row.perturbed_percent:.1f} +- {row.perturbed_std_percent:.1f}",
                "" if recovery is None else f"{recovery:+.1f}{_give_or_take(row)}",
                "" if ratio is None else f"{ratio:.0f}",
            ]
        )
    return header, cells


def _give_or_take(row: Accuracy) -> str:
    half = row.recovery_half_width_percent
    return "" if half is None else f" +- {half:.1f}"


def _refuse_fractions(numbered: Numbered, path: Path) -> None:
    """Accuracies of at most 1 all down a column, or a clean accuracy of at most 1, are no percentages."""
    for column, field in MEANS.items():
        values = [(number, value) for number, row in numbered if (value := getattr(row, field))]
        low = [(number, value) for number, value in values if value <= 1]
        if low and (len(low) == len(values) or "clean" in column):
            number, value = low[0]
            raise InputError(
                f"{path} row {number}, column {column}: {value:g} looks like a fraction; "
                "accuracies are in percent, such as 87.8"
            )


def _refuse_duplicates(numbered: Numbered, path: Path) -> None:
    first: dict[object, int] = {}
    for number, row in numbered:
        if row.identity in first:
            raise InputError(
                f"{path} row {number}: the same measurement as row {first[row.identity]}; keep one of them, "
                "or say in base_training, train_seed or another column what tells them apart"
            )
        first[row.identity] = number


def _refuse_contradictions(numbered: Numbered, path: Path) -> None:
    """Rows of one base model on the same chips report one and the same accuracy of it alone."""
    first: dict[object, tuple[int, Accuracy]] = {}
    for number, row in numbered:
        rate = rate_key(row.bit_error_rate)
        key = (*row.base_identity, rate, row.fault_model, row.source, row.seeds)
        other_number, other = first.setdefault(key, (number, row))
        for column, field in list(MEANS.items())[:2]:
            mine, theirs = getattr(row, field), getattr(other, field)
            if abs(mine - theirs) > ROUNDING_PERCENT and row.source != PUBLISHED:
                raise InputError(
                    f"{path} row {number}, column {column}: {mine:g}, but row {other_number} has "
                    f"{theirs:g} for the same base model at {percent_text(rate)} bit errors"
                )
