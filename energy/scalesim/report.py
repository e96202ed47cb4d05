"""SCALE-Sim's three report files -> one `LayerCounts` a row, by column name."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from pathlib import Path

from energy.array import SystolicArray
from energy.closed_form.folding import Folding
from energy.counts import LayerCounts
from nfenergy.ground.errors import NfEnergyError
from topologies.layers import LayerShape

COMPUTE, ACCESS, BANDWIDTH = "COMPUTE_REPORT.csv", "DETAILED_ACCESS_REPORT.csv", "BANDWIDTH_REPORT.csv"


class SimulationError(NfEnergyError):
    """SCALE-Sim failed, or left something that is not its report."""


def read_reports(folder: Path, shapes: Sequence[LayerShape], array: SystolicArray) -> list[LayerCounts]:
    """The records of the simulated layers, in the order of the topology, without names.

    Of sparse filters in ``ws``, SCALE-Sim multiplies the ifmap reads by M / N; nfenergy rounds them.

    Raises:
        SimulationError: a report is missing, has another number of rows or a value that is no number.
    """
    tables = {report: _rows(folder / report, len(shapes)) for report in (COMPUTE, ACCESS, BANDWIDTH)}
    try:
        return [
            _counts(compute, access, bandwidth, shape, array)
            for compute, access, bandwidth, shape in zip(
                tables[COMPUTE], tables[ACCESS], tables[BANDWIDTH], shapes, strict=True
            )
        ]
    except (KeyError, ValueError) as error:
        raise SimulationError(f"SCALE-Sim left an unreadable report in {folder}: {error}") from error


def _rows(path: Path, expected: int) -> list[dict[str, str]]:
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        raise SimulationError(f"SCALE-Sim left no readable {path.name}") from None
    rows = list(csv.DictReader(text.splitlines(), skipinitialspace=True))
    if len(rows) != expected:
        raise SimulationError(f"SCALE-Sim's {path.name} has {len(rows)} rows for {expected} layers")
    return rows


def _counts(
    compute: dict[str, str],
    access: dict[str, str],
    bandwidth: dict[str, str],
    shape: LayerShape,
    array: SystolicArray,
) -> LayerCounts:
    writes = _whole(access["SRAM OFMAP Writes"])
    return LayerCounts(
        layer="",
        total_cycles=_whole(compute["Total Cycles"]),
        total_cycles_incl_prefetch=_whole(compute["Total Cycles (incl. prefetch)"]),
        stall_cycles=_whole(compute["Stall Cycles"]),
        overall_util_percent=float(compute["Overall Util %"]),
        mapping_efficiency_percent=float(compute["Mapping Efficiency %"]),
        compute_util_percent=float(compute["Compute Util %"]),
        sram_ifmap_reads=_whole(access["SRAM IFMAP Reads"], rounded=array.sparsity is not None),
        sram_filter_reads=_whole(access["SRAM Filter Reads"]),
        sram_ofmap_writes=writes,
        sram_ofmap_writes_true=writes - ofmap_write_excess(shape, array),
        dram_ifmap_reads=_whole(access["DRAM IFMAP Reads"]),
        dram_filter_reads=_whole(access["DRAM Filter Reads"]),
        dram_ofmap_writes=_whole(access["DRAM OFMAP Writes"]),
        sram_ifmap_bw_words_per_cycle=float(bandwidth["Avg IFMAP SRAM BW"]),
        sram_filter_bw_words_per_cycle=float(bandwidth["Avg FILTER SRAM BW"]),
        sram_ofmap_bw_words_per_cycle=float(bandwidth["Avg OFMAP SRAM BW"]),
        dram_ifmap_bw_words_per_cycle=float(bandwidth["Avg IFMAP DRAM BW"]),
        dram_filter_bw_words_per_cycle=float(bandwidth["Avg FILTER DRAM BW"]),
        dram_ofmap_bw_words_per_cycle=float(bandwidth["Avg OFMAP DRAM BW"]),
        sram_ifmap_start_cycle=_whole(access["SRAM IFMAP Start Cycle"]),
        sram_ifmap_stop_cycle=_whole(access["SRAM IFMAP Stop Cycle"]),
        sram_filter_start_cycle=_whole(access["SRAM Filter Start Cycle"]),
        sram_filter_stop_cycle=_whole(access["SRAM Filter Stop Cycle"]),
        sram_ofmap_start_cycle=_whole(access["SRAM OFMAP Start Cycle"]),
        sram_ofmap_stop_cycle=_whole(access["SRAM OFMAP Stop Cycle"]),
        dram_ifmap_start_cycle=_whole(access["DRAM IFMAP Start Cycle"]),
        dram_ifmap_stop_cycle=_whole(access["DRAM IFMAP Stop Cycle"]),
        dram_filter_start_cycle=_whole(access["DRAM Filter Start Cycle"]),
        dram_filter_stop_cycle=_whole(access["DRAM Filter Stop Cycle"]),
        dram_ofmap_start_cycle=_whole(access["DRAM OFMAP Start Cycle"]),
        dram_ofmap_stop_cycle=_whole(access["DRAM OFMAP Stop Cycle"]),
    )


def ofmap_write_excess(shape: LayerShape, array: SystolicArray) -> int:
    """SRAM ofmap writes that SCALE-Sim reports and that never happen: rows + cols a fold in ``os``.

    Upstream issue 166: ``systolic_compute_os`` adds the fold's extents to their product.
    """
    if array.dataflow != "os":
        return 0
    return Folding.of(shape, array).folds * (array.rows + array.cols)


def _whole(text: str, *, rounded: bool = False) -> int:
    value = float(text)
    if not rounded and not value.is_integer():
        raise ValueError(f"{text!r} is not a whole number")
    return round(value)
