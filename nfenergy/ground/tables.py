"""Tables of records as CSV, pandas and parquet; their data dictionary and JSON schema.

All of it follows from the record's `Column`s, as does what `nfenergy.ground.table_files` reads. In a CSV
``.`` stands in decimals, an empty cell for no value, ``true`` and ``false`` for a boolean.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

from nfenergy.ground.columns import Column, Kind, Value, cells, columns

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

R = TypeVar("R")

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
