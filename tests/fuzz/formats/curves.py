"""Voltage curves, in YAML and in CSV."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

from tests.fuzz.case import Sample, file_format
from tests.fuzz.formats.rules import SHIPPED_CURVES, demand, number, plain, rows_of, text_of, tree_of
from tests.fuzz.structures import TABLE, YAML

RELATIVE = b"""\
name: mine
title: A curve
source: measured
notes: [first]
points:
- {voltage_norm: 0.8, bit_error_rate_percent: 2.0, energy_per_access_norm: 0.64}
- {voltage_norm: 0.9, bit_error_rate_percent: 0.1, energy_per_access_norm: 0.81}
- {voltage_norm: 0.95, bit_error_rate_percent: 0.01, energy_per_access_norm: 0.9025}
- {voltage_norm: 1.0, bit_error_rate_percent: 0.0, energy_per_access_norm: 1.0}
"""
VOLTS = b"""\
name: board
energy_model: v2
vmin_v: 0.61
cells: 1000000
points:
- {voltage_v: 0.54, faults: 652}
- {voltage_v: 0.57, faults: 20}
- {voltage_v: 0.61, faults: 0}
"""
CSV = b"""\
voltage_norm,bit_error_rate_percent,energy_per_access_norm
0.8,2,0.64
0.9,0.1,0.81
1,0,1
"""
CSV_VOLTS = (
    b"voltage_v;bit_error_rate_percent;energy_per_access_norm;vmin_v\n0.8;2;0.64;1\n0.9;1;0.81;1\n1;0;1;1\n"
)
FIELDS = {"name", "title", "source", "normalisation", "notes", "energy_model", "vmin_v", "cells", "points"}
POINT = {"voltage_norm", "voltage_v", "bit_error_rate_percent", "faults", "energy_per_access_norm"}
SIMULATE = ("simulate", "--base", "vgg11", "--engine", "closed-form", "--quiet", "--json", "--curve")


def _yaml_rules(folder: Path) -> None:
    tree = tree_of(folder / "curve.yaml")
    demand(isinstance(tree, dict), "no mapping")
    demand({*tree} <= FIELDS, f"unknown fields {sorted(map(str, {*tree} - FIELDS))}")
    demand(isinstance(tree.get("name"), str) and tree["name"], "no name")
    demand(isinstance(tree.get("points"), list) and len(tree["points"]) >= 3, "fewer than three points")
    for field in ("title", "source", "normalisation"):
        demand(isinstance(tree.get(field, ""), str), f"{field} is no text")
    demand(tree.get("energy_model", "measured") in ("measured", "v2"), "energy model")
    _check_points(tree["points"], tree)
    demand(tree["name"].lower() not in SHIPPED_CURVES, "the name of a shipped curve")


def _csv_rules(folder: Path) -> None:
    text = text_of(folder / "curve.csv")
    header = text.partition("\n")[0]
    rows = rows_of(folder / "curve.csv", separator=max(",;\t", key=header.count))
    points = []
    for row in rows:
        points.append(
            {name: number(cell) for name, cell in row.items() if name in POINT and name != "faults" and cell}
        )
    demand(len(points) >= 3, "fewer than three points")
    vmin = {row.get("vmin_v") for row in rows}
    demand(len(vmin) == 1, "several vmin_v")
    given = vmin.pop()
    _check_points(points, {"vmin_v": number(given)} if given else {})


def _check_points(points: list[Any], curve: dict[str, Any]) -> None:
    """Energy rises with the voltage and the bit error rate falls, up to Vmin: 1, 0 and 1."""
    found = []
    squared = curve.get("energy_model") == "v2"
    for point in points:
        demand(isinstance(point, dict), "a point is no mapping")
        demand({*point} <= POINT, "unknown field of a point")
        point = {name: _lenient(value) for name, value in point.items() if value is not None}
        demand(("voltage_norm" in point) != ("voltage_v" in point), "a voltage, relative or in volts")
        demand(("faults" in point) != ("bit_error_rate_percent" in point), "a rate or a count of faults")
        if "voltage_v" in point:
            vmin = plain(_lenient(curve.get("vmin_v")), 0, 20, above=True)
            voltage = plain(point["voltage_v"], 0, vmin, above=True) / vmin
        else:
            voltage = plain(point["voltage_norm"], 0, 1, above=True)
        if "faults" in point:
            rate = 100 * plain(point["faults"], 0, curve.get("cells", 0) / 2) / curve["cells"]
        else:
            rate = plain(point["bit_error_rate_percent"], 0, 50)
        energy = voltage**2
        if "energy_per_access_norm" in point:
            energy = plain(point["energy_per_access_norm"], 0, 1, above=True)
            demand(not squared or math.isclose(energy, voltage**2, rel_tol=1e-5), "no square of the voltage")
        else:
            demand(squared, "a point without energy")
        found.append((voltage, -rate, energy))
    found.sort()
    for low, high in pairwise(found):
        demand(all(a < b for a, b in zip(low, high, strict=True)), "points that do not follow each other")
    demand(found[-1] == (1, 0, 1), "the last point is not Vmin")


def _lenient(value: Any) -> Any:
    """A number, though it stands in quotes."""
    return number(value) if isinstance(value, str) else value


def _yaml_samples() -> Sequence[Sample]:
    return [
        Sample(
            files={"curve.yaml": content}, lines=[(*SIMULATE, "curve.yaml")], rules=_yaml_rules, mutate=YAML
        )
        for content in (RELATIVE, VOLTS)
    ]


def _csv_samples() -> Sequence[Sample]:
    return [
        Sample(files={"curve.csv": content}, lines=[(*SIMULATE, "curve.csv")], rules=_csv_rules, mutate=TABLE)
        for content in (CSV, CSV_VOLTS)
    ]


YAML_FORMAT = file_format("curve yaml", _yaml_samples)
CSV_FORMAT = file_format("curve csv", _csv_samples)
