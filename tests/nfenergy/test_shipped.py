"""The shipped topologies stand for the installed networks, and only for those."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from neuralfuse.registry import DATASETS, GENERATORS, paper_networks
from nfenergy import shipped
from nfenergy.ground.provenance import source_digest
from nfenergy.networks import build_network_model, network_topology
from topologies.convention import CONVENTIONS

NETWORKS = {network.name: network for network in paper_networks()}


def test_the_index_belongs_to_the_installed_sources() -> None:
    """If this fails after an edit of a network or the converter: run `make topologies`, review the diff."""
    content = json.loads((shipped.FOLDER / shipped.INDEX).read_text(encoding="utf-8"))
    assert content["sources"] == source_digest(*shipped.SOURCES)


@pytest.mark.parametrize("convention", sorted(CONVENTIONS))
@pytest.mark.parametrize("network", ["resnet18", "deconvs", "unets"])
def test_a_shipped_topology_equals_the_traced_one(network: str, convention: str) -> None:
    found = shipped.shipped_topology(network, "cifar10", convention)
    traced = build_network_model(NETWORKS[network], DATASETS["cifar10"], CONVENTIONS[convention])
    assert found == traced.topology


def test_edited_sources_are_traced_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    shipped._index.cache_clear()
    monkeypatch.setattr(shipped, "source_digest", lambda *sources: "edited")
    try:
        assert shipped.shipped_topology("convs", "cifar10", "paper") is None
        topology = network_topology(GENERATORS["convs"], DATASETS["cifar10"], CONVENTIONS["paper"])
        assert topology.coverage is not None
    finally:
        shipped._index.cache_clear()


def test_table_6_in_closed_form_needs_no_pytorch() -> None:
    code = (
        "import sys; from nfenergy.reproduction import reproduce; from reports.printed import differences; "
        "rows = reproduce('table6', engine='closed-form'); "
        "assert len(rows) == 11 and not differences(rows); assert 'torch' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
