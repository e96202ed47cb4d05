"""SCALE-Sim called directly, without nfenergy's engine: what the engine is compared with."""

from __future__ import annotations

import builtins
import csv
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scalesim.memory import double_buffered_scratchpad_mem, read_buffer
from scalesim.scale_sim import scalesim

from energy.array import SystolicArray
from energy.scalesim.cfg import cfg_text
from topologies import table
from topologies.layers import Layer, Topology

REPORTS = ("COMPUTE_REPORT.csv", "DETAILED_ACCESS_REPORT.csv", "BANDWIDTH_REPORT.csv")
COLUMNS = {
    "total_cycles": "Total Cycles",
    "total_cycles_incl_prefetch": "Total Cycles (incl. prefetch)",
    "stall_cycles": "Stall Cycles",
    "overall_util_percent": "Overall Util %",
    "mapping_efficiency_percent": "Mapping Efficiency %",
    "compute_util_percent": "Compute Util %",
    "sram_ifmap_reads": "SRAM IFMAP Reads",
    "sram_filter_reads": "SRAM Filter Reads",
    "sram_ofmap_writes": "SRAM OFMAP Writes",
    "dram_ifmap_reads": "DRAM IFMAP Reads",
    "dram_filter_reads": "DRAM Filter Reads",
    "dram_ofmap_writes": "DRAM OFMAP Writes",
    "sram_ifmap_bw_words_per_cycle": "Avg IFMAP SRAM BW",
    "sram_filter_bw_words_per_cycle": "Avg FILTER SRAM BW",
    "sram_ofmap_bw_words_per_cycle": "Avg OFMAP SRAM BW",
    "dram_ifmap_bw_words_per_cycle": "Avg IFMAP DRAM BW",
    "dram_filter_bw_words_per_cycle": "Avg FILTER DRAM BW",
    "dram_ofmap_bw_words_per_cycle": "Avg OFMAP DRAM BW",
    "sram_ifmap_start_cycle": "SRAM IFMAP Start Cycle",
    "sram_ifmap_stop_cycle": "SRAM IFMAP Stop Cycle",
    "sram_filter_start_cycle": "SRAM Filter Start Cycle",
    "sram_filter_stop_cycle": "SRAM Filter Stop Cycle",
    "sram_ofmap_start_cycle": "SRAM OFMAP Start Cycle",
    "sram_ofmap_stop_cycle": "SRAM OFMAP Stop Cycle",
    "dram_ifmap_start_cycle": "DRAM IFMAP Start Cycle",
    "dram_ifmap_stop_cycle": "DRAM IFMAP Stop Cycle",
    "dram_filter_start_cycle": "DRAM Filter Start Cycle",
    "dram_filter_stop_cycle": "DRAM Filter Stop Cycle",
    "dram_ofmap_start_cycle": "DRAM OFMAP Start Cycle",
    "dram_ofmap_stop_cycle": "DRAM OFMAP Stop Cycle",
}


def max_of_column(*values: Any) -> Any:
    """`max` as SCALE-Sim uses it, of numbers or of one n x 1 array, which numpy 2.4 no longer converts."""
    return builtins.max(np.asarray(values).ravel().tolist())


def run_scalesim(
    layers: Sequence[Layer], array: SystolicArray, folder: Path, patch: pytest.MonkeyPatch
) -> list[dict[str, float]]:
    """One plain call of SCALE-Sim's Python class for all layers, the figures by `LayerCounts` field."""
    for module in (double_buffered_scratchpad_mem, read_buffer):
        patch.setitem(vars(module), "max", max_of_column)
    topology = Topology(name="net", layers=tuple(layers))
    files = {
        "net.csv": table.dumps(topology),
        "layout.csv": table.dumps_layout(topology),
        "array.cfg": cfg_text(array, "direct"),
    }
    folder.mkdir(parents=True)
    for name, text in files.items():
        (folder / name).write_text(text, encoding="ascii")
    simulation = scalesim(
        save_disk_space=True,
        verbose=False,
        config=str(folder / "array.cfg"),
        topology=str(folder / "net.csv"),
        layout=str(folder / "layout.csv"),
    )
    simulation.run_scale(top_path=str(folder))
    rows: list[dict[str, str]] = [{} for _ in layers]
    for report in REPORTS:
        with (folder / "direct" / report).open(newline="") as file:
            for row, entry in zip(rows, csv.DictReader(file, skipinitialspace=True), strict=True):
                row.update(entry)
    return [{field: float(row[column]) for field, column in COLUMNS.items()} for row in rows]
