"""A simulation report as JSON and as the files of ``--out``."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

from energy.curve_files import dump_curve
from energy.scalesim.cfg import cfg_text
from nfenergy.exports import topology_files
from nfenergy.ground.files import write_text
from nfenergy.simulation import NetworkResult, SimulationReport
from nfenergy.user_networks import UserNetwork

Json = dict[str, object]

CFG_FILE, CURVE_FILE = "array.cfg", "curve.yaml"


def as_json(report: SimulationReport) -> Json:
    """The report's figures under fixed keys, with what made them under ``provenance``."""
    return {
        "convention": report.convention.name,
        "deconvolution": report.deconvolution,
        "engine": report.engine,
        "dataset": report.dataset.name,
        "weight_bits": report.weight_bits,
        "base_width": report.base_width,
        "array": asdict(report.array),
        "operating_point": asdict(report.operating_point),
        "base": _network(report.base),
        "generator": _network(report.generator) if report.generator else None,
        "saving": asdict(report.saving),
        "latency": asdict(report.latency),
        "provenance": {
            "command": command(report),
            "versions": report.versions,
            "mac_counter": report.convention.macs,
            "curve": {field: value for field, value in asdict(report.curve).items() if field != "points"},
            "random_seeds": [],
            "network_files": [
                {"network": network.name, "file": str(network.path), "sha256": network.sha256}
                for network in (result.model.network for result in report.networks)
                if isinstance(network, UserNetwork)
            ],
        },
    }


def command(report: SimulationReport, *, config: str | None = None, curve: str | None = None) -> list[str]:
    """The command that repeats the report; with `config` and `curve` from the folder that it wrote."""
    array, elsewhere = report.array, config is not None
    words = ["nfenergy", "simulate", "--base", _named(report.base, elsewhere=elsewhere)]
    words += ["--width", repr(report.base_width)] if report.base_width != 1.0 else []
    if report.generator:
        words += ["--gen", _named(report.generator, elsewhere=elsewhere)]
    words += ["--dataset", report.dataset.name]
    words += ["--convention", report.convention.name, "--deconv", report.deconvolution]
    words += ["--engine", report.engine]
    words += ["--config", config] if config else []
    words += ["--array", f"{array.rows}x{array.cols}", "--dataflow", array.dataflow]
    words += ["--curve", curve or report.curve.name]
    point = report.operating_point
    words += (
        ["--voltage", repr(point.voltage_norm)]
        if report.chosen_by_voltage
        else ["--ber", repr(point.bit_error_rate)]
    )
    words += ["--weight-bits", str(report.weight_bits), "--clock-ghz", repr(report.latency.clock_ghz)]
    return words


def write_run(report: SimulationReport, folder: Path) -> None:
    """Write the report into `folder`: figures, layers, topologies, and all that a repetition needs.

    ``run.json`` comes last: where it stands, the other files are whole. Its ``command`` repeats the
    run from within the folder.

    Raises:
        NfEnergyError: the folder cannot be made or written, or the disk is full.
    """
    from nfenergy.tabular import layer_rows_of, saving_of
    from reports.files import layers_csv, savings_csv

    write_text(folder / "summary.csv", savings_csv([saving_of(report)]))
    write_text(folder / "layers.csv", layers_csv(layer_rows_of(report)))
    for result in report.networks:
        for name, text in topology_files(result.model.topology).items():
            write_text(folder / "topologies" / name, text)
    write_text(folder / CFG_FILE, cfg_text(report.array))
    write_text(folder / CURVE_FILE, dump_curve(report.curve))
    content = as_json(report)
    content["repeat"] = command(report, config=CFG_FILE, curve=CURVE_FILE)
    write_text(folder / "run.json", json.dumps(content, indent=2) + "\n")


def _named(result: NetworkResult, *, elsewhere: bool) -> str:
    """What names a network on the command line, in this working folder or in another."""
    network = result.model.network
    if isinstance(network, UserNetwork):
        return network.anywhere if elsewhere else network.here
    return network.name


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
    }
