"""The registry: the papers' networks, their data sets, names in any case, no PyTorch until one is built."""

from __future__ import annotations

import subprocess
import sys

import pytest

from neuralfuse.registry import DATASETS, NETWORKS, get_dataset, get_network, networks, paper_networks
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
    assert list(paper_networks()) == list(NETWORKS)[:11] == NAMES
    assert list(networks("base"))[:5] == NAMES[:5]
    assert list(networks("generator"))[:6] == NAMES[5:]
    assert list(paper_networks("stutz")) == ["resnet50", "simplenet", "simplenet-mnist", "resnet20", "wrn"]
    assert {row.network for row in published_params_macs()} == set(paper_networks())
    for row in published_params_macs():
        assert NETWORKS[row.network].role == row.role


@pytest.mark.parametrize("name", NAMES)
def test_names_ignore_case_and_are_the_papers_in_lower_case(name: str) -> None:
    network = get_network(name)
    assert get_network(network.title) is get_network(name.upper()) is network
    assert network.title.lower() == network.name == name


@pytest.mark.parametrize("name", sorted(DATASETS))
def test_data_sets(name: str) -> None:
    data = get_dataset(name.title())
    assert data.name == name
    assert data.image_shape == ((3, 224, 224) if name == "imagenet10" else (3, 32, 32))
    assert data.imagenet == (name == "imagenet10")
    assert data.classes == {"cifar100": 100, "gtsrb": 43}.get(name, 10)


@pytest.mark.parametrize(
    ("name", "role", "near"),
    [
        ("conv-s", None, "convs"),
        ("resnet-18", "base", "resnet18"),
        ("vgg", "base", "vgg11"),
        ("unet_l", "generator", "unetl"),
    ],
)
def test_a_wrong_name_lists_near_ones(name: str, role: str | None, near: str) -> None:
    with pytest.raises(UnknownName, match=f"Did you mean .*{near!r}"):
        get_network(name, role)  # type: ignore[arg-type]


@pytest.mark.parametrize(("name", "role"), [("convs", "base"), ("resnet18", "generator")])
def test_a_name_of_the_other_role_is_refused(name: str, role: str) -> None:
    with pytest.raises(UnknownName, match=f"named {name!r}"):
        get_network(name, role)  # type: ignore[arg-type]


def test_an_unknown_data_set_lists_near_ones() -> None:
    with pytest.raises(UnknownName, match="Did you mean 'cifar10"):
        get_dataset("cifar-10")


def test_it_needs_no_pytorch() -> None:
    code = "import sys, neuralfuse.registry; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
