"""Tables of records read from CSV and parquet files.

One dialect: UTF-8, commas, a header. The first fault of a file is one line that names file, row (as a
spreadsheet counts, the header being row 1) and column.
"""

from __future__ import annotations

import csv
import difflib
import io
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import MISSING
from pathlib import Path
from typing import TypeVar

from nfenergy.ground.columns import Cell, cells, columns
from nfenergy.ground.errors import InputError
from nfenergy.ground.files import check_regular, read_text
from nfenergy.ground.table_values import Raw, record_of

R = TypeVar("R")

PARQUET_SUFFIXES = (".parquet", ".pq")


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
    return [(number, record_of(record, raw, found, f"{path} row {number}")) for number, raw in numbered]


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

    check_regular(path, what)

    @contextmanager
    def readable() -> Iterator[None]:
        try:
            yield
        except (OSError, UnicodeDecodeError, pa.ArrowException) as error:
            raise InputError(f"cannot read {what} {path}: {' '.join(str(error).split())}") from error

    def rows() -> Iterator[Raw]:
        for batch in table.to_batches(max_chunksize=10_000):
            with readable():
                found = batch.to_pylist()
            yield from found

    with readable():
        table = parquet.read_table(path)
        return list(table.column_names), enumerate(rows(), start=2)


def _check_header(
    header: Sequence[str], found: Mapping[str, Cell], known: set[str], path: Path, what: str
) -> None:
    doubled = sorted(name for name, count in Counter(header).items() if count > 1 and name)
    if doubled:
        raise InputError(f"{path} row 1: column {doubled[0]!r} comes twice")
    missing = [name for name, cell in found.items() if name not in header and cell.default is MISSING]
    if missing:
        expected = ", ".join(name for name, cell in found.items() if cell.default is MISSING)
        raise InputError(f"{path} row 1: no column {missing[0]!r}; expected {what} with {expected}")
    absent = [other for other in found if other not in set(header)]
    for name in dict.fromkeys(header):
        near = [] if name in known else difflib.get_close_matches(name.lower(), absent, n=1, cutoff=0.85)
        if near:
            raise InputError(f"{path} row 1: no column is called {name!r}; did you mean {near[0]!r}?")
