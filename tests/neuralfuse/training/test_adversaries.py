"""Attacks: they keep their budgets, and no random change of the same size does more harm."""

from __future__ import annotations

from collections.abc import Mapping

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor
from torch.nn import functional as F

from neuralfuse.memory.perturbation import StoredWeight, store
from neuralfuse.quantization import Quantization, stored_weights
from neuralfuse.training.adversaries import (
    adversarial_bits,
    adversarial_images,
    adversarial_weights,
    attack_base,
)
from tests.neuralfuse.small import noise, untrained_base


def _layers(seed: int, bits: int) -> tuple[dict[str, StoredWeight], dict[str, Tensor]]:
    rng = torch.Generator().manual_seed(seed)
    weights = {"a": torch.randn(3, 4, generator=rng), "b": torch.randn(7, generator=rng)}
    slopes = {name: torch.randn(weight.shape, generator=rng) for name, weight in weights.items()}
    return store(weights, Quantization(bits=bits)), slopes


@settings(deadline=None, max_examples=30)
@given(
    seed=st.integers(0, 1000),
    bits=st.sampled_from([2, 4, 8]),
    count=st.integers(1, 12),
    rounds=st.integers(1, 3),
)
def test_on_a_linear_loss_the_flips_are_the_best_there_are(
    seed: int, bits: int, count: int, rounds: int
) -> None:
    layers, slopes = _layers(seed, bits)

    def loss(weights: Mapping[str, Tensor]) -> Tensor:
        return torch.stack([(weights[name] * slopes[name]).sum() for name in weights]).sum()

    faults = adversarial_bits(layers, loss, count=count, rounds=rounds)
    gains = [
        max(float(slope * (layer.meaning[word ^ (1 << bit)] - layer.meaning[word])) for bit in range(bits))
        for name, layer in layers.items()
        for word, slope in zip(layer.words.tolist(), slopes[name].flatten(), strict=True)
    ]
    best = sum(sorted((gain for gain in gains if gain > 0), reverse=True)[:count])
    found = 0.0
    for (name, layer), errors in zip(layers.items(), faults, strict=True):
        assert all(int(mask).bit_count() == 1 for mask in errors.toggle)
        index, values = layer.read(errors)
        change = values - layer.read_all().flatten()[index]
        found += float((change * slopes[name].flatten()[index]).sum())
    assert found == pytest.approx(best, rel=1e-4, abs=1e-4)


def test_adversarial_bits_do_more_harm_than_random_ones() -> None:
    base, images = untrained_base(), noise(16)
    x, labels = images.batch(slice(None))
    faults = attack_base(base.model, base.layers, x, labels, count=20)
    assert sum(len(part.index) for part in faults) == 20

    def loss() -> float:
        with torch.no_grad():
            return float(F.cross_entropy(base.model(x), labels))

    clean = loss()
    with base.apply(faults):
        attacked = loss()
    total = sum(base.words) * 8
    random = []
    for seed in range(5):
        with base.perturb(seed=seed, rate=20 / total):
            random.append(loss())
    assert attacked > max(random)
    assert attacked > clean + 0.05
    assert loss() == clean


@pytest.mark.parametrize("gamma", [0.01, 0.2])
def test_weights_move_by_their_share_of_each_layers_norm(gamma: float) -> None:
    base, images = untrained_base(), noise(16)
    x, labels = images.batch(slice(None))
    weights = stored_weights(base.model)

    def loss(values: Mapping[str, Tensor]) -> Tensor:
        return F.cross_entropy(torch.func.functional_call(base.model, dict(values), (x,)), labels)

    moved = adversarial_weights(weights, loss, gamma=gamma)
    for name, weight in weights.items():
        assert float((moved[name] - weight).norm() / weight.norm()) == pytest.approx(gamma, rel=1e-3)
    with torch.no_grad():
        assert float(loss(moved)) > float(loss(weights))


@pytest.mark.parametrize("bound", [0.0, 0.03, 2.0])
def test_images_stay_within_their_bounds_and_raise_the_loss(bound: float) -> None:
    base, images = untrained_base(), noise(8)
    x, labels = images.batch(slice(None))
    rng = torch.Generator().manual_seed(0)
    found = adversarial_images(base.model, x, labels, bound=bound, rng=rng)
    assert float((found - x).abs().max()) <= bound + 1e-6
    assert float(found.abs().max()) <= 1.0
    with torch.no_grad():
        before, after = (float(F.cross_entropy(base.model(part), labels)) for part in (x, found))
    assert after > before or bound == 0.0
