"""What a simulation engine counts for a layer, and the sums that the energy model needs."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, fields

from nfenergy.ground.errors import InputError

SRAM_WORD_BITS = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class LayerCounts:
    """SCALE-Sim's three reports for one layer, batch 1; reads and writes are of single values.

    The three sources are COMPUTE_REPORT.csv, DETAILED_ACCESS_REPORT.csv and BANDWIDTH_REPORT.csv.
    `sram_ofmap_writes` is as SCALE-Sim prints it, which in dataflow ``os`` is too high (upstream
    issue 166); `sram_ofmap_writes_true` is the number of values really written. Start and stop cycles are
    those of the first and last access; before cycle 0 lies the first prefetch.
    """

    layer: str
    total_cycles: int
    total_cycles_incl_prefetch: int
    stall_cycles: int
    overall_util_percent: float
    mapping_efficiency_percent: float
    compute_util_percent: float
    sram_ifmap_reads: int
    sram_filter_reads: int
    sram_ofmap_writes: int
    sram_ofmap_writes_true: int
    dram_ifmap_reads: int
    dram_filter_reads: int
    dram_ofmap_writes: int
    sram_ifmap_bw_words_per_cycle: float
    sram_filter_bw_words_per_cycle: float
    sram_ofmap_bw_words_per_cycle: float
    dram_ifmap_bw_words_per_cycle: float
    dram_filter_bw_words_per_cycle: float
    dram_ofmap_bw_words_per_cycle: float
    sram_ifmap_start_cycle: int
    sram_ifmap_stop_cycle: int
    sram_filter_start_cycle: int
    sram_filter_stop_cycle: int
    sram_ofmap_start_cycle: int
    sram_ofmap_stop_cycle: int
    dram_ifmap_start_cycle: int
    dram_ifmap_stop_cycle: int
    dram_filter_start_cycle: int
    dram_filter_stop_cycle: int
    dram_ofmap_start_cycle: int
    dram_ofmap_stop_cycle: int

    def as_dict(self) -> dict[str, str | int | float]:
        return {field.name: getattr(self, field.name) for field in fields(self)}


REPORTED_COLUMNS = (
    "layer",
    "total_cycles",
    "total_cycles_incl_prefetch",
    "stall_cycles",
    "overall_util_percent",
    "mapping_efficiency_percent",
    "compute_util_percent",
    "sram_ifmap_reads",
    "sram_filter_reads",
    "sram_ofmap_writes",
    "dram_ifmap_reads",
    "dram_filter_reads",
    "dram_ofmap_writes",
)
"""The columns that ``nfenergy layers`` prints, in this order."""


def weights_per_word(weight_bits: int) -> int:
    """Weights in one 64-bit SRAM word; a weight never straddles two words.

    >>> weights_per_word(8), weights_per_word(4), weights_per_word(6)
    (8, 16, 10)
    """
    if not 1 <= weight_bits <= SRAM_WORD_BITS:
        raise InputError(f"weight bits are {weight_bits}, expected 1 to {SRAM_WORD_BITS}")
    return SRAM_WORD_BITS // weight_bits


def filter_reads(counts: Iterable[LayerCounts]) -> int:
    """SRAM filter reads of a network, in weights."""
    return sum(layer.sram_filter_reads for layer in counts)


def twma(counts: Iterable[LayerCounts], *, weight_bits: int) -> float:
    """T.W.M.A., total weight memory access: SRAM words read to fetch the weights of one inference.

    Source: Sun et al. (NeuralFuse), App. C; Table 6 follows with 8-bit weights.
    """
    return filter_reads(counts) / weights_per_word(weight_bits)


def total_cycles(counts: Iterable[LayerCounts]) -> int:
    """Cycles of one inference, layer after layer, stalls included, first prefetch excluded."""
    return sum(layer.total_cycles for layer in counts)
