"""The networks are the published ones: parameters to the last one, shapes, the generators' range."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from neuralfuse.networks.generators import Generator
from neuralfuse.registry import DATASETS, paper_networks
from reports.published import ParamsMacs, published_params_macs

pytestmark = pytest.mark.usefixtures("one_torch_thread")

NETWORKS = {network.name: network for network in paper_networks()}
BASES = sorted(name for name, network in NETWORKS.items() if network.role == "base")
GENERATORS = sorted(name for name, network in NETWORKS.items() if network.role == "generator")


def built(name: str, dataset: str = "cifar10", *, meta: bool = False, width: float = 1.0) -> nn.Module:
    with torch.device("meta" if meta else "cpu"):
        return NETWORKS[name].build(DATASETS[dataset], width=width).eval()


def generator(name: str, seed: int = 0) -> Generator:
    torch.manual_seed(seed)
    model = built(name)
    assert isinstance(model, Generator)
    return model


@pytest.mark.parametrize("row", published_params_macs(), ids=lambda row: f"{row.network}-{row.dataset}")
def test_parameters_are_the_published_ones(row: ParamsMacs) -> None:
    model = built(row.network, row.dataset, meta=True)
    assert sum(parameter.numel() for parameter in model.parameters()) == row.params
    assert all(parameter.requires_grad for parameter in model.parameters())


@pytest.mark.parametrize("dataset", sorted(DATASETS))
@pytest.mark.parametrize("name", BASES)
def test_bases_map_images_to_one_logit_a_class(name: str, dataset: str) -> None:
    data = DATASETS[dataset]
    images = torch.empty(2, *data.image_shape, device="meta")
    assert built(name, dataset, meta=True)(images).shape == (2, data.classes)


@pytest.mark.parametrize("name", BASES)
@pytest.mark.parametrize(("dataset", "more"), [("cifar100", 90), ("gtsrb", 33)])
def test_more_classes_change_the_classifier_alone(name: str, dataset: str, more: int) -> None:
    def count(of: str) -> int:
        return sum(parameter.numel() for parameter in built(name, of, meta=True).parameters())

    features = {"resnet50": 2048}.get(name, 512)
    assert count(dataset) - count("cifar10") == more * (features + 1)


@pytest.mark.parametrize("name", GENERATORS)
@pytest.mark.parametrize("extents", [(32, 32), (8, 8), (16, 40)])
def test_generators_keep_shape_and_range(name: str, extents: tuple[int, int]) -> None:
    images = torch.rand(2, 3, *extents) * 2 - 1
    with torch.no_grad():
        out = generator(name)(images)
    assert out.shape == images.shape
    assert out.abs().max() <= 1.0


@pytest.mark.parametrize("name", GENERATORS)
def test_generators_add_to_the_image_and_clip(name: str) -> None:
    model, images = generator(name), torch.rand(2, 3, 16, 16) * 2 - 1
    with torch.no_grad():
        added, out = model.transform(images), model(images)
    assert added.abs().max() > 0
    assert torch.equal(out, (images + added).clamp(-1, 1))


@pytest.mark.parametrize("name", GENERATORS)
def test_generators_clip_what_leaves_the_range(name: str) -> None:
    model = generator(name)
    with torch.no_grad():
        out = model(torch.full((1, 3, 8, 8), 50.0))
    assert torch.equal(out, torch.ones_like(out))


@pytest.mark.parametrize("name", GENERATORS)
@pytest.mark.parametrize("extents", [(30, 32), (32, 28), (4, 4)])
def test_extents_that_are_no_multiple_of_eight_are_refused(name: str, extents: tuple[int, int]) -> None:
    model = built(name, meta=True)
    with pytest.raises(ValueError, match=f"image is {extents[0]} x {extents[1]}, expected multiples of 8"):
        model(torch.empty(1, 3, *extents, device="meta"))


@pytest.mark.parametrize("name", GENERATORS)
def test_generators_have_one_form(name: str) -> None:
    states = [
        {key: tensor.shape for key, tensor in built(name, dataset, meta=True).state_dict().items()}
        for dataset in DATASETS
    ]
    assert all(state == states[0] for state in states)


@pytest.mark.parametrize("name", sorted(NETWORKS))
def test_gradients_reach_every_parameter(name: str) -> None:
    torch.manual_seed(0)
    model = NETWORKS[name].build(DATASETS["cifar10"], width=0.125).train()
    model(torch.rand(2, 3, 32, 32)).square().sum().backward()
    without = [key for key, parameter in model.named_parameters() if parameter.grad is None]
    assert without == []


@pytest.mark.parametrize("name", BASES)
def test_width_scales_the_channels(name: str) -> None:
    narrow, full = (
        sum(parameter.numel() for parameter in built(name, meta=True, width=width).parameters())
        for width in (0.5, 1.0)
    )
    assert 0.2 < narrow / full < 0.3


@pytest.mark.parametrize("width", [0.0625, 0.3125])
@pytest.mark.parametrize("name", list(NETWORKS))
def test_inference_agrees_in_either_memory_layout(name: str, width: float) -> None:
    torch.manual_seed(0)
    model = built(name, "digits", width=width)
    images = torch.rand(3, 3, 32, 32)
    with torch.no_grad():
        first, last = model(images), model(images.to(memory_format=torch.channels_last))
    torch.testing.assert_close(last, first, rtol=1e-3, atol=1e-4)
