"""The registries: the papers' networks, their data sets, no PyTorch until one is built."""

from __future__ import annotations

import subprocess
import sys

import pytest

from neuralfuse.registry import BASES, DATASETS, GENERATORS, Role, networks, paper_networks
from neuralfuse.user_networks import find_network
from nfenergy.ground.errors import UnknownName
from reports.published import published_params_macs

NAMES = [
    "resnet18",
    "resnet50",
    "vgg11",
    "vgg16",
    "vgg19",
    "convl",
    "convs",
    "deconvl",
    "deconvs",
    "unetl",
    "unets",
]


def test_it_holds_the_papers_networks_in_their_order() -> None:
    published = {network.name: network for network in paper_networks()}
    assert list(published) == NAMES
    assert list(networks("base"))[:5] == list(BASES)[:5] == NAMES[:5]
    assert list(networks("generator"))[:6] == list(GENERATORS)[:6] == NAMES[5:]
    stutz = [network.name for network in paper_networks("stutz")]
    assert stutz == ["resnet50", "simplenet", "simplenet-mnist", "resnet20", "wrn"]
    assert {row.network for row in published_params_macs()} == set(published)
    for row in published_params_macs():
        assert published[row.network].role == row.role


@pytest.mark.parametrize("name", [*NAMES, "uip"])
def test_names_ignore_case_and_are_the_papers_in_lower_case(name: str) -> None:
    role: Role = "base" if name in BASES else "generator"
    network = find_network(name, role)
    assert find_network(network.title, role) is networks(role).find(name.upper()) is network
    assert network.title.lower() == network.name == name


@pytest.mark.parametrize("name", sorted(DATASETS))
def test_data_sets(name: str) -> None:
    data = DATASETS.find(name.title())
    assert data.name == name
    assert data.image_shape == ((3, 224, 224) if name == "imagenet10" else (3, 32, 32))
    assert data.imagenet == (name == "imagenet10")
    assert data.classes == {"cifar100": 100, "gtsrb": 43}.get(name, 10)


@pytest.mark.parametrize(
    ("name", "role", "near"),
    [
        ("conv-s", "generator", "convs"),
        ("resnet-18", "base", "resnet18"),
        ("vgg", "base", "vgg11"),
        ("unet_l", "generator", "unetl"),
    ],
)
def test_a_wrong_name_lists_near_ones_and_how_to_give_ones_own(name: str, role: Role, near: str) -> None:
    with pytest.raises(UnknownName, match=f"Did you mean .*{near!r}.*file.py:function"):
        find_network(name, role)


@pytest.mark.parametrize(("name", "role"), [("convs", "base"), ("resnet18", "generator")])
def test_a_name_of_the_other_role_is_refused(name: str, role: Role) -> None:
    with pytest.raises(UnknownName, match=f"named {name!r}"):
        find_network(name, role)


def test_an_unknown_data_set_lists_near_ones() -> None:
    with pytest.raises(UnknownName, match="Did you mean 'cifar10"):
        DATASETS.find("cifar-10")


def test_it_needs_no_pytorch() -> None:
    code = "import sys, neuralfuse.registry, neuralfuse.accuracy_files; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
