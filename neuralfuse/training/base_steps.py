"""One epoch of the training of a base whose weights are quantized, and, if asked, robust to bit errors.

Stutz et al., Alg. 1: weights are clipped, quantized and perturbed afresh in every step; the gradients of
the clean and of the perturbed pass are added and applied to the floating-point weights. What is stored as
codes is clipped and perturbed, nothing else (see `neuralfuse.quantization.stored_weights`). The other
forms of RandBET, and attacks in place of random errors, are what `BaseRecipe` says.
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
from neuralfuse.memory.bit_errors import WordFaults
from neuralfuse.memory.fault_models import get_fault_model
from neuralfuse.memory.perturbation import StoredWeight, store
from neuralfuse.networks.normalization import running_statistics
from neuralfuse.networks.pooling import use_fast_pooling
from neuralfuse.quantization import Quantization, stored_weights, straight_through
from neuralfuse.training.adversaries import adversarial_bits, adversarial_images, adversarial_weights
from neuralfuse.training.base_recipe import BaseRecipe, Epoch
from neuralfuse.training.state import LoopState
from nfenergy.ground.errors import NfEnergyError

Augmentation = Callable[[Tensor, torch.Generator], Tensor]
Values = Mapping[str, Tensor]

RELEASED_CLIP = 0.05
"""Greatest magnitude of a perturbed gradient's entries in the released code of Stutz et al."""

RELEASED_SLACK = 1.15
"""That code lets the clean loss be so much above `randbet_start_loss`, while the mean of both is below."""


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
        self.model = use_fast_pooling(model.train())
        self.images = images
        self.recipe = recipe
        self.augment = augment
        self.device = next(model.parameters()).device
        self.stored_in = recipe.quantization or Quantization()
        self.weights = stored_weights(model, self.stored_in.memory)
        self.optimizer = _optimizer(model, recipe)
        self.order = torch.Generator().manual_seed(recipe.seed)
        self.chips = np.random.Generator(np.random.PCG64(np.random.SeedSequence(recipe.seed)))
        self.perturbing = False
        self._patterns: dict[float, tuple[WordFaults, ...]] = {}
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
        for group in self.optimizer.param_groups:
            group["lr"] = self.recipe.learning_rate_in(number)
        permutation = torch.randperm(len(self.images), generator=self.order)
        for index in torch.split(permutation, self.recipe.batch_size):
            x, labels = self.images.batch(index, self.device)
            if self.augment is not None:
                x = self.augment(x, self.order)
            steps.append(self._step(x, labels, number))
        perturbed = [step for step in steps if step.perturbed_loss is not None]
        return Epoch(
            number=number,
            loss=_mean([(step.loss, step.images) for step in steps]) or 0.0,
            accuracy_percent=100.0 * sum(step.correct for step in steps) / len(self.images),
            perturbed_loss=_mean([(step.perturbed_loss or 0.0, step.images) for step in perturbed]),
        )

    def _step(self, x: Tensor, labels: Tensor, epoch: int) -> _Step:
        recipe = self.recipe
        self.optimizer.zero_grad()
        layers, values = self._read()
        if recipe.input_attack:
            x = self._attacked(values, x, labels)
        logits = self._forward(self._moved(values, x, labels), x)
        loss = self._loss(logits, labels, epoch)
        torch.autograd.backward(loss)
        released = recipe.randbet == "released"
        if not released:
            self.perturbing = self.perturbing or float(loss.detach()) < recipe.randbet_start_loss
        perturbed = None
        if recipe.perturbs and self.perturbing:
            perturbed = self._perturbed_step(layers, x, labels, epoch)
        self.optimizer.step()
        self._clip()
        if released:
            self.perturbing = self._released_gate(float(loss.detach()), perturbed or 0.0)
        return _Step(
            loss=float(loss.detach()),
            perturbed_loss=perturbed,
            correct=int((logits.argmax(dim=1) == labels).sum()),
            images=len(labels),
        )

    def _released_gate(self, clean: float, perturbed: float) -> bool:
        """Whether the next step has bit errors; unlike in the paper, they stop when the loss rises again."""
        bound = self.recipe.randbet_start_loss
        return clean < RELEASED_SLACK * bound and (clean + perturbed) / 2 <= bound

    def _read(self) -> tuple[dict[str, StoredWeight], Values]:
        """The memory, and the weights that are read from it; without quantization none and the weights."""
        if self.recipe.quantization is None:
            return {}, self.weights
        layers = store(self.weights, self.recipe.quantization)
        return layers, {name: layer.read_all() for name, layer in layers.items()}

    def _loss(self, logits: Tensor, labels: Tensor, epoch: int) -> Tensor:
        loss = F.cross_entropy(logits, labels, label_smoothing=self.recipe.label_smoothing)
        if not bool(torch.isfinite(loss)):
            rate = self.recipe.learning_rate
            raise NfEnergyError(
                f"the loss became {float(loss.detach())} in epoch {epoch}; lower the learning rate {rate:g}"
            )
        return loss

    def _perturbed_step(
        self, layers: dict[str, StoredWeight], x: Tensor, labels: Tensor, epoch: int
    ) -> float:
        """Put the gradient with bit errors to that without, in the recipe's form; returns its loss."""
        match self.recipe.randbet:
            case "released":
                return self._averaged(layers, x, labels, epoch)
            case "alternating":
                return self._alternated(x, labels, epoch)
            case "alg1":
                return self._added(layers, x, labels, epoch)

    def _added(self, layers: dict[str, StoredWeight], x: Tensor, labels: Tensor, epoch: int) -> float:
        """Batch statistics would hide bit errors: evaluation mode."""
        self.model.eval()
        faults = self._faults(layers, x, labels, epoch)
        loss = self._loss(self._forward(_perturbed(layers, faults), x), labels, epoch)
        torch.autograd.backward(loss)
        self.model.train()
        return float(loss.detach())

    def _averaged(self, layers: dict[str, StoredWeight], x: Tensor, labels: Tensor, epoch: int) -> float:
        """The mean of both gradients, the perturbed one clipped and in training mode."""
        faults = self._faults(layers, x, labels, epoch)
        statistics = running_statistics(self.model)
        loss = self._loss(self._forward(_perturbed(layers, faults), x, statistics), labels, epoch)
        parameters = [parameter for parameter in self.model.parameters() if parameter.requires_grad]
        gradients = torch.autograd.grad(loss, parameters, allow_unused=True)
        for parameter, gradient in zip(parameters, gradients, strict=True):
            if parameter.grad is not None and gradient is not None:
                parameter.grad.add_(gradient.clamp(-RELEASED_CLIP, RELEASED_CLIP)).div_(2.0)
        return float(loss.detach())

    def _alternated(self, x: Tensor, labels: Tensor, epoch: int) -> float:
        """A clean update, then one with bit errors after which no layer's range is wider than before."""
        self.optimizer.step()
        self._clip()
        self.optimizer.zero_grad()
        ranges = {name: weight.detach().aminmax() for name, weight in self.weights.items()}
        loss = self._added(self._read()[0], x, labels, epoch)
        self.optimizer.step()
        self.optimizer.zero_grad(set_to_none=True)
        with torch.no_grad():
            for name, weight in self.weights.items():
                weight.clamp_(*ranges[name])
        return loss

    def _faults(
        self, layers: dict[str, StoredWeight], x: Tensor, labels: Tensor, epoch: int
    ) -> tuple[WordFaults, ...]:
        if self.recipe.flipped_bits:
            return adversarial_bits(layers, self._loss_of(x, labels), count=self.recipe.flipped_bits)
        rate = self.recipe.rate_in(epoch)
        if self.recipe.pattern is None:
            return self._draw(layers, rate, int(self.chips.integers(2**62)))
        if rate not in self._patterns:
            self._patterns[rate] = self._draw(layers, rate, self.recipe.pattern)
        return self._patterns[rate]

    def _draw(self, layers: dict[str, StoredWeight], rate: float, chip: int) -> tuple[WordFaults, ...]:
        draw = get_fault_model(self.recipe.fault_model).draw
        words = [layer.words.numel() for layer in layers.values()]
        return draw(words, self.stored_in.word_bits, rate, chip)

    def _moved(self, values: Values, x: Tensor, labels: Tensor) -> Values:
        if not self.recipe.awp:
            return values
        return adversarial_weights(values, self._loss_of(x, labels), gamma=self.recipe.awp)

    def _attacked(self, values: Values, x: Tensor, labels: Tensor) -> Tensor:
        """Images that an attack changed; in evaluation mode, so that running statistics stay."""
        self.model.eval()
        fixed = {name: value.detach() for name, value in values.items()}
        x = adversarial_images(
            lambda images: self._forward(fixed, images),
            x,
            labels,
            bound=self.recipe.input_attack,
            rng=self.order,
        )
        self.model.train()
        return x

    def _loss_of(self, x: Tensor, labels: Tensor) -> Callable[[Values], Tensor]:
        """Loss by weights, for an attack; running statistics stay as they are."""

        def loss(weights: Values) -> Tensor:
            statistics = running_statistics(self.model)
            logits: Tensor = functional_call(self.model, {**weights, **statistics}, (x,))
            return F.cross_entropy(logits, labels)

        return loss

    def _forward(self, values: Values, x: Tensor, statistics: Values | None = None) -> Tensor:
        weights = {name: straight_through(self.weights[name], value) for name, value in values.items()}
        with torch.autocast(self.device.type, torch.bfloat16, enabled=self.recipe.mixed_precision):
            logits: Tensor = functional_call(self.model, {**weights, **(statistics or {})}, (x,))
        return logits.float()

    @torch.no_grad()
    def _clip(self) -> None:
        if self.recipe.clip is not None:
            for weight in self.weights.values():
                weight.clamp_(-self.recipe.clip, self.recipe.clip)


def _perturbed(layers: dict[str, StoredWeight], faults: tuple[WordFaults, ...]) -> dict[str, Tensor]:
    weights = {}
    for (name, layer), errors in zip(layers.items(), faults, strict=True):
        index, values = layer.read(errors)
        weights[name] = layer.read_all().flatten().scatter_(0, index, values).view_as(layer.weight)
    return weights


def _optimizer(model: nn.Module, recipe: BaseRecipe) -> torch.optim.Optimizer:
    rate, decay = recipe.learning_rate, recipe.weight_decay
    if recipe.optimizer == "sgd":
        return torch.optim.SGD(
            model.parameters(), lr=rate, momentum=0.9, nesterov=recipe.nesterov, weight_decay=decay
        )
    return torch.optim.Adam(model.parameters(), lr=rate, weight_decay=decay)


def _mean(weighted: list[tuple[float, int]]) -> float | None:
    """Mean of values with the number of images of each; None of none."""
    if not weighted:
        return None
    return sum(value * images for value, images in weighted) / sum(images for _, images in weighted)
