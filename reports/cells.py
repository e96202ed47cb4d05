"""Tables of the page."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """A cell of a table: what is read, and the number to sort by; None sorts by the text."""

    text: str
    value: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """A sortable table."""

    caption: str
    header: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]


def number(value: float, decimals: int) -> Cell:
    """A number to so many decimals."""
    return Cell(text=f"{value:,.{decimals}f}", value=float(value))
