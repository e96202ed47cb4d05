"""The accelerator: `SystolicArray`, its presets, and SCALE-Sim's cfg file read and written."""

from __future__ import annotations

import configparser
import re
from dataclasses import dataclass, replace
from pathlib import Path

from nfenergy.ground.errors import InputError
from nfenergy.ground.files import read_text

DATAFLOWS = ("os", "ws", "is")
LARGEST_SIDE = 2**16
LARGEST_SRAM_KB = 2**24


@dataclass(frozen=True, slots=True, kw_only=True)
class SystolicArray:
    """A systolic array with three double-buffered SRAMs, one byte a value.

    Attributes:
        rows, cols: processing elements in each direction.
        dataflow: ``os``, ``ws`` or ``is``: output, weight or input stationary.
        ifmap_sram_kb, filter_sram_kb, ofmap_sram_kb: buffer sizes in units of 1,024 bytes.
        interface_bandwidths: words per cycle between DRAM and the ifmap, filter and ofmap SRAM
            (SCALE-Sim's USER mode), or None to let SCALE-Sim estimate the bandwidth that avoids
            stalls (CALC).

    Raises:
        InputError: a size is out of range or the dataflow is unknown.
    """

    rows: int = 32
    cols: int = 32
    dataflow: str = "os"
    ifmap_sram_kb: int = 64
    filter_sram_kb: int = 64
    ofmap_sram_kb: int = 64
    interface_bandwidths: tuple[int, int, int] | None = None

    def __post_init__(self) -> None:
        for field in ("rows", "cols"):
            _check(field, getattr(self, field), LARGEST_SIDE)
        for field in ("ifmap_sram_kb", "filter_sram_kb", "ofmap_sram_kb"):
            _check(field, getattr(self, field), LARGEST_SRAM_KB)
        for bandwidth in self.interface_bandwidths or ():
            _check("interface bandwidth", bandwidth, LARGEST_SRAM_KB)
        if self.dataflow not in DATAFLOWS:
            raise InputError(f"dataflow is {self.dataflow!r}, expected one of {', '.join(DATAFLOWS)}")

    def __str__(self) -> str:
        return f"{self.rows}x{self.cols} {self.dataflow}"


def _check(field: str, value: int, largest: int) -> None:
    if not 1 <= value <= largest:
        raise InputError(f"array {field} is {value}, expected 1 to {largest}")


PRESETS: dict[str, SystolicArray] = {
    "scale": SystolicArray(),
    "google": SystolicArray(
        rows=256, cols=256, ifmap_sram_kb=6144, filter_sram_kb=6144, ofmap_sram_kb=2048, dataflow="ws"
    ),
    "eyeriss": SystolicArray(
        rows=12, cols=14, ifmap_sram_kb=36, filter_sram_kb=36, ofmap_sram_kb=36, dataflow="ws"
    ),
}
"""Arrays by the names of the cfg files in SCALE-Sim's repository."""


def parse_size(text: str) -> tuple[int, int]:
    """Rows and columns from ``32x32``.

    >>> parse_size("12x14")
    (12, 14)
    """
    match = re.fullmatch(r"(\d{1,6})[xX](\d{1,6})", text.strip())
    if match is None:
        raise InputError(f"array is {text!r}, expected ROWSxCOLS such as 32x32")
    return int(match[1]), int(match[2])


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
    """The array in a SCALE-Sim cfg of version 2 or 3; keys that version 3 added may be missing.

    Raises:
        InputError: no such file, not a SCALE-Sim cfg, a value out of range, or a feature that
            nfenergy does not drive (sparsity, custom layouts, Ramulator traces).
    """
    if not path.is_file():
        raise InputError(f"no file and no preset {str(path)!r}. Presets: {', '.join(PRESETS)}.")
    parser = configparser.ConfigParser(interpolation=None)
    try:
        parser.read_string(read_text(path, "a SCALE-Sim cfg"))
    except configparser.Error as error:
        raise InputError(f"{path} is not a SCALE-Sim cfg: {_first_line(error)}") from error
    _refuse_unsupported(parser, path)
    presets = "architecture_presets"
    if not parser.has_section(presets):
        raise InputError(f"{path} is not a SCALE-Sim cfg: it has no section [{presets}]")

    def number(key: str, section: str = presets, default: str | None = None) -> int:
        text = parser.get(section, key, fallback=default)
        if text is None:
            raise InputError(f"it has no {key} in [{section}]")
        try:
            return int(text.split(",")[0])
        except ValueError:
            raise InputError(f"{key} is {text!r}, expected a whole number") from None

    try:
        mode = parser.get("run_presets", "InterfaceBandwidth", fallback="CALC").strip().upper()
        if mode not in ("CALC", "USER"):
            raise InputError(f"InterfaceBandwidth is {mode!r}, expected CALC or USER")
        bandwidths = None
        if mode == "USER":
            bandwidths = (
                number("IfmapSRAMBankBandwidth", "layout", "10"),
                number("FilterSRAMBankBandwidth", "layout", "10"),
                number("Bandwidth"),
            )
        return SystolicArray(
            rows=number("ArrayHeight"),
            cols=number("ArrayWidth"),
            dataflow=parser.get(presets, "Dataflow", fallback="os").strip().lower(),
            ifmap_sram_kb=number("IfmapSramSzkB"),
            filter_sram_kb=number("FilterSramSzkB"),
            ofmap_sram_kb=number("OfmapSramSzkB"),
            interface_bandwidths=bandwidths,
        )
    except InputError as error:
        raise InputError(f"{path}: {error}") from error


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
SparsitySupport = false

[run_presets]
InterfaceBandwidth = {mode}
UseRamulatorTrace = False
"""


def _refuse_unsupported(parser: configparser.ConfigParser, path: Path) -> None:
    for section, key in (
        ("sparsity", "SparsitySupport"),
        ("layout", "IfmapCustomLayout"),
        ("layout", "FilterCustomLayout"),
        ("run_presets", "UseRamulatorTrace"),
    ):
        if parser.get(section, key, fallback="false").strip().lower() == "true":
            raise InputError(f"{path} sets {key}, which nfenergy does not drive; set it to False")


def _first_line(error: Exception) -> str:
    return " ".join(str(error).split())
