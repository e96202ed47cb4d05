"""A file with savings of several machines: one is chosen by its options, or the command refuses."""

from __future__ import annotations

import io
import json
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest

from nfenergy.ground.tables import csv_text
from reports.records import Saving
from tests.conftest import RunCli
from tests.fuzz.formats.accuracies import TABLE_TEXT
from tests.fuzz.formats.savings import summary
from tests.reports.samples import savings

CHOICE = ("--base", "vgg11", "--gen", "convs", "--ber", "1%", "--quiet")


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Savings of 32x32 os, and of 8x8 ws, which takes twice the cycles."""
    found = savings(("vgg11",), ("convs",))
    others = [
        replace(
            row,
            array_rows=8,
            array_cols=8,
            dataflow="ws",
            base_cycles=2 * row.base_cycles,
            base_latency_ms=2 * row.base_latency_ms,
            generator_cycles=3 * row.generator_cycles,
            total_latency_ms=2 * row.base_latency_ms + 3 * (row.total_latency_ms - row.base_latency_ms),
            latency_overhead_percent=1.5 * row.latency_overhead_percent,
        )
        for row in found
    ]
    path = tmp_path / "sweep.csv"
    path.write_text(csv_text(Saving, [*found, *others]), encoding="utf-8")
    return path


@pytest.mark.parametrize(
    "command",
    [
        ("recommend",),
        ("report", "--out", "r.html"),
        ("plot", "saving", "--out", "s.svg"),
        ("plot", "latency", "--out", "l.svg"),
    ],
)
def test_several_machines_are_refused_with_the_options_that_choose_one(
    file: Path, cli: RunCli, monkeypatch: pytest.MonkeyPatch, command: tuple[str, ...]
) -> None:
    monkeypatch.chdir(file.parent)
    result = cli(*command, *CHOICE, "--savings", file)
    assert result.status == 2
    assert result.error == (
        "the savings are of several machines; choose one with --array (32x32, 8x8); --dataflow (os, ws)"
    )
    assert list(file.parent.iterdir()) == [file]


@pytest.mark.parametrize(
    ("options", "accelerator"),
    [
        (("--array", "8x8"), "8x8 ws, SRAM 64/64/64 kB"),
        (("--array", "32x32"), "32x32 os, SRAM 64/64/64 kB"),
        (("--dataflow", "ws"), "8x8 ws"),
        (("--config", "scale"), "32x32 os"),
    ],
)
def test_the_options_of_the_machine_choose_and_every_answer_names_it(
    file: Path, cli: RunCli, options: tuple[str, ...], accelerator: str
) -> None:
    chosen = (*CHOICE, "--savings", file, *options)
    text = cli("recommend", *chosen)
    assert text.status == 0, text.stderr
    assert f"Accelerator: {accelerator}" in text.stdout
    content = json.loads(cli("recommend", *chosen, "--json").stdout)
    assert all(row["accelerator"].startswith(accelerator) for row in content["ranked"])
    page = file.parent / "report.html"
    report = cli("report", *chosen, "--out", page)
    assert report.status == 0, report.stderr
    assert accelerator in page.read_text(encoding="utf-8")
    provenance = json.loads(page.with_suffix(".json").read_text(encoding="utf-8"))
    (named,) = provenance["accelerators"]
    assert named.startswith(accelerator)


def test_a_machine_that_the_file_has_not_is_refused(file: Path, cli: RunCli) -> None:
    result = cli("recommend", *CHOICE, "--savings", file, "--array", "16x16")
    assert "no saving for these accuracies with array_rows 16, array_cols 16" in result.error


def test_an_energy_that_is_not_the_curves_is_refused(file: Path, cli: RunCli) -> None:
    found = [
        replace(
            row,
            energy_per_access_norm=0.5,
            measures={name: by.at(0.5) for name, by in row.measures.items()},
        )
        for row in savings(("vgg11",), ("convs",))
    ]
    file.write_text(csv_text(Saving, found), encoding="utf-8")
    result = cli("recommend", *CHOICE, "--savings", file)
    assert "energy_per_access_norm is 0.5 at voltage" in result.error
    assert "curve 'stutz2021-14nm' has 0.694" in result.error


def test_a_setting_of_energies_that_the_file_lacks_is_asked_for(cli: RunCli, tmp_path: Path) -> None:
    frame = pd.read_csv(io.BytesIO(summary()), keep_default_na=False).drop(columns=["residency"])
    path, accuracies = tmp_path / "s.csv", tmp_path / "a.csv"
    frame.to_csv(path, index=False)
    accuracies.write_bytes(TABLE_TEXT)
    line = ("recommend", "--accuracy", accuracies, "--savings", path, "--quiet")
    refused = cli(*line)
    assert (refused.status, refused.error) == (
        2,
        "the savings have energies and do not say of which --resident; give it",
    )
    assert cli(*line, "--resident", "none").status == 0
