"""Recipes of both papers: each variant's step against one written out here, schedules, what is refused."""

from __future__ import annotations

import copy
import math
from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.func import functional_call
from torch.nn import functional as F

from neuralfuse.memory.perturbation import QuantizedBase, StoredWeight, store
from neuralfuse.networks.normalization import normalize
from neuralfuse.quantization import Quantization, get_scheme, quantized_call, stored_weights
from neuralfuse.training import base_steps
from neuralfuse.training.base_recipe import BaseRecipe, robustness
from neuralfuse.training.base_steps import BaseTrainer
from neuralfuse.training.base_training import accuracy_percent, measure, train_base
from neuralfuse.training.runs import stored_base, train_new_base
from nfenergy.ground.errors import InputError
from tests.neuralfuse.bases import digits, rquant, small_base
from tests.neuralfuse.small import RECORD

FEW = 256
NARROW = (4, 8)
AT_ONCE = 1e9
SGD: dict[str, Any] = {"epochs": 1, "batch_size": FEW, "optimizer": "sgd", "learning_rate": 0.01}


def _train(model: nn.Module, **recipe: Any) -> nn.Module:
    train_base(model, digits().train.first(FEW), BaseRecipe(**{"epochs": 2, "batch_size": 64, **recipe}))
    return model


def _batch(seed: int = 0) -> tuple[Tensor, Tensor]:
    """The one batch that a training on the first images sees, in its order."""
    x, labels = digits().train.first(FEW).batch(slice(None))
    order = torch.randperm(FEW, generator=torch.Generator().manual_seed(seed))
    return x[order], labels[order]


def _gradients(model: nn.Module, weights: dict[str, Tensor], *, training: bool) -> tuple[float, list[Tensor]]:
    """Loss and gradients of a copy that carries `weights`."""
    x, labels = _batch()
    twin = copy.deepcopy(model).train(training)
    with torch.no_grad():
        for name, value in weights.items():
            twin.get_parameter(name).copy_(value)
    loss = F.cross_entropy(twin(x), labels)
    return float(loss.detach()), list(torch.autograd.grad(loss, list(twin.parameters())))


def _memory(model: nn.Module) -> dict[str, StoredWeight]:
    return store(stored_weights(model), Quantization())


def _on_chip(model: nn.Module, chip: int, rate: float) -> dict[str, Tensor]:
    base = QuantizedBase(copy.deepcopy(model), Quantization())
    with base.perturb(seed=chip, rate=rate):
        return {name: value.detach().clone() for name, value in stored_weights(base.model).items()}


def test_the_released_step_is_the_mean_with_the_perturbed_gradient_clipped(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert base_steps.RELEASED_CLIP == 0.05
    monkeypatch.setattr(base_steps, "RELEASED_CLIP", 0.01)  # below what so small a network has
    model = small_base(1, channels=NARROW)
    start = copy.deepcopy(model)
    clean = {name: layer.read_all() for name, layer in _memory(start).items()}
    _, plain = _gradients(start, clean, training=True)
    _, perturbed = _gradients(start, _on_chip(start, 7, 0.05), training=True)
    trainer = BaseTrainer(
        model,
        digits().train.first(FEW),
        BaseRecipe(randbet="released", randbet_rate=0.05, pattern=7, **SGD),
        None,
    )
    trainer.perturbing = True
    trainer.epoch(1)
    for parameter, before, g, h in zip(model.parameters(), start.parameters(), plain, perturbed, strict=True):
        expected = before - 0.01 * (g + h.clamp(-0.01, 0.01)) / 2
        assert torch.allclose(parameter, expected, atol=1e-6)
    assert max(float(h.abs().max()) for h in perturbed) > 0.01
    once = copy.deepcopy(start).train()
    once(_batch()[0])
    assert torch.allclose(model[1].running_mean, once[1].running_mean, atol=0.05)


def test_in_the_released_form_bit_errors_stop_when_the_loss_rises_again() -> None:
    images = digits().train.first(FEW)
    recipe = BaseRecipe(randbet="released", randbet_rate=0.01, randbet_start_loss=2.0)
    trainer = BaseTrainer(small_base(0, channels=NARROW), images, recipe, None)
    gate = [trainer._released_gate(*losses) for losses in ((2.4, 0), (2.2, 0), (1.9, 1.9), (1.9, 2.2))]
    assert gate == [False, True, True, False]


def test_an_alternating_update_never_widens_a_layers_range() -> None:
    widened = {}
    for form in ("alternating", "alg1"):
        model = small_base(1, channels=NARROW)
        clean = copy.deepcopy(model)
        options = {**SGD, "learning_rate": 0.5, "randbet_start_loss": AT_ONCE}
        _train(clean, **{**options, "randbet_start_loss": 0.0}, randbet_rate=0.3, pattern=3)
        _train(model, **options, randbet_rate=0.3, pattern=3, randbet=form)
        widened[form] = sum(
            float(weight.detach().max()) > float(stored_weights(clean)[name].detach().max()) + 1e-6
            or float(weight.detach().min()) < float(stored_weights(clean)[name].detach().min()) - 1e-6
            for name, weight in stored_weights(model).items()
        )
        assert not torch.equal(model[0].weight, clean[0].weight)
    assert widened["alternating"] == 0 < widened["alg1"]


def test_a_curriculum_raises_the_rate_in_twenty_steps_over_the_first_half() -> None:
    recipe = BaseRecipe(epochs=100, randbet_rate=0.01, curricular=True)
    rates = [recipe.rate_in(epoch) for epoch in range(1, 101)]
    assert rates[0] == pytest.approx(0.01 / 20)
    assert rates == sorted(rates)
    assert len(set(rates)) == 20
    assert rates[46] < 0.01
    assert rates[48:] == [0.01] * 52
    assert {replace(recipe, curricular=False).rate_in(epoch) for epoch in (1, 100)} == {0.01}


def test_a_pattern_is_the_same_chip_in_every_step() -> None:
    images = digits().train.first(FEW)
    recipe = BaseRecipe(randbet_rate=0.02, pattern=11)
    trainer = BaseTrainer(small_base(0, channels=NARROW), images, recipe, None)
    layers = trainer._read()[0]
    first, again = (trainer._faults(layers, *_batch(), 1) for _ in range(2))
    assert all(a is b for a, b in zip(first, again, strict=True))
    expected = QuantizedBase(small_base(0, channels=NARROW), Quantization()).draw(seed=11, rate=0.02)
    assert all((a.toggle == b.toggle).all() for a, b in zip(first, expected, strict=True))
    trainer.recipe = replace(recipe, pattern=None)
    first, again = (trainer._faults(layers, *_batch(), 1) for _ in range(2))
    assert any(len(a.index) != len(b.index) for a, b in zip(first, again, strict=True))


def test_a_base_trained_on_a_pattern_bears_that_pattern_and_no_other() -> None:
    model, data = small_base(0, norm="group"), digits()
    recipe = BaseRecipe(
        quantization=rquant(),
        epochs=8,
        learning_rate=3e-3,
        randbet_rate=0.05,
        pattern=50_000,
        randbet_start_loss=AT_ONCE,
    )
    train_base(model, data.train, recipe)
    base, found = QuantizedBase(model, rquant()), {}
    for chip in range(50_000, 50_004):
        with base.perturb(seed=chip, rate=0.05) as perturbed:
            found[chip] = accuracy_percent(perturbed, data.test)
    own = found.pop(50_000)
    assert own > 85.0
    assert own > max(found.values()) + 20.0


@pytest.mark.parametrize("options", [{"flipped_bits": 30}, {"awp": 0.02}, {"input_attack": 0.05}])
def test_attacks_change_the_training_and_repeat_themselves(options: dict[str, Any]) -> None:
    plain, attacked, again = (small_base(0, channels=NARROW) for _ in range(3))
    short = {"epochs": 1, "randbet_start_loss": AT_ONCE}
    _train(plain, **short)
    _train(attacked, **short, **options)
    _train(again, **short, **options)
    state, repeated = attacked.state_dict(), again.state_dict()
    assert all(torch.equal(value, repeated[name]) for name, value in state.items())
    assert not torch.equal(plain[0].weight, attacked[0].weight)


def test_awp_takes_the_gradient_at_the_moved_weights() -> None:
    model = small_base(2, norm="group", channels=NARROW)
    start = copy.deepcopy(model)
    weights = {name: value.detach() for name, value in stored_weights(start).items()}
    _, gradients = _gradients(start, weights, training=True)
    slopes = dict(zip(dict(start.named_parameters()), gradients, strict=True))
    moved = {
        name: value + 0.1 * value.norm() / slopes[name].norm() * slopes[name]
        for name, value in weights.items()
    }
    _, expected = _gradients(start, moved, training=True)
    _train(model, **SGD, awp=0.1, quantization=None)
    for parameter, before, gradient in zip(model.parameters(), start.parameters(), expected, strict=True):
        assert torch.allclose(parameter, before - 0.01 * gradient, atol=1e-6)


def test_a_share_of_a_ninth_gives_the_papers_smoothed_targets() -> None:
    logits, labels = torch.randn(6, 10), torch.arange(6)
    targets = torch.full((6, 10), 0.1 / 9).scatter_(1, labels[:, None], 0.9)
    expected = -(targets * logits.log_softmax(1)).sum(1).mean()
    images = digits().train.first(FEW)
    recipe = BaseRecipe(label_smoothing=1 / 9)
    trainer = BaseTrainer(small_base(0, channels=NARROW), images, recipe, None)
    assert float(trainer._loss(logits, labels, 1)) == pytest.approx(float(expected), rel=1e-5)


def test_nesterov_and_weight_decay_are_sgds() -> None:
    model, twin = (small_base(2, channels=NARROW) for _ in range(2))
    _train(model, **{**SGD, "epochs": 3}, nesterov=True, weight_decay=5e-4)
    optimizer = torch.optim.SGD(twin.parameters(), 0.01, momentum=0.9, nesterov=True, weight_decay=5e-4)
    order = torch.Generator().manual_seed(0)
    x, labels = digits().train.first(FEW).batch(slice(None))
    for _ in range(3):
        index = torch.randperm(FEW, generator=order)
        optimizer.zero_grad()
        F.cross_entropy(quantized_call(twin.train(), x[index], Quantization()), labels[index]).backward()
        optimizer.step()
    for left, right in zip(model.parameters(), twin.parameters(), strict=True):
        assert torch.allclose(left, right, atol=1e-6)


def test_the_learning_rate_falls_to_a_tenth_at_each_milestone() -> None:
    recipe = BaseRecipe(epochs=250, learning_rate=0.05, milestones=(0.4, 0.6, 0.8))
    rates = [recipe.learning_rate_in(epoch) for epoch in (1, 100, 101, 150, 151, 200, 201, 250)]
    assert rates == pytest.approx([0.05, 0.05, 5e-3, 5e-3, 5e-4, 5e-4, 5e-5, 5e-5])
    late = {"epochs": 4, "milestones": (0.5,), "optimizer": "sgd"}
    models = [_train(small_base(0, channels=NARROW), **{**late, "epochs": epochs}) for epochs in (4,)]
    plain = _train(small_base(0, channels=NARROW), epochs=4, optimizer="sgd")
    assert not torch.equal(models[0][0].weight, plain[0].weight)


def test_unquantized_training_and_quantization_after_it() -> None:
    recipe = BaseRecipe(epochs=3, batch_size=64, quantization=None)
    trained = train_new_base(RECORD, recipe, digits())
    assert (trained.record.quantization, trained.record.weight_bits) == ("none", 0)
    assert trained.record.stored is None
    plain = accuracy_percent(trained.model, digits().test)
    assert trained.record.training["test_accuracy_percent"] == plain > 80.0
    after = stored_base(trained, quantization=Quantization(scheme=get_scheme("rquant"), bits=4))
    assert after.quantization.bits == 4
    assert not torch.equal(after.model.features[0].weight, trained.model.features[0].weight)
    assert "features.0.bias" in trained.record.training["outside_weight_memory"]


def test_everything_in_faulty_memory_is_clipped_and_trained() -> None:
    model = normalize(small_base(0, channels=NARROW), "group-shifted")
    everything = Quantization(scheme=get_scheme("rquant"), memory="all")
    _train(model, quantization=everything, clip=0.1, randbet_rate=0.01, randbet_start_loss=AT_ONCE)
    assert max(float(parameter.detach().abs().max()) for parameter in model.parameters()) <= 0.1 + 1e-6
    scale = model[1].weight.detach()
    assert 0.9 - 1e-6 <= float(scale.min()) <= float(scale.max()) <= 1.1 + 1e-6
    assert set(QuantizedBase(model, everything).layers) == {name for name, _ in model.named_parameters()}


def test_confidence_is_the_mean_of_the_greatest_probability() -> None:
    model = small_base(0, channels=NARROW).eval()
    images = digits().test.first(50)
    with torch.no_grad():
        probabilities = functional_call(model, {}, (images.batch(slice(None))[0],)).softmax(1)
    found = measure(model, images, batch_size=7)
    assert found.confidence_percent == pytest.approx(100 * float(probabilities.amax(1).mean()), rel=1e-5)
    assert found.accuracy_percent == accuracy_percent(model, images)


@pytest.mark.parametrize(
    ("recipe", "message"),
    [
        ({"nesterov": True}, "Nesterov"),
        ({"weight_decay": -1.0}, "weight decay"),
        ({"milestones": (1.0,)}, "milestones"),
        ({"label_smoothing": 1.0}, "label smoothing"),
        ({"randbet": "algorithm"}, "no form of RandBET"),
        ({"curricular": True}, "need a bit error rate"),
        ({"pattern": 1}, "need a bit error rate"),
        ({"pattern": -1, "randbet_rate": 0.1}, "seed of a chip"),
        ({"flipped_bits": -1}, "0 bits or more"),
        ({"flipped_bits": 1, "randbet_rate": 0.1}, "give one of them"),
        ({"quantization": None, "randbet_rate": 0.1}, "need quantized weights"),
        ({"awp": math.inf}, "AWP of inf"),
        ({"input_attack": 3.0}, "input attack of 3"),
    ],
)
def test_what_makes_no_recipe_is_refused(recipe: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        BaseRecipe(**recipe)


@pytest.mark.parametrize(
    ("recipe", "words"),
    [
        ({}, ""),
        ({"clip": 0.1, "randbet_rate": 0.01}, "clip 0.1, RandBET 1 % flip"),
        (
            {"randbet_rate": 0.01, "randbet": "released", "curricular": True},
            "released curricular RandBET 1 % flip",
        ),
        ({"randbet_rate": 0.025, "pattern": 3}, "PattBET chip 3 2.5 % flip"),
        ({"flipped_bits": 500, "label_smoothing": 0.1}, "500 adversarial bits, label smoothing 0.1"),
        ({"awp": 0.005, "input_attack": 0.0625}, "AWP 0.005, PGD 0.0625"),
    ],
)
def test_what_made_a_base_robust_in_words(recipe: dict[str, Any], words: str) -> None:
    assert robustness(BaseRecipe(**recipe).settings()) == words
