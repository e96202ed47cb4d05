"""What a record's fields are in a table: each field carries its name, unit and meaning once.

    class Saving:
        voltage_norm: Annotated[float, Column("supply voltage of the weight SRAM", unit="Vmin", high=1)]

A field whose type is another such record is spliced in, under its `Column.joined` names. A field that maps
the names of a registry's rows to records (`Spread`) has their columns once a row, so that a new row brings
its own. A property may be a column as well: it is written, and passed over when a table is read. A field
without a `Column` is in no table.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import MISSING, dataclass, replace
from functools import cache
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin, get_type_hints

from nfenergy.ground.rates import percent_of

Kind = Literal["text", "integer", "number", "boolean"]
Value = str | int | float | bool | None

KINDS: dict[type, Kind] = {str: "text", bool: "boolean", int: "integer", float: "number"}


@dataclass(frozen=True, slots=True)
class Column:
    """One column of a table; an empty cell means that the value does not exist.

    Attributes:
        meaning: for people, in the data dictionary.
        unit, source: likewise; empty where there is none.
        name: the field's, where it is empty.
        joined: name in tables that join several records; empty for `name`, None where they leave it out.
        low, high: range of a number, ends included.
        percent: a fraction in the record, percent in the table.
        check: turns the text of a cell into what the record holds, such as a registered name.
        empty: text that an empty cell stands for; None where it may not be empty.
        kind, optional: of the field's type; a record fills them in. An optional one may be empty. Of
            ``int | float`` it is what the `Spread`'s row says as its kind.
    """

    meaning: str
    unit: str = ""
    source: str = ""
    name: str = ""
    joined: str | None = ""
    low: float | None = None
    high: float | None = None
    percent: bool = False
    check: Callable[[str], str] | None = None
    empty: str | None = None
    kind: Kind = "text"
    optional: bool = False


@dataclass(frozen=True, slots=True)
class Spread:
    """The columns of `record` for each of `rows`; their texts are templates of the row: ``{row.name}``."""

    record: type
    rows: Callable[[], Iterable[Any]]


@dataclass(frozen=True, slots=True)
class Cell:
    """A column, and where its value is found in a record.

    Attributes:
        path: names of attributes, or of a mapping's keys.
        default: of the field; `MISSING` where a table must have it.
        derived: calculated from other fields.
    """

    column: Column
    path: tuple[str, ...]
    default: Any
    derived: bool = False

    def value(self, record: object) -> Value:
        """As the table holds it."""
        found: Any = record
        for step in self.path:
            found = found.get(step) if isinstance(found, Mapping) else getattr(found, step)
            if found is None:
                return None
        return percent_of(found) if self.column.percent else found


def cells(record: type, *, joined: bool = False) -> list[Cell]:
    """All cells of a record class: its fields in order, then its properties.

    Args:
        record: a class of frozen records.
        joined: as a table has them that joins several records.
    """
    found = [*_of_fields(record), *_of_properties(record)]
    if joined:
        found = [
            replace(cell, column=replace(cell.column, name=name))
            for cell in found
            if (name := _joined_name(cell.column)) is not None
        ]
    return found


def columns(record: type, *, joined: bool = False) -> tuple[Column, ...]:
    """The columns of a record class; see `cells`."""
    return tuple(cell.column for cell in cells(record, joined=joined))


def build(record: type, values: Mapping[str, Any], row: object = None, *, joined: bool = False) -> Any:
    """The record whose columns have `values`; what a table lacks takes the default of its field.

    A row of a `Spread` of which the table lacks a column is not in the record. Names as in `cells`.
    """
    arguments: dict[str, Any] = {}
    for name, part in _parts(record, row):
        if isinstance(part, Column):
            column = _joined_name(part) if joined else part.name
            if column is not None and column in values:
                arguments[name] = values[column]
            elif part.optional and row is not None:
                arguments[name] = None
        elif isinstance(part, Spread):
            arguments[name] = {
                key.name: build(part.record, values, key)
                for key in part.rows()
                if _needed(part.record, key) <= values.keys()
            }
        else:
            arguments[name] = build(part, values, row, joined=True)
    return record(**arguments)


def _joined_name(column: Column) -> str | None:
    """In tables that join several records; None where they leave the column out."""
    return column.name if column.joined == "" else column.joined


@cache
def _needed(record: type, row: object) -> set[str]:
    found = _of_fields(record, row)
    return {cell.column.name for cell in found if cell.default is MISSING and not cell.column.optional}


@cache
def _parts(record: type, row: object = None) -> tuple[tuple[str, Column | Spread | type], ...]:
    """The fields of a record that are in its table: a column, a spread, or a record to splice in."""
    return tuple(_found_parts(record, row))


def _found_parts(record: type, row: object) -> Iterator[tuple[str, Column | Spread | type]]:
    hints = get_type_hints(record, include_extras=True)
    for field in dataclasses.fields(record):
        hint = hints[field.name]
        column = _column(hint, field.name, row)
        spread = next((part for part in _metadata(hint) if isinstance(part, Spread)), None)
        if column is not None:
            yield field.name, column
        elif spread is not None:
            yield field.name, spread
        elif dataclasses.is_dataclass(hint):
            yield field.name, hint  # type: ignore[misc]


def _of_fields(record: type, row: object = None) -> Iterator[Cell]:
    defaults = {field.name: field.default for field in dataclasses.fields(record)}
    for name, part in _parts(record, row):
        if isinstance(part, Column):
            yield Cell(part, (name,), default=defaults[name])
        elif isinstance(part, Spread):
            for key in part.rows():
                inner = _of_fields(part.record, key)
                yield from (replace(cell, path=(name, key.name, *cell.path), default=None) for cell in inner)
        else:
            yield from (replace(cell, path=(name, *cell.path)) for cell in cells(part, joined=True))


def _of_properties(record: type) -> Iterator[Cell]:
    for owner in reversed(record.__mro__):
        for name, member in vars(owner).items():
            if isinstance(member, property) and member.fget is not None:
                hint = get_type_hints(member.fget, include_extras=True).get("return")
                column = _column(hint, name)
                if column is not None:
                    yield Cell(column, (name,), default=None, derived=True)


def _column(hint: Any, name: str, row: object = None) -> Column | None:
    """The column of a field or property, its name, kind and whether it may be empty filled in."""
    column = next((part for part in _metadata(hint) if isinstance(part, Column)), None)
    if column is None:
        return None
    bare = get_args(hint)[0]
    kinds = get_args(bare) if get_origin(bare) in (Union, UnionType) else (bare,)
    kind = next((KINDS[part] for part in kinds if part in KINDS), column.kind)
    if {int, float} <= set(kinds):
        kind = getattr(row, "kind", "number")
    column = replace(column, name=column.name or name, kind=kind, optional=NoneType in kinds)
    if row is None:
        return column
    name, unit, meaning = (text.format(row=row) for text in (column.name, column.unit, column.meaning))
    return replace(column, name=name, unit=unit, meaning=meaning)


def _metadata(hint: Any) -> tuple[Any, ...]:
    return get_args(hint)[1:] if get_origin(hint) is Annotated else ()
