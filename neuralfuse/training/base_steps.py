"""One epoch of the training of a base whose weights are quantized, and, if asked, robust to bit errors.

Stutz et al., Alg. 1: weights are clipped, quantized and perturbed afresh in every step; the gradients of
the clean and of the perturbed pass are added and applied to the floating-point weights. Only what is
stored as codes is clipped and perturbed, so normalisation keeps its scale without reparametrisation.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn
from torch.func import functional_call
from torch.nn import functional as F

from neuralfuse.datasets.images import LabelledImages
from neuralfuse.memory.fault_models import get_fault_model
from neuralfuse.memory.perturbation import StoredWeight, store
from neuralfuse.quantization import stored_weights, straight_through
from neuralfuse.training.base_recipe import BaseRecipe, Epoch
from neuralfuse.training.state import LoopState
from nfenergy.ground.errors import NfEnergyError

Augmentation = Callable[[Tensor, torch.Generator], Tensor]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Step:
    loss: float
    perturbed_loss: float | None
    correct: int
    images: int


class BaseTrainer:
    """What the steps share: model, optimizer, random numbers, whether bit errors have begun.

    Attributes:
        model: being trained, in training mode.
        optimizer: of its parameters.
    """

    def __init__(
        self, model: nn.Module, images: LabelledImages, recipe: BaseRecipe, augment: Augmentation | None
    ) -> None:
        self.model = model.train()
        self.images = images
        self.recipe = recipe
        self.augment = augment
        self.device = next(model.parameters()).device
        self.weights = stored_weights(model, recipe.quantization.memory)
        self.optimizer = _optimizer(model, recipe)
        self.order = torch.Generator().manual_seed(recipe.seed)
        self.chips = np.random.Generator(np.random.PCG64(np.random.SeedSequence(recipe.seed)))
        self.perturbing = False
        self._clip()

    def state(self) -> LoopState:
        """Where random numbers stand, PyTorch's own for dropout among them, and whether bit errors began."""
        tensors = {"order": self.order.get_state(), "dropout": torch.get_rng_state()}
        if self.device.type == "cuda":
            tensors["dropout_cuda"] = torch.cuda.get_rng_state(self.device)
        values = {"perturbing": self.perturbing, "chips": self.chips.bit_generator.state}
        return LoopState(values=values, tensors=tensors)

    def restore(self, state: LoopState) -> None:
        """Go on from where `state` was taken, on a device of the same kind."""
        self.perturbing = state.values["perturbing"]
        self.chips.bit_generator.state = state.values["chips"]
        self.order.set_state(state.tensors["order"])
        torch.set_rng_state(state.tensors["dropout"])
        if self.device.type == "cuda" and "dropout_cuda" in state.tensors:
            torch.cuda.set_rng_state(state.tensors["dropout_cuda"], self.device)

    def epoch(self, number: int) -> Epoch:
        """Take all steps of epoch `number`, from 1.

        Raises:
            NfEnergyError: the loss became infinite or no number.
        """
        steps: list[_Step] = []
        permutation = torch.randperm(len(self.images), generator=self.order)
        for index in torch.split(permutation, self.recipe.batch_size):
            x, labels = self.images.batch(index, self.device)
            if self.augment is not None:
                x = self.augment(x, self.order)
            steps.append(self._step(x, labels, f"in epoch {number}"))
        perturbed = [step for step in steps if step.perturbed_loss is not None]
        return Epoch(
            number=number,
            loss=_mean([(step.loss, step.images) for step in steps]) or 0.0,
            accuracy_percent=100.0 * sum(step.correct for step in steps) / len(self.images),
            perturbed_loss=_mean([(step.perturbed_loss or 0.0, step.images) for step in perturbed]),
        )

    def _step(self, x: Tensor, labels: Tensor, when: str) -> _Step:
        self.optimizer.zero_grad()
        layers = store(self.weights, self.recipe.quantization)
        logits = self._forward({name: layer.read_all() for name, layer in layers.items()}, x)
        loss = self._backward(logits, labels, when)
        self.perturbing = self.perturbing or loss < self.recipe.randbet_start_loss
        perturbed_loss = None
        if self.recipe.randbet_rate and self.perturbing:
            perturbed_loss = self._perturbed_pass(layers, x, labels, when)
        self.optimizer.step()
        self._clip()
        return _Step(
            loss=loss,
            perturbed_loss=perturbed_loss,
            correct=int((logits.argmax(dim=1) == labels).sum()),
            images=len(labels),
        )

    def _backward(self, logits: Tensor, labels: Tensor, when: str) -> float:
        loss = F.cross_entropy(logits, labels)
        if not bool(torch.isfinite(loss)):
            rate = self.recipe.learning_rate
            raise NfEnergyError(
                f"the loss became {float(loss.detach())} {when}; lower the learning rate {rate:g}"
            )
        torch.autograd.backward(loss)
        return float(loss.detach())

    def _perturbed_pass(
        self, layers: Mapping[str, StoredWeight], x: Tensor, labels: Tensor, when: str
    ) -> float:
        """Add the gradient on a new chip. Batch statistics would hide its bit errors: evaluation mode."""
        self.model.eval()
        logits = self._forward(self._on_new_chip(layers), x)
        loss = self._backward(logits, labels, when)
        self.model.train()
        return loss

    def _on_new_chip(self, layers: Mapping[str, StoredWeight]) -> dict[str, Tensor]:
        rate = self.recipe.randbet_rate or 0.0
        draw = get_fault_model(self.recipe.fault_model).draw
        words = [layer.words.numel() for layer in layers.values()]
        faults = draw(words, self.recipe.quantization.word_bits, rate, int(self.chips.integers(2**62)))
        weights = {}
        for (name, layer), errors in zip(layers.items(), faults, strict=True):
            index, values = layer.read(errors)
            weights[name] = layer.read_all().flatten().scatter_(0, index, values).view_as(layer.weight)
        return weights

    def _forward(self, values: Mapping[str, Tensor], x: Tensor) -> Tensor:
        weights = {name: straight_through(self.weights[name], value) for name, value in values.items()}
        logits: Tensor = functional_call(self.model, weights, (x,))
        return logits

    @torch.no_grad()
    def _clip(self) -> None:
        if self.recipe.clip is not None:
            for weight in self.weights.values():
                weight.clamp_(-self.recipe.clip, self.recipe.clip)


def _optimizer(model: nn.Module, recipe: BaseRecipe) -> torch.optim.Optimizer:
    if recipe.optimizer == "sgd":
        return torch.optim.SGD(model.parameters(), lr=recipe.learning_rate, momentum=0.9)
    return torch.optim.Adam(model.parameters(), lr=recipe.learning_rate)


def _mean(weighted: list[tuple[float, int]]) -> float | None:
    """Mean of values with the number of images of each; None of none."""
    if not weighted:
        return None
    return sum(value * images for value, images in weighted) / sum(images for _, images in weighted)
