"""Energy tables in YAML."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

from tests.fuzz.case import Sample, file_format
from tests.fuzz.formats.rules import SHIPPED_TABLES, as_number, demand, plain, tree_of
from tests.fuzz.structures import YAML

ABSOLUTE = b"""\
name: mine
title: A table
source: estimated
certainty: low
technology_nm: 22
supply_v: 0.8
mac_pj: 0.5
sram_pj_per_64bit: {8: 3.0, 32: 6.5, 128: 14.0}
sram_write_factor: 1.2
sram_leakage_mw: {8: 0.1, 32: 0.4, 128: 1.5}
dram_pj_per_bit: {lpddr4: 8.0, hbm: 4.0}
dram_default: lpddr4
sources:
  mac_pj: {source: a paper, certainty: high}
"""
RELATIVE = b"""\
name: mine
unit: mac
value_bits: 16
source: a paper
certainty: low
register_file: 1.0
inter_pe: 2.0
global_buffer: 6.0
dram: 200.0
leakage: not counted
"""
LINES = (
    (
        "simulate",
        "--base",
        "vgg11",
        "--gen",
        "convs",
        "--engine",
        "closed-form",
        "--json",
        "--energy-table",
        "t.yaml",
    ),
    ("layers", "--topology", "net.csv", "--engine", "closed-form", "--quiet", "--energy-table", "t.yaml"),
)
TOPOLOGY = b"Layer, M, N, K,\nGEMM1, 8, 16, 32,\n"
COMMON = {"name", "title", "source", "certainty", "sources", "unit", "leakage"}
OF_ABSOLUTE = COMMON | {
    *("technology_nm", "supply_v", "mac_pj", "sram_pj_per_64bit", "sram_write_pj_per_64bit"),
    *("sram_write_factor", "sram_leakage_mw", "dram_pj_per_bit", "dram_default"),
}
OF_RELATIVE = COMMON | {"value_bits", "mac", "register_file", "inter_pe", "global_buffer", "dram"}
SIZES = ("sram_pj_per_64bit", "sram_write_pj_per_64bit", "sram_leakage_mw")
SINGLE = (
    "technology_nm",
    "supply_v",
    "mac_pj",
    "sram_write_factor",
    "register_file",
    "inter_pe",
    "global_buffer",
    "dram",
)


def _rules(folder: Path) -> None:
    """Names and sources as text; every energy above 0, at most 1e9; by size rising in no odd way."""
    tree = tree_of(folder / "t.yaml")
    demand(isinstance(tree, dict), "no mapping")
    tree = {key: value for key, value in tree.items() if value is not None}
    relative = tree.get("unit", "pj") == "mac"
    known = OF_RELATIVE if relative else OF_ABSOLUTE
    demand({*tree} <= known, f"unknown keys {sorted(map(str, {*tree} - known))}")
    for key in ("name", "source", "certainty"):
        demand(isinstance(tree.get(key), str) and tree[key], f"no {key}")
    demand(tree["name"].lower() not in SHIPPED_TABLES, "the name of a shipped table")
    for key in SINGLE:
        if key in tree:
            plain(as_number(tree[key]), 0, 1e9, above=True)
    if relative:
        demand({"value_bits", "global_buffer", "dram", "leakage"} <= tree.keys(), "a demanded key is missing")
        demand(plain(tree["value_bits"], 1, 64).is_integer(), "bits")
        demand(tree.get("mac", 1) == 1, "mac is not 1")
        return
    demand(
        {"mac_pj", "sram_pj_per_64bit", "dram_pj_per_bit", "dram_default"} <= tree.keys(),
        "a demanded key is missing",
    )
    demand(("sram_write_factor" in tree) != ("sram_write_pj_per_64bit" in tree), "writes")
    demand(("leakage" in tree) != ("sram_leakage_mw" in tree), "leakage")
    for key in SIZES:
        if key in tree:
            _check_sizes(tree[key])
            demand({*map(float, tree[key])} == {*map(float, tree["sram_pj_per_64bit"])}, "sizes differ")
    kinds = tree["dram_pj_per_bit"]
    demand(isinstance(kinds, dict) and kinds, "no DRAM")
    for kind, energy in kinds.items():
        demand(isinstance(kind, str) and kind == kind.lower() and kind, f"DRAM kind {kind!r}")
        plain(as_number(energy), 0, 1e9, above=True)
    demand(tree["dram_default"] in kinds, "the default DRAM is none of them")


def _check_sizes(by_size: Any) -> None:
    demand(isinstance(by_size, dict) and len(by_size) >= 2, "fewer than two sizes")
    found = sorted(
        (plain(as_number(size), 0, 2**30, above=True), plain(as_number(by_size[size]), 0, 1e9, above=True))
        for size in by_size
    )
    for (low, first), (high, second) in pairwise(found):
        demand(abs(math.log(second / first) / math.log(high / low)) < 8.01, "too steep")


def _samples() -> Sequence[Sample]:
    return [
        Sample(
            files={"t.yaml": content, "net.csv": TOPOLOGY},
            fixed=("net.csv",),
            lines=LINES,
            rules=_rules,
            mutate=YAML,
        )
        for content in (ABSOLUTE, RELATIVE)
    ]


FORMAT = file_format("energy table", _samples)
