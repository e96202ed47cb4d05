"""Named networks: built once, recalled without PyTorch, forgotten when a source changes."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from neuralfuse.registry import BASES, DATASETS, GENERATORS
from nfenergy import networks
from nfenergy.ground.errors import InputError
from nfenergy.networks import build_network_model, network_model, network_topology
from tests.conftest import snapshot
from topologies.convention import CONVENTIONS

CIFAR = DATASETS["cifar10"]


@pytest.mark.parametrize("name", ["convs", "deconvs"])
@pytest.mark.parametrize("convention", sorted(CONVENTIONS))
def test_what_is_recalled_is_what_was_built(empty_cache: Path, name: str, convention: str) -> None:
    rules = CONVENTIONS[convention]
    built = build_network_model(GENERATORS[name], CIFAR, rules)
    assert network_model(GENERATORS[name], CIFAR, rules) == built
    assert network_model(GENERATORS[name], CIFAR, rules) == built
    assert len(snapshot(empty_cache)) == 1


def test_a_recall_needs_no_pytorch(empty_cache: Path) -> None:
    network_model(GENERATORS["convs"], CIFAR, CONVENTIONS["paper"])
    code = (
        "import sys\n"
        "from neuralfuse.registry import DATASETS, GENERATORS\n"
        "from nfenergy.networks import network_model\n"
        "from topologies.convention import CONVENTIONS\n"
        "network_model(GENERATORS['convs'], DATASETS['cifar10'], CONVENTIONS['paper'])\n"
        "sys.exit('torch' in sys.modules)\n"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_another_source_or_version_is_built_anew(empty_cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rules = CONVENTIONS["paper"]
    network_model(GENERATORS["convs"], CIFAR, rules)
    monkeypatch.setattr(networks, "source_digest", lambda *modules: "another")
    network_model(GENERATORS["convs"], CIFAR, rules)
    monkeypatch.setattr(networks, "versions", lambda: {"torch": "0", "ptflops": "0"})
    network_model(GENERATORS["convs"], CIFAR, rules)
    assert len(snapshot(empty_cache)) == 3


def test_mappings_are_kept_apart(empty_cache: Path) -> None:
    rules = CONVENTIONS["exact"]
    zero, sub = (
        network_model(GENERATORS["deconvs"], CIFAR, rules, mapping)
        for mapping in ("zero-insertion", "subpixel")
    )
    assert zero.size == sub.size
    assert len(sub.topology.layers) > len(zero.topology.layers)
    with pytest.raises(InputError, match="does not go with convention"):
        network_model(GENERATORS["deconvs"], CIFAR, rules, "paper")


def test_the_shipped_topology_is_the_built_one() -> None:
    for convention in CONVENTIONS.values():
        built = build_network_model(GENERATORS["unets"], CIFAR, convention).topology
        assert network_topology(GENERATORS["unets"], CIFAR, convention) == built


def test_width_scales_a_base_and_not_a_generator(empty_cache: Path) -> None:
    rules = CONVENTIONS["paper"]
    narrow = network_model(BASES["vgg11"], CIFAR, rules, width=0.5)
    full = network_model(BASES["vgg11"], CIFAR, rules)
    assert narrow.size.params < full.size.params / 3
    assert network_model(GENERATORS["convs"], CIFAR, rules, width=0.5) == network_model(
        GENERATORS["convs"], CIFAR, rules
    )


def test_input_shape_and_batch_make_networks_of_their_own(empty_cache: Path) -> None:
    rules, network = CONVENTIONS["exact"], GENERATORS["convs"]
    plain = network_model(network, CIFAR, rules)
    wide = network_model(network, CIFAR, rules, input_shape=(3, 32, 64))
    many = network_model(network, CIFAR, rules, batch=3)
    assert wide.size.macs == 2 * plain.size.macs
    assert many.size.macs == 3 * plain.size.macs
    assert wide.size.params == many.size.params == plain.size.params
    for form in ({"input_shape": (3, 32, 64)}, {"batch": 3}):
        again = network_model(network, CIFAR, rules, **form)  # type: ignore[arg-type]
        assert again == (wide if "input_shape" in form else many)
        assert network_topology(network, CIFAR, rules, **form) == again.topology  # type: ignore[arg-type]
    assert len(snapshot(empty_cache)) == 3


def test_a_shape_that_is_none_is_refused(empty_cache: Path) -> None:
    with pytest.raises(InputError, match="input shape is '3x0x32', expected positive extents"):
        network_model(GENERATORS["convs"], CIFAR, CONVENTIONS["exact"], input_shape=(3, 0, 32))


def test_ptflops_counts_a_batch_as_so_many_images(empty_cache: Path) -> None:
    one, two = (
        network_model(GENERATORS["convs"], CIFAR, CONVENTIONS["paper"], batch=batch).size for batch in (1, 2)
    )
    assert (two.macs, two.params) == (2 * one.macs, one.params)
