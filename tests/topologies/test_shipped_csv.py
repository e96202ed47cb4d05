"""The reviewed topologies are what the converter makes today, byte for byte."""

from __future__ import annotations

from pathlib import Path

import pytest

from neuralfuse.registry import DATASETS, paper_networks
from nfenergy import shipped
from nfenergy.exports import REVIEWED_DATASETS, write_shipped
from tests.conftest import snapshot
from topologies import table
from topologies.convention import CONVENTIONS

pytestmark = pytest.mark.usefixtures("one_torch_thread")

FORMS = [
    (network.name, convention, dataset)
    for network in paper_networks()
    for convention in CONVENTIONS
    for dataset in REVIEWED_DATASETS
]


def test_tracing_every_network_anew_gives_the_shipped_files(tmp_path: Path) -> None:
    """Where this fails after a change that is meant, run ``make topologies`` and review the diff."""
    write_shipped(tmp_path)
    anew, held = snapshot(tmp_path), snapshot(shipped.FOLDER)
    assert set(anew) == set(held) - {"README.md"}
    assert [name for name in anew if anew[name] != held[name]] == []


def test_eleven_networks_in_two_forms_and_two_conventions_are_shipped() -> None:
    held = set(snapshot(shipped.FOLDER))
    for network, convention, dataset in FORMS:
        assert {f"{convention}/{dataset}/{network}{end}" for end in (".csv", ".layers.csv")} <= held
    assert len(FORMS) == 44


@pytest.mark.parametrize(("network", "convention", "dataset"), FORMS)
def test_a_shipped_topology_is_read_with_names_and_coverage(
    network: str, convention: str, dataset: str
) -> None:
    topology = shipped.shipped_topology(network, dataset, convention)
    assert topology is not None, "the sources have changed: run make topologies"
    path = shipped.FOLDER / convention / dataset / f"{network}.csv"
    assert [layer.shape for layer in table.read(path).layers] == [layer.shape for layer in topology.layers]
    assert len({layer.name for layer in topology.layers}) == len(topology.layers)
    assert str(topology.coverage).endswith("weighted layers, 100 % of MACs")
    assert (topology.name, topology.convention) == (network, convention)
    assert DATASETS[dataset].imagenet == (dataset == "imagenet10")


def test_an_edited_network_is_not_taken_from_the_shipped_files(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shipped, "source_digest", lambda *modules: "edited")
    shipped._index.cache_clear()
    try:
        assert shipped.shipped_topology("convs", "cifar10", "paper") is None
    finally:
        shipped._index.cache_clear()
