"""Every column of every CSV that reports write: name, type, unit, meaning, source.

The files and their data dictionary are both made from these definitions. A record that has a value
without a column, or a column without a value, is refused when it is written.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

Kind = Literal["text", "integer", "number", "boolean"]
Value = str | int | float | bool | None

SIMULATED = "simulation engine named in `engine`"
CALCULATED = "calculated from other columns"
NETWORK = "network definition"
SETTING = "chosen by the user"
CURVE = "voltage curve named in `curve`"
TABLE = "accuracy table named in `accuracy_reference`"


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """One column; an empty cell means that the value does not exist."""

    name: str
    kind: Kind
    unit: str
    meaning: str
    source: str


def _column(name: str, kind: Kind, unit: str, meaning: str, source: str) -> Column:
    return Column(name=name, kind=kind, unit=unit, meaning=meaning, source=source)


SAVING_COLUMNS: tuple[Column, ...] = (
    _column("base", "text", "", "base model, run at the low voltage", SETTING),
    _column("base_width", "number", "", "factor on the base model's channels; 1 is the full model", SETTING),
    _column("generator", "text", "", "NeuralFuse generator at nominal voltage; none: no generator", SETTING),
    _column("dataset", "text", "", "data set, which decides the networks' form", SETTING),
    _column("convention", "text", "", "how networks are written down for simulator and counter", SETTING),
    _column("engine", "text", "", "simulation engine that counted reads and cycles", SETTING),
    _column("array_rows", "integer", "PE", "rows of the systolic array", SETTING),
    _column("array_cols", "integer", "PE", "columns of the systolic array", SETTING),
    _column("dataflow", "text", "", "os, ws or is: output, weight or input stationary", SETTING),
    _column("ifmap_sram_kb", "integer", "1,024 B", "size of the ifmap SRAM", SETTING),
    _column("filter_sram_kb", "integer", "1,024 B", "size of the filter SRAM", SETTING),
    _column("ofmap_sram_kb", "integer", "1,024 B", "size of the ofmap SRAM", SETTING),
    _column("weight_bits", "integer", "bit", "bits a stored weight", SETTING),
    _column("curve", "text", "", "voltage curve", SETTING),
    _column("voltage_norm", "number", "Vmin", "supply voltage of the base model's weight SRAM", CURVE),
    _column("bit_error_rate", "number", "fraction", "bit error rate at that voltage", SETTING),
    _column("energy_per_access_norm", "number", "of Vmin's", "energy of an SRAM access there", CURVE),
    _column("base_params", "integer", "", "trainable parameters of the base model", NETWORK),
    _column("base_macs", "integer", "MAC", "multiply-accumulates of the base model, batch 1", NETWORK),
    _column("base_twma", "number", "64-bit words", "T.W.M.A. of the base model, batch 1", SIMULATED),
    _column("base_cycles", "integer", "cycles", "cycles of the base model, stalls included", SIMULATED),
    _column("generator_params", "integer", "", "trainable parameters of the generator", NETWORK),
    _column("generator_macs", "integer", "MAC", "multiply-accumulates of the generator, batch 1", NETWORK),
    _column("generator_twma", "number", "64-bit words", "T.W.M.A. of the generator, batch 1", SIMULATED),
    _column("generator_cycles", "integer", "cycles", "cycles of the generator, stalls included", SIMULATED),
    _column(
        "twma_saving_percent",
        "number",
        "%",
        "energy saved by weight accesses, of the base model's at nominal voltage",
        CALCULATED,
    ),
    _column(
        "mac_saving_percent",
        "number",
        "%",
        "energy saved by MACs, of the base model's at nominal voltage",
        CALCULATED,
    ),
    _column(
        "twma_break_even_voltage_norm",
        "number",
        "Vmin",
        "highest voltage at which the generator pays for itself by weight accesses; empty: none measured",
        CALCULATED,
    ),
    _column(
        "mac_break_even_voltage_norm",
        "number",
        "Vmin",
        "highest voltage at which the generator pays for itself by MACs; empty: none measured",
        CALCULATED,
    ),
    _column("clock_ghz", "number", "GHz", "clock that turns cycles into latency", SETTING),
    _column("base_latency_ms", "number", "ms", "one inference of the base model alone", CALCULATED),
    _column("total_latency_ms", "number", "ms", "one inference of generator and base model", CALCULATED),
    _column("latency_overhead_percent", "number", "%", "latency that the generator adds", CALCULATED),
)

ACCURACY_COLUMNS: tuple[Column, ...] = (
    _column("base_clean_accuracy_percent", "number", "%", "base model without bit errors", TABLE),
    _column(
        "base_perturbed_accuracy_percent", "number", "%", "base model with bit errors, mean over chips", TABLE
    ),
    _column("base_perturbed_accuracy_std_percent", "number", "%", "its standard deviation over chips", TABLE),
    _column("clean_accuracy_percent", "number", "%", "with the generator, without bit errors", TABLE),
    _column(
        "perturbed_accuracy_percent",
        "number",
        "%",
        "with the generator and bit errors, mean over chips",
        TABLE,
    ),
    _column("perturbed_accuracy_std_percent", "number", "%", "its standard deviation over chips", TABLE),
    _column("recovery_percent", "number", "points", "perturbed accuracy that the generator adds", CALCULATED),
    _column("fault_model", "text", "", "what a bit error is; rates of two models do not compare", TABLE),
    _column("seeds", "text", "", "chips (fault seeds) that mean and deviation are over", TABLE),
    _column("accuracy_source", "text", "", "published or measured; says so where interpolated", TABLE),
    _column("accuracy_reference", "text", "", "table or file that the accuracies were read from", TABLE),
    _column("joined", "text", "", "joins of unlike figures that were asked for; empty: none", CALCULATED),
)

FRONT_COLUMNS: tuple[Column, ...] = (
    _column(
        "on_front_twma",
        "boolean",
        "",
        "no other generator of this base model has more saving by T.W.M.A. and accuracy; empty: no generator",
        CALCULATED,
    ),
    _column(
        "on_front_mac",
        "boolean",
        "",
        "no other generator of this base model has more saving by MACs and accuracy; empty: no generator",
        CALCULATED,
    ),
    _column(
        "front_probability_twma",
        "number",
        "",
        "probability of on_front_twma, accuracies normal and independent with their deviations",
        CALCULATED,
    ),
    _column(
        "front_probability_mac",
        "number",
        "",
        "probability of on_front_mac, accuracies normal and independent with their deviations",
        CALCULATED,
    ),
)

TRADEOFF_COLUMNS = (*SAVING_COLUMNS, *ACCURACY_COLUMNS, *FRONT_COLUMNS)

LAYER_COLUMNS: tuple[Column, ...] = (
    _column("base", "text", "", "base model of the combination", SETTING),
    _column("generator", "text", "", "generator of the combination; none: no generator", SETTING),
    _column("network", "text", "", "the one of the two that the layer is in", NETWORK),
    _column("role", "text", "", "base or generator", NETWORK),
    _column("dataset", "text", "", "data set, which decides the network's form", SETTING),
    _column("convention", "text", "", "how the network is written down for the simulator", SETTING),
    _column("layer", "text", "", "dotted path of the PyTorch module", NETWORK),
    _column("operation", "text", "", "conv2d, linear or conv_transpose2d", NETWORK),
    _column("ifmap_h", "integer", "px", "ifmap height, padding folded in", NETWORK),
    _column("ifmap_w", "integer", "px", "ifmap width, padding folded in", NETWORK),
    _column("filter_h", "integer", "px", "filter height", NETWORK),
    _column("filter_w", "integer", "px", "filter width", NETWORK),
    _column("channels", "integer", "", "input channels", NETWORK),
    _column("filters", "integer", "", "output channels", NETWORK),
    _column("stride", "integer", "px", "stride in both directions", NETWORK),
    _column("macs", "integer", "MAC", "multiply-accumulates that the simulator runs", CALCULATED),
    _column("folds", "integer", "", "fillings of the array that the layer takes", CALCULATED),
    _column("total_cycles", "integer", "cycles", "cycles, stalls included, prefetch excluded", SIMULATED),
    _column("total_cycles_incl_prefetch", "integer", "cycles", "cycles, first prefetch included", SIMULATED),
    _column("stall_cycles", "integer", "cycles", "cycles in which the array waits", SIMULATED),
    _column("overall_util_percent", "number", "%", "useful share of all PE cycles", SIMULATED),
    _column("mapping_efficiency_percent", "number", "%", "PEs that a fold covers, on average", SIMULATED),
    _column("compute_util_percent", "number", "%", "PEs busy in a computing cycle, on average", SIMULATED),
    _column("sram_ifmap_reads", "integer", "values", "reads of the ifmap SRAM", SIMULATED),
    _column("sram_filter_reads", "integer", "values", "reads of the filter SRAM", SIMULATED),
    _column(
        "sram_ofmap_writes",
        "integer",
        "values",
        "writes of the ofmap SRAM as SCALE-Sim prints them: folds x (rows + cols) too high in os",
        SIMULATED,
    ),
    _column("sram_ofmap_writes_true", "integer", "values", "writes of the ofmap SRAM", SIMULATED),
    _column("dram_ifmap_reads", "integer", "values", "reads of the ifmap from DRAM", SIMULATED),
    _column("dram_filter_reads", "integer", "values", "reads of filters from DRAM", SIMULATED),
    _column("dram_ofmap_writes", "integer", "values", "writes of the ofmap to DRAM", SIMULATED),
    *(
        _column(
            f"{memory}_{operand}_bw_words_per_cycle",
            "number",
            "values/cycle",
            f"bandwidth of the {operand} in {'SRAM' if memory == 'sram' else 'DRAM'}",
            SIMULATED,
        )
        for memory in ("sram", "dram")
        for operand in ("ifmap", "filter", "ofmap")
    ),
    *(
        _column(
            f"{memory}_{operand}_{end}_cycle",
            "integer",
            "cycles",
            f"{'first' if end == 'start' else 'last'} access to the {operand} in {memory.upper()}, "
            "counted from the first cycle of the layer",
            SIMULATED,
        )
        for memory in ("sram", "dram")
        for operand in ("ifmap", "filter", "ofmap")
        for end in ("start", "stop")
    ),
    _column("twma", "number", "64-bit words", "SRAM words read for the layer's weights", CALCULATED),
    _column(
        "energy_share_percent",
        "number",
        "%",
        "of the weight-access energy of one inference, base model at the low voltage",
        CALCULATED,
    ),
)

FILES: dict[str, tuple[Column, ...]] = {"tradeoff.csv": TRADEOFF_COLUMNS, "layers.csv": LAYER_COLUMNS}
"""The files that reports write, each with its columns in order."""

DICTIONARY_COLUMNS = ("file", "column", "type", "unit", "meaning", "source")


def csv_text(columns: Sequence[Column], rows: Iterable[Mapping[str, Value]]) -> str:
    """A CSV with a header, every value in the form of its column's type.

    Raises:
        KeyError: a row has a value without a column, or lacks one.
    """
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow([column.name for column in columns])
    for row in rows:
        unknown = sorted(set(row).symmetric_difference(column.name for column in columns))
        if unknown:
            raise KeyError(f"rows and columns differ in {', '.join(unknown)}; define it in reports.columns")
        writer.writerow([_cell(row[column.name], column.kind) for column in columns])
    return out.getvalue()


def dictionary_csv() -> str:
    """The data dictionary as a CSV: one row a column of every file."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(DICTIONARY_COLUMNS)
    for file, columns in FILES.items():
        for column in columns:
            writer.writerow([file, column.name, column.kind, column.unit, column.meaning, column.source])
    return out.getvalue()


def dictionary_markdown() -> str:
    """The data dictionary as a Markdown page, one table a file."""
    lines = ["# Columns of the files that `nfenergy report` writes", "", "An empty cell: no such value."]
    for file, columns in FILES.items():
        lines += [
            "",
            f"## {file}",
            "",
            "| column | type | unit | meaning | source |",
            "|---|---|---|---|---|",
        ]
        lines += [
            f"| {column.name} | {column.kind} | {column.unit} | {column.meaning} | {column.source} |"
            for column in columns
        ]
    return "\n".join(lines) + "\n"


def pandas_types(columns: Sequence[Column]) -> dict[str, str]:
    """What `pandas.read_csv` takes as ``dtype`` for a file with these columns."""
    types = {"text": "str", "integer": "int64", "number": "float64", "boolean": "boolean"}
    return {column.name: types[column.kind] for column in columns}


def _cell(value: Value, kind: Kind) -> str:
    if value is None:
        return ""
    if kind == "boolean":
        return "true" if value else "false"
    if kind == "integer":
        return str(int(value))
    return repr(float(value)) if kind == "number" else str(value)
