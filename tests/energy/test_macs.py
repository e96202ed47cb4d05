"""Parameters and MACs by convention, against the published table and PyTorch's own counter."""

from __future__ import annotations

import pytest
import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from energy.macs import NetworkSize, network_size
from neuralfuse.registry import DATASETS, paper_networks
from nfenergy.networks import build_network_model
from reports.printed import macs_as_printed
from reports.published import ParamsMacs, published_params_macs
from topologies.convention import CONVENTIONS
from topologies.trace import trace

pytestmark = pytest.mark.usefixtures("one_torch_thread")

NETWORKS = {network.name: network for network in paper_networks()}
CIFAR = [row for row in published_params_macs() if row.dataset == "cifar10"]


@pytest.mark.parametrize("row", CIFAR, ids=lambda row: row.network)
def test_paper_macs_are_the_printed_ones(row: ParamsMacs) -> None:
    size = build_network_model(NETWORKS[row.network], DATASETS[row.dataset], CONVENTIONS["paper"]).size
    assert size.params == row.params
    assert macs_as_printed(size.macs) == row.macs_printed


@pytest.mark.parametrize("name", ["resnet18", "vgg11", "deconvs", "unets"])
def test_exact_macs_are_the_flop_counters(name: str) -> None:
    model = build_network_model(NETWORKS[name], DATASETS["cifar10"], CONVENTIONS["exact"])
    with torch.device("meta"):
        module = NETWORKS[name].build(DATASETS["cifar10"]).eval()
        with FlopCounterMode(display=False) as counter:
            module(torch.empty(1, 3, 32, 32))
    assert 2 * model.size.macs == counter.get_total_flops()
    assert model.topology.coverage is not None
    assert model.topology.coverage.lowered_macs == model.size.macs


@pytest.mark.parametrize("name", ["resnet18", "resnet50", "vgg16", "convl", "convs"])
def test_exact_topologies_of_convolutional_networks_do_the_useful_macs_and_no_more(name: str) -> None:
    model = build_network_model(NETWORKS[name], DATASETS["cifar10"], CONVENTIONS["exact"])
    assert sum(layer.macs for layer in model.topology.layers) == model.size.macs


@pytest.mark.parametrize("convention", sorted(CONVENTIONS))
def test_frozen_parameters_are_not_counted(convention: str) -> None:
    model = nn.Sequential(nn.Conv2d(3, 4, 3), nn.Flatten(), nn.Linear(144, 2))
    model[0].requires_grad_(False)
    size = network_size(model, (3, 8, 8), trace(model, (3, 8, 8)), CONVENTIONS[convention])
    assert size.params == 144 * 2 + 2


def test_the_two_counts_of_a_small_network() -> None:
    model = nn.Sequential(
        nn.Conv2d(3, 4, 3, bias=True), nn.ReLU(), nn.Flatten(), nn.Linear(144, 2, bias=False)
    )
    traced = trace(model, (3, 8, 8))
    multiplications = 36 * 4 * 27 + 144 * 2
    exact = network_size(model, (3, 8, 8), traced, CONVENTIONS["exact"])
    assert exact == NetworkSize(params=4 * 27 + 4 + 288, macs=multiplications)
    # ptflops adds one operation for each value that a bias is added to or an activation applied to.
    paper = network_size(model, (3, 8, 8), traced, CONVENTIONS["paper"])
    assert paper.macs == multiplications + 144 + 144


def test_counting_prints_nothing(capfd: pytest.CaptureFixture[str]) -> None:
    model = nn.Sequential(nn.Conv2d(3, 4, 3))
    network_size(model, (3, 8, 8), trace(model, (3, 8, 8)), CONVENTIONS["paper"])
    assert capfd.readouterr() == ("", "")
