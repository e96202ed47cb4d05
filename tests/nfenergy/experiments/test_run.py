"""Experiments by the real command line: trained once, kept, repeated to the byte."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pandas as pd
import pytest

import nfenergy
from nfenergy.experiments.declaration import experiments, get_experiment
from nfenergy.experiments.plan import plan
from nfenergy.experiments.running import run_experiments
from nfenergy.protection_study import CONTROLS
from tests.conftest import RunCli

TRAINED = [name for name in experiments() if get_experiment(name).state == "training"]
TWO = ("stutz-table4", "neuralfuse-table11")


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """All experiments at the smallest scale."""
    out = tmp_path_factory.mktemp("results")
    run_experiments(["all"], out, scale="smoke", jobs=2)
    return out


@pytest.mark.parametrize("name", TRAINED)
def test_each_experiment_runs_and_fills_its_table(results: Path, name: str) -> None:
    record = json.loads((results / name / "experiment.json").read_text())
    values = [test["accuracy_percent"] for row in record["rows"] for test in row["tests"]]
    assert values
    assert all(0.0 <= accuracy <= 100.0 for found in values for accuracy in found)
    assert {claim["verdict"] for claim in record["claims"]} <= {
        "holds",
        "does not hold",
        "undecided",
        "not measured",
    }
    assert record["command"] == f"nfenergy experiment run {name} --scale smoke --out results"
    experiment = get_experiment(name)
    assert (results / name / "figure.svg").exists() == (experiment.figure is not None)


@pytest.mark.parametrize("name", ["stutz-figure3", "stutz-figure4", "stutz-figure6"])
def test_a_drawing_is_told_in_words_and_its_table_has_a_title_a_column(results: Path, name: str) -> None:
    record = json.loads((results / name / "experiment.json").read_text())
    assert record["figure"].endswith(".")
    assert f"![{record['figure']}](figure.svg)" in (results / name / "README.md").read_text()
    table = results / name / "table.csv"
    if table.exists():
        with table.open(newline="") as lines:
            header, *body = csv.reader(lines)
        assert all(len(row) == len(header) for row in body)


def test_what_was_trained_is_not_trained_again(results: Path) -> None:
    told: list[object] = []
    run_experiments(TWO, results, scale="smoke", jobs=1, on_stage=told.append)
    assert not told


def test_a_new_run_gives_the_same_bytes(results: Path, tmp_path: Path, cli: RunCli) -> None:
    ran = cli("experiment", "run", *TWO, "--scale", "smoke", "--out", str(tmp_path), "--jobs", "1", "--json")
    assert ran.status == 0
    assert [record["experiment"] for record in json.loads(ran.stdout)] == list(TWO)
    for name in TWO:
        first, second = results / name, tmp_path / name
        assert {path.name for path in first.iterdir()} == {path.name for path in second.iterdir()}
        for path in first.iterdir():
            assert path.read_bytes() == (second / path.name).read_bytes()


def test_a_row_equals_the_accuracy_of_evaluate(results: Path, tmp_path: Path, cli: RunCli) -> None:
    record = json.loads((results / "neuralfuse-table11" / "experiment.json").read_text())
    row = record["rows"][0]
    stages = results / "stages"
    measured = cli(
        *("evaluate", "--base-checkpoint", str(stages / row["base"]["stage"] / "base.safetensors")),
        *("--gen-checkpoint", str(stages / row["generator"]["stage"] / "generator.safetensors")),
        *("--ber", "1%", "--seeds", "2", "--out", str(tmp_path / "accuracy.csv"), "--json"),
    )
    assert measured.status == 0
    images = json.loads(measured.stdout)[0]["test_images"]
    assert images > row["tests"][0]["test_images"] == 64


def test_the_saving_of_a_row_is_that_of_simulate(results: Path) -> None:
    table = pd.read_csv(results / "nfenergy-full-width" / "table.csv")
    row = plan(get_experiment("nfenergy-full-width"), "smoke").rows[1]
    own = {"dataset": row.base.dataset, "width": row.base.width, "engine": "closed-form"}
    report = nfenergy.simulate("resnet18", "convs", ber=0.01, **own)
    assert table.saving_percent[1] == round(report.measures["twma"].saving_percent, 2)
    assert table.saving_percent[0] > table.saving_percent[1]


def test_a_comparison_of_protections_says_what_it_comes_to(results: Path) -> None:
    folder = results / "nfenergy-protections"
    table = pd.read_csv(folder / "table.csv")
    assert table.base.nunique() == 2
    assert {"by layer", "best uniform voltage", f"by shuffled sensitivity (mean of {CONTROLS})"} <= set(
        table.assignment
    )
    for line in (folder / "README.md").read_text().splitlines():
        if line.startswith("- ["):
            assert (folder / line.partition("](")[2].rstrip(")")).is_file()


def test_the_page_of_all_experiments(results: Path, cli: RunCli) -> None:
    told = cli("experiment", "report", str(results))
    assert told.status == 0
    page = (results / "experiments.html").read_text()
    assert all(f'id="{name}"' in page for name in TRAINED)
    assert "http://" not in page.replace("http://www.w3.org", "")
    assert '"Segoe UI"' in page.partition("</style>")[0]  # not escaped: it is a style sheet


def test_a_damaged_stage_is_named(results: Path, tmp_path: Path, cli: RunCli) -> None:
    run_experiments(TWO[:1], tmp_path, scale="smoke", jobs=1, stages=results / "stages")
    record = next((results / "stages").glob("test-*/stage.json"))
    whole = record.read_text()
    try:
        for broken in (whole[:40], "[]", "{}"):
            record.write_text(broken)
            ran = cli("experiment", "run", "all", "--scale", "smoke", "--out", str(results))
            assert ran.status == 2
            assert ran.stderr.count("\n") == 1
            assert str(record) in ran.stderr
    finally:
        record.write_text(whole)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("stutz-tabel2",), "Did you mean 'stutz-table2'"),
        (("stutz-table2", "--scale", "tiny"), "no scale named 'tiny'"),
        (("neuralfuse-table7",), "`nfenergy reproduce table7` makes it"),
        (("stutz-table2", "--data", "fashion"), "no data set named 'fashion'"),
    ],
)
def test_wrong_arguments_end_in_one_line(
    arguments: tuple[str, ...], message: str, tmp_path: Path, cli: RunCli
) -> None:
    result = cli("experiment", "run", *arguments, "--out", str(tmp_path / "out"))
    assert result.status == 2
    assert message in result.stderr
    assert result.stderr.count("\n") == 1
    assert not (tmp_path / "out").exists()
