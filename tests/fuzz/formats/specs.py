"""Specifications of sweeps."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tests.fuzz.case import Sample, file_format
from tests.fuzz.formats.rules import (
    BASES,
    DATASETS,
    GENERATORS,
    SHIPPED_CURVES,
    SHIPPED_TABLES,
    as_number,
    demand,
    plain,
    tree_of,
)
from tests.fuzz.structures import YAML

SMALL = b"""\
bases: [vgg11]
generators: [none, convs]
arrays: [8x8]
voltages: [0.8333, 0.9]
energy_tables: []
"""
WHOLE = b"""\
bases: [vgg11]
generators: [convs]
datasets: [cifar10]
conventions: [paper]
deconvolution: null
arrays: {rows: [8, 16], cols: [16]}
dataflows: [os, ws]
sram_kb: [64, [64, 128, 64]]
weight_bits: [8, 4]
curves: [stutz2021-14nm]
assume_v2: false
bit_error_rates: [1%, 0.005]
energy_tables: [horowitz2014-45nm]
residents: [none, weights]
dram: lpddr4
access: word
low_voltage: weight-sram
leakage: false
activation_bits: 8
base_width: 1.0
clock_ghz: 1.0
engine: closed-form
seed: 0
"""
LINE = ("sweep", "spec.yaml", "--out", "out", "--quiet")
NAMES = {
    "bases": BASES,
    "generators": GENERATORS,
    "datasets": DATASETS,
    "conventions": ("paper", "exact"),
    "dataflows": ("os", "ws", "is"),
    "residents": ("none", "weights", "all"),
    "curves": SHIPPED_CURVES,
    "energy_tables": SHIPPED_TABLES,
}
TEXTS = {
    "access": ("word", "value"),
    "engine": ("closed-form", "scalesim", "both"),
    "dram": (None, "lpddr4", "hbm2", "hbm", "ddr3", "ddr4", "gddr6x", "gddr5", "lpddr5", "lpddr3", "dram"),
    "deconvolution": (None, "paper", "zero-insertion", "subpixel"),
}
OTHERS = {
    *(
        "arrays",
        "sram_kb",
        "weight_bits",
        "assume_v2",
        "voltages",
        "bit_error_rates",
        "low_voltage",
        "leakage",
    ),
    *("activation_bits", "base_width", "clock_ghz", "seed"),
}


def _rules(folder: Path) -> None:
    """Known fields, known names, sizes in range, and one kind of operating point."""
    tree = tree_of(folder / "spec.yaml")
    demand(isinstance(tree, dict), "no mapping")
    known = {*NAMES, *TEXTS, *OTHERS}
    demand({*tree} <= known, f"unknown fields {sorted(map(str, {*tree} - known))}")
    demand("bases" in tree, "no bases")
    for field, names in NAMES.items():
        values = tree.get(field, [])
        demand(isinstance(values, list), f"{field} is no list")
        demand(values or field == "energy_tables" or field not in tree, f"{field} is empty")
        for value in values:
            spelt = value.lower() if isinstance(value, str) else value
            demand(spelt in names, f"{field}: {value!r:.40}")
    for field, allowed in TEXTS.items():
        if field in tree:
            spelt = tree[field].lower() if isinstance(tree[field], str) else tree[field]
            demand(spelt in allowed or (field == "dram" and spelt == ""), f"{field}: {spelt!r:.40}")
    for flag in ("assume_v2", "leakage"):
        demand(isinstance(tree.get(flag, False), bool), f"{flag} is not true or false")
    _check_arrays(tree.get("arrays", ["32x32"]))
    _check_sizes(tree)
    demand((tree.get("voltages") is None) != (tree.get("bit_error_rates") is None), "voltages or rates")
    for voltage in tree.get("voltages") or ():
        plain(as_number(voltage), 0.5, 1)
    for rate in tree.get("bit_error_rates") or ():
        if isinstance(rate, str) and rate.strip().endswith("%"):
            rate = float(rate.strip()[:-1]) / 100
        plain(float(rate) if isinstance(rate, str) else rate, 0, 0.5)


def _check_arrays(arrays: Any) -> None:
    if isinstance(arrays, dict):
        demand({*arrays} == {"rows", "cols"}, "a grid has rows and cols")
        for extent in (*arrays["rows"], *arrays["cols"]):
            demand(plain(extent, 1, 2**16).is_integer(), "an extent")
        demand(arrays["rows"] and arrays["cols"], "an empty grid")
        return
    demand(isinstance(arrays, list) and arrays, "arrays is no list")
    for size in arrays:
        match = re.fullmatch(r"\s*([0-9]+)[xX]([0-9]+)\s*", str(size))
        demand(match and 1 <= int(match[1]) <= 2**16 and 1 <= int(match[2]) <= 2**16, f"array {size!r:.40}")


def _check_sizes(tree: dict[str, Any]) -> None:
    for entry in tree.get("sram_kb", [64]):
        sizes = entry if isinstance(entry, list) else [entry]
        demand(len(sizes) in (1, 3), "one SRAM size or three")
        for size in sizes:
            demand(isinstance(size, int) and plain(size, 1, 2**24) >= 1, "an SRAM")
    for bits in (*tree.get("weight_bits", [8]), tree.get("activation_bits", 8)):
        demand(isinstance(bits, int) and plain(bits, 1, 64), "bits")
    plain(as_number(tree.get("base_width", 1.0)), 0, 4, above=True)
    clock = plain(as_number(tree.get("clock_ghz", 1.0)), 1e-6, 1000)
    demand(clock < 1000 and math.isfinite(1 / clock), "clock")
    demand(plain(tree.get("seed", 0), 0, 2**63).is_integer(), "seed")


def _samples() -> Sequence[Sample]:
    return [
        Sample(
            files={"spec.yaml": content},
            lines=[LINE, (*LINE, "--csv")],
            rules=_rules,
            mutate=YAML,
        )
        for content in (SMALL, WHOLE)
    ]


FORMAT = file_format("sweep spec", _samples)
