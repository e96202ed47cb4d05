"""The engine: SCALE-Sim's own figures, each layer once, and nothing damaged when it fails."""

from __future__ import annotations

import builtins
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from energy.array import DATAFLOWS, SystolicArray
from energy.scalesim import child as scalesim_child
from energy.scalesim import children as scalesim_children
from energy.scalesim import engine as scalesim
from energy.scalesim.engine import Progress, keep, layer_cache, simulate
from energy.scalesim.report import SimulationError
from nfenergy.ground.errors import NfEnergyError
from tests.conftest import in_scalesim, is_alive, snapshot
from tests.energy.direct import run_scalesim
from topologies.layers import Layer, Topology

ARRAY = SystolicArray(rows=8, cols=4, ifmap_sram_kb=1, filter_sram_kb=1, ofmap_sram_kb=1)
LAYERS = (
    Layer(name="a", ifmap_h=8, ifmap_w=7, filter_h=3, filter_w=2, channels=3, filters=5, stride=1),
    Layer(name="b", ifmap_h=9, ifmap_w=9, filter_h=3, filter_w=3, channels=2, filters=6, stride=2),
    Layer(name="c", ifmap_h=1, ifmap_w=1, filter_h=1, filter_w=1, channels=40, filters=10, stride=1),
    Layer.gemm(name="d", m=11, k=13, n=9),
)
NET = Topology(name="net", layers=LAYERS)

SetChild = Callable[[str], None]

FAKE_REPORTS = """
import csv, os, pathlib, signal, sys, time
folder = pathlib.Path(sys.argv[1])
rows = len((folder / "topology.csv").read_text().splitlines()) - 1
report = folder / "report"
report.mkdir()
COMPUTE = ("Total Cycles (incl. prefetch)|Total Cycles|Stall Cycles|"
    "Overall Util %|Mapping Efficiency %|Compute Util %")
ACCESS = ("SRAM IFMAP Reads|SRAM Filter Reads|SRAM OFMAP Writes|"
    "DRAM IFMAP Reads|DRAM Filter Reads|DRAM OFMAP Writes|") + "|".join(
    f"{memory} {operand} {end} Cycle" for memory in ("SRAM", "DRAM")
    for operand in ("IFMAP", "Filter", "OFMAP") for end in ("Start", "Stop"))
BANDWIDTH = "|".join(f"Avg {kind} BW" for kind in (
    "IFMAP SRAM", "FILTER SRAM", "OFMAP SRAM", "IFMAP DRAM", "FILTER DRAM", "OFMAP DRAM"))
def write(name, columns, rows=rows, value="7000.0"):
    lines = ["LayerID, " + ", ".join(columns.split("|")) + ","]
    lines += [", ".join([str(row)] + [value] * len(lines[0].split(',')[2:])) + "," for row in range(rows)]
    (report / name).write_text("\\n".join(lines) + "\\n")
def write_all():
    write("COMPUTE_REPORT.csv", COMPUTE)
    write("DETAILED_ACCESS_REPORT.csv", ACCESS)
    write("BANDWIDTH_REPORT.csv", BANDWIDTH)
"""


@pytest.fixture
def child(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> SetChild:
    """Puts a script in the place of the simulating child; `write_all` there writes whole reports."""

    def use(body: str) -> None:
        script = tmp_path / "child.py"
        script.write_text(FAKE_REPORTS + body, encoding="utf-8")
        monkeypatch.setattr(scalesim_children, "scalesim_child", SimpleNamespace(__file__=str(script)))

    return use


@pytest.fixture
def no_child(monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """From its call on, starting a child fails the test."""

    def forbid() -> None:
        def start(*args: object) -> None:
            raise AssertionError("a child was started")

        monkeypatch.setattr(scalesim_children, "_start", start)

    return forbid


@pytest.fixture
def separate_children(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every layer gets a child of its own."""
    monkeypatch.setattr(scalesim, "SHARED_CHILD_SECONDS", 0.0)


@in_scalesim
@pytest.mark.parametrize("dataflow", DATAFLOWS)
def test_figures_are_those_of_a_direct_call(
    empty_cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, dataflow: str
) -> None:
    array = replace(ARRAY, dataflow=dataflow)
    theirs = run_scalesim(LAYERS, array, tmp_path / "direct", monkeypatch)
    for layer, counts, expected in zip(LAYERS, simulate(NET, array), theirs, strict=True):
        assert counts.layer == layer.name
        assert {field: float(counts.as_dict()[field]) for field in expected} == expected


@in_scalesim
def test_user_bandwidths_stall_as_in_a_direct_call(
    empty_cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    array = replace(ARRAY, interface_bandwidths=(1, 3, 2))
    (expected,) = run_scalesim(LAYERS[:1], array, tmp_path / "direct", monkeypatch)
    (counts,) = simulate(Topology(name="one", layers=LAYERS[:1]), array)
    assert counts.stall_cycles > 0
    assert {field: float(counts.as_dict()[field]) for field in expected} == expected


@in_scalesim
def test_layers_are_counted_alike_alone_and_together(
    empty_cache: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, separate_children: None
) -> None:
    alone = simulate(NET, ARRAY, jobs=2)
    theirs = run_scalesim(tuple(reversed(LAYERS)), ARRAY, tmp_path / "direct", monkeypatch)
    for counts, expected in zip(alone, reversed(theirs), strict=True):
        assert {field: float(counts.as_dict()[field]) for field in expected} == expected


def test_writes_are_corrected_beside_the_reported_ones(empty_cache: Path) -> None:
    for counts, layer in zip(simulate(NET, ARRAY), LAYERS, strict=True):
        assert counts.sram_ofmap_writes_true == layer.ofmap_px * layer.filters
        assert counts.sram_ofmap_writes > counts.sram_ofmap_writes_true


def test_equal_layers_are_simulated_once_under_both_names(
    empty_cache: Path, child: SetChild, tmp_path: Path
) -> None:
    child(f"write_all(); open({str(tmp_path / 'log')!r}, 'a').write(f'{{rows}} ')")
    twice = (LAYERS[0], LAYERS[1], replace(LAYERS[0], name="again"))
    records = simulate(Topology(name="n", layers=twice), ARRAY)
    assert [record.layer for record in records] == ["a", "b", "again"]
    assert replace(records[2], layer="a") == records[0]
    assert sum(map(int, (tmp_path / "log").read_text().split())) == 2


def test_a_cached_layer_needs_no_child(empty_cache: Path, no_child: Callable[[], None]) -> None:
    first = simulate(NET, ARRAY)
    no_child()
    assert simulate(NET, ARRAY) == first
    assert simulate(Topology(name="part", layers=LAYERS[2:3]), ARRAY) == first[2:3]


@pytest.mark.parametrize(
    "change",
    [
        {"rows": 4}, {"cols": 8}, {"dataflow": "ws"}, {"ifmap_sram_kb": 2}, {"filter_sram_kb": 2},
        {"ofmap_sram_kb": 2}, {"interface_bandwidths": (9, 9, 9)},
    ],
)  # fmt: skip
def test_another_array_is_another_entry(
    empty_cache: Path, child: SetChild, change: dict[str, object]
) -> None:
    child("write_all()")
    simulate(NET, ARRAY)
    before = len(snapshot(empty_cache))
    simulate(NET, replace(ARRAY, **change))  # type: ignore[arg-type]
    assert len(snapshot(empty_cache)) == 2 * before == 8


@pytest.mark.parametrize(
    "damage",
    [
        lambda path: path.write_text(""),
        lambda path: path.write_text(path.read_text()[:40]),
        lambda path: path.write_bytes(b"\xff\xfe\x00"),
        lambda path: path.write_text("[]"),
        lambda path: path.write_text(json.dumps({"key": {}, "value": {}})),
        lambda path: path.write_text(json.dumps(json.loads(path.read_text()) | {"value": {"layer": ""}})),
    ],
)
def test_a_damaged_entry_is_simulated_again(
    empty_cache: Path, child: SetChild, damage: Callable[[Path], object]
) -> None:
    child("write_all()")
    one = Topology(name="n", layers=LAYERS[:1])
    first = simulate(one, ARRAY)
    whole = snapshot(empty_cache)
    (entry,) = (empty_cache / path for path in whole)
    damage(entry)
    assert simulate(one, ARRAY) == first
    assert snapshot(empty_cache) == whole


@pytest.mark.parametrize(
    "change",
    [
        {"sram_filter_reads": -1},
        {"sram_filter_reads": "12"},
        {"sram_filter_reads": True},
        {"total_cycles": 12.0},
        {"total_cycles": None},
        {"overall_util_percent": "high"},
        {"overall_util_percent": float("nan")},
        {"layer": 3},
    ],
)
def test_a_cached_count_that_is_none_is_simulated_again(
    empty_cache: Path, child: SetChild, change: dict[str, object]
) -> None:
    child("write_all()")
    one = Topology(name="n", layers=LAYERS[:1])
    first = simulate(one, ARRAY)
    bare = replace(first[0], **({"layer": ""} | change))  # type: ignore[arg-type]
    keep(layer_cache(), (LAYERS[0].shape, ARRAY), bare)
    assert simulate(one, ARRAY) == first


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ("os.kill(os.getpid(), signal.SIGKILL)", "SCALE-Sim was killed by SIGKILL (out of memory?) on layer"),
        ("os.kill(os.getpid(), signal.SIGSEGV)", "SCALE-Sim was killed by SIGSEGV on layer"),
        ("raise ValueError('boom')", "SCALE-Sim failed on layer"),
        ("sys.exit(3)", "status 3"),
        ("sys.exit(0)", "SCALE-Sim left no readable COMPUTE_REPORT.csv"),
        ("write('COMPUTE_REPORT.csv', COMPUTE)", "SCALE-Sim left no readable DETAILED_ACCESS_REPORT.csv"),
        (
            "write_all(); write('BANDWIDTH_REPORT.csv', BANDWIDTH, rows - 1)",
            "BANDWIDTH_REPORT.csv has 3 rows for 4 layers",
        ),
        ("write_all(); write('COMPUTE_REPORT.csv', COMPUTE, rows + 1)", "has 5 rows for 4 layers"),
        ("write_all(); write('COMPUTE_REPORT.csv', COMPUTE, value='x')", "unreadable report"),
        ("write_all(); write('DETAILED_ACCESS_REPORT.csv', ACCESS, value='7.5')", "'7.5'"),
        ("write_all(); write('COMPUTE_REPORT.csv', COMPUTE, value='nan')", "unreadable report"),
        ("write_all(); write('COMPUTE_REPORT.csv', COMPUTE, value='inf')", "unreadable report"),
        ("write_all(); write('COMPUTE_REPORT.csv', COMPUTE.replace('Total', 'Sum'))", "'Total Cycles'"),
        ("write_all(); (report / 'COMPUTE_REPORT.csv').write_bytes(b'')", "has 0 rows for 4 layers"),
        ("write_all(); (report / 'COMPUTE_REPORT.csv').write_bytes(bytes([255]) * 9)", "COMPUTE_REPORT.csv"),
    ],
)
def test_every_failure_of_the_child_is_one_error_and_leaves_no_entry(
    empty_cache: Path, child: SetChild, body: str, reason: str
) -> None:
    child(body)
    with pytest.raises(SimulationError) as error:
        simulate(NET, ARRAY, jobs=1)
    assert reason in str(error.value)
    assert "\n" not in str(error.value)
    assert snapshot(empty_cache) == {}


def test_scalesims_own_failure_names_the_layer(empty_cache: Path) -> None:
    """On a single processing element SCALE-Sim 3.0.0 fails at a layer of one multiplication."""
    one = Topology(name="n", layers=(Layer.gemm(name="tiny", m=1, k=1, n=1),))
    with pytest.raises(SimulationError, match="SCALE-Sim failed on layer 1x1, filter 1x1x1x1, stride 1: "):
        simulate(one, SystolicArray(rows=1, cols=1))


def test_finished_layers_are_kept_when_another_fails(
    empty_cache: Path, child: SetChild, separate_children: None
) -> None:
    child("write_all() if ', 11, 13,' not in (folder / 'topology.csv').read_text() else sys.exit(1)")
    with pytest.raises(SimulationError, match="11x13"):
        simulate(NET, ARRAY, jobs=1)
    kept = snapshot(empty_cache)
    child("write_all()")
    records = simulate(NET, ARRAY, jobs=1)
    assert len(records) == 4
    assert kept.items() < snapshot(empty_cache).items()


def test_an_interrupt_ends_the_children_and_keeps_what_is_finished(
    empty_cache: Path, child: SetChild, separate_children: None, tmp_path: Path
) -> None:
    pids = tmp_path / "pids"
    child(
        f"open({str(pids)!r}, 'a').write(f'{{os.getpid()}} ');"
        "write_all() if ', 11, 13,' in (folder / 'topology.csv').read_text() else time.sleep(60)"
    )

    def interrupt(progress: Progress) -> None:
        if progress.layers_done:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        simulate(NET, ARRAY, jobs=4, on_progress=interrupt)
    assert len(snapshot(empty_cache)) == 1
    started = [int(pid) for pid in pids.read_text().split()]
    assert started
    assert not any(map(is_alive, started))


def test_the_temporary_folder_is_cleared(
    empty_cache: Path, child: SetChild, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(scratch))
    child("write_all()")
    simulate(NET, ARRAY)
    child("sys.exit(1)")
    with pytest.raises(SimulationError):
        simulate(NET, replace(ARRAY, rows=1))
    assert list(scratch.iterdir()) == []


def test_an_unusable_temporary_folder_is_one_error(
    empty_cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "absent"))
    with pytest.raises(NfEnergyError, match="cannot use the temporary folder: No such file"):
        simulate(NET, ARRAY)


def test_a_cache_that_cannot_be_written_is_reported_and_harmless(
    child: SetChild, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "file"
    file.write_text("mine")
    monkeypatch.setenv("NFENERGY_CACHE_DIR", str(file / "cache"))
    child("write_all()")
    assert len(simulate(NET, ARRAY)) == 4
    assert "simulated layers are not kept: cannot write" in capsys.readouterr().err
    assert file.read_text() == "mine"


def test_a_layer_beyond_the_memory_is_refused_before_any_child(
    empty_cache: Path, no_child: Callable[[], None]
) -> None:
    no_child()
    huge = Topology(name="n", layers=(Layer.gemm(name="huge", m=2**20, k=2**20, n=2**20),))
    with pytest.raises(NfEnergyError, match=r"needs about .* GiB in SCALE-Sim.*closed-form"):
        simulate(huge, ARRAY)


def test_joined_layers_never_need_more_than_the_memory(
    empty_cache: Path, child: SetChild, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each layer fits, all of them in one child would not: several children, and no waiting for ever."""
    child("write_all()")
    costs = [scalesim.estimate(layer.shape, ARRAY) for layer in LAYERS]
    monkeypatch.setattr(scalesim, "available_memory_bytes", lambda: max(c.memory_bytes for c in costs) + 1)
    monkeypatch.setattr(scalesim, "SHARED_CHILD_SECONDS", 1e9)
    deadline = time.monotonic() + 30

    def patience(seconds: float) -> None:
        assert time.monotonic() < deadline, "no child was started, and none will be"

    monkeypatch.setattr(scalesim_children.time, "sleep", patience)
    assert len(simulate(NET, ARRAY, jobs=1)) == 4


@pytest.mark.parametrize("jobs", [1, 2])
def test_jobs_bound_the_children_at_a_time(
    empty_cache: Path, child: SetChild, separate_children: None, tmp_path: Path, jobs: int
) -> None:
    running = tmp_path / "running"
    running.mkdir()
    child(f"""
mark = pathlib.Path({str(running)!r}) / str(os.getpid())
mark.touch()
open({str(tmp_path / "seen")!r}, "a").write(f"{{len(os.listdir(mark.parent))}} ")
time.sleep(0.2)
write_all()
mark.unlink()
""")
    simulate(NET, ARRAY, jobs=jobs)
    seen = [int(count) for count in (tmp_path / "seen").read_text().split()]
    assert len(seen) == 4
    assert max(seen) <= jobs


def test_progress_counts_distinct_layers_and_ends_with_all(
    empty_cache: Path, child: SetChild, separate_children: None
) -> None:
    child("write_all()")
    seen: list[Progress] = []
    simulate(Topology(name="n", layers=(*LAYERS, *LAYERS)), ARRAY, jobs=1, on_progress=seen.append)
    assert [progress.layers_done for progress in seen] == [0, 1, 2, 3, 4]
    assert {progress.layers for progress in seen} == {4}
    assert seen[-1].work_done_s == pytest.approx(seen[-1].work_s)
    later: list[Progress] = []
    simulate(NET, ARRAY, on_progress=later.append)
    assert later == []


def test_the_largest_layer_is_started_first(
    empty_cache: Path, child: SetChild, separate_children: None, tmp_path: Path
) -> None:
    log = tmp_path / "order"
    rows = "(folder / 'topology.csv').read_text().splitlines()[1]"
    child(f"write_all(); open({str(log)!r}, 'a').write({rows} + chr(10))")
    simulate(NET, ARRAY, jobs=1)
    sizes = [[int(n) for n in line.split(",")[1:8]] for line in log.read_text().splitlines()]
    seconds = [scalesim.estimate(type(LAYERS[0].shape)(*size), ARRAY).seconds for size in sizes]
    assert seconds == sorted(seconds, reverse=True)


def test_the_patched_max_is_pythons_where_python_has_one() -> None:
    from scalesim.memory import read_buffer

    module = vars(read_buffer)
    before = module.get("max", builtins.max)
    try:
        scalesim_child._patched_scalesim()
        patched = module["max"]
        for arguments in ([[3, 1, 2]], [(4, 9)], [{5}], [5, 3, 8]):
            assert patched(*arguments) == builtins.max(*arguments)
        column = np.arange(12.0).reshape(12, 1)[::-1]
        assert int(patched(column)) == 11
        assert int(patched(np.array([3.0, 9.0, 4.0]))) == 9
    finally:
        module["max"] = before


def test_a_child_ends_with_its_parent(tmp_path: Path) -> None:
    """The parent killed with SIGKILL closes the child's standard input, and the child leaves."""
    large = Layer.gemm(name="x", m=3000, k=300, n=3000)
    folder = tmp_path / "job"
    folder.mkdir()
    from energy.scalesim.cfg import cfg_text
    from topologies import table

    topology = Topology(name="report", layers=(large,))
    (folder / "topology.csv").write_text(table.dumps(topology))
    (folder / "layout.csv").write_text(table.dumps_layout(topology))
    (folder / "array.cfg").write_text(cfg_text(SystolicArray(rows=2, cols=2), "report"))
    process = subprocess.Popen(
        [sys.executable, "-P", scalesim_child.__file__, str(folder)],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        assert process.stdin is not None
        assert process.poll() is None
        process.stdin.close()
        assert process.wait(timeout=60) == 1
    finally:
        if process.poll() is None:
            os.kill(process.pid, signal.SIGKILL)
            process.wait()
