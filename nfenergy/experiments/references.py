"""What an experiment names of its rows, by column and cell: a name that no row has would go by in silence."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from nfenergy.experiments.declaration import Cell, Experiment
from nfenergy.ground.errors import InputError

Cells = dict[str, Cell]


def matches(cells: Cells, where: Mapping[str, Any]) -> bool:
    """Whether a row has the cells that `where` wants. Raises InputError: it has no such column."""
    return all(_column(cells, column, "where") in _listed(wanted) for column, wanted in where.items())


def check_references(experiment: Experiment, rows: Sequence[Cells]) -> None:
    """Whether all columns and cells that claims, cases, scales and the figure name are in the rows.

    Args:
        experiment: with a table of its own.
        rows: all of them, at the paper's scale.

    Raises:
        InputError: one is not; the message says where it stands.
    """
    for scale in ("small", "smoke"):
        at = getattr(experiment, scale)
        _check_where(f"{scale}.where", at.where, rows)
        _check_cases(f"{scale}.cases", at.cases, rows)
    _check_cases("cases", experiment.cases, rows)
    for claim in experiment.claims:
        for side in ("greater", "than"):
            _check_where(f"claims: {side}.where", getattr(claim, side).where, rows)
    if experiment.figure is not None:
        x = experiment.figure.x
        for column in (*experiment.figure.by, *([] if x == "rate" else [x])):
            for cells in rows:
                _column(cells, column, "figure")


def _check_where(place: str, where: Mapping[str, Any], rows: Sequence[Cells]) -> None:
    for column, wanted in where.items():
        found = [_column(cells, column, place) for cells in rows]
        for value in _listed(wanted):
            if value not in found:
                raise InputError(f"{place}: no row has {column} {value!r}")


def _check_cases(place: str, cases: Mapping[str, Mapping[str, object]], rows: Sequence[Cells]) -> None:
    for column, by_cell in cases.items():
        found = {str(_column(cells, column, place)) for cells in rows}
        if odd := sorted(by_cell.keys() - found):
            raise InputError(f"{place}: no row has {column} {odd[0]!r}")


def _column(cells: Cells, column: str, place: str) -> Cell:
    if column not in cells:
        raise InputError(f"{place}: there is no column {column!r}. Known: {', '.join(cells)}.")
    return cells[column]


def _listed(wanted: Any) -> list[Any]:
    return wanted if isinstance(wanted, list) else [wanted]
