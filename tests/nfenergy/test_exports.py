"""Exported topologies: files for SCALE-Sim, of one network or of all."""

from __future__ import annotations

from pathlib import Path

import pytest
from scalesim.layout_utils import layouts
from scalesim.topology_utils import topologies

from energy.array import PRESETS
from energy.scalesim.cfg import read_cfg
from neuralfuse.registry import paper_networks
from nfenergy.exports import export, export_all
from nfenergy.ground.errors import InputError, UnknownName
from tests.conftest import in_scalesim, snapshot
from topologies import table

ENDINGS = (".csv", ".layout.csv", ".layers.csv")
DEFAULTS = {
    "dataset": "cifar10",
    "convention": "paper",
    "deconvolution": None,
    "array": PRESETS["eyeriss"],
}


def test_one_pair(tmp_path: Path) -> None:
    lines = export(tmp_path, base="ResNet18", generator="ConvS", **DEFAULTS)  # type: ignore[arg-type]
    names = {f"{name}{ending}" for name in ("resnet18", "convs") for ending in ENDINGS}
    assert set(snapshot(tmp_path)) == names | {"scale.cfg"}
    assert lines == [
        f"{tmp_path / 'resnet18'}.csv: 21 of 21 weighted layers, 100 % of MACs",
        f"{tmp_path / 'convs'}.csv: 7 of 7 weighted layers, 100 % of MACs",
    ]
    assert read_cfg(tmp_path / "scale.cfg") == PRESETS["eyeriss"]


@in_scalesim
def test_scalesim_reads_topology_and_layout(tmp_path: Path) -> None:
    export(tmp_path, base=None, generator="unets", **DEFAULTS)  # type: ignore[arg-type]
    theirs, layout = topologies(), layouts()
    theirs.load_arrays(str(tmp_path / "unets.csv"), mnk_inputs=False)
    layout.load_arrays(str(tmp_path / "unets.layout.csv"), mnk_inputs=False)
    ours = table.read(tmp_path / "unets.csv").layers
    assert theirs.get_num_layers() == len(ours) == len(layout.layout_arrays)


def test_all_networks(tmp_path: Path) -> None:
    lines = export_all(
        tmp_path, dataset="cifar10", convention=None, deconvolution=None, array=PRESETS["scale"]
    )
    assert len(lines) == 2 * len(paper_networks())
    expected = {
        f"{convention}/cifar10/{network.name}{ending}"
        for convention in ("paper", "exact")
        for network in paper_networks()
        for ending in ENDINGS
    }
    found = snapshot(tmp_path)
    assert set(found) == expected | {f"{convention}/cifar10/scale.cfg" for convention in ("paper", "exact")}


def test_a_mapping_that_not_every_convention_takes_writes_nothing(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="does not go with convention"):
        export_all(
            tmp_path / "out", dataset=None, convention=None, deconvolution="subpixel", array=PRESETS["scale"]
        )
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    "change", [{"base": "resnet19"}, {"generator": "convx"}, {"dataset": "svhn"}, {"convention": "paperr"}]
)
def test_a_wrong_name_writes_nothing(tmp_path: Path, change: dict[str, str]) -> None:
    arguments = {"base": "vgg11", "generator": "convs", **DEFAULTS, **change}
    with pytest.raises(UnknownName):
        export(tmp_path / "out", **arguments)  # type: ignore[arg-type]
    assert not (tmp_path / "out").exists()
