"""The command line as a user meets it: what it prints where, its statuses, and how it ends."""

from __future__ import annotations

import csv
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path

import pytest

from energy.counts import REPORTED_COLUMNS
from nfenergy.cli import GO_ON
from nfenergy.commands import COMMANDS
from tests.conftest import RunCli, WriteTopology, child_processes, cli_command, is_alive, snapshot

SMALL = ("Conv1, 8, 8, 3, 3, 2, 4, 1,", "FC, 1, 1, 1, 1, 40, 10, 1,")
ARRAY = ("--array", "8x8")


def wait_for(condition: Callable[[], object], seconds: float = 90.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "nothing happened"
        time.sleep(0.05)


def started(*args: str | Path, **options: object) -> subprocess.Popen[str]:
    """The command line in a session of its own, as a terminal's foreground job is."""
    return subprocess.Popen(
        cli_command(*args),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        **options,  # type: ignore[call-overload]
    )


@pytest.fixture
def long_topology(topology_file: WriteTopology) -> Path:
    """Small layers, and one that SCALE-Sim works at for a minute or more."""
    return topology_file(*SMALL, "Long, 500, 900, 1, 900, 1, 500, 1,", name="long.csv")


LONG = ("--array", "2x2", "--jobs", "2")


# What it prints


@pytest.mark.parametrize("command", [(), ("--help",), *((name, "--help") for name in COMMANDS)])
def test_help_goes_to_stdout(cli: RunCli, command: tuple[str, ...]) -> None:
    shown = cli(*command)
    assert shown.status == 0
    assert shown.stdout.startswith("Usage: ")
    assert shown.stderr == ""


def test_every_command_is_in_the_help(cli: RunCli) -> None:
    text = cli("--help").stdout
    assert all(f"  {command} " in text for command in COMMANDS)


def test_the_options_of_simulate_have_their_fixed_names(cli: RunCli) -> None:
    text = cli("simulate", "--help").stdout
    for option in (
        "--base", "--gen", "--dataset", "--ber", "--voltage", "--curve", "--array", "--dataflow", "--config",
        "--convention", "--deconv", "--weight-bits", "--clock-ghz", "--engine", "--jobs", "--json", "--out",
    ):  # fmt: skip
        assert option in text


def test_the_version(cli: RunCli) -> None:
    shown = cli("--version")
    assert shown.status == 0
    assert shown.stdout == f"nfenergy {version('nfenergy')}\n"


@pytest.mark.parametrize(
    "command",
    [
        ("--help",),
        ("simulate", "--help"),
        ("list", "bases"),
        ("--version",),
        ("simulate", "--base", "resnet99"),
    ],
)
def test_the_fast_path_imports_nothing_heavy(command: tuple[str, ...]) -> None:
    code = (
        "import sys\n"
        "from nfenergy.cli import main\n"
        "try:\n"
        "    main()\n"
        "except SystemExit:\n"
        "    heavy = {'torch', 'pandas', 'matplotlib', 'scalesim', 'scipy', 'numpy'} & set(sys.modules)\n"
        "    sys.exit(f'heavy: {sorted(heavy)}' if heavy else 0)\n"
    )
    done = subprocess.run([sys.executable, "-c", code, *command], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_a_recalled_simulation_imports_nothing_heavy_either(cli: RunCli) -> None:
    command = ("simulate", "--base", "resnet18", "--gen", "convs", "--engine", "closed-form", "--json")
    first = cli(*command)
    code = (
        "import sys\n"
        "from nfenergy.cli import main\n"
        "try:\n"
        "    main()\n"
        "except SystemExit:\n"
        "    sys.exit(bool({'torch', 'pandas', 'matplotlib', 'scalesim'} & set(sys.modules)))\n"
    )
    again = subprocess.run([sys.executable, "-c", code, *command], capture_output=True, text=True, check=True)
    assert json.loads(again.stdout) == json.loads(first.stdout)


def test_simulate_prints_the_papers_example(cli: RunCli) -> None:
    shown = cli("simulate", "--base", "resnet18", "--gen", "convs", "--engine", "closed-form")
    assert shown.status == 0
    for figure in ("2,755,968", "41,508", "29.1 %"):
        assert figure in shown.stdout
    assert shown.stderr == ""


def test_names_ignore_case(cli: RunCli) -> None:
    upper = cli(
        "simulate", "--base", "VGG11", "--gen", "ConvS", "--dataset", "CIFAR10", "--convention", "EXACT",
        "--dataflow", "WS", "--curve", "Stutz2021-14nm", "--engine", "Closed-Form", "--config", "Eyeriss",
        "--deconv", "subpixel", "--json",
    )  # fmt: skip
    lower = cli(
        "simulate", "--base", "vgg11", "--gen", "convs", "--dataset", "cifar10", "--convention", "exact",
        "--dataflow", "ws", "--curve", "stutz2021-14nm", "--engine", "closed-form", "--config", "eyeriss",
        "--deconv", "subpixel", "--json",
    )  # fmt: skip
    assert upper.status == lower.status == 0
    assert json.loads(upper.stdout) == json.loads(lower.stdout)


def test_the_operating_point_can_be_given_three_ways(cli: RunCli) -> None:
    common = ("simulate", "--base", "vgg11", "--engine", "closed-form", "--json")
    points = [
        json.loads(cli(*common, *options).stdout)["operating_point"]
        for options in ((), ("--ber", "1%"), ("--ber", "0.01"), ("--voltage", "0.8333"))
    ]
    assert all(point == points[0] for point in points)
    assert points[0]["energy_per_access_norm"] == 0.694


def test_layers_as_csv_has_the_fixed_header_and_scalesims_figures(
    run_cli: RunCli, topology_file: WriteTopology
) -> None:
    shown = run_cli("layers", "--topology", topology_file(*SMALL), *ARRAY, "--format", "CSV")
    assert (shown.status, shown.stderr) == (0, "")
    rows = list(csv.DictReader(shown.stdout.splitlines()))
    assert shown.stdout.splitlines()[0] == ",".join(REPORTED_COLUMNS)
    assert [row["layer"] for row in rows] == ["Conv1", "FC"]
    assert rows[0]["dram_filter_reads"] == "72"


def test_layers_as_json_and_table(cli: RunCli, topology_file: WriteTopology) -> None:
    command = ("layers", "--topology", topology_file(*SMALL), *ARRAY, "--engine", "closed-form")
    found = json.loads(cli(*command, "--format", "json").stdout)
    assert set(REPORTED_COLUMNS) < set(found[0])
    table = cli(*command).stdout
    assert "Conv1" in table
    assert "cycles" in table


def test_list_prints_names_or_json(cli: RunCli) -> None:
    assert ["resnet18", "ResNet18"] in [line.split() for line in cli("list", "bases").stdout.splitlines()]
    assert list(json.loads(cli("list", "--json").stdout)) == [
        "bases", "generators", "datasets", "fault-models", "protections", "curves", "measures",
        "energy-tables", "conventions", "engines", "arrays", "plots", "published",
    ]  # fmt: skip


def test_reproduce_prints_every_entry_and_succeeds(cli: RunCli) -> None:
    shown = cli("reproduce", "all", "--engine", "closed-form")
    assert shown.status == 0
    assert "0 differences in 87 entries" in shown.stdout
    found = json.loads(cli("reproduce", "table6", "--engine", "closed-form", "--json").stdout)
    assert found["differences"] == 0
    assert len(found["entries"]) == 11


def test_reproduce_fails_where_an_entry_differs(cli: RunCli, monkeypatch: pytest.MonkeyPatch) -> None:
    from reports import printed as reproduce

    monkeypatch.setattr(reproduce, "published_twma", lambda: {"convs": 41_507, "resnet18": 2_755_968})
    shown = cli("reproduce", "table6", "--engine", "closed-form")
    assert shown.status == 1
    assert shown.error.startswith("1 of 2 entries differ")
    assert "DIFFERS" in shown.stdout


def test_export_prints_the_coverage(cli: RunCli, tmp_path: Path) -> None:
    shown = cli("export", "--gen", "DeConvS", "--convention", "exact", "--out", tmp_path / "out")
    assert shown.status == 0
    assert shown.stdout.endswith("deconvs.csv: 6 of 6 weighted layers, 100 % of MACs\n")
    assert (tmp_path / "out" / "deconvs.csv").is_file()


def test_a_hint_and_nothing_else_goes_to_stderr_while_simulating(cli: RunCli, empty_cache: Path) -> None:
    command = ("simulate", "--base", "vgg11", "--width", "0.01", "--json")
    loud = cli(*command)
    assert loud.status == 0
    assert json.loads(loud.stdout)["engine"] == "scalesim"
    assert len(loud.stderr.splitlines()) == 1
    assert "closed-form" in loud.stderr
    again = cli(*command)
    assert (again.stdout, again.stderr) == (loud.stdout, "")


# How it ends


def test_a_reader_that_leaves_early_is_no_error(cli: RunCli) -> None:
    process = started("list")
    assert process.stdout is not None
    assert process.stderr is not None
    process.stdout.close()
    assert "Traceback" not in process.stderr.read()
    process.stderr.close()
    assert process.wait() in (0, 1)


def test_ctrl_c_ends_in_one_line_and_the_next_run_goes_on(
    tmp_path: Path, long_topology: Path, topology_file: WriteTopology, run_cli: RunCli
) -> None:
    cache, scratch = tmp_path / "cache", tmp_path / "scratch"
    scratch.mkdir()
    environment = os.environ | {"NFENERGY_CACHE_DIR": str(cache), "TMPDIR": str(scratch)}
    process = started("layers", "--topology", long_topology, *LONG, env=environment)
    wait_for(lambda: len(snapshot(cache)) >= 2 and child_processes(process.pid))
    children = child_processes(process.pid)
    os.killpg(process.pid, signal.SIGINT)
    stdout, stderr = process.communicate(timeout=60)
    assert process.returncode == 130
    assert stdout == ""
    assert stderr == f"nfenergy: {GO_ON}\n"
    wait_for(lambda: not any(map(is_alive, children)), 10)
    assert list(scratch.iterdir()) == []
    kept = snapshot(cache)
    assert len(kept) == 2
    assert all(json.loads(content) for content in kept.values())
    begun = time.time_ns()
    small = topology_file(*SMALL, name="small.csv")
    again = run_cli("layers", "--topology", small, "--array", "2x2", "--format", "csv", env=environment)
    assert again.status == 0
    assert snapshot(cache) == kept
    assert all((cache / name).stat().st_mtime_ns < begun for name in kept)


@pytest.mark.parametrize(("number", "status"), [(signal.SIGTERM, 143), (signal.SIGKILL, -signal.SIGKILL)])
def test_no_child_outlives_a_terminated_or_killed_command(
    tmp_path: Path, long_topology: Path, number: int, status: int
) -> None:
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    environment = os.environ | {"NFENERGY_CACHE_DIR": str(tmp_path / "cache"), "TMPDIR": str(scratch)}
    process = started("layers", "--topology", long_topology, *LONG, env=environment)
    wait_for(lambda: child_processes(process.pid))
    children = child_processes(process.pid)
    process.send_signal(number)
    _, stderr = process.communicate(timeout=60)
    assert process.returncode == status
    assert "Traceback" not in stderr
    wait_for(lambda: not any(map(is_alive, children)), 30)
    if number == signal.SIGTERM:
        assert list(scratch.iterdir()) == []


def test_two_processes_share_a_cache(tmp_path: Path, topology_file: WriteTopology) -> None:
    cache = tmp_path / "cache"
    environment = os.environ | {"NFENERGY_CACHE_DIR": str(cache)}
    command = ("layers", "--topology", topology_file(*SMALL), *ARRAY, "--format", "csv")
    both = [started(*command, env=environment) for _ in range(2)]
    printed = [process.communicate(timeout=120) for process in both]
    assert [process.returncode for process in both] == [0, 0]
    assert printed[0] == printed[1]
    assert len(snapshot(cache)) == 2
    assert all(json.loads(content) for content in snapshot(cache).values())


def test_a_folder_called_as_a_room_does_not_stand_in_its_way(tmp_path: Path) -> None:
    (tmp_path / "topologies").mkdir()
    command = [sys.executable, "-m", "nfenergy", "simulate", "--base", "vgg11", "--engine", "closed-form"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "VGG11" in done.stdout
