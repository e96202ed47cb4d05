"""From training to the report with the real command line: no row is lost, merged or left without its name."""

from __future__ import annotations

import json
from html import unescape
from pathlib import Path

import pandas as pd
import pytest

from neuralfuse.accuracy import BASE_IDENTITY, GENERATOR_IDENTITY
from neuralfuse.accuracy_files import read_accuracies
from nfenergy.ground.columns import columns
from reports.records import Tradeoff
from tests.conftest import CliResult, RunCli, cli_command

RATES = ("0.5%", "1%")
ROBUST = (
    *("--clip", "0.1", "--randbet", "1%", "--quantization", "rquant", "--norm", "group"),
    *("--batch-size", "64"),
)
TITLES = {
    "VGG11 x 0.125, batch norm, symmetric",
    "VGG11 x 0.125, clip 0.1, RandBET 1 % flip, group norm, rquant",
}
TRAININGS = {"UNetS (trained at 1 %)", "UNetS (trained at 0.5 %)"}


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Accuracies of a plain and a robust base model, alone and behind two trainings of one generator."""
    folder = tmp_path_factory.mktemp("networks")
    bases = {"plain": (), "robust": ROBUST}
    for name, options in bases.items():
        small = ("--width", "0.125", "--epochs", "1", "--out", folder / name, "--quiet")
        called("train-base", *options, *small)
    checkpoints = [("--base-checkpoint", folder / name / "base.safetensors") for name in bases]
    for steps, rate in enumerate(RATES, start=2):
        called(
            *("train", *checkpoints[0], "--gen", "unets", "--ber", rate, "--steps", str(steps)),
            *("--n", "1", "--batch-size", "4", "--out", folder / rate, "--quiet"),
        )
    generators = [("--gen-checkpoint", folder / rate / "generator.safetensors") for rate in RATES]
    given = [word for pair in (*checkpoints, *generators) for word in pair]
    out = folder / "accuracy.csv"
    called("evaluate", *given, "--ber", ",".join(RATES), "--seeds", "2", "--out", out, "--quiet")
    return out


def called(*arguments: str | Path) -> CliResult:
    """In a process of its own: a fixture of the module has no captured streams."""
    import subprocess

    done = subprocess.run(cli_command(*arguments), capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return CliResult(done.returncode, done.stdout, done.stderr)


def test_every_row_arrives_distinct_and_labelled_in_table_page_and_plot(table: Path, cli: RunCli) -> None:
    accuracies = read_accuracies(table)
    assert len(accuracies) == len({row.identity for row in accuracies}) == 2 * 3 * len(RATES)
    page = table.parent / "report.html"
    made = cli("report", "--accuracy", table, "--ber", "all", "--out", page)
    assert made.status == 0, made.stderr
    assert made.stderr == ""

    found = pd.read_csv(page.parent / "tradeoff.csv", keep_default_na=False)
    nominal = found["bit_error_rate"] == 0
    assert len(found[~nominal]) == len(accuracies)
    assert len(found[nominal]) == 2
    known = {column.name for column in columns(Tradeoff)}
    told = [name for name in (*BASE_IDENTITY, *GENERATOR_IDENTITY) if name in known]
    told += ["train_bit_error_rate_percent", "bit_error_rate"]
    assert not found.duplicated(told).any()
    assert set(found["base_training"]) == {"", "clip 0.1, RandBET 1 % flip"}
    assert set(found["quantization"]) == {"symmetric", "rquant"}
    assert set(found["base_normalization"]) == {"batch", "group"}
    assert set(found["train_bit_error_rate_percent"]) == {"", "0.5", "1.0"}
    wanted = sorted(round(row.perturbed_percent, 4) for row in accuracies)
    assert sorted(found[~nominal]["perturbed_accuracy_percent"].astype(float)) == pytest.approx(wanted)

    text = unescape(page.read_text(encoding="utf-8"))
    for base in TITLES:
        assert f"<td>{base}</td>" in text
        for generator in TRAININGS:
            assert f"<td>{generator}</td>" in text
            assert f"{base} + {generator}: saves" in text

    plot = table.parent / "tradeoff.svg"
    drawn = cli("plot", "tradeoff", "--accuracy", table, "--ber", "all", "--out", plot, "--size", "page")
    assert drawn.status == 0, drawn.stderr
    assert plot.read_text(encoding="utf-8").count('<g id="point-') == len(found)


def test_a_recommendation_names_the_training_it_chose(table: Path, cli: RunCli) -> None:
    content = json.loads(cli("recommend", "--accuracy", table, "--min-accuracy", "2", "--json").stdout)
    labels = TITLES | {f"{base} + {gen}" for base in TITLES for gen in TRAININGS}
    assert {row["label"] for row in content["ranked"]} == labels
    assert len(content["ranked"]) == content["candidates"] == 2 * 3 * len(RATES)
    text = cli("recommend", "--accuracy", table, "--min-accuracy", "2").stdout
    assert content["best"]["label"] in text.splitlines()[1]
    assert all(label in text for label in labels)
