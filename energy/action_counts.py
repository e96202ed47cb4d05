"""Action counts in Accelergy's form, with the component names of SCALE-Sim's own Accelergy branch.

Where that branch differs: its idle counts are slots of a nominal bandwidth less the values moved, and its
updates are writes less repeated ones, and both come out negative; it charges every processing element a
MAC in every cycle. Here no count is negative, and MACs are those of the topology's rows.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import yaml

from energy.array import SystolicArray
from energy.closed_form.folding import Folding
from energy.counts import LayerCounts
from topologies.layers import Topology

VERSION = 0.3
ROOT = "systolic_array"

Port = Literal["ifmap", "filter", "ofmap"]


def action_counts(topology: Topology, counts: Sequence[LayerCounts], array: SystolicArray) -> dict[str, Any]:
    """Actions of one inference of a network on an array; nothing stays on chip.

    Reads, writes and updates are of single values: an update is what the array writes. An SRAM is idle in
    cycles without a request from the array; fills and drains go on beside them. DRAM is idle in cycles
    outside those over which SCALE-Sim spreads a layer's transfers. The processing elements are one
    component, whose count is the sum of theirs.

    Args:
        topology: the network.
        counts: its layers' records, in its order.
        array: the machine that they were counted on.
    """
    foldings = [Folding.of(layer.shape, array) for layer in topology.layers]

    def total(field: str) -> int:
        return sum(getattr(layer, field) for layer in counts)

    def idle(port: Port) -> int:
        return sum(folding.last_cycle + 1 - busy_cycles(folding, port) for folding in foldings)

    components = {
        "weights_glb": {
            "read": total("sram_filter_reads"),
            "write": total("dram_filter_reads"),
            "idle": idle("filter"),
        },
        "ifmap_glb": {
            "read": total("sram_ifmap_reads"),
            "write": total("dram_ifmap_reads"),
            "idle": idle("ifmap"),
        },
        "psum_glb": {
            "update": total("sram_ofmap_writes_true"),
            "read": total("dram_ofmap_writes"),
            "idle": idle("ofmap"),
        },
        "weights_dram": {"read": total("dram_filter_reads"), "idle": _dram_idle(counts, "filter", "reads")},
        "ifmap_dram": {"read": total("dram_ifmap_reads"), "idle": _dram_idle(counts, "ifmap", "reads")},
        "psum_dram": {"write": total("dram_ofmap_writes"), "idle": _dram_idle(counts, "ofmap", "writes")},
        f"PE[0..{array.rows * array.cols - 1}].mac": {"mac_random": sum(x.macs for x in topology.layers)},
    }
    local = [
        {"name": f"{ROOT}.{name}", "action_counts": [_action(name, *action) for action in actions.items()]}
        for name, actions in components.items()
    ]
    return {"action_counts": {"version": VERSION, "local": local}}


def dump_action_counts(content: dict[str, Any]) -> str:
    """The YAML that Accelergy reads."""
    return yaml.safe_dump(content, sort_keys=False)


def busy_cycles(folding: Folding, port: Port) -> int:
    """Cycles of a layer in which a port of the array has a request to its SRAM.

    What streams passes a fold in as many cycles as it is long and as the ports it enters or leaves by are
    skewed; what stays is loaded in a cycle a row. Outputs leave as results (``os``) or as a stream.
    """
    rows, cols, stream = folding.row_extent, folding.col_extent, folding.stream
    row_folds, col_folds = folding.row_folds, folding.col_folds
    along_rows = col_folds * (row_folds * (stream - 1) + rows)
    along_cols = row_folds * (col_folds * (stream - 1) + cols)
    loading = col_folds * rows
    if folding.array.dataflow == "os":
        results = col_folds * rows + row_folds * cols - folding.folds
        return {"ifmap": along_rows, "filter": along_cols, "ofmap": results}[port]
    stays: Port = "filter" if folding.array.dataflow == "ws" else "ifmap"
    if port == "ofmap":
        return along_cols
    return loading if port == stays else along_rows


def _action(component: str, name: str, count: int) -> dict[str, Any]:
    """Accesses of an SRAM name how much changes with each: here a new address and new data."""
    changes = {"arguments": {"address_delta": 1, "data_delta": 1}}
    is_access = component.endswith("_glb") and name != "idle"
    return {"name": name, **(changes if is_access else {}), "counts": count}


def _dram_idle(counts: Sequence[LayerCounts], operand: str, moved: str) -> int:
    """Cycles of all layers, prefetch included, less those in which SCALE-Sim moves the operand."""
    idle = 0
    for layer in counts:
        words = getattr(layer, f"dram_{operand}_{moved}")
        busy = round(words / getattr(layer, f"dram_{operand}_bw_words_per_cycle"))
        idle += max(0, layer.total_cycles_incl_prefetch + 1 - busy)
    return idle
