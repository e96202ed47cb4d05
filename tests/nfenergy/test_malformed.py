"""Malformed input: one clear line, the right status, and no damage.

`CASES` is the written list; those that need a process of their own (killed children, full disks, signals)
follow it. Ctrl-C and termination half-way through a simulation are in `test_cli`.
"""

from __future__ import annotations

import os
import resource
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest

from energy.scalesim import children as scalesim_children
from tests.conftest import HEADER, CliResult, RunCli, child_processes, cli_command, is_alive, snapshot

OK_ROW = "Conv1, 8, 8, 3, 3, 2, 4, 1,"
CFG = """\
[general]
run_name = x
[architecture_presets]
ArrayHeight : 8
ArrayWidth : 8
IfmapSramSzkB : 64
FilterSramSzkB : 64
OfmapSramSzkB : 64
IfmapOffset : 0
FilterOffset : 10000000
OfmapOffset : 20000000
Dataflow : os
[run_presets]
InterfaceBandwidth : CALC
"""
POINTS = "points: [[1, 2, 3]]\n"

FILES: dict[str, str | bytes] = {
    "ok.csv": f"{HEADER}\n{OK_ROW}\n",
    "empty.csv": "",
    "blank.csv": "\n\n,,,,\n",
    "header.csv": f"{HEADER}\n",
    "headless.csv": f"{OK_ROW}\n",
    "text.csv": f"{HEADER}\nConv1, 8, eight, 3, 3, 2, 4, 1,\n",
    "float.csv": f"{HEADER}\nConv1, 8.5, 8, 3, 3, 2, 4, 1,\n",
    "missing_number.csv": f"{HEADER}\nConv1, 8, , 3, 3, 2, 4, 1,\n",
    "short.csv": f"{HEADER}\nConv1, 8, 8, 3, 3,\n",
    "long.csv": f"{HEADER}\nConv1, 8, 8, 3, 3, 2, 4, 1, 1, 1:1, 9, 9,\n",
    "zero.csv": f"{HEADER}\nConv1, 8, 8, 3, 3, 0, 4, 1,\n",
    "zero_stride.csv": f"{HEADER}\nConv1, 8, 8, 3, 3, 2, 4, 0,\n",
    "negative.csv": f"{HEADER}\nConv1, 8, 8, 3, 3, 2, -4, 1,\n",
    "huge.csv": f"{HEADER}\nConv1, 99999999999, 8, 3, 3, 2, 4, 1,\n",
    "huge_digits.csv": f"{HEADER}\nConv1, {'9' * 5000}, 8, 3, 3, 2, 4, 1,\n",
    "huge_layer.csv": f"{HEADER}\nConv1, 2000000000, 2000000000, 3, 3, 2, 4, 1,\n",
    "huge_depthwise.csv": f"{HEADER}\nConvDP, 8, 8, 3, 3, 2000000000, 4, 1,\n",
    "zero_depthwise.csv": f"{HEADER}\nConvDP, 8, 8, 3, 3, 0, 4, 1,\n",
    "filter.csv": f"{HEADER}\nConv1, 8, 8, 9, 3, 2, 4, 1,\n",
    "strides.csv": f"{HEADER}\nConv1, 8, 8, 3, 3, 2, 4, 1, 2,\n",
    "ratio.csv": f"{HEADER}\nConv1, 8, 8, 3, 3, 2, 4, 1, 4:2,\n",
    "no_comma.csv": f"{HEADER}\nConv1, 8, 8, 3, 3, 2, 4, 1\n",
    "semicolons.csv": f"{HEADER.replace(',', ';')}\n{OK_ROW.replace(',', ';')}\n",
    "utf16.csv": f"{HEADER}\n{OK_ROW}\n".encode("utf-16"),
    "image.csv": b"\x89PNG\r\n\x1a\n\x00\x00\xff",
    "page.csv": "<!DOCTYPE html>\n<html></html>\n",
    "ok.cfg": CFG,
    "no_section.cfg": "[general]\nrun_name = x\n",
    "no_header.cfg": "ArrayHeight = 8\n",
    "no_key.cfg": CFG.replace("ArrayWidth : 8\n", ""),
    "text.cfg": CFG.replace("ArrayWidth : 8", "ArrayWidth : wide"),
    "percent.cfg": CFG.replace("ArrayWidth : 8", "ArrayWidth : 8%(x)s"),
    "zero.cfg": CFG.replace("ArrayWidth : 8", "ArrayWidth : 0"),
    "twice.cfg": CFG.replace("ArrayWidth : 8", "ArrayWidth : 8\nArrayWidth : 9"),
    "dataflow.cfg": CFG.replace("Dataflow : os", "Dataflow : rs"),
    "ramulator.cfg": CFG + "UseRamulatorTrace = True\n",
    "binary.cfg": b"\xff\xfe\x00",
    "misspelt.cfg": CFG.replace("Dataflow", "Datafow"),
    "list.cfg": CFG.replace("ArrayHeight : 8", "ArrayHeight : 64,32"),
    "layout.cfg": CFG + "[layout]\nIfmapCustomLayout = on\n",
    "mkn.csv": "Layer, M, K, Q,\nGEMM1, 6, 7, 8,\n",
    "batch.csv": f"{HEADER} Batch Size,\n{OK_ROW} 4,\n",
    "empty.yaml": "",
    "list.yaml": "- 1\n",
    "broken.yaml": "points: [",
    "points.yaml": f"name: x\n{POINTS}",
    "unsafe.yaml": "!!python/object/apply:os.system ['touch damage']\n",
    "no_columns.csv": "a,b\n1,2\n",
    "twice.yaml": f"name: x\n{POINTS}{POINTS}",
    "date.yaml": "name: x\npoints: 2020-99-99\n",
    "digits.yaml": f"name: x\npoints: {'9' * 5000}\n",
    "tag.yaml": "name: x\npoints: !!float 1[x]\n",
    "nested.yaml": "[" * 3000,
    "long_field.csv": f"voltage_norm\n{'1' * 140_000}\n",
    "sweep.yaml": "bases: [vgg11]\nvoltages: [true]\n",
    "sweep_twice.yaml": "bases: [vgg11]\nvoltages: [1]\nvoltages: [0.9]\n",
    "sweep_nested.yaml": "bases: " + "[" * 3000 + "]" * 3000,
    "file": "mine\n",
}

SIM = ("simulate", "--base", "resnet18", "--engine", "closed-form")
LAY = ("layers", "--engine", "closed-form", "--topology")

CASES: list[tuple[tuple[str, ...], int, str]] = [
    # Names
    (("simulate", "--base", "resnet81"), 2, "no base model named 'resnet81'. Did you mean 'resnet18'"),
    (("simulate", "--base", "convs"), 2, "no base model named 'convs'"),
    (("simulate", "--base", ""), 2, "nothing stands after --base; give a value"),
    ((*SIM, "--gen", "conv-s"), 2, "no generator named 'conv-s'. Did you mean 'convs'"),
    ((*SIM, "--gen", "vgg11"), 2, "no generator named 'vgg11'"),
    ((*SIM, "--dataset", "cifar"), 2, "no data set named 'cifar'. Did you mean 'cifar10"),
    ((*SIM, "--convention", "papers"), 2, "Did you mean 'paper'"),
    ((*SIM, "--curve", "stutz"), 2, "no voltage curve named 'stutz'"),
    (("simulate", "--base", "vgg11", "--engine", "scale-sim"), 2, "Did you mean 'scalesim'"),
    (("reproduce", "table9"), 2, "no table named 'table9'"),
    (("list", "models"), 2, "no kind of name named 'models'"),
    ((*LAY, "ok.csv", "--format", "xml"), 2, "no format named 'xml'"),
    # Options
    (("simulate",), 2, "Missing option '--base'"),
    (("layers",), 2, "Missing option '--topology'"),
    (("export", "--base", "vgg11"), 2, "Missing option '--out'"),
    (("simulat", "--base", "vgg11"), 2, "No such command 'simulat'"),
    ((*SIM, "--generator", "convs"), 2, "no such option: --generator"),
    ((*SIM, "--size", "slide"), 2, "no such option: --size"),
    ((*SIM, "--weight-bit", "8"), 2, "no such option: --weight-bit; did you mean --weight-bits"),
    ((*SIM, "extra"), 2, "unexpected extra argument"),
    ((*SIM, "--ber"), 2, "--ber"),
    ((*SIM, "--ber", "1"), 2, "bit error rate 1 is above 0.5; for 1 percent write 1%"),
    ((*SIM, "--ber", "80%"), 2, "bit error rate 80% is above 0.5"),
    ((*SIM, "--ber", "-1%"), 2, "is negative"),
    ((*SIM, "--ber", "one percent"), 2, "is not a number; write 1% or 0.01"),
    ((*SIM, "--ber", "nan"), 2, "is not a number"),
    ((*SIM, "--ber", "30%"), 2, "outside curve 'stutz2021-14nm'"),
    ((*SIM, "--ber", "0.0000001%"), 2, "outside curve 'stutz2021-14nm'"),
    ((*SIM, "--voltage", "0.5"), 2, "voltage 0.5 is outside curve"),
    ((*SIM, "--voltage", "nan"), 2, "voltage nan is outside curve"),
    ((*SIM, "--voltage", "low"), 2, "Invalid value for '--voltage'"),
    ((*SIM, "--array", "32"), 2, "expected ROWSxCOLS such as 32x32"),
    ((*SIM, "--array", "0x32"), 2, "array rows is 0"),
    ((*SIM, "--array", "-8x8"), 2, "expected ROWSxCOLS"),
    ((*SIM, "--array", "99999x1"), 2, "array rows is 99999, expected 1 to 65536"),
    ((*SIM, "--dataflow", "rs"), 2, "dataflow is 'rs', expected one of os, ws, is"),
    ((*SIM, "--weight-bits", "0"), 2, "weight bits are 0, expected 1 to 64"),
    ((*SIM, "--weight-bits", "128"), 2, "weight bits are 128"),
    ((*SIM, "--weight-bits", "8.5"), 2, "Invalid value for '--weight-bits'"),
    ((*SIM, "--clock-ghz", "0"), 2, "clock is 0 GHz"),
    ((*SIM, "--clock-ghz", "-1"), 2, "clock is -1 GHz"),
    ((*SIM, "--clock-ghz", "inf"), 2, "clock is inf GHz"),
    ((*SIM, "--jobs", "0"), 2, "Invalid value for '--jobs'"),
    ((*SIM, "--jobs", "many"), 2, "Invalid value for '--jobs'"),
    ((*SIM, "--width", "0"), 2, "width"),
    ((*SIM, "--width", "nan"), 2, "width"),
    # Contradictions
    ((*SIM, "--ber", "1%", "--voltage", "0.9"), 2, "by bit error rate or by voltage, not by both"),
    ((*SIM, "--convention", "exact", "--deconv", "paper"), 2, "does not go with convention 'exact'"),
    ((*SIM, "--deconv", "subpixel"), 2, "does not go with convention 'paper'"),
    (("export", "--out", "new"), 2, "nothing to export: give --base, --gen or --all"),
    (("export", "--all", "--base", "vgg11", "--out", "new"), 2, "--all exports every network"),
    (("export", "--all", "--deconv", "subpixel", "--out", "new"), 2, "does not go with convention"),
    # Topology files
    ((*LAY, "absent.csv"), 2, "cannot read topology file absent.csv: No such file"),
    ((*LAY, "."), 2, "cannot read topology file .: Is a directory"),
    ((*LAY, "empty.csv"), 2, "empty.csv holds no layers"),
    ((*LAY, "blank.csv"), 2, "blank.csv holds no layers"),
    ((*LAY, "header.csv"), 2, "header.csv holds no layers"),
    ((*LAY, "headless.csv"), 2, "headless.csv, line 1: a layer stands where"),
    ((*LAY, "text.csv"), 2, "text.csv, line 2: 'eight' is not a whole number"),
    ((*LAY, "float.csv"), 2, "float.csv, line 2: '8.5' is not a whole number"),
    ((*LAY, "missing_number.csv"), 2, "line 2: '' is not a whole number"),
    ((*LAY, "short.csv"), 2, "short.csv, line 2: expected a name and seven numbers, found 5 fields"),
    ((*LAY, "long.csv"), 2, "long.csv, line 2: expected a name and seven numbers"),
    ((*LAY, "zero.csv"), 2, "zero.csv, line 2: layer 'Conv1': channels is 0"),
    ((*LAY, "zero_stride.csv"), 2, "line 2: layer 'Conv1': stride is 0"),
    ((*LAY, "negative.csv"), 2, "negative.csv, line 2: layer 'Conv1': filters is -4"),
    ((*LAY, "huge.csv"), 2, "huge.csv, line 2: layer 'Conv1': ifmap_h is 99999999999"),
    ((*LAY, "huge_digits.csv"), 2, "is not a whole number"),
    ((*LAY, "huge_depthwise.csv"), 2, "line 2: 2000000000 depthwise channels"),
    ((*LAY, "zero_depthwise.csv"), 2, "line 2: 0 depthwise channels"),
    (("layers", "--topology", "huge_layer.csv"), 1, "GiB can be used here"),
    ((*LAY, "filter.csv"), 2, "filter.csv, line 2: layer 'Conv1': its 9 x 3 filter is larger than"),
    ((*LAY, "strides.csv"), 2, "strides.csv, line 2: strides 1 x 2"),
    ((*LAY, "ratio.csv"), 2, "ratio.csv, line 2: layer 'Conv1': sparsity is 4:2, expected N:M with 1"),
    ((*LAY, "no_comma.csv"), 2, "no_comma.csv, line 2: SCALE-Sim reads 7 fields, each before a comma, "),
    ((*LAY, "semicolons.csv"), 2, "its columns must be separated by commas"),
    ((*LAY, "mkn.csv"), 2, "mkn.csv, line 1: unknown column 'Q' in the header"),
    ((*LAY, "batch.csv"), 2, "batch.csv, line 2: batch size '4': nfenergy counts one input at a time"),
    ((*LAY, "x" * 300), 2, "File name too long"),
    ((*LAY, "utf16.csv"), 2, "utf16.csv is not UTF-8 text"),
    ((*LAY, "image.csv"), 2, "image.csv is not UTF-8 text"),
    ((*LAY, "page.csv"), 2, "page.csv, line 1: "),
    ((*LAY, "ok.cfg"), 2, "ok.cfg, line 1: "),
    # Arrays from a file
    ((*SIM, "--config", "absent.cfg"), 2, "no file and no preset 'absent.cfg'. Presets: scale, google"),
    ((*SIM, "--config", "."), 2, "no file and no preset '.'"),
    ((*SIM, "--config", "no_section.cfg"), 2, "no section [architecture_presets]"),
    ((*SIM, "--config", "no_header.cfg"), 2, "no_header.cfg is not a SCALE-Sim cfg"),
    ((*SIM, "--config", "no_key.cfg"), 2, "no_key.cfg: it has no ArrayWidth"),
    ((*SIM, "--config", "text.cfg"), 2, "text.cfg: ArrayWidth is 'wide'"),
    ((*SIM, "--config", "percent.cfg"), 2, "percent.cfg: ArrayWidth is '8%(x)s'"),
    ((*SIM, "--config", "zero.cfg"), 2, "zero.cfg: array cols is 0"),
    ((*SIM, "--config", "twice.cfg"), 2, "twice.cfg is not a SCALE-Sim cfg"),
    ((*SIM, "--config", "dataflow.cfg"), 2, "dataflow.cfg: dataflow is 'rs'"),
    ((*SIM, "--config", "ramulator.cfg"), 2, "sets UseRamulatorTrace, which nfenergy does not drive"),
    ((*SIM, "--config", "binary.cfg"), 2, "binary.cfg is not UTF-8 text"),
    ((*SIM, "--config", "misspelt.cfg"), 2, "SCALE-Sim knows no key Datafow. Did you mean Dataflow?"),
    ((*SIM, "--config", "list.cfg"), 2, "list.cfg: ArrayHeight is '64,32', expected a whole number"),
    ((*SIM, "--config", "layout.cfg"), 2, "sets IfmapCustomLayout, which nfenergy does not drive"),
    ((*SIM, "--config", "x" * 300), 2, "no file and no preset 'xxx"),
    ((*SIM, "--config", "ok.csv"), 2, "ok.csv is not a SCALE-Sim cfg"),
    # Curves from a file
    ((*SIM, "--curve", "absent.yaml"), 2, "cannot read voltage curve absent.yaml"),
    ((*SIM, "--curve", "empty.yaml"), 2, "voltage curve empty.yaml: content"),
    ((*SIM, "--curve", "list.yaml"), 2, "voltage curve list.yaml: content"),
    ((*SIM, "--curve", "broken.yaml"), 2, "broken.yaml is not YAML"),
    ((*SIM, "--curve", "points.yaml"), 2, "voltage curve points.yaml: points"),
    ((*SIM, "--curve", "unsafe.yaml"), 2, "unsafe.yaml, line 1, column 1: the tag"),
    ((*SIM, "--curve", "twice.yaml"), 2, "twice.yaml, line 3, column 1: key 'points' stands twice"),
    ((*SIM, "--curve", "date.yaml"), 2, "voltage curve date.yaml: points: Input should be a valid list"),
    ((*SIM, "--curve", "digits.yaml"), 2, "digits.yaml, line 2, column 9: an integer beyond 64 bits"),
    ((*SIM, "--curve", "tag.yaml"), 2, "tag.yaml, line 2, column 9: the tag tag:yaml.org,2002:float is"),
    ((*SIM, "--curve", "nested.yaml"), 2, "nested.yaml, line 1, column 51: nested deeper than 50"),
    ((*SIM, "--curve", "long_field.csv"), 2, "long_field.csv, line 2: not CSV: field larger than"),
    ((*SIM, "--curve", "x" * 300 + ".yaml"), 2, "File name too long"),
    (("sweep", "sweep.yaml", "--out", "new"), 2, "sweep.yaml: voltages: Input should be a valid number"),
    (("sweep", "sweep_twice.yaml", "--out", "new"), 2, "line 3, column 1: key 'voltages' stands twice"),
    (("sweep", "sweep_nested.yaml", "--out", "new"), 2, "nested deeper than 50"),
    ((*SIM, "--curve", "no_columns.csv"), 2, "voltage curve no_columns.csv: points"),
    ((*SIM, "--curve", "image.csv"), 2, "image.csv is not UTF-8 text"),
    # Folders that cannot be written
    ((*SIM, "--out", "file"), 1, "cannot write into file: "),
    ((*SIM, "--out", "file/below"), 1, "cannot write into file/below: "),
    ((*SIM, "--out", "/dev/null"), 1, "cannot write into /dev/null: "),
    ((*SIM, "--out", "/proc/nfenergy"), 1, "cannot write /proc/nfenergy"),
    (("export", "--base", "vgg11", "--out", "file"), 1, "cannot write "),
    (("simulate", "--base", "resnet81", "--out", "new"), 2, "no base model named 'resnet81'"),
]


@pytest.fixture
def workplace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with all the files that `CASES` name, the current one."""
    folder = tmp_path / "work"
    folder.mkdir()
    for name, content in FILES.items():
        (folder / name).write_bytes(content.encode() if isinstance(content, str) else content)
    monkeypatch.chdir(folder)
    return folder


@pytest.mark.parametrize(("command", "status", "reason"), CASES, ids=lambda value: str(value)[:80])
def test_malformed_input(
    cli: RunCli,
    workplace: Path,
    isolated_cache: Path,
    command: tuple[str, ...],
    status: int,
    reason: str,
) -> None:
    files = snapshot(workplace)
    layers = {name for name in snapshot(isolated_cache) if not name.startswith("networks")}
    done = cli(*command)
    assert reason in done.error
    assert done.status == status
    assert done.stdout == ""
    assert snapshot(workplace) == files
    assert not (workplace / "new").exists()
    assert {name for name in snapshot(isolated_cache) if not name.startswith("networks")} == layers


def test_the_list_is_long_enough_and_its_files_are_used() -> None:
    assert len(CASES) >= 40
    used = {word for command, _, _ in CASES for word in command}
    assert set(FILES) - used <= {"ok.csv", "ok.cfg"}


@pytest.fixture
def child_script(workplace: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Puts a script in the place of the child that runs SCALE-Sim."""

    def use(body: str) -> None:
        script = workplace / "child.py"
        script.write_text(body)
        monkeypatch.setattr(scalesim_children, "scalesim_child", SimpleNamespace(__file__=str(script)))

    return use


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ("import os; os.kill(os.getpid(), 9)", "killed by SIGKILL (out of memory?)"),
        ("import os; os.kill(os.getpid(), 11)", "killed by SIGSEGV"),
        ("raise MemoryError", "SCALE-Sim failed on layer 8x8, filter 3x3x2x4, stride 1: MemoryError"),
        ("import sys; sys.stderr.write('two\\nlines\\n'); sys.exit(7)", "lines"),
        ("", "SCALE-Sim left no "),
    ],
)
def test_a_simulator_that_fails(
    cli: RunCli, child_script: Callable[[str], None], empty_cache: Path, body: str, reason: str
) -> None:
    child_script(body)
    done = cli("layers", "--topology", "ok.csv")
    assert reason in done.error
    assert (done.status, done.stdout) == (1, "")
    assert snapshot(empty_cache) == {}


def test_an_unforeseen_error_of_the_system_is_one_line(
    cli: RunCli, workplace: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*args: object, **options: object) -> None:
        raise OSError(24, "Too many open files")

    monkeypatch.setattr(subprocess, "Popen", fail)
    monkeypatch.setenv("NFENERGY_CACHE_DIR", str(workplace / "cache"))
    done = cli("layers", "--topology", "ok.csv")
    assert "Too many open files" in done.error
    assert done.status == 1


@pytest.mark.parametrize("error", [KeyboardInterrupt, MemoryError])
def test_interrupts_and_exhausted_memory_anywhere(
    cli: RunCli, workplace: Path, monkeypatch: pytest.MonkeyPatch, error: type[BaseException]
) -> None:
    def stop(*args: object, **options: object) -> None:
        raise error

    monkeypatch.setattr("topologies.table.read", stop)
    done = cli("layers", "--topology", "ok.csv")
    assert done.status == (130 if error is KeyboardInterrupt else 1)
    assert done.error


# In the real process


def full_disk() -> None:
    """Every file may take 300 bytes, then its disk is full; pipes are no files."""
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (300, 300))


def test_a_full_disk_leaves_no_half_file_behind(workplace: Path, run_cli: RunCli, cli: RunCli) -> None:
    assert cli(*SIM).status == 0  # the network is in the cache now
    files = snapshot(workplace)
    done = run_cli(*SIM, "--out", "new", preexec_fn=full_disk)
    assert "cannot write new/summary.csv: File too large" in done.error
    assert (done.status, done.stdout) == (1, "")
    assert snapshot(workplace) == files


def test_a_full_disk_in_the_temporary_folder(workplace: Path, run_cli: RunCli) -> None:
    row = "Conv1, 8, 8, 3, 3, 2, 4, 1,\n"
    (workplace / "many.csv").write_text(f"{HEADER}\n" + row * 3 + "Conv2, 9, 8, 3, 3, 2, 4, 1,\n")
    environment = os.environ | {"NFENERGY_CACHE_DIR": str(workplace / "cache"), "TMPDIR": str(workplace)}
    files = snapshot(workplace)
    done = run_cli("layers", "--topology", "many.csv", env=environment, preexec_fn=full_disk)
    assert "File too large" in done.error
    assert (done.status, done.stdout) == (1, "")
    assert snapshot(workplace) == files


@pytest.mark.parametrize("command", [("list",), ("--help",), (*LAY, "ok.csv")])
def test_a_full_disk_behind_stdout(workplace: Path, command: tuple[str, ...]) -> None:
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            cli_command(*command), stdout=full, stderr=subprocess.PIPE, text=True, check=False
        )
    result = CliResult(done.returncode, "", done.stderr)
    assert "No space left on device" in result.error
    assert result.status == 1


def test_a_killed_child_of_the_real_process(workplace: Path, tmp_path: Path) -> None:
    (workplace / "large.csv").write_text(f"{HEADER}\nLong, 500, 900, 1, 900, 1, 500, 1,\n")
    environment = os.environ | {"NFENERGY_CACHE_DIR": str(tmp_path / "cache")}
    process = subprocess.Popen(
        cli_command("layers", "--topology", "large.csv", "--array", "2x2"),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment,
    )
    deadline = time.monotonic() + 90
    while not (children := child_processes(process.pid)):
        assert time.monotonic() < deadline
        assert process.poll() is None
        time.sleep(0.05)
    os.kill(children[0], signal.SIGKILL)
    stdout, stderr = process.communicate(timeout=60)
    result = CliResult(process.returncode, stdout, stderr)
    assert "SCALE-Sim was killed by SIGKILL (out of memory?) on layer 500x900" in result.error
    assert (result.status, result.stdout) == (1, "")
    assert not any(map(is_alive, children))
    assert snapshot(tmp_path / "cache") == {}


@pytest.mark.parametrize(
    ("command", "status"),
    [
        (("simulate", "--base", "resnet81"), 2),
        ((*LAY, "text.csv"), 2),
        ((*SIM, "--ber", "1"), 2),
        ((*SIM, "--out", "file"), 1),
    ],
)
def test_the_same_in_a_process_of_its_own(
    workplace: Path, run_cli: RunCli, command: tuple[str, ...], status: int
) -> None:
    done = run_cli(*command)
    assert done.error
    assert (done.status, done.stdout) == (status, "")


def test_a_closed_stdout_is_no_crash(workplace: Path) -> None:
    done = subprocess.run(
        ["sh", "-c", 'exec "$@" >&-', "sh", *cli_command("list")],
        stderr=subprocess.PIPE,
        text=True,
        check=False,
    )
    assert "Traceback" not in done.stderr


def test_a_cache_folder_that_is_a_file_costs_the_cache_alone(workplace: Path, run_cli: RunCli) -> None:
    environment = os.environ | {"NFENERGY_CACHE_DIR": str(workplace / "file")}
    done = run_cli("layers", "--topology", "ok.csv", "--array", "8x8", "--format", "csv", env=environment)
    assert done.status == 0
    assert done.stdout.count("\n") == 2
    assert done.stderr.startswith("nfenergy: simulated layers are not kept: cannot write ")
    assert len(done.stderr.splitlines()) == 1
    assert (workplace / "file").read_text() == "mine\n"
