"""The training run of a generator: steps, log, checkpoints, and going on after an interruption."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import torch
from torch import nn

from neuralfuse.datasets.augmentation import get_augmentation
from neuralfuse.datasets.images import LabelledImages
from neuralfuse.memory.perturbation import QuantizedBase
from neuralfuse.networks.pooling import use_fast_pooling
from neuralfuse.training.eopm import EopmSettings, StepResult, accumulate_gradients
from neuralfuse.training.state import LoopState, SavedRun, images_digest, naming_damage
from neuralfuse.training.streams import AUGMENTATION, batch_index, stream_seed
from neuralfuse.training.validation import generator_accuracies, steps_per_epoch
from nfenergy.ground.errors import InputError, NfEnergyError


@dataclass(frozen=True, slots=True, kw_only=True)
class LogEntry:
    """One step, numbered from 1; losses and accuracies are of its batch.

    At the end of an epoch the two of the validation are there, see `validation.generator_accuracies`.
    """

    step: int
    learning_rate: float
    clean_loss: float
    perturbed_loss: float | None
    clean_accuracy_percent: float
    perturbed_accuracy_percent: float | None
    validation_clean_percent: float | None = None
    validation_perturbed_percent: float | None = None


OnStep = Callable[[LogEntry], None]


class GeneratorTraining:
    """A run that can stop after any step and go on later to the very same weights.

    Attributes:
        generator: being trained, in training mode; on the device of the bases.
        log: all steps so far.
    """

    def __init__(
        self,
        generator: nn.Module,
        bases: Sequence[QuantizedBase],
        images: LabelledImages,
        settings: EopmSettings,
        *,
        about: Mapping[str, Any] | None = None,
    ) -> None:
        """
        Args:
            generator: on the device of the bases.
            bases: frozen.
            images: to train with.
            settings: of the run.
            about: JSON values that name generator and data; a state of a run about others is refused.

        Raises:
            InputError: no base is given.
        """
        if not bases:
            raise InputError("a generator is trained before at least one base")
        self.generator = use_fast_pooling(generator.train())
        self.bases = tuple(bases)
        self.images = images
        self.settings = settings
        self.log: list[LogEntry] = []
        self._about = dict(about or {})
        self._optimizer = torch.optim.Adam(
            generator.parameters(), lr=settings.learning_rate, betas=(0.5, 0.999)
        )
        self._device = next(generator.parameters()).device

    @property
    def step(self) -> int:
        """Steps done."""
        return len(self.log)

    def run(
        self,
        *,
        out: Path | None = None,
        checkpoint_every: int = 50,
        on_step: OnStep | None = None,
        validation: LabelledImages | None = None,
    ) -> None:
        """Train to the last step; the generator ends in evaluation mode.

        Args:
            out: folder for the log and the state that a later run can go on from; None writes nothing.
            checkpoint_every: steps between two states.
            on_step: told of each step.
            validation: images that the accuracies after each epoch and at the end are of; None measures none.

        Raises:
            NfEnergyError: the loss became infinite or no number, or a file cannot be written; the
                state last written stays.
        """
        self.generator.train()
        epoch = steps_per_epoch(len(self.images), self.settings.batch_size)
        while self.step < self.settings.steps:
            entry = self._one_step()
            if validation is not None and (entry.step % epoch == 0 or entry.step == self.settings.steps):
                entry = self._validated(entry, validation)
            self.log.append(entry)
            if on_step is not None:
                on_step(entry)
            if out is not None and (self.step % checkpoint_every == 0 or self.step == self.settings.steps):
                self.save(out)
        self.generator.eval()

    def _validated(self, entry: LogEntry, images: LabelledImages) -> LogEntry:
        clean, perturbed = generator_accuracies(self.generator, self.bases, images, self.settings)
        return replace(entry, validation_clean_percent=clean, validation_perturbed_percent=perturbed)

    def _one_step(self) -> LogEntry:
        settings, step = self.settings, self.step
        index = batch_index(settings.seed, step, images=len(self.images), batch_size=settings.batch_size)
        images, labels = self.images.batch(index)
        augment = get_augmentation(settings.augment)
        if augment is not None:
            rng = torch.Generator().manual_seed(stream_seed(settings.seed, AUGMENTATION, step))
            images = augment(images, rng)
        rate = settings.learning_rate_at(step)
        for group in self._optimizer.param_groups:
            group["lr"] = rate
        self._optimizer.zero_grad()
        found = accumulate_gradients(
            self.generator,
            self.bases,
            images.to(self._device),
            labels.to(self._device),
            settings,
            step=step,
        )
        self._check(found, step)
        self._optimizer.step()
        return LogEntry(step=step + 1, learning_rate=rate, **asdict(found))

    def _check(self, found: StepResult, step: int) -> None:
        if not found.finite:
            raise NfEnergyError(
                f"step {step + 1}: the loss is not finite (clean {found.clean_loss:g}, perturbed "
                f"{found.perturbed_loss or 0.0:g}); lower the learning rate {self.settings.learning_rate:g}"
            )

    def save(self, out: Path) -> None:
        """Write the state and the log of the steps so far into folder `out`.

        Raises:
            NfEnergyError: a weight is no number any more, or a file cannot be written; an earlier state
                stays.
        """
        self._saved.save(out, self.log, LoopState())

    def resume(self, out: Path) -> None:
        """Go on from the state in folder `out`; the number of steps may have been raised since.

        Raises:
            InputError: there is no whole state, or it is of a run with other settings, data or bases.
        """
        with naming_damage(out):
            self.log, _ = self._saved.load(out)

    @cached_property
    def _saved(self) -> SavedRun[LogEntry]:
        settings = asdict(self.settings)
        if not self.settings.cooldown_steps:
            settings.pop("steps")
        return SavedRun(
            network=self.generator,
            optimizer=self._optimizer,
            learning_rate=self.settings.learning_rate,
            entry=LogEntry,
            unit="step",
            total=self.settings.steps,
            identity={
                "role": "generator",
                **self._about,
                **settings,
                "images": images_digest(self.images),
                "bases": [base_digest(base) for base in self.bases],
            },
        )


def base_digest(base: QuantizedBase) -> str:
    """A name for a base's stored weights: equal for equal words and meanings."""
    digest = hashlib.sha256(f"{base.quantization.scheme.name} {base.quantization.bits}".encode())
    for name, layer in base.layers.items():
        digest.update(name.encode())
        for tensor in (layer.words, layer.meaning):
            digest.update(tensor.cpu().numpy().tobytes())
    return digest.hexdigest()[:16]
