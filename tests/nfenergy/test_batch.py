"""Several samples at a time: every figure is of all of them, and every result names the batch."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from nfenergy import api
from nfenergy.tabular import layer_rows_of, saving_of
from tests.conftest import RunCli
from topologies import table

CLOSED = ("--engine", "closed-form", "--array", "16x16")


@pytest.mark.parametrize("convention", ["paper", "exact"])
def test_a_batch_is_counted_and_named(
    cli: RunCli, empty_cache: Path, tmp_path: Path, convention: str
) -> None:
    command = ("simulate", "--base", "vgg11", "--gen", "convs", "--convention", convention, *CLOSED, "--json")
    one, many = (json.loads(cli(*command, "--batch", batch).stdout) for batch in ("1", "4"))
    assert (one["batch"], many["batch"]) == (1, 4)
    for network in ("base", "generator"):
        assert many[network]["macs"] == 4 * one[network]["macs"]
        assert many[network]["params"] == one[network]["params"]
    # Convolutions run sample by sample; the rows of a linear layer share its weights.
    assert many["generator"]["twma"] == 4 * one["generator"]["twma"]
    assert 3 * one["base"]["twma"] < many["base"]["twma"] < 4 * one["base"]["twma"]
    again = cli(*many["provenance"]["command"][1:], "--out", tmp_path / "run")
    assert "4 samples at a time" in again.stdout
    summary = (tmp_path / "run/summary.csv").read_text(encoding="utf-8").splitlines()
    assert dict(zip(*(line.split(",") for line in summary), strict=True))["batch"] == "4"
    assert (tmp_path / "run/topologies/vgg11-batch4.csv").is_file()


def test_an_exported_batch_is_in_the_file_and_its_name(
    cli: RunCli, empty_cache: Path, tmp_path: Path
) -> None:
    done = cli("export", "--base", "vgg11", "--batch", "3", "--action-counts", "--out", tmp_path)
    assert (done.status, "vgg11-batch3.csv: " in done.stdout) == (0, True)
    layers = table.read(tmp_path / "vgg11-batch3.csv").layers
    assert [layer.name for layer in layers[:3]] == [f"features.0[sample {sample}]" for sample in range(3)]
    assert (layers[-1].ifmap_h, layers[-1].filters) == (3, 10)
    assert (tmp_path / "vgg11-batch3.action_counts.yaml").is_file()


def test_a_saving_of_a_batch_joins_no_accuracy(empty_cache: Path) -> None:
    report = api.simulate("resnet18", "convs", batch=2, engine="closed-form")
    assert saving_of(report).key[0] == "cifar10, batch 2"
    assert "2 samples at a time" in repr(report)
    assert {row.batch for row in layer_rows_of(report)} == {2}


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        (("--batch", "0"), "Invalid value for '--batch'"),
        (("--batch", "2", "--resident", "weights"), "--resident weights is of one sample at a time"),
    ],
)
def test_a_batch_that_cannot_be_counted_is_one_line(
    cli: RunCli, options: tuple[str, ...], reason: str
) -> None:
    refused = cli("simulate", "--base", "vgg11", *CLOSED, *options)
    assert refused.status == 2
    assert reason in refused.error


def test_a_batch_of_all_networks_is_refused(cli: RunCli, tmp_path: Path) -> None:
    refused = cli("export", "--all", "--batch", "2", "--out", tmp_path / "new")
    assert refused.error == "--input-shape and --batch take --base or --gen, not --all"
