"""Training of a base whose weights are quantized, and, if asked, robust to bit errors by itself.

Stutz et al., Alg. 1: weights are clipped, quantized and perturbed afresh in every step; the gradients of
the clean and of the perturbed pass are added and applied to the floating-point weights. Only what is
stored as codes is clipped and perturbed, so normalisation keeps its scale without reparametrisation.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
import torch
from torch import Tensor, nn
from torch.func import functional_call
from torch.nn import functional as F

from neuralfuse.bit_errors import get_fault_model
from neuralfuse.data.images import LabelledImages
from neuralfuse.perturbation import StoredWeight, store
from neuralfuse.quantization import Quantization, stored_weights, straight_through
from nfenergy.errors import InputError, NfEnergyError

Augmentation = Callable[[Tensor, torch.Generator], Tensor]


@dataclass(frozen=True, slots=True, kw_only=True)
class BaseRecipe:
    """How a base is trained.

    Attributes:
        quantization: of its stored weights, in training as later in use.
        epochs: passes over the training images.
        batch_size: images a step.
        optimizer: ``adam``, or ``sgd`` with momentum 0.9.
        learning_rate: of either.
        clip: greatest magnitude of a stored weight; None clips nothing.
        randbet_rate: bit error rate of training, a fraction; None trains without bit errors.
        fault_model: of the bit errors in training.
        randbet_start_loss: bit errors begin with the first clean loss below this.
        seed: of the order of the images, of augmentation and of the chips.

    Raises:
        InputError: a value outside its range.
    """

    quantization: Quantization = field(default_factory=Quantization)
    epochs: int = 12
    batch_size: int = 128
    optimizer: Literal["adam", "sgd"] = "adam"
    learning_rate: float = 1e-3
    clip: float | None = None
    randbet_rate: float | None = None
    fault_model: str = "flip"
    randbet_start_loss: float = 1.75
    seed: int = 0

    def __post_init__(self) -> None:
        get_fault_model(self.fault_model)
        if self.epochs < 1 or self.batch_size < 1:
            raise InputError(f"{self.epochs} epochs of batches of {self.batch_size}: both must be 1 or more")
        if self.optimizer not in ("adam", "sgd"):
            raise InputError(f"no optimizer named {self.optimizer!r}. Known: adam, sgd.")
        if not self.learning_rate > 0.0:
            raise InputError(f"learning rate {self.learning_rate} is not positive")
        if self.clip is not None and not self.clip > 0.0:
            raise InputError(f"weights cannot be clipped to +-{self.clip}; give a positive number")
        if self.randbet_rate is not None and not 0.0 <= self.randbet_rate <= 1.0:
            raise InputError(f"bit error rate {self.randbet_rate} is no fraction; 1 % is 0.01")
        if self.seed < 0:
            raise InputError(f"the seed is 0 or more, not {self.seed}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Epoch:
    """One pass over the training images.

    Attributes:
        number: from 1.
        loss: mean cross-entropy with quantized weights.
        accuracy_percent: of the training images, as each batch was met.
        perturbed_loss: mean cross-entropy with bit errors; None if no batch had any.
    """

    number: int
    loss: float
    accuracy_percent: float
    perturbed_loss: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class BaseTraining:
    """What was done to a base, epoch by epoch."""

    recipe: BaseRecipe
    history: tuple[Epoch, ...]


def train_base(
    model: nn.Module,
    images: LabelledImages,
    recipe: BaseRecipe,
    *,
    augment: Augmentation | None = None,
    on_epoch: Callable[[Epoch], None] | None = None,
) -> BaseTraining:
    """Train `model` in place; it ends in evaluation mode with floating-point, clipped weights.

    Batches go to the device of the model. The same model, images and recipe give the same weights
    on the same machine.

    Args:
        model: a base, untrained or to be trained further.
        images: to train with.
        recipe: how.
        augment: changes each batch of float images, with random numbers from the CPU generator.
        on_epoch: told of each epoch as it ends.

    Raises:
        NfEnergyError: the loss became infinite or no number; the model is of no use then.
    """
    trainer = _Trainer(model, images, recipe, augment)
    history = []
    for number in range(1, recipe.epochs + 1):
        epoch = trainer.epoch(number)
        history.append(epoch)
        if on_epoch is not None:
            on_epoch(epoch)
    model.eval()
    return BaseTraining(recipe=recipe, history=tuple(history))


@torch.no_grad()
def accuracy_percent(model: nn.Module, images: LabelledImages, *, batch_size: int = 256) -> float:
    """Images whose greatest output is their label, in percent; `model` is in evaluation mode."""
    device = next(model.parameters()).device
    correct = sum(
        int((model(x).argmax(dim=1) == labels).sum()) for x, labels in images.batches(batch_size, device)
    )
    return 100.0 * correct / len(images)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Step:
    loss: float
    perturbed_loss: float | None
    correct: int
    images: int


class _Trainer:
    """The state that steps share: optimizer, random numbers, whether bit errors have begun."""

    def __init__(
        self, model: nn.Module, images: LabelledImages, recipe: BaseRecipe, augment: Augmentation | None
    ) -> None:
        self.model = model.train()
        self.images = images
        self.recipe = recipe
        self.augment = augment
        self.device = next(model.parameters()).device
        self.weights = stored_weights(model)
        self.optimizer = _optimizer(model, recipe)
        self.order = torch.Generator().manual_seed(recipe.seed)
        self.chips = np.random.Generator(np.random.PCG64(np.random.SeedSequence(recipe.seed)))
        self.perturbing = False
        self._clip()

    def epoch(self, number: int) -> Epoch:
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
        faults = draw(words, self.recipe.quantization.bits, rate, int(self.chips.integers(2**62)))
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
