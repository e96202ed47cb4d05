"""SCALE-Sim cfg files."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from tests.fuzz.case import Forbidden, Sample, file_format
from tests.fuzz.formats.rules import demand, text_of
from tests.fuzz.mutations import damaged_bytes, damaged_text, several

SECOND = b"""\
[general]
run_name = small
[architecture_presets]
ArrayHeight : 8
ArrayWidth : 16
IfmapSramSzkB : 64
FilterSramSzkB : 32
OfmapSramSzkB : 16
IfmapOffset : 0
FilterOffset : 10000000
OfmapOffset : 20000000
Bandwidth : 10
Dataflow : os
MemoryBanks : 1
[run_presets]
InterfaceBandwidth : CALC
"""
THIRD = (
    SECOND.replace(b" : ", b" = ").replace(b"CALC", b"USER\nUseRamulatorTrace = False")
    + b"""\
[layout]
IfmapCustomLayout = False
IfmapSRAMBankBandwidth = 10
IfmapSRAMBankNum = 10
IfmapSRAMBankPort = 2
FilterCustomLayout = False
FilterSRAMBankBandwidth = 10
FilterSRAMBankNum = 10
FilterSRAMBankPort = 2
[sparsity]
SparsitySupport = false
"""
)
TOPOLOGY = b"Layer, M, N, K,\nGEMM1, 8, 16, 32,\n"
LINES = (
    (
        "layers",
        "--topology",
        "net.csv",
        "--engine",
        "closed-form",
        "--quiet",
        "--format",
        "json",
        "--config",
        "a.cfg",
    ),
    ("export", "--base", "vgg11", "--out", "out", "--quiet", "--config", "a.cfg"),
)
SIDES = ("arrayheight", "arraywidth")
SIZES = ("ifmapsramszkb", "filtersramszkb", "ofmapsramszkb")
OFFSETS = ("ifmapoffset", "filteroffset", "ofmapoffset")


def _rules(folder: Path) -> None:
    """Every demanded key once, in range; nothing switched on that is not driven."""
    values: dict[str, dict[str, str]] = {}
    section: dict[str, str] | None = None
    last = ""
    for line in text_of(folder / "a.cfg").splitlines():
        if not line.strip() or line.strip()[0] in "#;":
            continue
        heading = re.match(r"\[(.+)\]", line.strip())
        if heading and not line[0].isspace():
            demand(heading[1] not in values, f"section {heading[1]} stands twice")
            section = values[heading[1]] = {}
            last = ""
            continue
        demand(section is not None, "a key before the first section")
        assert section is not None
        if line[0].isspace() and last:
            section[last] += f"\n{line.strip()}"
            continue
        key, mark, value = re.match(r"\s*(.*?)\s*(?:([=:])\s*(.*))?$", line).groups()  # type: ignore[union-attr]
        demand(mark, "a line without = or :")
        last = key.lower()
        demand(last not in section, f"{key} stands twice")
        section[last] = value.strip()
    try:
        array, run = values["architecture_presets"], values["run_presets"]
        demand("run_name" in values["general"], "no run_name")
        for key in (*SIDES, *SIZES, *OFFSETS):
            demand(re.fullmatch(r"[+-]?[0-9]+", array[key]), f"{key} is {array[key][:30]!r}")
        for key, most in [*((side, 2**16) for side in SIDES), *((size, 2**24) for size in SIZES)]:
            demand(1 <= int(array[key]) <= most, f"{key} is {array[key]}")
        demand(array["dataflow"].lower() in ("os", "ws", "is"), f"dataflow {array['dataflow']!r}")
        demand(run["interfacebandwidth"].upper() in ("CALC", "USER"), "interface bandwidth")
    except KeyError as missing:
        raise Forbidden(f"no {missing}") from None
    switches = (
        *(("sparsity", "sparsitysupport"), ("run_presets", "useramulatortrace")),
        *(("layout", "ifmapcustomlayout"), ("layout", "filtercustomlayout")),
    )
    for home, key in switches:
        found = values.get(home, {}).get(key, "false").lower()
        demand(found in ("false", "no", "off", "0"), f"{key} is {found!r}")


def _samples() -> Sequence[Sample]:
    return [
        Sample(
            files={"a.cfg": content, "net.csv": TOPOLOGY},
            fixed=("net.csv",),
            lines=LINES if content is SECOND else LINES[1:],
            rules=_rules,
            mutate=several(damaged_text, damaged_text, damaged_bytes),
        )
        for content in (SECOND, THIRD)
    ]


FORMAT = file_format("cfg", _samples)
