"""A simulation report as JSON and as the files of ``--out``."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

from energy.curve_files import dump_curve
from energy.scalesim.cfg import cfg_text
from neuralfuse.registry import FileNetwork
from nfenergy.energy_results import energy_json, table_json
from nfenergy.exports import topology_files
from nfenergy.ground.files import read_text, write_text
from nfenergy.ground.rates import percent_of
from nfenergy.ground.tables import csv_text
from nfenergy.machine import Machine, bandwidths_text, low_voltage_text
from nfenergy.simulation import NetworkResult, SimulationReport
from nfenergy.tabular import layer_rows_of, saving_of
from reports.layer_records import LayerRow
from reports.records import Saving
from topologies.coverage import Coverage

Json = dict[str, object]

CFG_FILE, CURVE_FILE, TABLE_FILE = "array.cfg", "curve.yaml", "energy-table.yaml"


def as_json(report: SimulationReport, *, folder: bool = False) -> Json:
    """The report's figures under fixed keys, with what made them under ``provenance``.

    Args:
        report: what to say.
        folder: for ``run.json``, whose command repeats the run from within its folder.
    """
    machine = report.machine
    return {
        "convention": machine.convention.name,
        "deconvolution": machine.mapping,
        "engine": machine.engine,
        "dataset": report.dataset.name,
        "input_shape": report.input_text,
        "batch": report.inputs.batch,
        "weight_bits": machine.weight_bits,
        "base_width": report.base_width,
        "array": asdict(machine.array),
        "operating_point": asdict(report.operating_point),
        "base": _network(report.base),
        "generator": _network(report.generator) if report.generator else None,
        "saving": _saving(report),
        "latency": asdict(report.latency),
        **energy_json(report),
        "provenance": {
            "command": command(report, folder=folder),
            "versions": report.versions,
            "mac_counter": machine.convention.macs,
            "curve": {field: value for field, value in asdict(machine.curve).items() if field != "points"},
            "energy_table": table_json(machine.energy.table),
            "random_seeds": [],
            "network_files": [
                {"network": network.name, "file": str(network.path), "sha256": network.sha256}
                for network in (result.model.network for result in report.networks)
                if isinstance(network, FileNetwork)
            ],
        },
    }


def command(report: SimulationReport, *, folder: bool = False) -> list[str]:
    """The command that repeats the report in this working folder, or from within the `folder` it wrote."""
    machine, array, point = report.machine, report.machine.array, report.operating_point
    energy = machine.energy
    curve_file = CURVE_FILE if folder else machine.curve_file
    words = {
        "base": _named(report.base, folder=folder),
        "width": repr(report.base_width) if report.base_width != 1.0 else "",
        "gen": _named(report.generator, folder=folder) if report.generator else "",
        "dataset": report.dataset.name,
        "input-shape": report.input_text,
        "batch": str(report.inputs.batch) if report.inputs.batch != 1 else "",
        "convention": machine.convention.name,
        "deconv": machine.mapping,
        "engine": machine.engine,
        "array": f"{array.rows}x{array.cols}",
        "dataflow": array.dataflow,
        "sram-kb": f"{array.ifmap_sram_kb}/{array.filter_sram_kb}/{array.ofmap_sram_kb}",
        "bandwidth": bandwidths_text(array),
        "curve": curve_file if machine.curve_file else machine.curve.name,
        "voltage": repr(point.voltage_norm) if report.chosen_by_voltage else "",
        "ber": "" if report.chosen_by_voltage else repr(point.bit_error_rate),
        "weight-bits": str(machine.weight_bits),
        "clock-ghz": repr(machine.clock_ghz),
        "energy-table": TABLE_FILE if folder and machine.energy_table_file else _table_name(machine),
        "dram": energy.dram_kind,
        "resident": energy.residency,
        "access": energy.access,
        "low-voltage": low_voltage_text(energy),
        "activation-bits": str(energy.activation_bits),
    }
    flags = [part for flag, word in words.items() if word for part in (f"--{flag}", word)]
    squared = bool(machine.curve_file) and machine.curve.energy_model == "v2" and not folder
    squared_flag, leakage_flag = ["--assume-v2"] * squared, ["--leakage"] * energy.leakage
    return ["nfenergy", "simulate", *flags, *squared_flag, *leakage_flag]


def _table_name(machine: Machine) -> str:
    return machine.energy_table_file or machine.energy.table.name


def write_run(report: SimulationReport, folder: Path) -> None:
    """Write the report into `folder`: figures, layers, topologies, and all that a repetition needs.

    ``run.json`` comes last: where it stands, the other files are whole. Its command repeats the run from
    within the folder.

    Raises:
        NfEnergyError: the folder cannot be made or written, or the disk is full.
    """
    write_text(folder / "summary.csv", csv_text(Saving, [saving_of(report)]))
    write_text(folder / "layers.csv", csv_text(LayerRow, layer_rows_of(report)))
    for result in report.networks:
        for name, text in topology_files(result.model.topology, report.inputs.batch).items():
            write_text(folder / "topologies" / name, text)
    write_text(folder / CFG_FILE, cfg_text(report.machine.array))
    write_text(folder / CURVE_FILE, dump_curve(report.machine.curve))
    if file := report.machine.energy_table_file:
        write_text(folder / TABLE_FILE, read_text(Path(file), "energy table"))
    write_text(folder / "run.json", json.dumps(as_json(report, folder=True), indent=2) + "\n")


def _saving(report: SimulationReport) -> Json:
    found: Json = {f"{name}_percent": by.saving_percent for name, by in report.measures.items()}
    for name, by in report.measures.items():
        found[f"{name}_break_even"] = {
            "saving_per_access_percent": by.break_even_percent,
            "voltage_norm": by.break_even_voltage_norm,
        }
    return found


def _named(result: NetworkResult, *, folder: bool) -> str:
    network = result.model.network
    return network.anywhere if folder and isinstance(network, FileNetwork) else network.given


def _network(result: NetworkResult) -> Json:
    whole = result.twma.is_integer()
    return {
        "name": result.model.network.name,
        "params": result.model.size.params,
        "macs": result.model.size.macs,
        "twma": int(result.twma) if whole else result.twma,
        "sram_filter_reads": result.sram_filter_reads,
        "total_cycles": result.total_cycles,
        "coverage": str(result.model.topology.coverage),
        "in_topology": _in_topology(result.model.topology.coverage),
    }


def _in_topology(coverage: Coverage | None) -> Json | None:
    """The figures of the text ``coverage``: shares of all multiplications, in percent."""
    if coverage is None:
        return None
    return {
        "weighted_layers": coverage.weighted_layers,
        "lowered_layers": coverage.lowered_layers,
        "macs": coverage.macs,
        "lowered_macs": coverage.lowered_macs,
        "lowered_percent": percent_of(coverage.share),
        "left_out": [
            {
                "operation": work.operation,
                "kind": work.kind,
                "multiplications": work.multiplications,
                "percent": percent_of(coverage.share_of(work.multiplications)),
            }
            for work in coverage.left_out
        ],
        "lookups": [{**lookup._asdict(), "weight_reads": lookup.weight_reads} for lookup in coverage.lookups],
    }
