"""Records -> CSV text, and the savings in a CSV or Parquet file -> `Saving` records."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, fields
from pathlib import Path

from nfenergy.ground.errors import InputError
from nfenergy.ground.files import read_text
from reports.columns import LAYER_COLUMNS, SAVING_COLUMNS, TRADEOFF_COLUMNS, Column, Value, csv_text
from reports.fronts import Standing, standings_by_base
from reports.names import NO_GENERATOR
from reports.records import LayerRow, Saving, Tradeoff

OPTIONAL_COLUMNS = frozenset(("base_width", "twma_break_even_voltage_norm", "mac_break_even_voltage_norm"))
PARQUET_SUFFIXES = (".parquet", ".pq")


def savings_csv(savings: Iterable[Saving]) -> str:
    """The savings as a CSV that `read_savings` takes."""
    return csv_text(SAVING_COLUMNS, [asdict(saving) for saving in savings])


def tradeoff_csv(tradeoffs: Sequence[Tradeoff]) -> str:
    """The text of ``tradeoff.csv``: one row a combination and operating point."""
    by_twma, by_mac = (standings_by_base(tradeoffs, measure) for measure in ("twma", "mac"))
    return csv_text(
        TRADEOFF_COLUMNS,
        [
            {**_merged_row(tradeoff), **_front_row(twma, mac)}
            for tradeoff, twma, mac in zip(tradeoffs, by_twma, by_mac, strict=True)
        ],
    )


def layers_csv(rows: Iterable[LayerRow]) -> str:
    """The text of ``layers.csv``: one row a layer."""
    return csv_text(LAYER_COLUMNS, [_layer_row(row) for row in rows])


def read_savings(path: Path) -> tuple[Saving, ...]:
    """The savings of a run (``summary.csv``) or of a sweep (CSV or Parquet); further columns are passed over.

    Raises:
        InputError: no such file, a column is missing, a value does not fit its column, or there are no
            rows; the message names row and column.
    """
    rows = _parquet_rows(path) if path.suffix.lower() in PARQUET_SUFFIXES else _csv_rows(path)
    if not rows:
        raise InputError(f"{path} has a header and no rows; expected one row a combination")
    missing = [
        column.name
        for column in SAVING_COLUMNS
        if column.name not in rows[0] and column.name not in OPTIONAL_COLUMNS
    ]
    if missing:
        raise InputError(f"{path} row 1: no column {missing[0]!r}; expected a summary or sweep of nfenergy")
    return tuple(_saving(row, f"{path} row {number}") for number, row in enumerate(rows, start=2))


def _merged_row(tradeoff: Tradeoff) -> dict[str, Value]:
    accuracy = tradeoff.accuracy
    return {
        **asdict(tradeoff.saving),
        "base_clean_accuracy_percent": accuracy.base_clean_percent,
        "base_perturbed_accuracy_percent": accuracy.base_perturbed_percent,
        "base_perturbed_accuracy_std_percent": accuracy.base_perturbed_std_percent,
        "clean_accuracy_percent": accuracy.clean_percent,
        "perturbed_accuracy_percent": accuracy.perturbed_percent,
        "perturbed_accuracy_std_percent": accuracy.perturbed_std_percent,
        "recovery_percent": accuracy.recovery_percent,
        "fault_model": accuracy.fault_model,
        "seeds": accuracy.seeds,
        "accuracy_source": accuracy.source,
        "accuracy_reference": accuracy.reference,
        "joined": tradeoff.joined,
    }


def _front_row(twma: Standing | None, mac: Standing | None) -> dict[str, Value]:
    return {
        "on_front_twma": twma.on_front if twma else None,
        "on_front_mac": mac.on_front if mac else None,
        "front_probability_twma": twma.probability if twma else None,
        "front_probability_mac": mac.probability if mac else None,
    }


def _layer_row(row: LayerRow) -> dict[str, Value]:
    layer = row.layer
    return {
        "base": row.base,
        "generator": row.generator,
        "network": row.network,
        "role": row.role,
        "dataset": row.dataset,
        "convention": row.convention,
        "operation": layer.operation,
        **layer.shape._asdict(),
        "macs": layer.macs,
        "folds": row.folds,
        **row.counts.as_dict(),
        "layer": layer.name,
        "twma": row.twma,
        "energy_share_percent": row.energy_share_percent,
    }


def _csv_rows(path: Path) -> list[Mapping[str, object]]:
    try:
        return list(csv.DictReader(io.StringIO(read_text(path, "a CSV of savings")), strict=True))
    except csv.Error as error:
        raise InputError(f"{path} is not CSV: {error}") from error


def _parquet_rows(path: Path) -> list[Mapping[str, object]]:
    import pandas as pd

    try:
        frame = pd.read_parquet(path)
    except (OSError, ValueError) as error:
        raise InputError(f"cannot read savings from {path}: {' '.join(str(error).split())}") from error
    return [{str(name): value for name, value in row.items()} for row in frame.to_dict("records")]


def _saving(row: Mapping[str, object], where: str) -> Saving:
    wanted = {field.name for field in fields(Saving)}
    values = {
        column.name: _value(row[column.name], column, where)
        for column in SAVING_COLUMNS
        if column.name in wanted and row.get(column.name) is not None
    }
    values.setdefault("base_width", 1.0)
    values.setdefault("generator", NO_GENERATOR)
    for name in OPTIONAL_COLUMNS:
        values.setdefault(name, None)
    missing = sorted(wanted - set(values))
    if missing:
        raise InputError(f"{where}: no value in column {missing[0]}")
    return Saving(**values)  # type: ignore[arg-type]


def _value(found: object, column: Column, where: str) -> Value:
    text = "" if isinstance(found, float) and math.isnan(found) else str(found).strip()
    if column.name == "generator":
        return text or NO_GENERATOR
    if not text and column.name in OPTIONAL_COLUMNS:
        return 1.0 if column.name == "base_width" else None
    if column.kind == "text":
        if not text:
            raise InputError(f"{where}, column {column.name}: the cell is empty")
        return text
    try:
        number = float(text)
        if not math.isfinite(number) or (column.kind == "integer" and not number.is_integer()):
            raise ValueError(text)
    except ValueError:
        expected = "a whole number" if column.kind == "integer" else "a number"
        raise InputError(f"{where}, column {column.name}: expected {expected}, found {text!r}") from None
    return int(number) if column.kind == "integer" else number
