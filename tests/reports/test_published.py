"""The shipped reference tables are whole and read with their types."""

from __future__ import annotations

import subprocess
import sys

import pytest

from nfenergy.ground.errors import UnknownName
from reports.published import (
    published,
    published_accuracies,
    published_mac_savings,
    published_params_macs,
    published_tables,
    published_twma,
)


def test_every_table_of_the_readme_is_shipped_with_its_rows() -> None:
    sizes = {name: len(published(name)) for name in published_tables()}
    assert len(sizes) == 27
    assert sizes["neuralfuse_accuracy_relaxed"] == 240
    assert sizes["stutz_table4_12_18_19_randbet"] == 695
    assert sum(sizes.values()) == 2057


def test_spot_values() -> None:
    assert published_twma()["resnet18"] == 2755968
    assert published_twma()["convs"] == 41508
    assert published_mac_savings()["vgg11", "convl"] == -21.8
    rows = {(row.network, row.dataset): row for row in published_params_macs()}
    assert len(rows) == 22
    assert rows["resnet18", "cifar10"].params == 11173962
    assert rows["resnet18", "cifar10"].macs_printed == "557.14M"
    point = next(
        row
        for row in published_accuracies()
        if (row.dataset, row.base, row.generator, row.bit_error_rate)
        == ("cifar10", "resnet18", "convl", 0.01)
    )
    assert (point.nf_perturbed_percent, point.nf_perturbed_std_percent) == (87.8, 1.7)


def test_the_plain_readers_need_no_pandas() -> None:
    code = (
        "import sys, reports.published as p; p.published_twma(); p.published_params_macs();"
        "p.published_mac_savings(); p.published_accuracies(); sys.exit('pandas' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_an_unknown_table_names_the_near_one() -> None:
    with pytest.raises(UnknownName, match="neuralfuse_table6_twma"):
        published("neuralfuse_table6")
