"""Tables of records: CSV and parquet written, read and checked, their dictionary and JSON schema.

All of it follows from the record's `Column`s. One dialect: UTF-8, commas, a header, ``.`` in decimals, an
empty cell for no value, ``true`` and ``false``. The first fault of a file is one line that names file, row
(as a spreadsheet counts, the header being row 1) and column.
"""

from __future__ import annotations

import csv
import difflib
import io
import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import MISSING
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from nfenergy.ground.columns import Cell, Column, Kind, Value, build, cells, columns
from nfenergy.ground.errors import InputError
from nfenergy.ground.files import read_text
from nfenergy.ground.rates import fraction_of

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

R = TypeVar("R")
Raw = Mapping[str, Any]

PARQUET_SUFFIXES = (".parquet", ".pq")
PANDAS_TYPES: dict[Kind, str] = {"text": "str", "integer": "Int64", "number": "float64", "boolean": "boolean"}
JSON_TYPES: dict[Kind, str] = {
    "integer": "integer",
    "number": "number",
    "boolean": "boolean",
    "text": "string",
}
DICTIONARY = ("file", "column", "type", "unit", "meaning", "source")


def csv_text(record: type[R], rows: Iterable[R], *, joined: bool = False) -> str:
    """The rows as a CSV, header first; `joined` as in `nfenergy.ground.columns.cells`."""
    found = cells(record, joined=joined)
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow([cell.column.name for cell in found])
    writer.writerows([_text(cell.value(row), cell.column) for cell in found] for row in rows)
    return out.getvalue()


def as_dict(row: object, *, joined: bool = False) -> dict[str, Value]:
    """The row's values by column."""
    return {cell.column.name: cell.value(row) for cell in cells(type(row), joined=joined)}


def to_frame(record: type[R], rows: Iterable[R], *, joined: bool = False) -> pd.DataFrame:
    """The rows as a pandas table."""
    import pandas as pd

    found, listed = cells(record, joined=joined), list(rows)
    return pd.DataFrame(
        {
            cell.column.name: pd.Series(
                [cell.value(row) for row in listed], dtype=PANDAS_TYPES[cell.column.kind]
            )
            for cell in found
        }
    )


def arrow_schema(record: type) -> pa.Schema:
    """The columns of a parquet file."""
    import pyarrow as pa

    types = {"text": pa.string(), "integer": pa.int64(), "number": pa.float64(), "boolean": pa.bool_()}
    return pa.schema([(column.name, types[column.kind]) for column in columns(record)])


def read(
    record: type[R], path: Path, what: str, *, where: Callable[[Raw], bool] | None = None
) -> list[tuple[int, R]]:
    """The rows of a CSV or parquet file with their numbers; columns that the record lacks are passed over.

    Args:
        record: class of the rows.
        path: the file.
        what: what it should be, for the error, such as ``an accuracy table``.
        where: which rows to take, by their unchecked cells; None takes all.

    Raises:
        InputError: no such file, a column is missing, misspelt or double, a value does not fit its
            column, or there are no rows.
    """
    parquet = path.suffix.lower() in PARQUET_SUFFIXES
    header, rows = _parquet_rows(path, what) if parquet else _csv_rows(path, what)
    found = {cell.column.name: cell for cell in cells(record) if not cell.derived}
    _check_header(header, found, {column.name for column in columns(record)}, path, what)
    numbered = [(number, raw) for number, raw in rows if where is None or where(raw)]
    if not numbered and where is None:
        raise InputError(f"{path} has a header and no rows; expected {what}")
    return [(number, _record(record, raw, found, f"{path} row {number}")) for number, raw in numbered]


def dictionary(files: Mapping[str, Sequence[Column]]) -> list[dict[str, str]]:
    """The data dictionary: one row a column of every file, keys as in `DICTIONARY`."""
    return [
        dict(zip(DICTIONARY, (file, c.name, c.kind, c.unit, c.meaning, c.source), strict=True))
        for file, found in files.items()
        for c in found
    ]


def json_schema(record: type, *, title: str) -> dict[str, Any]:
    """JSON Schema of a list of such rows, as `as_dict` gives them."""
    found = cells(record)
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": title,
        "type": "array",
        "items": {
            "type": "object",
            "properties": {cell.column.name: _schema(cell.column) for cell in found},
            "required": [cell.column.name for cell in found],
            "additionalProperties": False,
        },
    }


def _schema(column: Column) -> dict[str, Any]:
    kind = JSON_TYPES.get(column.kind, column.kind)
    limits = {"minimum": column.low, "maximum": column.high}
    return {
        "type": [kind, "null"] if column.optional else kind,
        "description": column.meaning + (f" [{column.unit}]" if column.unit else ""),
        **{name: limit for name, limit in limits.items() if limit is not None},
    }


def _text(value: Value, column: Column) -> str:
    if value is None:
        return ""
    if column.kind == "boolean":
        return "true" if value else "false"
    if column.kind == "integer":
        return str(int(value))
    return repr(float(value)) if column.kind == "number" else str(value)


def _csv_rows(path: Path, what: str) -> tuple[list[str], Iterator[tuple[int, Raw]]]:
    text = read_text(path, what)
    reader = csv.reader(io.StringIO(text), strict=True)

    def rows() -> Iterator[tuple[int, Raw]]:
        try:
            for row in reader:
                if not row:
                    continue
                if len(row) != len(header):
                    raise InputError(
                        f"{path} row {reader.line_num}: it has {len(row)} cells, the header {len(header)}"
                    )
                yield reader.line_num, dict(zip(header, map(str.strip, row), strict=True))
        except csv.Error as error:
            raise InputError(f"{path} row {reader.line_num}: not CSV: {error}") from error

    try:
        header = [name.strip() for name in next(reader, [])]
    except csv.Error as error:
        raise InputError(f"{path} row 1: not CSV: {error}") from error
    if len(header) == 1 and (separator := next((mark for mark in ";\t|" if mark in header[0]), None)):
        raise InputError(f"{path} row 1: its columns are separated by {separator!r}; save it with commas")
    return header, rows()


def _parquet_rows(path: Path, what: str) -> tuple[list[str], Iterator[tuple[int, Raw]]]:
    import pyarrow as pa
    import pyarrow.parquet as parquet

    try:
        table = parquet.read_table(path)
    except (OSError, pa.ArrowException) as error:
        raise InputError(f"cannot read {what} {path}: {' '.join(str(error).split())}") from error
    rows = (row for batch in table.to_batches(max_chunksize=10_000) for row in batch.to_pylist())
    return list(table.column_names), enumerate(rows, start=2)


def _check_header(
    header: Sequence[str], found: Mapping[str, Cell], known: set[str], path: Path, what: str
) -> None:
    doubled = sorted({name for name in header if header.count(name) > 1 and name})
    if doubled:
        raise InputError(f"{path} row 1: column {doubled[0]!r} comes twice")
    missing = [name for name, cell in found.items() if name not in header and cell.default is MISSING]
    if missing:
        expected = ", ".join(name for name, cell in found.items() if cell.default is MISSING)
        raise InputError(f"{path} row 1: no column {missing[0]!r}; expected {what} with {expected}")
    for name in header:
        absent = [other for other in found if other not in header]
        near = [] if name in known else difflib.get_close_matches(name.lower(), absent, n=1, cutoff=0.85)
        if near:
            raise InputError(f"{path} row 1: no column is called {name!r}; did you mean {near[0]!r}?")


def _record(record: type[R], raw: Raw, found: Mapping[str, Cell], where: str) -> R:
    values = {}
    for name, cell in found.items():
        if name in raw:
            value = _value(raw[name], cell, f"{where}, column {name}")
            if value is not MISSING:
                values[name] = value
    try:
        return build(record, values)  # type: ignore[no-any-return]
    except InputError as error:
        raise InputError(f"{where}: {error}") from error


def _value(found: Any, cell: Cell, where: str) -> Any:
    """A cell's value in the record; `MISSING` for an empty cell whose field has a default."""
    column = cell.column
    if found is None or found == "" or (isinstance(found, float) and math.isnan(found) and column.optional):
        if column.optional:
            return None
        if cell.default is not MISSING:
            return MISSING
        if column.empty is None:
            raise InputError(f"{where}: the cell is empty")
        found = column.empty
    if column.kind == "text":
        try:
            return column.check(str(found)) if column.check else str(found)
        except InputError as error:
            raise InputError(f"{where}: {error}") from error
    if column.kind == "boolean":
        if str(found).lower() not in ("true", "false"):
            raise InputError(f"{where}: expected true or false, found {str(found)!r}")
        return str(found).lower() == "true"
    return _number(found, column, where)


def _number(found: Any, column: Column, where: str) -> float | int:
    text = str(found)
    try:
        number = float(text.replace("_", "no digit"))
    except ValueError:
        hint = "; write percent without the sign" if text.endswith("%") else ""
        raise InputError(f"{where}: expected a number, found {text!r}{hint}") from None
    if not math.isfinite(number):
        raise InputError(f"{where}: the value is {text}; leave such rows out")
    if column.kind == "integer" and not number.is_integer():
        raise InputError(f"{where}: expected a whole number, found {text!r}")
    low = -math.inf if column.low is None else column.low
    high = math.inf if column.high is None else column.high
    if not low <= number <= high:
        raise InputError(f"{where}: {text} is not between {low:g} and {high:g}")
    if column.kind == "integer":
        return int(found) if isinstance(found, str) and found.lstrip("+-").isdigit() else int(number)
    return fraction_of(number) if column.percent else number
