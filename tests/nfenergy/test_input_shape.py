"""Networks on an input of another size than the data set's."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from nfenergy import api
from nfenergy.networks import shape_of
from nfenergy.tabular import saving_of
from tests.conftest import RunCli
from topologies import table


def test_the_size_decides_macs_and_is_recorded(cli: RunCli, empty_cache: Path, tmp_path: Path) -> None:
    command = ("simulate", "--base", "resnet18", "--gen", "convs", "--engine", "closed-form", "--json")
    small = json.loads(cli(*command).stdout)
    large = cli(*command, "--input-shape", "3x64x64")
    report = json.loads(large.stdout)
    assert small["input_shape"] == ""
    assert report["input_shape"] == "3x64x64"
    assert report["generator"]["macs"] == 4 * small["generator"]["macs"]
    assert cli(*report["provenance"]["command"][1:], "--json").stdout == large.stdout
    cli("export", "--base", "resnet18", "--input-shape", "3x64x64", "--out", tmp_path)
    assert table.read(tmp_path / "resnet18.csv").layers[0].ifmap_h == 66


def test_a_saving_of_another_size_joins_no_accuracy(empty_cache: Path) -> None:
    own, other = (
        saving_of(api.simulate("resnet18", "convs", input_shape=shape, engine="closed-form"))
        for shape in (None, (3, 64, 64))
    )
    assert other.input_shape == "3x64x64"
    assert own.key[0] == "cifar10" != other.key[0]


@pytest.mark.parametrize("shape", ["3x0x32", "3,32,32", "x", "3x-1x2"])
def test_what_is_no_shape_is_one_line(cli: RunCli, shape: str) -> None:
    refused = cli("simulate", "--base", "resnet18", "--input-shape", shape)
    assert refused.status == 2
    assert refused.error == f"input shape is {shape!r}, expected positive extents: 3x224x224"


def test_shapes_are_read_in_both_forms() -> None:
    assert shape_of("3x224x224") == shape_of([3, 224, 224]) == (3, 224, 224)
    assert shape_of(None) is None
