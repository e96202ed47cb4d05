"""Accuracy tables: a CSV of the training module, or the published tables -> `Accuracy` records.

A table is read whole and checked before anything is made of it; the first fault is one line that names
file, row (as a spreadsheet counts, the header being row 1) and column.
"""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from nfenergy.ground.errors import InputError, UnknownName
from nfenergy.ground.files import read_text
from reports.names import NO_GENERATOR, Names
from reports.published import published_accuracies
from reports.records import Accuracy, accuracy_key

PUBLISHED, MEASURED = "published", "measured"
PUBLISHED_REFERENCE = "Sun et al."
PUBLISHED_FAULT_MODEL, PUBLISHED_WEIGHT_BITS = "neuralfuse-map", 8

BASE_FIGURES = ("clean_accuracy", "perturbed_accuracy_mean", "perturbed_accuracy_std")
GENERATOR_FIGURES = ("nf_clean_accuracy", "nf_perturbed_accuracy_mean", "nf_perturbed_accuracy_std")
REQUIRED = (
    "dataset",
    "base",
    "generator",
    "bit_error_rate_percent",
    *BASE_FIGURES,
    *GENERATOR_FIGURES,
    "fault_model",
    "weight_bits",
)
"""Columns that an accuracy table must have; all others but these, `OPTIONAL`, are passed over."""
OPTIONAL = ("source", "seeds", "base_width")

MEANS = ("clean_accuracy", "perturbed_accuracy_mean", "nf_clean_accuracy", "nf_perturbed_accuracy_mean")

Row = Mapping[str, str]


def published_table() -> tuple[Accuracy, ...]:
    """The relaxed-access accuracies of Sun et al., Tables 11 to 14."""
    return tuple(
        Accuracy(
            dataset=row.dataset,
            base=row.base,
            generator=row.generator,
            bit_error_rate=_fraction(row.bit_error_rate_percent),
            fault_model=PUBLISHED_FAULT_MODEL,
            weight_bits=PUBLISHED_WEIGHT_BITS,
            source=PUBLISHED,
            reference=f"{PUBLISHED_REFERENCE}, Table {row.table}",
            base_clean_percent=row.clean_accuracy,
            base_perturbed_percent=row.perturbed_accuracy_mean,
            base_perturbed_std_percent=row.perturbed_accuracy_std,
            clean_percent=row.nf_clean_accuracy,
            perturbed_percent=row.nf_perturbed_accuracy_mean,
            perturbed_std_percent=row.nf_perturbed_accuracy_std,
            seeds="10 chips",
        )
        for row in published_accuracies()
    )


def load_accuracies(name_or_file: str, names: Names) -> tuple[Accuracy, ...]:
    """``published``, or the table in a CSV file.

    Raises:
        InputError: see `read_accuracies`.
    """
    if name_or_file.lower() == PUBLISHED:
        return published_table()
    return read_accuracies(Path(name_or_file), names)


def read_accuracies(path: Path, names: Names) -> tuple[Accuracy, ...]:
    """The rows of an accuracy CSV with the columns `REQUIRED`.

    Raises:
        InputError: no such file, a column is missing, a value is missing, not a number, not finite, out
            of range or a fraction where percent is due, a name is unknown, a row comes twice, or there
            are no rows.
    """
    reader = csv.DictReader(io.StringIO(read_text(path, "an accuracy CSV")), strict=True)
    try:
        header = list(reader.fieldnames or ())
        _check_header(header, path)
        numbered = [(reader.line_num, row) for row in reader]
    except csv.Error as error:
        raise InputError(f"{path} row {reader.line_num}: not CSV: {error}") from error
    if not numbered:
        raise InputError(f"{path} has a header and no rows; expected one row a combination")
    _refuse_fractions(numbered, path)
    accuracies = [(number, _accuracy(row, f"{path} row {number}", path, names)) for number, row in numbered]
    _refuse_duplicates(accuracies, path)
    return tuple(accuracy for _, accuracy in accuracies)


def baselines(accuracies: Iterable[Accuracy]) -> tuple[Accuracy, ...]:
    """The base models alone: at each bit error rate of `accuracies`, and without errors.

    Of several rows that report the same base model the first speaks.
    """
    found: dict[object, Accuracy] = {}
    for row in accuracies:
        alone = replace(
            row,
            generator=NO_GENERATOR,
            clean_percent=row.base_clean_percent,
            perturbed_percent=row.base_perturbed_percent,
            perturbed_std_percent=row.base_perturbed_std_percent,
        )
        nominal = replace(
            alone,
            bit_error_rate=0.0,
            base_perturbed_percent=row.base_clean_percent,
            base_perturbed_std_percent=0.0,
            perturbed_percent=row.base_clean_percent,
            perturbed_std_percent=0.0,
        )
        for accuracy in (alone, nominal):
            found.setdefault((accuracy_key(accuracy), accuracy.fault_model, accuracy.source), accuracy)
    return tuple(found.values())


def with_baselines(accuracies: Sequence[Accuracy]) -> tuple[Accuracy, ...]:
    """`accuracies` and the base models alone that they report and that have no row of their own."""
    own = {(accuracy_key(row), row.fault_model, row.source) for row in accuracies}
    return (
        *accuracies,
        *(
            row
            for row in baselines(accuracies)
            if (accuracy_key(row), row.fault_model, row.source) not in own
        ),
    )


def _check_header(header: Sequence[str], path: Path) -> None:
    missing = [column for column in REQUIRED if column not in header]
    if missing:
        raise InputError(f"{path} row 1: no column {missing[0]!r}; expected {', '.join(REQUIRED)}")
    doubled = sorted({column for column in header if header.count(column) > 1})
    if doubled:
        raise InputError(f"{path} row 1: column {doubled[0]!r} comes twice")


def _accuracy(row: Row, where: str, path: Path, names: Names) -> Accuracy:
    if None in row or None in row.values():
        raise InputError(f"{where}: it has more or fewer cells than the header")
    try:
        generator = names.check_generator(row["generator"].strip())
        base, dataset = names.check_base(row["base"].strip()), names.check_dataset(row["dataset"].strip())
    except UnknownName as error:
        raise InputError(f"{where}: {error}") from error
    figures = BASE_FIGURES if generator == NO_GENERATOR else GENERATOR_FIGURES
    base_clean, base_mean, base_std = (_number(row, column, where, 0, 100) for column in BASE_FIGURES)
    clean, mean, std = (_number(row, column, where, 0, 100) for column in figures)
    return Accuracy(
        dataset=dataset,
        base=base,
        base_width=_number(row, "base_width", where, 1e-6, 1e6) if row.get("base_width") else 1.0,
        generator=generator,
        bit_error_rate=_fraction(_number(row, "bit_error_rate_percent", where, 0, 50)),
        fault_model=_word(row, "fault_model", where),
        weight_bits=_whole(row, "weight_bits", where, 1, 64),
        source=_source(row, where),
        reference=path.name,
        base_clean_percent=base_clean,
        base_perturbed_percent=base_mean,
        base_perturbed_std_percent=base_std,
        clean_percent=clean,
        perturbed_percent=mean,
        perturbed_std_percent=std,
        seeds=(row.get("seeds") or "").strip(),
    )


def _number(row: Row, column: str, where: str, low: float, high: float) -> float:
    text = row[column].strip()
    try:
        value = float(text)
    except ValueError:
        hint = "; write percent without the sign" if text.endswith("%") else ""
        found = repr(text) if text else "an empty cell"
        raise InputError(f"{where}, column {column}: expected a number, found {found}{hint}") from None
    if math.isnan(value):
        raise InputError(f"{where}, column {column}: the value is NaN; leave such rows out")
    if not low <= value <= high:
        raise InputError(f"{where}, column {column}: {text} is not between {low:g} and {high:g}")
    return value


def _whole(row: Row, column: str, where: str, low: int, high: int) -> int:
    value = _number(row, column, where, low, high)
    if not value.is_integer():
        raise InputError(f"{where}, column {column}: {value:g} is not a whole number")
    return int(value)


def _word(row: Row, column: str, where: str) -> str:
    text = row[column].strip().lower()
    if not text:
        raise InputError(f"{where}, column {column}: the cell is empty")
    return text


def _source(row: Row, where: str) -> str:
    source = (row.get("source") or MEASURED).strip().lower()
    if source not in (MEASURED, PUBLISHED):
        raise InputError(f"{where}, column source: {source!r} is neither {MEASURED} nor {PUBLISHED}")
    return source


def _refuse_fractions(numbered: Sequence[tuple[int, Row]], path: Path) -> None:
    """Accuracies of at most 1 all down a column, or a clean accuracy of at most 1, are no percentages."""
    for column in MEANS:
        values = [(number, value) for number, row in numbered if (value := _readable(row.get(column)))]
        low = [(number, value) for number, value in values if value <= 1]
        if low and (len(low) == len(values) or "clean" in column):
            number, value = low[0]
            raise InputError(
                f"{path} row {number}, column {column}: {value:g} looks like a fraction; "
                "accuracies are in percent, such as 87.8"
            )


def _readable(text: str | None) -> float | None:
    try:
        value = float(text or "")
    except ValueError:
        return None
    return value if math.isfinite(value) else None


def _refuse_duplicates(accuracies: Sequence[tuple[int, Accuracy]], path: Path) -> None:
    first: dict[object, int] = {}
    for number, accuracy in accuracies:
        key = (accuracy_key(accuracy), accuracy.fault_model)
        if key in first:
            raise InputError(
                f"{path} row {number}: the same data set, base, generator, bit_error_rate_percent, "
                f"fault_model and weight_bits as row {first[key]}; keep one of them"
            )
        first[key] = number


def _fraction(percent: float) -> float:
    return round(percent / 100.0, 14)
