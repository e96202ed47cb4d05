"""Results of `sensitivity` and `assign` read back from their JSON files."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import MISSING, replace
from pathlib import Path
from typing import Any, TypeVar

from energy.measures import MEASURES
from neuralfuse.layer_sensitivity import LayerSensitivity, Sensitivity
from nfenergy.assigning_results import Assignment
from nfenergy.ground.columns import cells
from nfenergy.ground.errors import InputError
from nfenergy.ground.files import read_text
from nfenergy.ground.table_values import record_of
from reports.assignment_rows import AssignedLayer, AssignmentStanding

R = TypeVar("R")


def read_sensitivity(path: Path) -> Sensitivity:
    """What ``sensitivity.json`` holds.

    Raises:
        InputError: it cannot be read, or is no such file.
    """
    what = "the sensitivity.json of `nfenergy sensitivity`"
    found = _parsed(path, what)
    rows = _records(LayerSensitivity, found.get("layers"), path, "layers", what)
    by_bit = [_percentages(layer.get("by_bit_percent", []), path, what) for layer in found["layers"]]
    if len({len(bits) for bits in by_bit}) > 1:
        raise InputError(f"{path}: its layers have different numbers of bits; expected {what}")
    layers = tuple(replace(row, by_bit_percent=bits) for row, bits in zip(rows, by_bit, strict=True))
    return Sensitivity(layers=layers, base=str(found.get("base", "")))


def read_assignment(path: Path) -> Assignment:
    """What ``assignment.json`` holds.

    Raises:
        InputError: it cannot be read, or is no such file.
    """
    what = "the assignment.json of `nfenergy assign`"
    found = _parsed(path, what)
    standings = _records(AssignmentStanding, found.get("standings"), path, "standings", what)
    if len(standings) < 2:
        raise InputError(f"{path}: one standing compares nothing; expected {what}")
    controls = _percentages(found.get("controls_percent", []), path, what)
    if controls and len(standings) < 3:
        raise InputError(f"{path}: controls stand beside nothing; expected {what}")
    return Assignment(
        layers=tuple(_records(AssignedLayer, found.get("layers"), path, "layers", what)),
        standings=tuple(standings),
        clean_percent=_percentages([found.get("clean_percent")], path, what)[0],
        measure=MEASURES.find(str(found.get("measure"))),
        base=str(found.get("base", "")),
        controls_percent=controls,
    )


def _parsed(path: Path, what: str) -> Mapping[str, Any]:
    try:
        found = json.loads(read_text(path, what))
    except (json.JSONDecodeError, RecursionError) as error:
        raise InputError(f"{path} is no JSON ({error}); expected {what}") from error
    if not isinstance(found, dict):
        raise InputError(f"{path} holds no object; expected {what}")
    return found


def _records(record: type[R], rows: Any, path: Path, name: str, what: str) -> list[R]:
    if not isinstance(rows, list) or not rows or not all(isinstance(row, dict) for row in rows):
        raise InputError(f"{path} has no {name}; expected {what}")
    found = {cell.column.name: cell for cell in cells(record) if not cell.derived}
    needed = [key for key, cell in found.items() if cell.default is MISSING]
    for number, row in enumerate(rows, start=1):
        if missing := [key for key in needed if key not in row]:
            raise InputError(f"{path}: {name} {number} has no {missing[0]!r}; expected {what}")
    return [record_of(record, row, found, f"{path}, {name} {n}") for n, row in enumerate(rows, start=1)]


def _percentages(values: Any, path: Path, what: str) -> tuple[float, ...]:
    numbers = values if isinstance(values, list) else [None]
    if not all(isinstance(value, int | float) and 0 <= value <= 100 for value in numbers):
        raise InputError(f"{path}: a share is no percentage; expected {what}")
    return tuple(map(float, numbers))
