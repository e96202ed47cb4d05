"""Training of bases: it learns, repeats itself, clips, perturbs as Alg. 1 says, and stops on nonsense."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from neuralfuse.datasets.images import LabelledImages, augmented
from neuralfuse.networks.normalization import groups, normalize
from neuralfuse.quantization import Quantization, get_scheme, quantized_call, stored_weights
from neuralfuse.registry import BASES, DATASETS
from neuralfuse.training.base_recipe import BaseRecipe, Epoch, start_loss
from neuralfuse.training.base_training import accuracy_percent, train_base
from nfenergy.ground.errors import InputError, NfEnergyError, UnknownName
from tests.conftest import RunCli
from tests.neuralfuse.bases import clean_percent, digits, rquant, small_base, trained_base

FEW = 256
NARROW = (4, 8)
AT_ONCE = 1e9


def _train(model: nn.Module, **recipe: Any) -> tuple[Epoch, ...]:
    recipe = {"epochs": 2, "batch_size": 64, **recipe}
    return train_base(model, digits().train.first(FEW), BaseRecipe(**recipe))


def test_a_base_learns_the_digits() -> None:
    assert clean_percent(trained_base(0), rquant()) > 97.0
    assert not trained_base(0).training


@pytest.mark.parametrize("norm", ["batch", "group"])
@pytest.mark.parametrize("optimizer", ["adam", "sgd"])
def test_the_loss_falls(norm: str, optimizer: str) -> None:
    told: list[Epoch] = []
    recipe = BaseRecipe(epochs=4, batch_size=64, optimizer=optimizer, learning_rate=3e-3)
    history = train_base(
        small_base(0, norm=norm, channels=NARROW), digits().train.first(FEW), recipe, on_epoch=told.append
    )
    assert tuple(told) == history
    assert [epoch.number for epoch in told] == [1, 2, 3, 4]
    assert told[-1].loss < told[0].loss
    assert all(epoch.perturbed_loss is None for epoch in told)


def test_one_step_is_the_gradient_of_the_quantized_network_on_float_weights() -> None:
    images, quantization = digits().train.first(32), Quantization(bits=4)
    model, twin = small_base(1, channels=NARROW), small_base(1, channels=NARROW)
    recipe = BaseRecipe(
        quantization=quantization, epochs=1, batch_size=32, optimizer="sgd", learning_rate=0.1
    )
    train_base(model, images, recipe)
    x, labels = images.batch(slice(None))
    order = torch.randperm(32, generator=torch.Generator().manual_seed(0))
    F.cross_entropy(quantized_call(twin.train(), x[order], quantization), labels[order]).backward()
    for trained, start in zip(model.parameters(), twin.parameters(), strict=True):
        assert start.grad is not None
        assert torch.allclose(trained, start - 0.1 * start.grad, atol=1e-6)


@pytest.mark.parametrize("options", [{}, {"randbet_rate": 0.01, "randbet_start_loss": AT_ONCE}])
def test_the_same_recipe_gives_the_same_weights_and_another_seed_others(options: dict[str, float]) -> None:
    models = [small_base(0, channels=NARROW) for _ in range(3)]
    for model, seed in zip(models, (5, 5, 6), strict=True):
        torch.manual_seed(seed)  # must not matter
        torch.rand(3)
        _train(model, seed=5 if model is not models[2] else 6, **options)
    first, again, other = (model.state_dict() for model in models)
    assert all(torch.equal(value, again[name]) for name, value in first.items())
    assert not torch.equal(first["0.weight"], other["0.weight"])


def test_clipped_weights_stay_within_their_bound_in_all_epochs() -> None:
    model = small_base(0, channels=NARROW)
    bias, scale = model[-1].bias, model[1].weight
    _train(model, clip=0.05, learning_rate=0.1)
    assert max(float(weight.detach().abs().max()) for weight in stored_weights(model).values()) <= 0.0501
    assert float(scale.detach().abs().max()) > 0.05
    assert float(bias.detach().abs().max()) > 0.0


def test_bit_errors_begin_with_the_first_loss_below_the_bound() -> None:
    never = _train(small_base(0, channels=NARROW), randbet_rate=0.01, randbet_start_loss=0.0)
    always = _train(small_base(0, channels=NARROW), randbet_rate=0.01, randbet_start_loss=AT_ONCE)
    assert all(epoch.perturbed_loss is None for epoch in never)
    assert all(epoch.perturbed_loss is not None for epoch in always)


def test_without_bit_errors_the_perturbed_gradient_is_the_clean_one() -> None:
    """At a rate so low that no bit fails, a network without statistics takes steps of twice the length."""
    options: dict[str, Any] = {"epochs": 1, "batch_size": FEW, "optimizer": "sgd"}
    doubled, plain = (small_base(2, norm="group", channels=NARROW) for _ in range(2))
    _train(doubled, randbet_rate=1e-12, randbet_start_loss=AT_ONCE, learning_rate=0.01, **options)
    _train(plain, learning_rate=0.02, **options)
    for left, right in zip(doubled.parameters(), plain.parameters(), strict=True):
        assert torch.allclose(left, right, atol=1e-6)


def test_bit_errors_leave_no_trace_in_the_running_statistics() -> None:
    models = [small_base(3, channels=NARROW) for _ in range(2)]
    options: dict[str, Any] = {"epochs": 1, "batch_size": FEW, "optimizer": "sgd", "learning_rate": 1e-3}
    _train(models[0], **options)
    _train(models[1], randbet_rate=0.2, randbet_start_loss=AT_ONCE, **options)
    clean, perturbed = (dict(model.named_buffers()) for model in models)
    assert all(torch.equal(value, perturbed[name]) for name, value in clean.items())
    assert not torch.equal(models[0][0].weight, models[1][0].weight)


def test_augmentation_changes_the_images_and_repeats_itself() -> None:
    models = [small_base(0, channels=NARROW) for _ in range(3)]
    for model, augment in zip(models, (augmented, augmented, None), strict=True):
        train_base(model, digits().train.first(FEW), BaseRecipe(epochs=1), augment=augment)
    first, again, plain = (model[0].weight for model in models)
    assert torch.equal(first, again)
    assert not torch.equal(first, plain)


def test_a_loss_that_is_no_number_ends_training_with_one_line() -> None:
    images = digits().train.first(FEW)
    broken = LabelledImages(images=images.images.clone().fill_(float("nan")), labels=images.labels)
    with pytest.raises(NfEnergyError, match=r"loss became nan in epoch 1; lower the learning rate 0\.001"):
        train_base(small_base(0, channels=NARROW), broken, BaseRecipe())


@pytest.mark.parametrize(
    "recipe",
    [
        {"epochs": 0},
        {"batch_size": 0},
        {"optimizer": "lion"},
        {"learning_rate": 0.0},
        {"learning_rate": math.nan},
        {"learning_rate": math.inf},
        {"clip": 0.0},
        {"clip": math.inf},
        {"randbet_start_loss": math.inf},
        {"randbet_rate": 1.5},
        {"seed": -1},
    ],
)
def test_impossible_recipes_are_refused(recipe: dict[str, Any]) -> None:
    with pytest.raises(InputError):
        BaseRecipe(**recipe)


def test_an_unknown_fault_model_is_refused_before_training() -> None:
    with pytest.raises(UnknownName):
        BaseRecipe(fault_model="flips")


def test_accuracy_counts_every_image_once() -> None:
    model = nn.Flatten()
    scores = torch.eye(10)[torch.arange(7)].reshape(7, 10, 1, 1)
    images = LabelledImages(images=scores, labels=torch.tensor([0, 1, 2, 3, 9, 9, 9]))
    model.register_parameter("unused", nn.Parameter(torch.zeros(1)))
    assert accuracy_percent(model.eval(), images, batch_size=3) == pytest.approx(400 / 7)


@pytest.mark.parametrize("name", ["vgg11", "resnet18", "resnet50"])
def test_group_norm_takes_the_place_of_every_batch_norm(name: str) -> None:
    def norms(model: nn.Module, kind: type[nn.Module]) -> int:
        return sum(isinstance(module, kind) for module in model.modules())

    with torch.device("meta"):
        model = BASES[name].build(DATASETS["cifar10"], width=0.25)
        before = norms(model, nn.BatchNorm2d)
        parameters = sum(parameter.numel() for parameter in model.parameters())
        normalize(model, "group")
    assert norms(model, nn.BatchNorm2d) == 0
    assert norms(model, nn.GroupNorm) == before > 0
    assert sum(parameter.numel() for parameter in model.parameters()) == parameters
    assert model(torch.empty(2, 3, 32, 32, device="meta")).shape == (2, 10)


@pytest.mark.parametrize(("channels", "expected"), [(1, 1), (8, 1), (16, 2), (24, 3), (26, 2), (512, 32)])
def test_groups_are_of_equal_size_and_at_least_eight_channels(channels: int, expected: int) -> None:
    assert groups(channels) == expected


def test_schemes_and_bits_reach_the_forward_pass() -> None:
    losses = {
        (name, bits): _train(
            small_base(0, channels=NARROW),
            epochs=1,
            quantization=Quantization(scheme=get_scheme(name), bits=bits),
        )[0].loss
        for name, bits in (("symmetric", 8), ("symmetric", 2), ("rquant", 8))
    }
    assert len(set(losses.values())) == 3


def test_bit_errors_begin_where_stutz_et_al_begin_with_them() -> None:
    assert start_loss("cifar100") == 3.5
    assert {start_loss(name) for name in DATASETS if name != "cifar100"} == {1.75}


def test_a_training_that_never_came_to_bit_errors_says_so(tmp_path: Path, cli: RunCli) -> None:
    options = ("--width", "0.05", "--epochs", "1", "--randbet", "1%", "--learning-rate", "1e-6")
    done = cli("train-base", *options, "--out", tmp_path)
    assert done.status == 0, done.stderr
    assert "trained without bit errors" in done.stderr.splitlines()[-1]
    assert json.loads((tmp_path / "base.json").read_text())["training"]["final_perturbed_loss"] is None
