"""The networks are the published ones: parameters to the last one, shapes, the generators' range."""

from __future__ import annotations

import csv
from importlib.resources import files

import pytest
import torch
from torch import nn

from neuralfuse.networks.generators import Generator
from neuralfuse.networks.normalization import (
    NORMALIZATIONS,
    batch_statistics,
    normalize,
    released_groups,
)
from neuralfuse.networks.scaling import greatest_magnitude, scale_weights
from neuralfuse.registry import DATASETS, networks, paper_networks
from nfenergy.ground.errors import InputError
from reports.published import ParamsMacs, published_params_macs

pytestmark = pytest.mark.usefixtures("one_torch_thread")

NETWORKS = {**networks("base"), **networks("generator")}
BASES = sorted(networks("base"))
IN_TABLES = {network.name for network in paper_networks()}
GENERATORS = sorted(IN_TABLES & set(networks("generator")))


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


@pytest.mark.parametrize(
    ("name", "dataset", "parameters"),
    [
        ("simplenet", "cifar10", 5_498_378),
        ("simplenet-mnist", "mnist", 1_082_826),
        ("wrn", "cifar100", 20_575_060),
        ("preact-resnet18", "cifar10", 11_172_170),
    ],
)
@pytest.mark.parametrize("norm", ["batch", "group-shifted"])
def test_parameters_of_the_other_papers_networks(name: str, dataset: str, parameters: int, norm: str) -> None:
    """SimpleNet as printed in Stutz et al.'s Table 6; of the Wide ResNet they print roughly 20.5 million."""
    with torch.device("meta"):
        model = normalize(built(name, dataset, meta=True), norm)
    assert sum(parameter.numel() for parameter in model.parameters()) == parameters


@pytest.mark.parametrize(("name", "dataset"), [("simplenet", "cifar10"), ("simplenet-mnist", "mnist")])
def test_simplenet_has_the_printed_layers(name: str, dataset: str) -> None:
    path = files("reports.published").joinpath("stutz_table6_simplenet.csv")
    rows = csv.DictReader(path.read_text(encoding="utf-8").splitlines())
    printed = [row for row in rows if row["dataset"] == dataset]
    model, found = built(name, dataset, meta=True), []
    for module in model.modules():
        if isinstance(module, nn.ReLU | nn.MaxPool2d | nn.AdaptiveAvgPool2d | nn.Linear):
            module.register_forward_hook(lambda _module, _inputs, out: found.append(out.shape[1:]))
    model(torch.empty(2, 3, 32, 32, device="meta"))
    expected = [(int(row["channels"]), int(row["height"]), int(row["width"])) for row in printed]
    assert [(*shape, 1, 1)[:3] for shape in found] == expected


@pytest.mark.parametrize("name", ["simplenet", "simplenet-mnist", "resnet20", "wrn", "preact-resnet18"])
def test_networks_without_an_imagenet_form_say_so(name: str) -> None:
    with pytest.raises(InputError, match="for 32 x 32 images only"):
        built(name, "imagenet10", meta=True)


@pytest.mark.parametrize("name", ["unetl", "unets"])
def test_released_unets_differ_by_a_ring_of_zeros_alone(name: str) -> None:
    plain, released = generator(name), generator(f"{name}-released")
    released.load_state_dict(plain.state_dict())
    images = torch.rand(2, 3, 16, 16) * 2 - 1
    with torch.no_grad():
        assert not torch.equal(plain(images), released(images))
        x = torch.rand(1, plain.deconv3.in_channels, 4, 4)
        inner, ringed = plain.deconv3(x), released._ringed(released.deconv3(x))
    assert ringed.shape == inner.shape
    assert torch.equal(ringed[..., 1:-1, 1:-1], inner[..., 1:-1, 1:-1])
    assert float(ringed[..., 0, :].abs().max()) == 0.0


@pytest.mark.parametrize("kind", sorted(NORMALIZATIONS))
def test_normalizations_train_and_keep_their_form(kind: str) -> None:
    model = normalize(built("vgg11", width=0.125), kind).train()
    torch.autograd.backward(model(torch.rand(4, 3, 32, 32)).square().sum())
    assert all(parameter.grad is not None for parameter in model.parameters())
    again = normalize(built("vgg11", width=0.125), kind)
    again.load_state_dict(model.state_dict())
    names = [name for name, _ in model.named_parameters()]
    shifts = [name for name in names if name.endswith("weight.original")]
    assert bool(shifts) == NORMALIZATIONS[kind].shifted
    assert all(float(model.get_parameter(name).detach().abs().max()) == 0.0 for name in shifts)
    images = torch.rand(4, 3, 32, 32)
    with torch.no_grad():
        assert torch.equal(again.eval()(images), model.eval()(images))


@pytest.mark.parametrize("kinds", [("group-released", "group-shifted"), ("group", "group-shifted-8")])
def test_a_shifted_scale_normalizes_as_the_plain_one_does(kinds: tuple[str, str]) -> None:
    torch.manual_seed(0)
    images = torch.rand(4, 3, 32, 32)
    outs = []
    for kind in kinds:
        torch.manual_seed(1)
        model = normalize(built("resnet18", width=0.125), kind)
        with torch.no_grad():
            outs.append(model(images))
    assert torch.allclose(*outs, atol=1e-6)


@pytest.mark.parametrize(
    ("channels", "expected"), [(64, 32), (32, 16), (8, 4), (120, 24), (240, 24), (480, 32), (3, 1), (1, 1)]
)
def test_groups_of_the_released_code(channels: int, expected: int) -> None:
    assert released_groups(channels) == expected


def test_batch_statistics_are_the_batchs_own_and_leave_no_trace() -> None:
    model = built("resnet18", width=0.125)
    images = torch.rand(8, 3, 32, 32) * 3
    with torch.no_grad():
        before = model(images)
        with batch_statistics(model):
            within = model(images)
        assert torch.equal(model(images), before)
        expected = model.train()(images)
    assert torch.allclose(within, expected, atol=1e-5)
    assert not torch.allclose(within, before, atol=1e-2)


def test_scaled_weights_give_the_same_classes_where_nothing_learns_a_scale() -> None:
    torch.manual_seed(0)
    model = normalize(built("vgg11", width=0.125), "group-fixed")
    images = torch.rand(64, 3, 32, 32) * 2 - 1
    with torch.no_grad():
        before = model(images)
        factor = scale_weights(model, 0.25)
        after = model(images)
    assert greatest_magnitude(model) == pytest.approx(0.25)
    assert factor != pytest.approx(1.0)
    assert torch.allclose(after, factor * before, rtol=0.05, atol=1e-3)
    with pytest.raises(InputError, match="has a trained scale"):
        scale_weights(built("vgg11", width=0.125), 0.25)
    with pytest.raises(InputError, match="positive"):
        scale_weights(model, 0.0)


@pytest.mark.parametrize("dataset", sorted(set(DATASETS) - {"imagenet10"}))
@pytest.mark.parametrize("name", sorted(set(BASES) - IN_TABLES))
def test_other_bases_map_images_to_one_logit_a_class(name: str, dataset: str) -> None:
    images = torch.empty(2, 3, 32, 32, device="meta")
    assert built(name, dataset, meta=True)(images).shape == (2, DATASETS[dataset].classes)


@pytest.mark.parametrize("dataset", sorted(DATASETS))
@pytest.mark.parametrize("name", sorted(set(BASES) & IN_TABLES))
def test_bases_map_images_to_one_logit_a_class(name: str, dataset: str) -> None:
    data = DATASETS[dataset]
    images = torch.empty(2, *data.image_shape, device="meta")
    assert built(name, dataset, meta=True)(images).shape == (2, data.classes)


@pytest.mark.parametrize("name", sorted(set(BASES) & IN_TABLES))
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
