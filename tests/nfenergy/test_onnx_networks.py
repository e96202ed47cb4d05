"""ONNX files where a network is named: counted as modules are, refused where one has to run."""

from __future__ import annotations

import hashlib
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from neuralfuse.registry import DATASETS
from neuralfuse.user_networks import find_network
from nfenergy.ground.errors import InputError
from nfenergy.networks import network_model, network_topology
from tests.conftest import RunCli
from tests.nfenergy.counted import simulate
from tests.nfenergy.own_networks import WriteFile, build, repair
from tests.topologies.onnx_files import EXACT, export, nameless, onnx, saved
from topologies.convention import CONVENTIONS

pytestmark = pytest.mark.usefixtures("one_torch_thread")

node = onnx.helper.make_node


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with ``base.onnx`` and ``gen.onnx``."""
    folder = tmp_path_factory.mktemp("onnx")
    export(folder / "base.onnx", build(10), (1, 3, 32, 32), dynamo=False)
    export(folder / "gen.onnx", repair(), (1, 3, 32, 32), dynamo=False)
    return folder


def test_figures_are_those_of_the_module(files: Path, write: WriteFile) -> None:
    own = write()
    ours = simulate(str(files / "base.onnx"), str(files / "gen.onnx"), convention="exact")
    theirs = simulate(f"{own}:build", f"{own}:repair", convention="exact")
    assert (ours.measures, ours.latency) == (theirs.measures, theirs.latency)
    for mine, other in zip(ours.networks, theirs.networks, strict=True):
        assert nameless(mine.model.topology.layers) == nameless(other.model.topology.layers)
        assert mine.model.size.macs == other.model.size.macs
    assert [result.model.network.title for result in ours.networks] == ["base.onnx", "gen.onnx"]
    # The exporter folded the base's batch normalisation of 8 channels: 16 parameters became 8.
    assert ours.base.model.size.params == theirs.base.model.size.params - 8
    assert theirs.generator is not None
    assert ours.generator is not None
    assert ours.generator.model.size.params == theirs.generator.model.size.params


def test_a_run_says_which_file_and_repeats(files: Path, cli: RunCli, tmp_path: Path) -> None:
    words = ["--base", str(files / "base.onnx"), "--gen", str(files / "gen.onnx"), "--convention", "exact"]
    found = cli("simulate", *words, "--engine", "closed-form", "--out", str(tmp_path / "run"), "--json")
    assert found.status == 0
    run = json.loads((tmp_path / "run/run.json").read_text())
    assert run["provenance"]["network_files"] == [
        {
            "network": path.name,
            "file": str(path),
            "sha256": hashlib.sha256(path.read_bytes()).hexdigest(),
        }
        for path in (files / "base.onnx", files / "gen.onnx")
    ]
    assert str((files / "base.onnx").absolute()) in run["provenance"]["command"]
    again = cli(*run["provenance"]["command"][1:], "--json")
    figures = json.loads(again.stdout)
    assert {key: figures[key] for key in ("base", "generator", "saving")} == {
        key: run[key] for key in ("base", "generator", "saving")
    }
    assert (tmp_path / "run/topologies/base.onnx.csv").exists()


ACCURACY = """\
dataset,base,generator,bit_error_rate_percent,clean_accuracy,perturbed_accuracy_mean,perturbed_accuracy_std,\
nf_clean_accuracy,nf_perturbed_accuracy_mean,nf_perturbed_accuracy_std,fault_model,weight_bits
cifar10,base.onnx,gen.onnx,1,90,50,1,88,70,1,flip,8
"""


def test_export_sweep_and_reports_take_files(
    files: Path, cli: RunCli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(files)
    exact = ("--convention", "exact")
    exported = cli("export", "--base", "base.onnx", *exact, "--out", str(tmp_path / "csv"))
    assert "4 of 4 weighted layers, 100 % of MACs" in exported.stdout
    spec, accuracy = tmp_path / "sweep.yaml", tmp_path / "accuracy.csv"
    spec.write_text("bases: [base.onnx]\ngenerators: [gen.onnx]\nconventions: [exact]\nvoltages: [0.8333]\n")
    accuracy.write_text(ACCURACY)
    swept = cli("sweep", str(spec), "--out", str(tmp_path / "sweep"))
    assert (swept.status, swept.stdout.split()[0]) == (0, "1")
    given = ("--accuracy", str(accuracy), *exact, "--engine", "closed-form")
    best = "Best: base.onnx + gen.onnx on CIFAR-10"
    assert cli("recommend", *given).stdout.startswith(best)
    assert cli("report", *given, "--out", str(tmp_path / "page.html")).status == 0
    assert "base.onnx + gen.onnx" in (tmp_path / "page.html").read_text()
    assert cli("plot", "saving", *given, "--out", str(tmp_path / "saving.svg")).status == 0
    swept_rows = str(tmp_path / "sweep/sweep.parquet")
    assert cli("recommend", *given, "--savings", swept_rows).stdout.startswith(best)


@pytest.mark.parametrize(
    "command",
    [
        ("train-base", "--base", "base.onnx", "--data", "cifar10", "--out", "out"),
        ("train", "--base-checkpoint", "none.safetensors", "--gen", "gen.onnx", "--out", "out"),
        ("measure-latency", "--base", "base.onnx", "--repeats", "1"),
        ("measure-latency", "--base", "vgg11", "--gen", "gen.onnx", "--repeats", "1"),
    ],
    ids=" ".join,
)
def test_what_runs_a_network_refuses_a_file(
    files: Path, cli: RunCli, monkeypatch: pytest.MonkeyPatch, command: tuple[str, ...]
) -> None:
    monkeypatch.chdir(files)
    found = cli(*command)
    assert found.status == 2
    assert "is an ONNX file, which can be counted and simulated, not trained or run" in found.error
    assert not Path("out").exists()


def test_ptflops_and_widths_are_refused(files: Path, cli: RunCli) -> None:
    base = str(files / "base.onnx")
    found = cli("simulate", "--base", base, "--convention", "paper")
    assert (found.status, found.error) == (
        2,
        "base.onnx: ptflops counts PyTorch modules, of which an ONNX file holds none; "
        "take --convention exact",
    )
    wide = cli("simulate", "--base", base, "--width", "2", "--convention", "exact")
    assert wide.error == "base.onnx: the file decides its width; leave out width 2"
    with pytest.raises(InputError, match="take --convention exact"):
        network_topology(find_network(base, "base"), DATASETS["cifar10"], CONVENTIONS["paper"])


def test_two_files_of_one_name_are_told_apart(files: Path, cli: RunCli, tmp_path: Path) -> None:
    (tmp_path / "base.onnx").write_bytes((files / "gen.onnx").read_bytes())
    words = ["--base", str(files / "base.onnx"), "--gen", str(tmp_path / "base.onnx")]
    found = cli("simulate", *words, "--convention", "exact")
    assert found.error == "two networks are called base.onnx; rename one of the files"


def test_without_the_package(files: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "onnx", None)
    with pytest.raises(InputError) as refusal:
        network_model(find_network(str(files / "base.onnx"), "base"), DATASETS["cifar10"], EXACT)
    assert str(refusal.value) == (
        "base.onnx: reading ONNX files takes the package onnx, which is not installed: "
        "pip install 'nfenergy[onnx]'"
    )


def _unknown_opset(path: Path) -> None:
    model = onnx.load(path)
    model.opset_import[0].version = 4000
    path.write_bytes(model.SerializeToString())


def _without_weights(path: Path) -> None:
    saved(path, [node("Relu", ["x"], ["y"])], inputs={"x": [1, 3, 8, 8]}, weights={})


def _unknown_operator(path: Path) -> None:
    nodes = [node("Blur", ["x"], ["y"], name="blur", domain="ours")]
    saved(path, nodes, inputs={"x": [1, 3, 8, 8]}, weights={})


def _without_shape(path: Path) -> None:
    conv = node("Conv", ["x", "w"], ["y"])
    saved(path, [conv], inputs={"x": ["n", 3, "h", "w"]}, weights={"w": [4, 3, 3, 3]})


MALFORMED: dict[str, tuple[Callable[[Path], Any], str]] = {
    "empty": (lambda path: path.write_bytes(b""), "is empty; expected an ONNX model"),
    "truncated": (lambda path: path.write_bytes(path.read_bytes()[:-100]), "is not an ONNX model, or is cut"),
    "text": (lambda path: path.write_text("import torch\n"), "not an ONNX model, or is cut off"),
    "zeros": (lambda path: path.write_bytes(bytes(100)), "is not an ONNX model, or is cut off"),
    "nothing in it": (
        lambda path: path.write_bytes(onnx.ModelProto(ir_version=8).SerializeToString()),
        "holds no graph of ONNX operators; is it an ONNX model, and whole?",
    ),
    "no weights": (_without_weights, "topology 'broken.onnx' has no layers: nothing in it reads weights"),
    "unknown opset": (_unknown_opset, "uses version 4000 of ONNX's operators; onnx "),
    "unknown operator": (_unknown_operator, "layer 'blur' (Blur): an operator of 'ours', of which nothing"),
    "open shape": (_without_shape, "leaves extents of its input 'x' open (? x 3 x ? x ?)"),
    "folder": (lambda path: (path.unlink(), path.mkdir()), "cannot read network file"),
    "absent": (lambda path: path.unlink(), "cannot read network file"),
}


@pytest.mark.parametrize("what", MALFORMED)
def test_malformed_files(what: str, files: Path, cli: RunCli, tmp_path: Path) -> None:
    spoil, message = MALFORMED[what]
    path = tmp_path / "broken.onnx"
    path.write_bytes((files / "base.onnx").read_bytes())
    spoil(path)
    for words in (("simulate", "--engine", "closed-form"), ("export", "--out", str(tmp_path / "out"))):
        found = cli(*words, "--base", str(path), "--convention", "exact")
        assert found.status == 2
        assert message in found.error
    assert not (tmp_path / "out").exists()


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_a_damaged_file_is_counted_or_refused_in_one_line(
    data: st.DataObject, files: Path, tmp_path: Path
) -> None:
    content = bytearray((files / "gen.onnx").read_bytes())
    for place in data.draw(st.lists(st.integers(0, len(content) - 1), min_size=1, max_size=4)):
        content[place] = data.draw(st.integers(0, 255))
    (tmp_path / "damaged.onnx").write_bytes(content)
    try:
        network_model(find_network(str(tmp_path / "damaged.onnx"), "base"), DATASETS["cifar10"], EXACT)
    except InputError as refusal:
        assert "\n" not in str(refusal)  # noqa: PT017


@pytest.mark.parametrize("cut", range(0, 1000, 90))
def test_a_file_cut_anywhere_is_refused_in_one_line(
    cut: int, files: Path, cli: RunCli, tmp_path: Path
) -> None:
    content = (files / "gen.onnx").read_bytes()
    (tmp_path / "cut.onnx").write_bytes(content[: len(content) * cut // 1000])
    with pytest.raises(InputError) as refusal:
        network_model(find_network(str(tmp_path / "cut.onnx"), "base"), DATASETS["cifar10"], EXACT)
    assert "\n" not in str(refusal.value)
