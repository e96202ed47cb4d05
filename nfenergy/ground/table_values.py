"""The values of a table's cells, checked against their columns."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import MISSING
from typing import Any, TypeVar

from nfenergy.ground.columns import Cell, Column, build
from nfenergy.ground.errors import InputError
from nfenergy.ground.rates import fraction_of

R = TypeVar("R")
Raw = Mapping[str, Any]


def record_of(record: type[R], raw: Raw, found: Mapping[str, Cell], where: str) -> R:
    """A row as a record.

    Args:
        raw: its cells by column.
        found: the columns that the record reads.
        where: file and row, for the error.

    Raises:
        InputError: a cell does not fit its column, or the cells not each other.
    """
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
        number = float(text.replace("_", "no digit") if text.isascii() else "no digits")
    except ValueError:
        hint = "; write percent without the sign" if text.endswith("%") else ""
        raise InputError(f"{where}: expected a number, found {text!r}{hint}") from None
    if not math.isfinite(number):
        raise InputError(f"{where}: the value is {text}; leave such rows out")
    if column.kind == "integer" and not number.is_integer():
        raise InputError(f"{where}: expected a whole number, found {text!r}")
    if column.kind == "integer" and abs(number) >= 2**63:
        raise InputError(f"{where}: {text} does not fit into 64 bits")
    low = -math.inf if column.low is None else column.low
    high = math.inf if column.high is None else column.high
    if not low <= number <= high:
        raise InputError(f"{where}: {text} is not between {low:g} and {high:g}")
    if column.kind == "integer":
        return int(found) if isinstance(found, str) and found.lstrip("+-").isdigit() else int(number)
    return fraction_of(number) if column.percent else number
