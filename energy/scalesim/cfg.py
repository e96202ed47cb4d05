"""SCALE-Sim's cfg file, read and written.

A file must hold what SCALE-Sim 3.0.0 demands, except what version 3 added. What a file of version 2
lacks is taken as version 2 has it: no custom layouts, no sparsity, no Ramulator, and in USER mode
``Bandwidth`` for all three SRAMs.
"""

from __future__ import annotations

import configparser
import difflib
import re
import sys
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

from energy.array import PRESETS, Sparsity, SystolicArray, parse_size
from nfenergy.ground.errors import InputError
from nfenergy.ground.files import is_file, read_text

LONGEST_LINE = 1024
"""configparser's patterns take time with the square of a line."""
ARCHITECTURE, LAYOUT, SPARSITY, RUN = "architecture_presets", "layout", "sparsity", "run_presets"
SIZES = ("ArrayHeight", "ArrayWidth", "IfmapSramSzkB", "FilterSramSzkB", "OfmapSramSzkB")
OFFSETS = ("IfmapOffset", "FilterOffset", "OfmapOffset")
BANKS = ("BankBandwidth", "BankNum", "BankPort")
LAYOUT_KEYS = tuple(
    key
    for operand in ("Ifmap", "Filter")
    for key in (f"{operand}CustomLayout", *(f"{operand}SRAM{bank}" for bank in BANKS))
)
SWITCHES = (
    (LAYOUT, "IfmapCustomLayout"),
    (LAYOUT, "FilterCustomLayout"),
    (RUN, "UseRamulatorTrace"),
)

DEMANDED = {
    "general": ("run_name",),
    ARCHITECTURE: (*SIZES, *OFFSETS, "Dataflow"),
    RUN: ("InterfaceBandwidth",),
}
"""The keys that both versions demand."""
DEMANDED_WITH_SECTION = {LAYOUT: LAYOUT_KEYS, SPARSITY: ("SparsitySupport",)}
"""The keys that a section of version 3 must hold where there is one."""
OTHERS = {
    ARCHITECTURE: ("Bandwidth", "MemoryBanks", "ReadRequestBuffer", "WriteRequestBuffer"),
    SPARSITY: ("SparseRep", "OptimizedMapping", "BlockSize", "RandomNumberGeneratorSeed"),
    RUN: ("UseRamulatorTrace",),
}
KNOWN = {
    section: (*DEMANDED.get(section, ()), *DEMANDED_WITH_SECTION.get(section, ()), *OTHERS.get(section, ()))
    for section in ("general", ARCHITECTURE, LAYOUT, SPARSITY, RUN)
}

NOT_MODELLED = {
    "IfmapOffset": ("0",),
    "FilterOffset": ("10000000",),
    "OfmapOffset": ("20000000",),
    "MemoryBanks": ("1",),
    "IfmapSRAMBankNum": ("1", "10"),
    "IfmapSRAMBankPort": ("2",),
    "FilterSRAMBankNum": ("1", "10"),
    "FilterSRAMBankPort": ("2",),
}
"""Keys that change nothing in nfenergy, with the values that SCALE-Sim's own files give them."""
NEAR = 0.85
UNUSED_IN_CALC = dict.fromkeys(("Bandwidth", "IfmapSRAMBankBandwidth", "FilterSRAMBankBandwidth"), ("10",))


def load_array(
    *, config: str | None = None, size: str | None = None, dataflow: str | None = None
) -> SystolicArray:
    """The array of a preset or cfg file (default: preset ``scale``), with flags taking precedence.

    Raises:
        InputError: neither a preset nor a readable cfg, or a value is out of range.
    """
    array = PRESETS["scale"]
    if config is not None:
        array = PRESETS.get(config.lower()) or read_cfg(Path(config))
    if size is not None:
        rows, cols = parse_size(size)
        array = replace(array, rows=rows, cols=cols)
    if dataflow is not None:
        array = replace(array, dataflow=dataflow.lower())
    return array


def read_cfg(path: Path) -> SystolicArray:
    """The array in a SCALE-Sim cfg of version 2 or 3.

    What the file says and nfenergy does not heed goes to stderr in one line: keys that SCALE-Sim does
    not know either, and values of `NOT_MODELLED` keys that differ from SCALE-Sim's own files.

    Raises:
        InputError: no such file, not a SCALE-Sim cfg, a demanded key missing or misspelt, a value out
            of range, or a feature that nfenergy does not drive (custom layouts, Ramulator).
    """
    if not is_file(path):
        raise InputError(f"no file and no preset {str(path)!r}. Presets: {', '.join(PRESETS)}.")
    parser, text = _Parser(), read_text(path, "a SCALE-Sim cfg")
    for number, line in enumerate(text.splitlines(), start=1):
        if len(line) > LONGEST_LINE:
            raise InputError(f"{path} is not a SCALE-Sim cfg: line {number} has {len(line):,} characters")
    try:
        parser.read_string(text)
    except configparser.Error as error:
        raise InputError(f"{path} is not a SCALE-Sim cfg: {' '.join(str(error).split())}") from error
    try:
        for section in parser.sections():
            _refuse_near("section", section, KNOWN)
        if not parser.has_section(ARCHITECTURE):
            raise InputError(f"it is not a SCALE-Sim cfg: it has no section [{ARCHITECTURE}]")
        unknown = parser.unknown_keys()
        parser.check()
        array = _array(parser)
    except InputError as error:
        raise InputError(f"{path}: {error}") from error
    ignored = parser.not_modelled(calc=array.interface_bandwidths is None)
    remarks = [f"unknown to SCALE-Sim and ignored: {', '.join(unknown)}"] if unknown else []
    remarks += [f"not modelled: {', '.join(ignored)}"] if ignored else []
    if remarks:
        sys.stderr.write(f"nfenergy: {path}: {'; '.join(remarks)}\n")
    return array


class _Parser(configparser.ConfigParser):
    """A cfg with its keys as they were spelt; no interpolation, no section of defaults."""

    def __init__(self) -> None:
        super().__init__(interpolation=None, default_section="")
        self.spelling: dict[str, str] = {}

    def optionxform(self, optionstr: str) -> str:
        return self.spelling.setdefault(optionstr.lower(), optionstr).lower()

    def unknown_keys(self) -> list[str]:
        """Keys that SCALE-Sim does not read; misspelt and misplaced ones are refused."""
        homes = {key.lower(): section for section, keys in KNOWN.items() for key in keys}
        unknown = []
        for section in self.sections():
            for key in self[section]:
                spelt, home = self.spelling[key], homes.get(key)
                if home is None:
                    _refuse_near("key", spelt, [name for keys in KNOWN.values() for name in keys])
                    unknown.append(spelt)
                elif home != section:
                    raise InputError(f"{spelt} stands in [{section}], SCALE-Sim reads it in [{home}]")
        return unknown

    def check(self) -> None:
        """Refuse what nfenergy does not drive, and a file that lacks what SCALE-Sim demands."""
        for section, key in SWITCHES:
            if self.has_option(section, key):
                try:
                    on = self.getboolean(section, key)
                except ValueError:
                    raise InputError(f"{key} is {self.get(section, key)!r}, expected True or False") from None
                if on:
                    raise InputError(f"it sets {key}, which nfenergy does not drive; set it to False")
        present = {section: keys for section, keys in DEMANDED_WITH_SECTION.items() if section in self}
        for section, keys in (DEMANDED | present).items():
            for key in keys:
                self.text(section, key)

    def text(self, section: str, key: str) -> str:
        if not self.has_option(section, key):
            raise InputError(f"it has no {key} in [{section}], which SCALE-Sim demands")
        return self.get(section, key).strip()

    def number(self, section: str, key: str) -> int:
        text = self.text(section, key)
        if not re.fullmatch(r"[+-]?[0-9]{1,18}", text):
            raise InputError(f"{key} is {text[:40]!r}, expected a whole number")
        return int(text)

    def switch(self, section: str, key: str) -> bool:
        text = self.text(section, key).lower()
        if text not in ("true", "false"):
            raise InputError(f"{key} is {text!r}, expected True or False")
        return text == "true"

    def not_modelled(self, *, calc: bool) -> list[str]:
        """The values that change nothing here and are not those of SCALE-Sim's own files."""
        usual = NOT_MODELLED | (UNUSED_IN_CALC if calc else {})
        given = {key: value for name in self.sections() for key, value in self.items(name)}
        return [
            f"{key} = {given[key.lower()]}{' in mode CALC' if key in UNUSED_IN_CALC else ''}"
            for key, values in usual.items()
            if given.get(key.lower(), values[0]) not in values
        ]


def _array(parser: _Parser) -> SystolicArray:
    for key in OFFSETS:
        parser.number(ARCHITECTURE, key)
    rows, cols, ifmap_kb, filter_kb, ofmap_kb = (parser.number(ARCHITECTURE, key) for key in SIZES)
    mode = parser.text(RUN, "InterfaceBandwidth").upper()
    if mode not in ("CALC", "USER"):
        raise InputError(f"InterfaceBandwidth is {mode!r}, expected CALC or USER")
    bandwidths = None
    if mode == "USER":
        everywhere = parser.number(ARCHITECTURE, "Bandwidth")
        ifmap, filter_ = (
            parser.number(LAYOUT, f"{operand}SRAMBankBandwidth") if parser.has_section(LAYOUT) else everywhere
            for operand in ("Ifmap", "Filter")
        )
        bandwidths = (ifmap, filter_, everywhere)
    return SystolicArray(
        rows=rows,
        cols=cols,
        dataflow=parser.text(ARCHITECTURE, "Dataflow").lower(),
        ifmap_sram_kb=ifmap_kb,
        filter_sram_kb=filter_kb,
        ofmap_sram_kb=ofmap_kb,
        interface_bandwidths=bandwidths,
        sparsity=_sparsity(parser),
    )


def _sparsity(parser: _Parser) -> Sparsity | None:
    """As SCALE-Sim reads the section; None where there is none or its support is off."""
    if not parser.has_section(SPARSITY) or not parser.switch(SPARSITY, "SparsitySupport"):
        return None
    optimized = parser.switch(SPARSITY, "OptimizedMapping")
    return Sparsity(
        representation=parser.text(SPARSITY, "SparseRep"),
        optimized_mapping=optimized,
        block_size=parser.number(SPARSITY, "BlockSize") if optimized else Sparsity().block_size,
        seed=parser.number(SPARSITY, "RandomNumberGeneratorSeed"),
    )


def _refuse_near(what: str, name: str, known: Iterable[str]) -> None:
    spelt = {key.lower(): key for key in known}
    near = difflib.get_close_matches(name.lower(), spelt, n=1, cutoff=NEAR)
    if near and spelt[near[0]] != name:
        raise InputError(f"SCALE-Sim knows no {what} {name}. Did you mean {spelt[near[0]]}?")


def cfg_text(array: SystolicArray, run_name: str = "run") -> str:
    """A cfg of SCALE-Sim 3.0.0 for `array`; all it does not decide as in upstream's ``scale.cfg``."""
    mode = "CALC" if array.interface_bandwidths is None else "USER"
    ifmap, filter_, ofmap = array.interface_bandwidths or (10, 10, 10)
    return f"""\
[general]
run_name = {run_name}

[architecture_presets]
ArrayHeight = {array.rows}
ArrayWidth = {array.cols}
IfmapSramSzkB = {array.ifmap_sram_kb}
FilterSramSzkB = {array.filter_sram_kb}
OfmapSramSzkB = {array.ofmap_sram_kb}
IfmapOffset = 0
FilterOffset = 10000000
OfmapOffset = 20000000
Bandwidth = {ofmap}
Dataflow = {array.dataflow}
MemoryBanks = 1
ReadRequestBuffer = 32
WriteRequestBuffer = 32

[layout]
IfmapCustomLayout = False
IfmapSRAMBankBandwidth = {ifmap}
IfmapSRAMBankNum = 1
IfmapSRAMBankPort = 2
FilterCustomLayout = False
FilterSRAMBankBandwidth = {filter_}
FilterSRAMBankNum = 1
FilterSRAMBankPort = 2

[sparsity]
{_sparsity_text(array.sparsity)}

[run_presets]
InterfaceBandwidth = {mode}
UseRamulatorTrace = False
"""


def _sparsity_text(sparsity: Sparsity | None) -> str:
    if sparsity is None:
        return "SparsitySupport = false"
    return f"""\
SparsitySupport = true
SparseRep = {sparsity.representation}
OptimizedMapping = {str(sparsity.optimized_mapping).lower()}
BlockSize = {sparsity.block_size}
RandomNumberGeneratorSeed = {sparsity.seed}"""
