"""What a topology leaves out is said by operation and share: in the text, as JSON, in tables, on the page."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest

from reports.coverage_table import coverage_table, coverage_warnings
from tests.conftest import RunCli
from tests.reports.samples import savings

GATED = """\
import torch
from torch import nn


class Gated(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.linear = nn.Linear(48, 10)
        self.scale = nn.Parameter(torch.ones(30, 10))

    def forward(self, x):
        x = self.linear(nn.functional.avg_pool2d(x, 8).flatten(1))
        return (x[:, None] * self.scale).sum(1) + torch.pdist(x.mT)[:10]


def build():
    return Gated()
"""
ACCURACY = """\
dataset,base,generator,bit_error_rate_percent,clean_accuracy,perturbed_accuracy_mean,perturbed_accuracy_std,\
nf_clean_accuracy,nf_perturbed_accuracy_mean,nf_perturbed_accuracy_std,fault_model,weight_bits
cifar10,gated.py:build,convs,1,90,50,1,88,70,1,flip,8
"""
LEFT_OUT = "mul 36.4 % (product value by value), pdist_forward 5.5 % (distances)"


@pytest.fixture
def words(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Options that name the network, in a folder with its file and its accuracies."""
    monkeypatch.chdir(tmp_path)
    Path("gated.py").write_text(GATED)
    Path("accuracy.csv").write_text(ACCURACY)
    return ["--convention", "exact", "--engine", "closed-form"]


def test_text_json_table_and_page_name_the_operations(words: list[str], run_cli: RunCli, cli: RunCli) -> None:
    network = ("--base", "gated.py:build", "--gen", "convs")
    text = "1 of 1 {}layers, 58.2 % of MACs (left out: mul 36.4 %, pdist_forward 5.5 %)"
    said = run_cli("simulate", *network, *words, "--out", "run")
    assert text.format("") in said.stdout
    found = json.loads(cli("simulate", *network, *words, "--json").stdout)
    assert found["base"]["coverage"] == text.format("weighted ")
    assert found["base"]["in_topology"] == {
        "weighted_layers": 1,
        "lowered_layers": 1,
        "macs": 480 + 300 + 45,
        "lowered_macs": 480,
        "lowered_percent": pytest.approx(100 * 480 / 825),
        "left_out": [
            {
                "operation": "mul",
                "kind": "product value by value",
                "multiplications": 300,
                "percent": pytest.approx(100 * 300 / 825),
            },
            {
                "operation": "pdist_forward",
                "kind": "distances",
                "multiplications": 45,
                "percent": pytest.approx(100 * 45 / 825),
            },
        ],
        "lookups": [],
    }
    whole = found["generator"]["in_topology"]
    assert (whole["lowered_percent"], whole["left_out"]) == (100.0, [])
    assert found["generator"]["coverage"] == "7 of 7 weighted layers, 100 % of MACs"
    (row,) = csv.DictReader(Path("run/summary.csv").read_text().splitlines())
    assert (row["base_left_out"], row["generator_left_out"]) == (LEFT_OUT, "")
    assert float(row["base_coverage_percent"]) == pytest.approx(100 * 480 / 825)
    # Savings computed for the page, and those of a file.
    for source in ([], ["--savings", "run/summary.csv"]):
        made = cli("report", "--accuracy", "accuracy.csv", *words, *source, "--out", "page.html")
        assert made.status == 0, made.stderr
        page = Path("page.html").read_text()
        assert f"Not in the topology of gated.py:build: {LEFT_OUT} of its multiplications." in page
        table = page.partition('id="coverage-table"')[2].partition("</table>")[0]
        assert all(part in table for part in (LEFT_OUT, "58.2 %", "100 %"))


def test_networks_of_older_files_say_nothing() -> None:
    rows = savings()
    assert coverage_table(rows).rows == ()
    assert coverage_warnings(rows) == []
