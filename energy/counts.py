"""What a simulation engine counts for a layer, and the sums that the energy model needs."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, fields
from typing import Annotated

from nfenergy.ground.columns import Column
from nfenergy.ground.errors import InputError

SRAM_WORD_BITS = 64
SIMULATED = "simulation engine"


def _cycles(meaning: str) -> Column:
    return Column(meaning, "cycles", SIMULATED)


def _share(meaning: str) -> Column:
    return Column(meaning, "%", SIMULATED)


def _values(meaning: str) -> Column:
    return Column(meaning, "values", SIMULATED)


def _bandwidth(meaning: str) -> Column:
    return Column(meaning, "values/cycle", SIMULATED)


@dataclass(frozen=True, slots=True, kw_only=True)
class LayerCounts:
    """SCALE-Sim's three reports for one layer, batch 1; reads and writes are of single values.

    The three sources are COMPUTE_REPORT.csv, DETAILED_ACCESS_REPORT.csv and BANDWIDTH_REPORT.csv.
    `sram_ofmap_writes` is as SCALE-Sim prints it, which in dataflow ``os`` is too high (upstream
    issue 166); `sram_ofmap_writes_true` is the number of values really written. Start and stop cycles are
    those of the first and last access; before cycle 0 lies the first prefetch.
    """

    layer: Annotated[str, Column("name of the layer", joined=None)]
    total_cycles: Annotated[int, _cycles("cycles, stalls included, prefetch excluded")]
    total_cycles_incl_prefetch: Annotated[int, _cycles("cycles, first prefetch included")]
    stall_cycles: Annotated[int, _cycles("cycles in which the array waits")]
    overall_util_percent: Annotated[float, _share("useful share of all PE cycles")]
    mapping_efficiency_percent: Annotated[float, _share("PEs that a fold covers, on average")]
    compute_util_percent: Annotated[float, _share("PEs busy in a computing cycle, on average")]
    sram_ifmap_reads: Annotated[int, _values("reads of the ifmap SRAM")]
    sram_filter_reads: Annotated[int, _values("reads of the filter SRAM")]
    sram_ofmap_writes: Annotated[
        int,
        _values("writes of the ofmap SRAM as SCALE-Sim prints them: folds x (rows + cols) too high in os"),
    ]
    sram_ofmap_writes_true: Annotated[int, _values("writes of the ofmap SRAM")]
    dram_ifmap_reads: Annotated[int, _values("reads of the ifmap from DRAM")]
    dram_filter_reads: Annotated[int, _values("reads of filters from DRAM")]
    dram_ofmap_writes: Annotated[int, _values("writes of the ofmap to DRAM")]
    sram_ifmap_bw_words_per_cycle: Annotated[float, _bandwidth("bandwidth of the ifmap in SRAM")]
    sram_filter_bw_words_per_cycle: Annotated[float, _bandwidth("bandwidth of the filter in SRAM")]
    sram_ofmap_bw_words_per_cycle: Annotated[float, _bandwidth("bandwidth of the ofmap in SRAM")]
    dram_ifmap_bw_words_per_cycle: Annotated[float, _bandwidth("bandwidth of the ifmap in DRAM")]
    dram_filter_bw_words_per_cycle: Annotated[float, _bandwidth("bandwidth of the filter in DRAM")]
    dram_ofmap_bw_words_per_cycle: Annotated[float, _bandwidth("bandwidth of the ofmap in DRAM")]
    sram_ifmap_start_cycle: Annotated[int, _cycles("first access to the ifmap in SRAM")]
    sram_ifmap_stop_cycle: Annotated[int, _cycles("last access to the ifmap in SRAM")]
    sram_filter_start_cycle: Annotated[int, _cycles("first access to the filter in SRAM")]
    sram_filter_stop_cycle: Annotated[int, _cycles("last access to the filter in SRAM")]
    sram_ofmap_start_cycle: Annotated[int, _cycles("first access to the ofmap in SRAM")]
    sram_ofmap_stop_cycle: Annotated[int, _cycles("last access to the ofmap in SRAM")]
    dram_ifmap_start_cycle: Annotated[int, _cycles("first access to the ifmap in DRAM")]
    dram_ifmap_stop_cycle: Annotated[int, _cycles("last access to the ifmap in DRAM")]
    dram_filter_start_cycle: Annotated[int, _cycles("first access to the filter in DRAM")]
    dram_filter_stop_cycle: Annotated[int, _cycles("last access to the filter in DRAM")]
    dram_ofmap_start_cycle: Annotated[int, _cycles("first access to the ofmap in DRAM")]
    dram_ofmap_stop_cycle: Annotated[int, _cycles("last access to the ofmap in DRAM")]

    def as_dict(self) -> dict[str, str | int | float]:
        """The counts by the name of their field."""
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
