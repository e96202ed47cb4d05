"""The training run of a base: epochs, log, checkpoints, and going on after an interruption."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import torch
from torch import nn

from neuralfuse.datasets.images import LabelledImages
from neuralfuse.memory.perturbation import QuantizedBase
from neuralfuse.quantization import Quantization
from neuralfuse.training.base_recipe import BaseRecipe, Epoch
from neuralfuse.training.base_steps import Augmentation, BaseTrainer
from neuralfuse.training.state import SavedRun, images_digest, naming_damage

OnEpoch = Callable[[Epoch], None]
UNQUANTIZED = "none"


class BaseTraining:
    """A run that can stop after any epoch and go on later to the very same weights.

    Attributes:
        model: being trained in place.
        recipe: how.
        history: all epochs so far.
    """

    def __init__(
        self,
        model: nn.Module,
        images: LabelledImages,
        recipe: BaseRecipe,
        *,
        augment: Augmentation | None = None,
        about: Mapping[str, Any] | None = None,
    ) -> None:
        """
        Args:
            model: a base, untrained or to be trained further.
            images: to train with.
            recipe: how.
            augment: changes each batch of float images, with random numbers from the CPU generator.
            about: JSON values that name model and data; a state of a run about others is refused.
        """
        self.model = model
        self.recipe = recipe
        self.history: tuple[Epoch, ...] = ()
        self._images = images
        self._augmented = augment is not None
        self._about = dict(about or {})
        self._trainer = BaseTrainer(model, images, recipe, augment)

    def run(
        self,
        *,
        out: Path | None = None,
        checkpoint_every: int = 1,
        on_epoch: OnEpoch | None = None,
        validation: LabelledImages | None = None,
    ) -> None:
        """Train to the last epoch; the model ends in evaluation mode, with floating-point, clipped weights.

        Batches go to the device of the model. The same model, images and recipe give the same weights
        on the same machine.

        Args:
            out: folder for the log and the state that a later run can go on from; None writes nothing.
            checkpoint_every: epochs between two states.
            on_epoch: told of each epoch as it ends.
            validation: images that the accuracy after each epoch is of; None measures none.

        Raises:
            NfEnergyError: the loss became infinite or no number, or a file cannot be written; the
                state last written stays, the model is of no use.
        """
        self.model.train()
        while len(self.history) < self.recipe.epochs:
            number = len(self.history) + 1
            epoch = self._trainer.epoch(number)
            if validation is not None:
                epoch = replace(epoch, validation_percent=self._validated(validation))
            self.history += (epoch,)
            if on_epoch is not None:
                on_epoch(self.history[-1])
            if out is not None and (number % checkpoint_every == 0 or number == self.recipe.epochs):
                self.save(out)
        self.model.eval()

    def _validated(self, images: LabelledImages) -> float:
        """Accuracy with the weights as they would be stored now; nothing of the run changes."""
        found = accuracy_percent(as_stored(self.model, self.recipe.quantization), images)
        self.model.train()
        return found

    def save(self, out: Path) -> None:
        """Write the state and the log of the epochs so far into folder `out`.

        Raises:
            NfEnergyError: a weight is no number any more, or a file cannot be written; an earlier state
                stays.
        """
        self._saved.save(out, self.history, self._trainer.state())

    def resume(self, out: Path) -> None:
        """Go on from the state in folder `out`; the number of epochs may have been raised since.

        PyTorch's own random numbers go on from there as well.

        Raises:
            InputError: there is no whole state, or it is of a run with another recipe, model or images.
        """
        with naming_damage(out):
            history, state = self._saved.load(out)
            self._trainer.restore(state)
        self.history = tuple(history)

    @cached_property
    def _saved(self) -> SavedRun[Epoch]:
        settings = self.recipe.settings()
        settings.pop("epochs")
        return SavedRun(
            network=self.model,
            optimizer=self._trainer.optimizer,
            learning_rate=self.recipe.learning_rate,
            entry=Epoch,
            unit="epoch",
            total=self.recipe.epochs,
            identity={
                "role": "base",
                **self._about,
                **stored_as(self.recipe.quantization),
                **settings,
                "augment": self._augmented,
                "images": images_digest(self._images),
            },
        )


def as_stored(model: nn.Module, quantization: Quantization | None) -> nn.Module:
    """A frozen copy in evaluation mode, with the weights that a memory so quantized gives back."""
    copied = copy.deepcopy(model).eval()
    return copied.requires_grad_(False) if quantization is None else QuantizedBase(copied, quantization).model


def stored_as(quantization: Quantization | None) -> dict[str, Any]:
    """How a base's weights are stored, as its record says it; 0 bits where they are not quantized."""
    if quantization is None:
        return {"quantization": UNQUANTIZED, "weight_bits": 0, "memory": "weights"}
    return {
        "quantization": quantization.scheme.name,
        "weight_bits": quantization.bits,
        "memory": quantization.memory,
    }


def train_base(
    model: nn.Module,
    images: LabelledImages,
    recipe: BaseRecipe,
    *,
    augment: Augmentation | None = None,
    on_epoch: OnEpoch | None = None,
) -> tuple[Epoch, ...]:
    """Train `model` in place without leaving a file; see `BaseTraining`.

    Returns:
        what each epoch found.
    """
    training = BaseTraining(model, images, recipe, augment=augment)
    training.run(on_epoch=on_epoch)
    return training.history


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """What a network makes of images.

    Attributes:
        accuracy_percent: images whose greatest output is their label.
        confidence_percent: mean of the greatest softmax output, right or wrong.
    """

    accuracy_percent: float
    confidence_percent: float


@torch.no_grad()
def measure(model: nn.Module, images: LabelledImages, *, batch_size: int = 256) -> Measured:
    """Accuracy and confidence of `model`, which is in evaluation mode, with or without bit errors."""
    device = next(model.parameters()).device
    correct, confidence = 0, 0.0
    for x, labels in images.batches(batch_size, device):
        logits = model(x)
        correct += int((logits.argmax(dim=1) == labels).sum())
        confidence += float(logits.softmax(dim=1).amax(dim=1).double().sum())
    return Measured(
        accuracy_percent=100.0 * correct / len(images), confidence_percent=100.0 * confidence / len(images)
    )


@torch.no_grad()
def accuracy_percent(model: nn.Module, images: LabelledImages, *, batch_size: int = 256) -> float:
    """Images whose greatest output is their label, in percent; `model` is in evaluation mode."""
    device = next(model.parameters()).device
    correct = sum(
        int((model(x).argmax(dim=1) == labels).sum()) for x, labels in images.batches(batch_size, device)
    )
    return 100.0 * correct / len(images)
