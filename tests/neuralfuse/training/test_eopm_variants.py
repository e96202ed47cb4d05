"""EOPM with an attack in place of random chips, and on differently augmented images."""

from __future__ import annotations

import pytest
import torch

from neuralfuse.training.eopm import accumulate_gradients
from neuralfuse.training.generator_training import GeneratorTraining
from nfenergy.ground.errors import InputError, UnknownName
from tests.neuralfuse.small import noise, settings, untrained_base, untrained_generator


def test_an_attack_takes_the_place_of_random_chips() -> None:
    """K bits flipped against the very batch: one perturbed pass, a greater loss than on random chips."""
    base, images = untrained_base(), noise(6)
    x, labels = images.batch(slice(None))
    losses = {}
    for changes in ({"flipped_bits": 40}, {"bit_error_rate": 40 / sum(base.words) / 8}):
        generator = untrained_generator("convs")
        options = settings(**changes)
        found = accumulate_gradients(generator, [base], x, labels, options, step=0)
        losses[tuple(changes)] = found.perturbed_loss or 0.0
        assert any(parameter.grad is not None for parameter in generator.parameters())
    assert settings(flipped_bits=40).chips_per_step == 1
    assert losses["flipped_bits",] > losses["bit_error_rate",] + 0.02
    with pytest.raises(InputError, match="K 0 or more"):
        settings(flipped_bits=-1)


def test_a_generator_can_be_trained_on_differently_augmented_images() -> None:
    runs = []
    for augment in ("cutout", "crop-mirror", True):
        run = GeneratorTraining(
            untrained_generator("convs"), [untrained_base()], noise(12), settings(augment=augment, steps=1)
        )
        run.run()
        runs.append(run.generator.state_dict())
    first, second, third = (state["layers.0.weight"] for state in runs)
    assert torch.equal(second, third)
    assert not torch.equal(first, second)
    with pytest.raises(UnknownName, match="augmentation"):
        settings(augment="blur")
