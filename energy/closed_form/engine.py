"""The engine ``closed-form``: SCALE-Sim's reports without its simulation.

Every figure that SCALE-Sim 3.0.0 reports for dense layers follows from the layer's shape and the array, in
CALC mode always, in USER mode where half of each read buffer holds its operand (`given_bandwidth`). SRAM
accesses, cycles and utilisation are formulas (`sram_model`, `sram_spans`, `utilisation`); DRAM accesses
follow the buffers from one exchange with the DRAM to the next, those that repeat themselves taken at once
(`ifmap_reads`, `filter_reads`, `ofmap_drain`).
SCALE-Sim's oddities are kept: the figures equal its own.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from energy.array import SystolicArray
from energy.closed_form.filter_reads import filter_transfer
from energy.closed_form.folding import Folding
from energy.closed_form.given_bandwidth import Stalls, held_filter, held_ifmap, stalled_ofmap
from energy.closed_form.ifmap_reads import ifmap_transfer
from energy.closed_form.input_windows import InputWindows
from energy.closed_form.ofmap_drain import ofmap_transfer
from energy.closed_form.read_phases import Transfer
from energy.closed_form.sram_model import LayerSizes, SramCounts, sram_counts
from energy.closed_form.sram_spans import filter_span, ifmap_span, ofmap_span
from energy.closed_form.utilisation import utilisation
from energy.counts import LayerCounts
from nfenergy.ground.errors import InputError
from topologies.layers import LayerShape, Topology

NO_STALLS = Stalls()


@dataclass(frozen=True, slots=True)
class DramTransfers:
    """DRAM traffic of one layer."""

    ifmap: Transfer
    filter: Transfer
    ofmap: Transfer
    stalls: Stalls = NO_STALLS

    @property
    def total_cycles_incl_prefetch(self) -> int:
        """Cycles from the first prefetch to the last write."""
        return self.ofmap.stop_cycle - min(self.ifmap.start_cycle, self.filter.start_cycle)


def simulate(topology: Topology, array: SystolicArray) -> tuple[LayerCounts, ...]:
    """What SCALE-Sim reports for every layer of `topology`, in its order; equal shapes once.

    Raises:
        InputError: the array has sparse filters, or given bandwidths on which a layer's stalls have no
            closed form; SCALE-Sim itself fails on a layer; or a layer's counts do not fit into 64 bits.
    """
    check_dense(array)
    shapes = list(dict.fromkeys(layer.shape for layer in topology.layers))
    sizes = LayerSizes.of(shapes)
    counts = sram_counts(sizes, array.rows, array.cols, array.dataflow)
    records = {shape: _record(index, counts, shape, array) for index, shape in enumerate(shapes)}
    return tuple(replace(records[layer.shape], layer=layer.name) for layer in topology.layers)


def dram_transfers(shape: LayerShape, array: SystolicArray) -> DramTransfers:
    """DRAM traffic of one layer, the part that depends on the buffer sizes.

    Raises:
        InputError: the array asks for more than a buffer can exchange in a cycle, where SCALE-Sim fails;
            or the stalls on given bandwidths have no closed form.
    """
    check_dense(array)
    folding = Folding.of(shape, array)
    if array.interface_bandwidths is not None:
        ofmap, stalls = stalled_ofmap(folding)
        ifmap = held_ifmap(folding, InputWindows.of(shape))
        return DramTransfers(ifmap, held_filter(folding), ofmap, stalls)
    return DramTransfers(
        ifmap=ifmap_transfer(shape, folding),
        filter=filter_transfer(folding),
        ofmap=ofmap_transfer(folding),
    )


def check_dense(array: SystolicArray) -> None:
    """Refuse an array whose filters are sparse.

    Raises:
        InputError: they are.
    """
    if array.sparsity is not None:
        raise InputError(
            "the array sets SparsitySupport, and sparse filters have no closed form; use --engine scalesim"
        )


def check_calc_mode(array: SystolicArray) -> None:
    """Refuse an array whose bandwidths are given instead of estimated, or whose filters are sparse.

    Raises:
        InputError: SCALE-Sim would run it in USER mode, or with sparse filters.
    """
    check_dense(array)
    if array.interface_bandwidths is not None:
        raise InputError(
            "the array sets interface bandwidths (USER mode), and stalls on them have no closed form over "
            "many arrays at once; use --engine scalesim, or InterfaceBandwidth = CALC"
        )


def _record(index: int, counts: SramCounts, shape: LayerShape, array: SystolicArray) -> LayerCounts:
    folding = Folding.of(shape, array)
    dram = dram_transfers(shape, array)
    stalls = dram.stalls
    used = utilisation(folding, stalls.total)
    ifmap, filters, ofmap = (
        ifmap_span(folding, InputWindows.of(shape)),
        filter_span(folding),
        ofmap_span(folding),
    )
    cycles = int(counts.total_cycles[0, index]) + stalls.total
    ifmap_reads = int(counts.ifmap_reads[0, index])
    filter_reads = int(counts.filter_reads[0, index])
    ofmap_writes = int(counts.ofmap_writes[0, index])
    return LayerCounts(
        layer="",
        total_cycles=cycles,
        total_cycles_incl_prefetch=dram.total_cycles_incl_prefetch,
        stall_cycles=stalls.total,
        overall_util_percent=used.overall,
        mapping_efficiency_percent=used.mapping_efficiency,
        compute_util_percent=used.compute,
        sram_ifmap_reads=ifmap_reads,
        sram_filter_reads=filter_reads,
        sram_ofmap_writes=ofmap_writes,
        sram_ofmap_writes_true=int(counts.ofmap_writes_true[0, index]),
        dram_ifmap_reads=dram.ifmap.words,
        dram_filter_reads=dram.filter.words,
        dram_ofmap_writes=dram.ofmap.words,
        sram_ifmap_bw_words_per_cycle=ifmap_reads / cycles,
        sram_filter_bw_words_per_cycle=filter_reads / cycles,
        sram_ofmap_bw_words_per_cycle=ofmap_writes / cycles,
        dram_ifmap_bw_words_per_cycle=dram.ifmap.words_per_cycle,
        dram_filter_bw_words_per_cycle=dram.filter.words_per_cycle,
        dram_ofmap_bw_words_per_cycle=dram.ofmap.words_per_cycle,
        sram_ifmap_start_cycle=stalls.read(ifmap.start_cycle),
        sram_ifmap_stop_cycle=stalls.read(ifmap.stop_cycle),
        sram_filter_start_cycle=stalls.read(filters.start_cycle),
        sram_filter_stop_cycle=stalls.read(filters.stop_cycle),
        sram_ofmap_start_cycle=stalls.written(ofmap.start_cycle),
        sram_ofmap_stop_cycle=stalls.written(ofmap.stop_cycle),
        dram_ifmap_start_cycle=dram.ifmap.start_cycle,
        dram_ifmap_stop_cycle=dram.ifmap.stop_cycle,
        dram_filter_start_cycle=dram.filter.start_cycle,
        dram_filter_stop_cycle=dram.filter.stop_cycle,
        dram_ofmap_start_cycle=dram.ofmap.start_cycle,
        dram_ofmap_stop_cycle=dram.ofmap.stop_cycle,
    )
