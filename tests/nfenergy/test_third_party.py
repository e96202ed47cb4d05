"""An installed package adds a row of every kind, and each is everywhere; no file of the project changes."""

from __future__ import annotations

import csv
import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from neuralfuse.training.checkpoints import save_network
from tests.conftest import CliResult, RunCli
from tests.neuralfuse.small import trained_base

ROOT = Path(__file__).parents[2]

SOURCE = """\
from dataclasses import replace


def generator():
    from torch import nn

    return nn.Sequential(nn.Conv2d(3, 3, 3, padding=1), nn.Tanh())


def simulate(topology, array, *, jobs=None, on_progress=None):
    from energy.closed_form import engine

    return tuple(
        replace(layer, total_cycles=2 * layer.total_cycles) for layer in engine.simulate(topology, array)
    )


def curve():
    from energy.curve_files import load_curve

    return replace(load_curve("stutz2021-14nm"), name="third-curve", title="Third chip", source="Third")


def draw(data, measure, size):
    from reports.plots.style import drawing, new_figure

    with drawing(size):
        figure = new_figure(size)
        figure.subplots().plot([row.accuracy.perturbed_percent for row in data.tradeoffs])
    return figure


def flips(words, bits, rate, seed):
    from neuralfuse.memory.bit_errors import flip

    return flip(words, bits, rate, seed)


def protection():
    import numpy as np

    from neuralfuse.memory.injectors import sound_bits
    from neuralfuse.memory.protection_costs import Costs
    from neuralfuse.memory.protections import Protection

    return Protection(
        name="third-protection",
        title="sound cells of a third party for all bits",
        needs="cells of the third party",
        extra_storage=lambda bits: 0.5,
        costs=lambda bits: Costs(read=1.5, area=2.0, source="costs of the third party"),
        residual=lambda rate, bits: np.zeros(bits),
        inject=lambda memory, fault_model, rate, seed: sound_bits(
            memory, fault_model, rate, seed, planes=range(memory.bits)
        ),
    )


def register():
    from energy.curve_files import CURVES, NamedCurve
    from energy.engines import ENGINES, Engine
    from energy.measures import MEASURES, Measure
    from neuralfuse.memory.bit_errors import FaultModel
    from neuralfuse.memory.fault_models import FAULT_MODELS
    from neuralfuse.memory.protections import PROTECTIONS
    from neuralfuse.registry import GENERATORS, Network
    from reports.plots.registry import PLOTS, Plot

    GENERATORS.add(
        Network(name="third-gen", title="ThirdGen", role="generator", factory="thirdparty:generator")
    )
    CURVES.add(NamedCurve(name="third-curve", load=curve))
    MEASURES.add(
        Measure(
            name="third",
            title="third energy",
            unit="fJ",
            quantity="third_fj",
            costs=lambda counted: {"memory": 3.0 * counted.filter_reads, "logic": 1.0 * counted.macs},
            lowered=("memory",),
            meaning="of the third party",
        )
    )
    ENGINES.add(Engine(name="third-engine", title="twice the cycles", simulate=simulate))
    FAULT_MODELS.add(FaultModel(name="third-faults", title="faults of the third party", draw=flips))
    PROTECTIONS.add(protection())
    PLOTS.add(Plot(name="third-plot", title="What a third party draws", draw=draw))
"""

ROWS = {
    "generators": "third-gen",
    "curves": "third-curve",
    "measures": "third",
    "engines": "third-engine",
    "fault-models": "third-faults",
    "protections": "third-protection",
    "plots": "third-plot",
}

ACCURACIES = """\
dataset,base,generator,bit_error_rate_percent,clean_accuracy,perturbed_accuracy_mean,\
perturbed_accuracy_std,nf_clean_accuracy,nf_perturbed_accuracy_mean,nf_perturbed_accuracy_std,fault_model,\
weight_bits
cifar10,vgg11,third-gen,1,90,40,3,89,80,2,third-faults,8
"""
MACHINE = ("--engine", "third-engine", "--curve", "third-curve")


def package(folder: Path, source: str = SOURCE) -> Path:
    """A folder with the package as an installer leaves it."""
    info = folder / "thirdparty-1.0.dist-info"
    info.mkdir(parents=True)
    (folder / "thirdparty.py").write_text(source)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: thirdparty\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[nfenergy]\nrows = thirdparty:register\n")
    return folder


Run = Callable[..., CliResult]


@pytest.fixture
def run(run_cli: RunCli, tmp_path: Path) -> Run:
    """The real command line where that package is installed, in a folder with its accuracies."""
    places = os.pathsep.join([str(package(tmp_path / "site")), str(ROOT)])
    (tmp_path / "accuracy.csv").write_text(ACCURACIES)

    def called(*args: str | Path) -> CliResult:
        done = run_cli(*args, env=os.environ | {"PYTHONPATH": places}, cwd=tmp_path)
        assert (done.status, done.stderr) == (0, ""), done.stderr
        return done

    return called


def rows_of(path: Path) -> list[dict[str, str]]:
    return list(csv.DictReader(path.read_text(encoding="utf-8").splitlines()))


def test_every_row_is_listed(run: Run) -> None:
    found = json.loads(run("list", "--json").stdout)
    assert {kind: name for kind, name in ROWS.items() if name in found[kind]} == ROWS
    assert "third energy" in found["measures"]["third"]


@pytest.mark.parametrize(
    ("command", "kinds"),
    [
        ("simulate", ["generators", "curves", "engines"]),
        ("recommend", ["curves", "measures", "engines", "fault-models"]),
        ("plot", ["plots"]),
        ("evaluate", ["fault-models", "protections"]),
        ("train", ["generators"]),
    ],
)
def test_the_help_of_the_commands_that_take_it_says_so(run: Run, command: str, kinds: list[str]) -> None:
    unwrapped = "".join(run(command, "--help").stdout.split())
    assert [kind for kind in kinds if ROWS[kind] not in unwrapped] == []


def test_a_simulation_and_a_sweep_use_them(run: Run, tmp_path: Path) -> None:
    names = ("--base", "vgg11", "--gen", "third-gen")
    shown = json.loads(run("simulate", *names, *MACHINE, "--json").stdout)
    plain = json.loads(run("simulate", *names, "--engine", "closed-form", "--json").stdout)
    assert shown["base"]["total_cycles"] == 2 * plain["base"]["total_cycles"]
    assert shown["operating_point"]["curve"] == "third-curve"
    spec = {
        "bases": ["vgg11"], "generators": ["third-gen"], "curves": ["third-curve"],
        "bit_error_rates": ["1%"], "engine": "third-engine",
    }  # fmt: skip
    (tmp_path / "spec.yaml").write_text(yaml.safe_dump(spec))
    run("sweep", "spec.yaml", "--out", "swept", "--csv", "--quiet")
    (row,) = rows_of(tmp_path / "swept" / "sweep.csv")
    assert (row["generator"], row["curve"], row["engine"]) == ("third-gen", "third-curve", "third-engine")
    assert int(row["base_cycles"]) == shown["base"]["total_cycles"]
    assert float(row["third_saving_percent"]) == pytest.approx(shown["saving"]["third_percent"])
    reads = shown["base"]["sram_filter_reads"]
    assert float(row["base_third_fj"]) == pytest.approx(3.0 * reads + shown["base"]["macs"])
    assert float(row["base_lowered_third_fj"]) == pytest.approx(3.0 * reads)


def test_report_page_and_dictionary_show_them(run: Run, tmp_path: Path) -> None:
    run("report", "--accuracy", "accuracy.csv", *MACHINE, "--out", "page/report.html", "--quiet")
    page = (tmp_path / "page" / "report.html").read_text(encoding="utf-8")
    for words in ("ThirdGen", "third energy", "third-curve", "third-engine", "What a third party draws",
                  "faults of the third party"):  # fmt: skip
        assert words in page
    protected = [
        row for row in rows_of(tmp_path / "page" / "tradeoff.csv") if row["generator"] == "third-gen"
    ]
    assert [(row["fault_model"], row["engine"]) for row in protected] == [("third-faults", "third-engine")]
    assert float(protected[0]["third_saving_percent"]) < 100
    meanings = {row["column"]: row for row in rows_of(tmp_path / "page" / "columns.csv")}
    assert meanings["base_third_fj"]["unit"] == "fJ"
    assert "third energy" in meanings["on_front_third"]["meaning"]


def test_a_protection_is_measured_compared_and_on_the_page(run: Run, tmp_path: Path) -> None:
    save_network(tmp_path / "base.safetensors", trained_base().model, trained_base().record)
    run(
        "evaluate", "--base-checkpoint", "base.safetensors", "--protection", "none,third-protection",
        "--seeds", "1", "--out", "protected.csv", "--quiet",
    )  # fmt: skip
    bare, protected = rows_of(tmp_path / "protected.csv")
    assert protected["protection"] == "third-protection"
    assert protected["perturbed_accuracy_mean"] == protected["clean_accuracy"]
    assert float(bare["perturbed_accuracy_mean"]) < float(bare["clean_accuracy"])

    names = ("--base", "vgg11", "--width", "0.125")
    found = json.loads(run("protections", *names, "--accuracy", "protected.csv", "--quiet", "--json").stdout)
    (row,) = [row for row in found["protections"] if row["protection"] == "third-protection"]
    assert row["energy_percent"] == pytest.approx(69.4 * 1.5)
    assert (row["residual_rate_percent"], row["extra_storage_percent"]) == (0.0, 50.0)
    assert row["perturbed_percent"] == float(protected["perturbed_accuracy_mean"])
    assert "third-protection" in {row["protection"] for row in found["targets"]}

    run("report", "--accuracy", "protected.csv", "--out", "page/protected.html", "--quiet")
    page = (tmp_path / "page" / "protected.html").read_text(encoding="utf-8")
    for words in ("<td>third-protection</td>", "sound cells of a third party", "costs of the third party"):
        assert words in page
    assert f"{row['perturbed_percent']:.1f} ± 0.0" in page


def test_a_plot_is_drawn_and_a_measure_chosen_by(run: Run, tmp_path: Path) -> None:
    chosen = ("--accuracy", "accuracy.csv", *MACHINE, "--quiet")
    run("plot", "third-plot", *chosen, "--out", "third.svg")
    assert (tmp_path / "third.svg").read_bytes().startswith(b"<?xml")
    found = json.loads(run("recommend", *chosen, "--measure", "Third", "--json").stdout)
    assert found["measure"] == "third"


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ("raise RuntimeError('no licence')", "RuntimeError: no licence"),
        ("from neuralfuse.registry import GENERATORS as rows; rows.add(rows['convs'])", "rename one"),
        ("import package_that_is_absent", "ModuleNotFoundError: "),
    ],
)
def test_a_package_that_fails_is_named_in_one_line(
    run_cli: RunCli, tmp_path: Path, body: str, reason: str
) -> None:
    folder = package(tmp_path / "site", f"def register():\n    {body}\n")
    places = os.pathsep.join([str(folder), str(ROOT)])
    done = run_cli("list", "generators", env=os.environ | {"PYTHONPATH": places})
    assert done.error.startswith("package thirdparty")
    assert reason in done.error
