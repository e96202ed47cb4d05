"""The command under ``provenance`` repeats the run, to the last figure, from where it was given."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from energy.curve_files import dump_curve, load_curve
from tests.conftest import RunCli

CFG = """\
[general]
run_name = mine
[architecture_presets]
ArrayHeight : 16
ArrayWidth : 8
IfmapSramSzkB : 32
FilterSramSzkB : 16
OfmapSramSzkB : 8
IfmapOffset : 0
FilterOffset : 10000000
OfmapOffset : 20000000
Dataflow : ws
Bandwidth : 10
[run_presets]
InterfaceBandwidth : {bandwidth}
"""
CSV = "voltage_norm,bit_error_rate_percent,energy_per_access_norm\n0.8,2,0.6\n0.9,0.5,0.8\n1,0,1\n"
BARE = "voltage_norm,bit_error_rate_percent\n0.8,2\n0.9,0.5\n1,0\n"
CLOSED = ("--engine", "closed-form")
NAMED = ("--base", "vgg11", "--gen", "deconvs", *CLOSED)
OWN = ("--base", "my_net.py:tiny", "--gen", "./my_net.py:repair")

CASES = {
    "config": (*NAMED, "--config", "mine.cfg"),
    "config and more": (*NAMED, "--config", "mine.cfg", "--array", "4x64", "--sram-kb", "7"),
    "bandwidth of a config": (*OWN, "--config", "stalls.cfg"),
    "sram": (*NAMED, "--sram-kb", "64/128/64"),
    "bandwidth": (*OWN, "--array", "16x16", "--bandwidth", "10/20/30"),
    "curve in YAML": (*NAMED, "--curve", "mine.yaml", "--ber", "0.7%"),
    "curve in CSV": (*NAMED, "--curve", "./other.csv"),
    "curve without energies": (*NAMED, "--curve", "bare.csv", "--assume-v2"),
    "own network": (*OWN, *CLOSED),
    "voltage": (*NAMED, "--voltage", "0.87654321"),
    "bound": (*NAMED, "--voltage", "0.98"),
    "all else": (
        *NAMED, "--convention", "exact", "--deconv", "subpixel", "--weight-bits", "6", "--clock-ghz", "0.7",
        "--width", "0.3", "--dataset", "gtsrb", "--dataflow", "is",
    ),
}  # fmt: skip


@pytest.fixture
def workplace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, write: Callable[..., Path]) -> Path:
    """A folder with the files that `CASES` name, the current one."""
    write()
    Path(tmp_path / "mine.cfg").write_text(CFG.format(bandwidth="CALC"))
    Path(tmp_path / "stalls.cfg").write_text(CFG.format(bandwidth="USER"))
    curve = dump_curve(load_curve("stutz2021-14nm")).replace("stutz2021-14nm", "mine")
    Path(tmp_path / "mine.yaml").write_text(curve)
    Path(tmp_path / "other.csv").write_text(CSV)
    Path(tmp_path / "bare.csv").write_text(BARE)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.usefixtures("one_torch_thread")
@pytest.mark.parametrize("options", CASES.values(), ids=CASES)
def test_the_command_gives_the_same_json(
    cli: RunCli, workplace: Path, monkeypatch: pytest.MonkeyPatch, options: tuple[str, ...]
) -> None:
    first = cli("simulate", *options, "--json", "--quiet", "--out", "run")
    assert first.status == 0, first.stderr
    shown = json.loads(first.stdout)
    command = shown["provenance"]["command"]
    assert command[:2] == ["nfenergy", "simulate"]
    again = cli(*command[1:], "--json", "--quiet")
    assert again.status == 0, again.stderr
    assert json.loads(again.stdout) == shown
    kept = json.loads(Path("run/run.json").read_text())
    assert {key: value for key, value in kept.items() if key != "provenance"} == {
        key: value for key, value in shown.items() if key != "provenance"
    }
    monkeypatch.chdir("run")
    moved = cli(*kept["provenance"]["command"][1:], "--json", "--quiet")
    assert moved.status == 0, moved.stderr
    assert {key: value for key, value in json.loads(moved.stdout).items() if key != "provenance"} == {
        key: value for key, value in shown.items() if key != "provenance"
    }
