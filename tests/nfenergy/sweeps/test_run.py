"""Sweeps: equal to single simulations, resumable byte for byte, verified, on a real Dask cluster."""

from __future__ import annotations

import json
import os
import random
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import yaml

from energy.array import SystolicArray
from energy.scalesim import cluster
from nfenergy.ground.errors import InputError, NfEnergyError
from nfenergy.ground.files import write_text
from nfenergy.ground.table_files import read
from nfenergy.sweeps import space as design_space
from nfenergy.sweeps.run import sweep
from nfenergy.sweeps.spec import EXAMPLE, SweepSpec, load_spec
from nfenergy.tabular import saving_of
from reports.records import Saving
from tests.conftest import RunCli, cli_command
from tests.nfenergy.counted import simulate

SPEC = {
    "bases": ["vgg11", "resnet18"],
    "generators": ["none", "convs", "unets"],
    "arrays": {"rows": [16, 33], "cols": [8, 64]},
    "dataflows": ["os", "ws", "is"],
    "sram_kb": [64, [32, 64, 16]],
    "weight_bits": [8, 4, 6],
    "bit_error_rates": ["1%", 0.003],
    "clock_ghz": 0.7,
}
ROWS = 2 * 3 * 4 * 3 * 2 * 3 * 2

SMALL_SIMULATION = {
    "bases": ["vgg11"],
    "base_width": 0.03,
    "generators": ["unets"],
    "arrays": ["64x64"],
    "voltages": [0.875],
    "engine": "scalesim",
}


def read_savings(path: Path) -> list[Saving]:
    return [row for _, row in read(Saving, path, "a sweep")]


def simulated(row: Saving) -> Saving:
    """The same combination, by the pipeline."""
    return saving_of(
        simulate(
            row.base,
            None if row.generator == "none" else row.generator,
            dataset=row.dataset,
            base_width=row.base_width,
            bit_error_rate=row.bit_error_rate,
            array=SystolicArray(
                rows=row.array_rows,
                cols=row.array_cols,
                dataflow=row.dataflow,
                ifmap_sram_kb=row.ifmap_sram_kb,
                filter_sram_kb=row.filter_sram_kb,
                ofmap_sram_kb=row.ofmap_sram_kb,
            ),
            convention=row.convention,
            weight_bits=row.weight_bits,
            clock_ghz=row.clock_ghz,
        )
    )


def test_rows_equal_single_simulations(tmp_path: Path) -> None:
    result = sweep(SPEC, tmp_path, as_csv=True)
    rows = read_savings(result.table)
    assert len(rows) == result.rows == ROWS
    for row in random.Random(0).sample(rows, 30):
        assert row == simulated(row)
    assert result.csv is not None
    assert read_savings(result.csv) == rows


def test_a_sweep_that_was_cut_off_ends_in_the_same_bytes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(design_space, "ROWS_A_PART", 40)
    whole = sweep(SPEC, tmp_path / "whole").table.read_bytes()

    def cut_off(done: int, rows: int) -> None:
        if done > rows / 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        sweep(SPEC, tmp_path / "cut", on_rows=cut_off)
    assert not (tmp_path / "cut" / "sweep.parquet").exists()
    done_before: list[int] = []
    result = sweep(SPEC, tmp_path / "cut", resume=True, on_rows=lambda done, rows: done_before.append(done))
    assert result.table.read_bytes() == whole
    assert not (tmp_path / "cut" / "parts").exists()


def test_kill_9_then_resume_equals_an_uninterrupted_run(tmp_path: Path) -> None:
    spec = SPEC | {"voltages": [0.76 + 0.002 * step for step in range(100)]}
    del spec["bit_error_rates"]
    file = tmp_path / "big.yaml"
    file.write_text(yaml.safe_dump(spec | {"arrays": {"rows": [16], "cols": list(range(8, 64))}}))
    killed = subprocess.Popen(
        cli_command("sweep", file, "--out", tmp_path / "killed"),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    parts = tmp_path / "killed" / "parts"
    while killed.poll() is None and not list(parts.glob("part-*.parquet")):
        time.sleep(0.01)
    os.killpg(killed.pid, signal.SIGKILL)
    killed.wait()
    resumed = subprocess.run(
        cli_command("sweep", file, "--out", tmp_path / "killed", "--resume"), check=True, capture_output=True
    )
    assert resumed.stderr == b""
    whole = sweep(file, tmp_path / "whole")
    assert (tmp_path / "killed" / "sweep.parquet").read_bytes() == whole.table.read_bytes()


def test_parts_of_another_sweep_are_not_taken_over(tmp_path: Path) -> None:
    (tmp_path / "parts").mkdir()
    write_text(tmp_path / "parts" / "plan.json", "{}\n")
    with pytest.raises(InputError, match="another sweep"):
        sweep(SPEC, tmp_path, resume=True)


def test_verification_simulates_chosen_layers(tmp_path: Path) -> None:
    result = sweep(SMALL_SIMULATION | {"engine": "closed-form"}, tmp_path, verify=3)
    verification = json.loads((tmp_path / "sweep.json").read_text())["verification"]
    assert verification == result.summary["verification"]
    assert verification["layers"] == 3
    assert verification["differences"] == []


def test_engines_agree_on_a_whole_sweep(tmp_path: Path) -> None:
    simulated_rows = read_savings(sweep(SMALL_SIMULATION, tmp_path / "a").table)
    closed = read_savings(sweep(SMALL_SIMULATION, tmp_path / "b", engine="closed-form").table)
    assert {row.engine for row in simulated_rows} == {"scalesim"}
    for ours, theirs in zip(closed, simulated_rows, strict=True):
        assert ours.measures == theirs.measures
        assert ours.total_latency_ms == theirs.total_latency_ms
    assert sweep(SMALL_SIMULATION, tmp_path / "c", engine="both").rows == 1


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"bases": ["resnet19"]}, "bases: no base model named 'resnet19'"),
        ({"bases": []}, "bases: List should have at least 1 item"),
        ({"generators": ["conv"]}, "generators: no generator named 'conv'"),
        ({"arrays": ["32"]}, "arrays: array is '32'"),
        ({"arrays": {"rows": [0], "cols": [8]}}, "arrays.rows"),
        ({"arrays": ["0x8"]}, "arrays: array rows is 0"),
        ({"dataflows": ["xs"]}, "dataflows: dataflow is 'xs'"),
        ({"sram_kb": [0]}, "sram_kb: array ifmap_sram_kb is 0"),
        ({"weight_bits": [65]}, "weight_bits: weight bits are 65"),
        ({"bit_error_rates": ["1"]}, "bit_error_rates: bit error rate 1 is above 0.5"),
        ({"bit_error_rates": [1e-9]}, "bit_error_rates: bit error rate 1e-07% is outside curve"),
        ({"voltages": [0.9]}, "give either voltages or bit_error_rates"),
        ({"curves": ["none"]}, "curves: no voltage curve named 'none'"),
        (
            {"conventions": ["exact"], "deconvolution": "paper"},
            "deconvolution: deconvolution mapping 'paper'",
        ),
        ({"engine": "magic"}, "engine: no engine named 'magic'"),
        ({"colour": "red"}, "colour: Extra inputs are not permitted; known fields: bases"),
        ({"clock_ghz": 0}, "clock_ghz: Input should be greater than or equal to 0.000001"),
        ({"clock_ghz": True}, "clock_ghz: Input should be a valid number"),
        ({"weight_bits": [True]}, "weight_bits: Input should be a valid integer"),
        ({"sram_kb": [[64, True, 64]]}, "sram_kb: "),
        ({"bit_error_rates": [True]}, "bit_error_rates: Input should be a valid"),
        ({"bit_error_rates": None, "voltages": [True]}, "voltages: Input should be a valid number"),
        ({"bit_error_rates": None, "voltages": ["0.9"]}, "voltages: Input should be a valid number"),
        ({"seed": True}, "seed: Input should be a valid integer"),
        ({"base_width": "1"}, "base_width: Input should be a valid number"),
    ],
)
def test_every_error_names_its_field(change: dict[str, object], message: str) -> None:
    with pytest.raises(InputError) as error:
        load_spec(SPEC | change)
    assert message in str(error.value)


@pytest.mark.parametrize(
    ("given", "points"),
    [
        ({"voltages": [0.875, 0.9, 0.875]}, [0.875, 0.9]),
        ({"voltages": [0.8333, 0.83330000000001, 1, 1.0]}, [0.8333, 1.0]),
        ({"bit_error_rates": ["1%", 0.01, "0.01", 0.010000000000000002, "0.5%"]}, [0.01, 0.005]),
    ],
)
def test_an_operating_point_stands_once(given: dict[str, list[object]], points: list[float]) -> None:
    found = load_spec({"bases": ["vgg11"]} | given).operating_points()
    key = "voltage_norm" if "voltages" in given else "bit_error_rate"
    assert [getattr(point, key) for _, point in found] == points


CURVE = """\
voltage_norm,bit_error_rate_percent,energy_per_access_norm
0.8,1.0,{energy}
0.9,0.1,0.8
1.0,0,1.0
"""


@pytest.fixture
def two_curves(tmp_path: Path) -> Path:
    for folder, energy in (("one", 0.6), ("two", 0.5)):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "mine.csv").write_text(CURVE.format(energy=energy))
    return tmp_path


def test_curves_lie_beside_their_specification(two_curves: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = two_curves / "one" / "sweep.yaml"
    file.write_text("bases: [vgg11]\ncurves: [mine.csv, stutz2021-14nm]\nvoltages: [0.8]\n")
    monkeypatch.chdir(two_curves / "two")
    energies = [point.energy_per_access_norm for _, point in load_spec(file).operating_points()]
    assert energies[0] == 0.6
    file.write_text(f"bases: [vgg11]\ncurves: ['{two_curves}/two/mine.csv']\nvoltages: [0.8]\n")
    ((_, point),) = load_spec(file).operating_points()
    assert point.energy_per_access_norm == 0.5
    ((_, point),) = load_spec(
        {"bases": ["vgg11"], "curves": ["mine.csv"], "voltages": [0.8]}
    ).operating_points()
    assert point.energy_per_access_norm == 0.5


def test_two_curves_of_one_name_are_refused(two_curves: Path) -> None:
    one, two = (str(two_curves / folder / "mine.csv") for folder in ("one", "two"))
    spec = {"bases": ["vgg11"], "voltages": [0.8]}
    with pytest.raises(InputError, match=r"curves: .*one/mine\.csv and .*two/mine\.csv are both"):
        load_spec(spec | {"curves": [one, two]})
    assert len(load_spec(spec | {"curves": [one, one]}).operating_points()) == 1


def test_a_curve_without_energies_follows_v2_where_the_sweep_says_so(tmp_path: Path) -> None:
    file = tmp_path / "bare.csv"
    file.write_text("\n".join(line.rpartition(",")[0] for line in CURVE.splitlines()))
    spec = {"bases": ["vgg11"], "curves": [str(file)], "voltages": [0.8]}
    with pytest.raises(InputError, match=r"curves: .*bare\.csv: it has no energy_per_access_norm"):
        load_spec(spec)
    ((_, point),) = load_spec(spec | {"assume_v2": True}).operating_points()
    assert point.energy_per_access_norm == pytest.approx(0.64)


def test_a_key_that_stands_twice_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "sweep.yaml"
    file.write_text("bases: [vgg11]\nvoltages: [0.8]\nvoltages: [0.9]\n")
    with pytest.raises(InputError, match=r"sweep\.yaml, line 3, column 1: key 'voltages' stands twice"):
        load_spec(file)


def test_the_example_tells_the_defaults() -> None:
    told = dict(re.findall(r"^(?:# )?(\w+): .*# default (\[.*?\]|[^\s:;]+)(?=[:;]|$)", EXAMPLE, re.MULTILINE))
    assert set(told) == set(SweepSpec.model_fields) - {"bases", "voltages", "bit_error_rates"}
    given = "bases: [vgg11]\nvoltages: [0.9]\n"
    written_out = given + "".join(f"{field}: {default}\n" for field, default in told.items())
    assert load_spec(yaml.safe_load(written_out)) == load_spec(yaml.safe_load(given))


def test_the_example_is_a_valid_specification(cli: RunCli, tmp_path: Path) -> None:
    printed = cli("sweep", "--example")
    assert printed.stdout == EXAMPLE
    file = tmp_path / "example.yaml"
    file.write_text(printed.stdout)
    assert load_spec(file).accelerators()
    assert cli("sweep", file, "--out", tmp_path / "out").stdout.startswith("324 rows in ")


@pytest.mark.parametrize(
    ("args", "status", "message"),
    [
        (("sweep",), 2, "no specification"),
        (("sweep", "nowhere.yaml"), 2, "cannot read sweep specification nowhere.yaml"),
        (("sweep", "{file}", "--scheduler", "tcp://127.0.0.1:1"), 2, "a scheduler distributes SCALE-Sim"),
        (("sweep", "{file}", "--engine", "magic"), 2, "no engine named 'magic'"),
        (("sweep", "{file}", "--out", "/dev/null/x"), 1, "cannot write"),
    ],
)
def test_bad_calls_give_one_line(
    cli: RunCli, tmp_path: Path, args: tuple[str, ...], status: int, message: str
) -> None:
    file = tmp_path / "spec.yaml"
    file.write_text(yaml.safe_dump(SPEC))
    result = cli(*(arg.format(file=file) for arg in args))
    assert result.status == status
    assert message in result.error


def test_a_cluster_gives_the_same_result_and_survives_a_dead_worker(
    tmp_path: Path, empty_cache: Path
) -> None:
    """A real scheduler and two real workers on the loopback interface; one is killed on the way."""
    processes = []
    try:
        scheduler, cache = tmp_path / "scheduler.json", tmp_path / "worker-cache"
        where = ("--host", "127.0.0.1", "--port", "0", "--no-dashboard", "--scheduler-file", scheduler)
        processes.append(_start(cache, "scheduler", *where))
        while not scheduler.exists():
            time.sleep(0.05)
        address = json.loads(scheduler.read_text())["address"]
        workers = [_start(cache, "worker", address, "--nthreads", "1", "--no-dashboard") for _ in range(2)]
        processes += workers
        finished: list[int] = []

        def kill_one(progress: object) -> None:
            if not finished:
                os.killpg(workers[0].pid, signal.SIGKILL)
            finished.append(1)

        result = sweep(SMALL_SIMULATION, tmp_path / "a", scheduler=address, on_progress=kill_one)
        assert len(finished) > 5
    finally:
        for process in processes:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
    local = sweep(SMALL_SIMULATION, tmp_path / "b")
    assert result.table.read_bytes() == local.table.read_bytes()


def test_no_scheduler_is_one_clear_error(
    tmp_path: Path, empty_cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cluster, "CONNECT_SECONDS", 1)
    with pytest.raises(NfEnergyError, match="no Dask scheduler answers at tcp"):
        sweep(SMALL_SIMULATION, tmp_path, scheduler="tcp://127.0.0.1:9")


def _start(cache: Path, kind: str, *args: object) -> subprocess.Popen[bytes]:
    """A Dask process with a cache of its own, so that it really simulates."""
    command = [sys.executable, "-m", "distributed.cli.dask_" + kind, *map(str, args)]
    environment = os.environ | {"NFENERGY_CACHE_DIR": str(cache)}
    return subprocess.Popen(
        command,
        env=environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
