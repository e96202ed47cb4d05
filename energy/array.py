"""The accelerator: `SystolicArray` and its presets. SCALE-Sim's cfg files: `energy.scalesim.cfg`."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

from nfenergy.ground.errors import InputError

DATAFLOWS = ("os", "ws", "is")
LARGEST_SIDE = 2**16
LARGEST_SRAM_KB = 2**24
REPRESENTATIONS = ("csr", "csc", "ellpack_block")


@dataclass(frozen=True, slots=True, kw_only=True)
class Sparsity:
    """SCALE-Sim's sparse filters (``SparsitySupport``): only what is not zero is stored and multiplied.

    Attributes:
        representation: of the stored filters, one of `REPRESENTATIONS`; it decides their metadata only.
        optimized_mapping: ratios drawn at random for each row of filters instead of the layer's own.
        block_size: of these rows, in weights.
        seed: of these ratios.
        ratio: N:M of one layer, as its row in the topology has it.

    Raises:
        InputError: a value is out of range.
    """

    representation: str = "ellpack_block"
    optimized_mapping: bool = False
    block_size: int = 4
    seed: int = 40
    ratio: str = "1:1"

    def __post_init__(self) -> None:
        if self.representation not in REPRESENTATIONS:
            raise InputError(
                f"SparseRep is {self.representation!r}, expected one of {', '.join(REPRESENTATIONS)}"
            )
        if self.block_size < 2 or not 0 <= self.seed < 2**32:
            raise InputError(
                f"BlockSize is {self.block_size} and RandomNumberGeneratorSeed {self.seed}, expected at "
                "least 2 and 0 to 2**32 - 1"
            )


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
        sparsity: how sparse filters are simulated; None simulates all filters as dense ones.

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
    sparsity: Sparsity | None = None

    def __post_init__(self) -> None:
        for field in ("rows", "cols"):
            _check(field, getattr(self, field), LARGEST_SIDE)
        for field in ("ifmap_sram_kb", "filter_sram_kb", "ofmap_sram_kb"):
            _check(field, getattr(self, field), LARGEST_SRAM_KB)
        for bandwidth in self.interface_bandwidths or ():
            _check("interface bandwidth", bandwidth, LARGEST_SRAM_KB)
        if self.dataflow not in DATAFLOWS:
            raise InputError(f"dataflow is {self.dataflow!r}, expected one of {', '.join(DATAFLOWS)}")
        drawn = self.sparsity if self.sparsity is not None and self.sparsity.optimized_mapping else None
        if drawn is not None and (self.dataflow != "ws" or drawn.block_size > self.rows):
            raise InputError(
                "OptimizedMapping works in dataflow ws and with a BlockSize of at most the array's rows, "
                f"here they are {self.dataflow} and {drawn.block_size}; SCALE-Sim fails on it"
            )

    def for_ratio(self, ratio: str) -> SystolicArray:
        """The array as it is set up for layers of that sparsity ratio; itself where all are dense."""
        return self if self.sparsity is None else replace(self, sparsity=replace(self.sparsity, ratio=ratio))

    def __str__(self) -> str:
        return f"{self.rows}x{self.cols} {self.dataflow}"


def _check(field: str, value: int, largest: int) -> None:
    if not 1 <= value <= largest:
        raise InputError(f"array {field} is {value}, expected 1 to {largest}")


_GOOGLE = SystolicArray(
    rows=256, cols=256, ifmap_sram_kb=6144, filter_sram_kb=6144, ofmap_sram_kb=2048, dataflow="ws"
)
_EYERISS = SystolicArray(
    rows=12, cols=14, ifmap_sram_kb=36, filter_sram_kb=36, ofmap_sram_kb=36, dataflow="ws"
)

PRESETS: dict[str, SystolicArray] = {
    "scale": SystolicArray(),
    "google": _GOOGLE,
    "eyeriss": _EYERISS,
    "scale-v3": SystolicArray(dataflow="ws"),
    "google-v3": replace(_GOOGLE, dataflow="os", interface_bandwidths=(10, 10, 10)),
    "eyeriss-v3": _EYERISS,
}
"""Arrays by the names of the cfg files in SCALE-Sim's repository: version 2's, and with ``-v3`` 3.0.0's."""

PRESET_TITLES: dict[str, str] = {
    "scale": "scale.cfg of SCALE-Sim 2, the array of the published T.W.M.A.",
    "google": "google.cfg of SCALE-Sim 2: sizes of the first TPU, weight stationary",
    "eyeriss": "eyeriss.cfg of SCALE-Sim 2: sizes of Eyeriss, but weight stationary",
    "scale-v3": "scale.cfg of SCALE-Sim 3: as in version 2, but weight stationary",
    "google-v3": "google.cfg of SCALE-Sim 3: output stationary, 10 words a cycle to and from DRAM",
    "eyeriss-v3": "eyeriss.cfg of SCALE-Sim 3: the same array as in version 2",
}
"""What each preset is."""


def parse_size(text: str) -> tuple[int, int]:
    """Rows and columns from ``32x32``.

    >>> parse_size("12x14")
    (12, 14)
    """
    match = re.fullmatch(r"([0-9]{1,6})[xX]([0-9]{1,6})", text.strip())
    if match is None:
        raise InputError(f"array is {text!r}, expected ROWSxCOLS such as 32x32")
    return int(match[1]), int(match[2])
