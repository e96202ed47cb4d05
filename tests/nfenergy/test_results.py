"""A run as JSON and as files: fixed keys, whole folders, and a command that repeats it."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest

from energy.array import PRESETS
from energy.curve_files import load_curve
from energy.scalesim.cfg import read_cfg
from nfenergy import results, text
from nfenergy.simulation import SimulationReport
from tests.conftest import Golden, RunCli, snapshot
from tests.nfenergy.counted import simulate
from topologies import table

NETWORK_KEYS = {"name", "params", "macs", "twma", "sram_filter_reads", "total_cycles"}


@pytest.fixture(scope="module")
def report() -> SimulationReport:
    return simulate("vgg11", "deconvs", convention="exact", weight_bits=6)


def test_json_has_the_fixed_keys(report: SimulationReport) -> None:
    found = json.loads(json.dumps(results.as_json(report)))
    assert {
        "convention", "engine", "dataset", "array", "operating_point", "base", "generator", "saving",
        "latency", "provenance",
    } <= set(found)  # fmt: skip
    assert {"rows", "cols", "dataflow"} <= set(found["array"])
    assert {"curve", "voltage_norm", "bit_error_rate", "energy_per_access_norm"} <= set(
        found["operating_point"]
    )
    assert set(found["base"]) >= NETWORK_KEYS
    assert set(found["base"]) == set(found["generator"])
    assert {"twma_percent", "mac_percent"} <= set(found["saving"])
    assert set(found["latency"]) == {"clock_ghz", "base_ms", "generator_ms", "total_ms", "overhead_percent"}
    assert found["provenance"]["versions"]["scalesim"] == "3.0.0"
    assert "Stutz" in found["provenance"]["curve"]["source"]


def test_json_has_the_reports_figures(report: SimulationReport) -> None:
    found = results.as_json(report)
    base = found["base"]
    assert isinstance(base, dict)
    assert base["twma"] == report.base.twma == report.base.sram_filter_reads / 10
    assert base["name"] == "vgg11"
    assert (found["convention"], found["dataset"], found["engine"]) == ("exact", "cifar10", "closed-form")


def test_whole_figures_are_whole_numbers() -> None:
    found = results.as_json(simulate("vgg11"))
    base = found["base"]
    assert isinstance(base, dict)
    assert isinstance(base["twma"], int)
    assert found["generator"] is None


def test_a_run_leaves_its_files(report: SimulationReport, tmp_path: Path) -> None:
    results.write_run(report, tmp_path / "run")
    files = snapshot(tmp_path / "run")
    names = {f"topologies/{name}{end}" for name in ("vgg11", "deconvs") for end in (
        ".csv", ".layout.csv", ".layers.csv")}  # fmt: skip
    assert set(files) == {"summary.csv", "layers.csv", "run.json", "array.cfg", "curve.yaml"} | names
    (summary,) = csv.DictReader(files["summary.csv"].decode().splitlines())
    assert (summary["base"], summary["generator"]) == ("vgg11", "deconvs")
    assert float(summary["base_twma"]) == report.base.twma
    assert float(summary["twma_saving_percent"]) == pytest.approx(report.measures["twma"].saving_percent)
    rows = list(csv.DictReader(files["layers.csv"].decode().splitlines()))
    counts = [record for result in report.networks for record in result.counts]
    assert [int(row["sram_filter_reads"]) for row in rows] == [c.sram_filter_reads for c in counts]
    assert [row["layer"] for row in rows] == [c.layer for c in counts]
    assert read_cfg(tmp_path / "run" / "array.cfg") == PRESETS["scale"]
    assert load_curve(str(tmp_path / "run" / "curve.yaml")) == report.machine.curve
    written = table.read(tmp_path / "run" / "topologies" / "vgg11.csv").layers
    assert [layer.shape for layer in written] == [layer.shape for layer in report.base.model.topology.layers]
    assert all(b"\r" not in content for content in files.values())


@pytest.mark.parametrize("options", [("--ber", "0.5%"), ("--voltage", "0.9"), ("--width", "0.5")])
def test_a_run_can_be_repeated_from_its_folder(
    cli: RunCli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, options: tuple[str, str]
) -> None:
    common = ("--engine", "closed-form", "--config", "eyeriss", "--json")
    first = cli("simulate", "--base", "vgg11", "--gen", "convs", *common, *options, "--out", tmp_path / "one")
    assert first.status == 0
    monkeypatch.chdir(tmp_path / "one")
    command = json.loads(Path("run.json").read_text())["provenance"]["command"]
    assert command[0] == "nfenergy"
    second = cli(*command[1:], "--json", "--out", tmp_path / "two")
    assert second.status == 0
    one, two = (json.loads(run.stdout) for run in (first, second))
    for found in (one, two):
        found.pop("provenance")
    assert one == two
    curves = [load_curve(str(tmp_path / run / "curve.yaml")) for run in ("one", "two")]
    assert curves[0] == curves[1]
    for name in ("summary.csv", "layers.csv", "array.cfg"):
        assert (tmp_path / "two" / name).read_bytes() == (tmp_path / "one" / name).read_bytes()


def test_the_text_has_every_figure_that_was_asked_for() -> None:
    words = text.as_text(simulate("resnet18", "convs"))
    for figure in (
        "ResNet18 + ConvS on CIFAR-10", "11,173,962", "113,187", "557,", "2,755,968", "41,508", "29.1 %",
        "28.7 %", "convention paper", "21 of 21", "731,049", "ms at 1 GHz", "0.8333 of Vmin", "break-even",
    ):  # fmt: skip
        assert figure in words


def test_the_text_is_the_reviewed_one(golden: Golden) -> None:
    report = simulate("vgg16", "deconvl", convention="exact")
    golden("simulate_vgg16_deconvl_exact.txt", text.as_text(report) + "\n")


def test_the_text_says_where_a_rate_is_a_bound_and_a_break_even_out_of_reach() -> None:
    bound = text.as_text(simulate("vgg11", voltage_norm=0.98))
    assert "bit error rate below 0.00021 %" in bound
    assert "break-even" not in bound
    heavy = text.as_text(simulate("vgg11", "convl"))
    assert "by MACs from" in heavy
    assert "which the curve does not reach" in heavy
