"""What whole networks move through every memory, on many accelerators: the closed form, equal work once.

SRAM accesses, cycles and MACs are formulas over arrays. DRAM accesses follow the buffers, layer by layer
and machine by machine; but the order in which an operand is requested depends on part of the machine only,
so that many machines share a layer's figure.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from multiprocessing import get_context
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from energy.accesses import Traffic, weight_ports
from energy.array import SystolicArray
from energy.closed_form.engine import check_calc_mode
from energy.closed_form.filter_reads import filter_transfer
from energy.closed_form.folding import Folding
from energy.closed_form.ifmap_reads import ifmap_transfer, ifmap_words_by_passes
from energy.closed_form.ofmap_drain import ofmap_transfer
from energy.closed_form.read_phases import ReadBuffer
from energy.closed_form.sram_model import LayerSizes, sram_counts
from nfenergy.ground.cache import JsonCache
from nfenergy.ground.provenance import source_digest
from topologies.layers import LayerShape, Topology

IntArray = NDArray[np.int64]
LayerWords = list[list[int]]
SOURCES = ("energy.closed_form", "energy.system_totals", "topologies.layers")


class DramWords(NamedTuple):
    """Values that S layers exchange with DRAM on A machines, every field of shape (S, A)."""

    ifmap_reads: IntArray
    filter_reads: IntArray
    ofmap_writes: IntArray


def traffic_in_closed_form(
    topologies: Sequence[Topology],
    accelerators: Sequence[SystolicArray],
    *,
    filter_ports: Sequence[Sequence[bool] | None] | None = None,
    jobs: int = 1,
    cache: JsonCache | None = None,
) -> list[Traffic]:
    """Every network's traffic on all machines, each figure of shape (A,).

    Args:
        topologies: the networks; equal layers are computed once.
        accelerators: A machines.
        filter_ports: for each network, see `energy.accesses.layer_traffic`.
        jobs, cache: see `dram_words`.

    Raises:
        InputError: see `energy.closed_form.engine.dram_transfers`.
    """
    ports = [
        weight_ports(topology, given)
        for topology, given in zip(topologies, filter_ports or [None] * len(topologies), strict=True)
    ]
    shapes = list(dict.fromkeys(layer.shape for topology in topologies for layer in topology.layers))
    words = dram_words(shapes, accelerators, jobs=jobs, cache=cache)
    row = {shape: index for index, shape in enumerate(shapes)}
    return [
        _traffic(topology, accelerators, port, words, [row[layer.shape] for layer in topology.layers])
        for topology, port in zip(topologies, ports, strict=True)
    ]


def dram_words(
    shapes: Sequence[LayerShape],
    accelerators: Sequence[SystolicArray],
    *,
    jobs: int = 1,
    cache: JsonCache | None = None,
) -> DramWords:
    """What `energy.closed_form.engine.dram_transfers` counts, for every layer on every machine.

    Args:
        shapes, accelerators: S distinct layers, A machines.
        jobs: processes that share the layers.
        cache: recalls a layer's figures on the same machines, and keeps new ones.

    Raises:
        InputError: as there.
    """
    for array in accelerators:
        check_calc_mode(array)
    known = {} if cache is None else _recalled(cache, shapes, accelerators)
    missing = sorted((shape for shape in shapes if shape not in known), key=_taps, reverse=True)
    of_layer = partial(_layer_words, accelerators=accelerators)
    if min(jobs, len(missing)) > 1:
        with ProcessPoolExecutor(min(jobs, len(missing)), mp_context=get_context("spawn")) as pool:
            found = dict(zip(missing, pool.map(of_layer, missing), strict=True))
    else:
        found = {shape: of_layer(shape) for shape in missing}
    if cache is not None:
        for shape, words in found.items():
            cache.put(_cache_key(shape, accelerators), {"words": words})
    known |= found
    ifmap, filter_, ofmap = np.array([known[shape] for shape in shapes], dtype=np.int64).swapaxes(0, 1)
    return DramWords(ifmap, filter_, ofmap)


def _recalled(
    cache: JsonCache, shapes: Sequence[LayerShape], accelerators: Sequence[SystolicArray]
) -> dict[LayerShape, LayerWords]:
    """What the cache has; an entry that is not what was put there counts as missing."""
    found = {}
    for shape in shapes:
        words = (cache.get(_cache_key(shape, accelerators)) or {}).get("words")
        try:
            figures = np.asarray(words)
        except ValueError:
            continue
        if figures.shape == (3, len(accelerators)) and figures.dtype == np.int64 and figures.min() > 0:
            found[shape] = figures.tolist()
    return found


def _cache_key(shape: LayerShape, accelerators: Sequence[SystolicArray]) -> dict[str, object]:
    machines = [
        f"{array} {array.ifmap_sram_kb}/{array.filter_sram_kb}/{array.ofmap_sram_kb}"
        for array in accelerators
    ]
    return {"layer": list(shape), "machines": machines, "sources": source_digest(*SOURCES)}


def _taps(shape: LayerShape) -> int:
    """About in proportion to the work on a layer."""
    return shape.ifmap_h * shape.ifmap_w * shape.filter_h * shape.filter_w


def _layer_words(shape: LayerShape, accelerators: Sequence[SystolicArray]) -> LayerWords:
    """Ifmap reads, filter reads and ofmap writes of one layer on every machine."""
    foldings = [Folding.of(shape, array) for array in accelerators]
    return [
        _ifmap_words(shape, foldings),
        _shared(foldings, _filter_key, lambda folding: filter_transfer(folding).words),
        _shared(foldings, _ofmap_key, lambda folding: ofmap_transfer(folding).words),
    ]


Key = tuple[object, ...]


def _shared(
    foldings: Sequence[Folding], key: Callable[[Folding], Key], words: Callable[[Folding], int]
) -> list[int]:
    known: dict[Key, int] = {}
    figures = []
    for folding in foldings:
        of = key(folding)
        if of not in known:
            known[of] = words(folding)
        figures.append(known[of])
    return figures


def _ifmap_words(shape: LayerShape, foldings: Sequence[Folding]) -> list[int]:
    """In ``os`` and ``ws`` the columns only decide how often the same requests are passed over."""
    groups: dict[Key, list[Folding]] = {}
    for folding in foldings:
        groups.setdefault(_ifmap_key(folding), []).append(folding)
    known: dict[tuple[Key, int], int] = {}
    for key, alike in groups.items():
        first = alike[0]
        if _is_alone(first):
            known[key, first.col_folds] = ifmap_transfer(shape, first).words
        else:
            words = ifmap_words_by_passes(shape, first, {folding.col_folds for folding in alike})
            known |= {(key, passes): number for passes, number in words.items()}
    return [known[_ifmap_key(folding), folding.col_folds] for folding in foldings]


def _ifmap_key(folding: Folding) -> Key:
    """What decides the order of a layer's ifmap requests."""
    array = folding.array
    return array.dataflow, array.rows, array.cols if _is_alone(folding) else 0, array.ifmap_sram_kb


def _is_alone(folding: Folding) -> bool:
    """Whether machines of other columns have other ifmap requests, or may fail where this one does not."""
    return folding.array.dataflow == "is" or _is_wide(folding, folding.array.ifmap_sram_kb)


def _filter_key(folding: Folding) -> Key:
    """Likewise of the filter requests: passes over all weights, or over those of a column fold (``os``)."""
    array = folding.array
    dataflow, size_kb = array.dataflow, array.filter_sram_kb
    whole = (array.rows, array.cols) if _is_wide(folding, size_kb) else ()
    if dataflow == "os":
        return dataflow, size_kb, whole, array.cols, folding.row_folds
    return dataflow, size_kb, whole, 1 if dataflow == "ws" else folding.col_folds


def _is_wide(folding: Folding, size_kb: int) -> bool:
    """Whether one cycle can request more than a phase: SCALE-Sim may fail there, and does so by array."""
    return max(folding.array.rows, folding.array.cols) > ReadBuffer(size_kb).phase_words


def _ofmap_key(folding: Folding) -> Key:
    """Outputs that fit into half the buffer leave in one drain, all of them once."""
    array = folding.array
    partial_sums = 1 if array.dataflow == "os" else folding.row_folds
    outputs = folding.px * folding.filters * partial_sums
    if outputs <= 512 * array.ofmap_sram_kb:
        return (outputs,)
    return array.dataflow, array.rows, array.cols, array.ofmap_sram_kb


def _traffic(
    topology: Topology,
    accelerators: Sequence[SystolicArray],
    ports: Sequence[bool],
    words: DramWords,
    rows: Sequence[int],
) -> Traffic:
    counts = sram_counts(
        LayerSizes.of([layer.shape for layer in topology.layers]),
        [array.rows for array in accelerators],
        [array.cols for array in accelerators],
        [array.dataflow for array in accelerators],
    )
    weights = np.array(ports)
    fills, ifmap_fills, drains = (
        figure[rows].T for figure in (words.filter_reads, words.ifmap_reads, words.ofmap_writes)
    )
    return Traffic(
        weight_reads=counts.filter_reads[:, weights].sum(axis=1),
        weight_fills=fills[:, weights].sum(axis=1),
        operand_reads=counts.filter_reads[:, ~weights].sum(axis=1),
        operand_fills=fills[:, ~weights].sum(axis=1),
        ifmap_reads=counts.ifmap_reads.sum(axis=1),
        ifmap_fills=ifmap_fills.sum(axis=1),
        input_fills=ifmap_fills[:, 0],
        ofmap_writes=counts.ofmap_writes_true.sum(axis=1),
        ofmap_drains=drains.sum(axis=1),
        output_drains=drains[:, -1],
        macs=sum(layer.macs for layer in topology.layers),
        cycles=counts.total_cycles.sum(axis=1),
    )
