"""The training run of a generator: steps, log, checkpoints, and going on after an interruption."""

from __future__ import annotations

import csv
import hashlib
import io
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from neuralfuse import checkpoints
from neuralfuse.data.images import LabelledImages, augmented
from neuralfuse.eopm import EopmSettings, StepResult, accumulate_gradients
from neuralfuse.perturbation import QuantizedBase
from neuralfuse.streams import AUGMENTATION, batch_index, stream_seed
from nfenergy.errors import InputError, NfEnergyError
from nfenergy.files import write_text

STATE_FILE = f"training{checkpoints.SUFFIX}"
LOG_FILE = "log.csv"


@dataclass(frozen=True, slots=True, kw_only=True)
class LogEntry:
    """One step, numbered from 1; losses and accuracies are of its batch."""

    step: int
    learning_rate: float
    clean_loss: float
    perturbed_loss: float | None
    clean_accuracy_percent: float
    perturbed_accuracy_percent: float | None


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
    ) -> None:
        """
        Raises:
            InputError: no base is given.
        """
        if not bases:
            raise InputError("a generator is trained before at least one base")
        self.generator = generator.train()
        self.bases = tuple(bases)
        self.images = images
        self.settings = settings
        self.log: list[LogEntry] = []
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
    ) -> None:
        """Train to the last step; the generator ends in evaluation mode.

        Args:
            out: folder for the log and the state that a later run can go on from; None writes nothing.
            checkpoint_every: steps between two states.
            on_step: told of each step.

        Raises:
            NfEnergyError: the loss became infinite or no number, or a file cannot be written; the
                state last written stays.
        """
        self.generator.train()
        while self.step < self.settings.steps:
            entry = self._one_step()
            self.log.append(entry)
            if on_step is not None:
                on_step(entry)
            if out is not None and (self.step % checkpoint_every == 0 or self.step == self.settings.steps):
                self.save(out)
        self.generator.eval()

    def _one_step(self) -> LogEntry:
        settings, step = self.settings, self.step
        index = batch_index(settings.seed, step, images=len(self.images), batch_size=settings.batch_size)
        images, labels = self.images.batch(index)
        if settings.augment:
            rng = torch.Generator().manual_seed(stream_seed(settings.seed, AUGMENTATION, step))
            images = augmented(images, rng)
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
        for name, parameter in self.generator.named_parameters():
            if not bool(torch.isfinite(parameter).all()):
                rate = self.settings.learning_rate
                raise NfEnergyError(
                    f"step {self.step}: {name} is not finite; lower the learning rate {rate:g}"
                )
        tensors = {f"generator.{name}": tensor for name, tensor in self.generator.state_dict().items()}
        for number, state in self._optimizer.state_dict()["state"].items():
            tensors |= {f"optimizer.{number}.{name}": value for name, value in state.items()}
        record = {"steps": self.settings.steps, **self._identity(), "step": self.step}
        write_text(out / LOG_FILE, log_text(self.log))
        checkpoints.save(out / STATE_FILE, kind="training", record=record, tensors=tensors)

    def resume(self, out: Path) -> None:
        """Go on from the state in folder `out`; the number of steps may have been raised since.

        Raises:
            InputError: there is no whole state, or it is of a run with other settings, data or bases.
        """
        path = out / STATE_FILE
        state = checkpoints.load(path, "training")
        here = self._identity()
        for name, value in here.items():
            if state.record.get(name) != value:
                raise InputError(
                    f"{path} is of a run with other {name} ({state.record.get(name)}, now {value}); "
                    "resume with the same, or start in another folder"
                )
        log = read_log(out / LOG_FILE)[: state.record["step"]]
        if len(log) < state.record["step"]:
            raise InputError(f"{out / LOG_FILE} has {len(log)} steps, {path} {state.record['step']}")
        generator = _part(state.tensors, "generator.")
        checkpoints.fill(self.generator, generator, path)
        self._optimizer.load_state_dict(self._optimizer_state(state.tensors))
        self.log = log

    def _optimizer_state(self, tensors: dict[str, Tensor]) -> dict[str, Any]:
        by_parameter: dict[int, dict[str, Tensor]] = {}
        for name, value in _part(tensors, "optimizer.").items():
            number, _, key = name.partition(".")
            by_parameter.setdefault(int(number), {})[key] = value
        return {"state": by_parameter, "param_groups": self._optimizer.state_dict()["param_groups"]}

    def _identity(self) -> dict[str, Any]:
        """What must be the same for a resumed run to end where an uninterrupted one does."""
        settings = asdict(self.settings)
        if not self.settings.cooldown_steps:
            settings.pop("steps")
        return {**settings, "images": len(self.images), "bases": [base_digest(base) for base in self.bases]}


def base_digest(base: QuantizedBase) -> str:
    """A name for a base's stored weights: equal for equal words and meanings."""
    digest = hashlib.sha256(f"{base.quantization.scheme.name} {base.quantization.bits}".encode())
    for name, layer in base.layers.items():
        digest.update(name.encode())
        for tensor in (layer.words, layer.meaning):
            digest.update(tensor.cpu().numpy().tobytes())
    return digest.hexdigest()[:16]


def log_text(log: Sequence[LogEntry]) -> str:
    """The log as CSV, one row a step."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(LogEntry.__slots__)
    writer.writerows(["" if value is None else value for value in asdict(entry).values()] for entry in log)
    return text.getvalue()


def read_log(path: Path) -> list[LogEntry]:
    """The steps of a log file.

    Raises:
        InputError: it is missing or not a log.
    """
    from nfenergy.files import read_text

    rows = csv.DictReader(io.StringIO(read_text(path, "training log")))
    try:
        return [
            LogEntry(
                step=int(row["step"]),
                learning_rate=float(row["learning_rate"]),
                clean_loss=float(row["clean_loss"]),
                perturbed_loss=_optional(row["perturbed_loss"]),
                clean_accuracy_percent=float(row["clean_accuracy_percent"]),
                perturbed_accuracy_percent=_optional(row["perturbed_accuracy_percent"]),
            )
            for row in rows
        ]
    except (KeyError, TypeError, ValueError) as error:
        raise InputError(f"{path} is not a training log of nfenergy") from error


def _optional(text: str) -> float | None:
    return float(text) if text else None


def _part(tensors: dict[str, Tensor], prefix: str) -> dict[str, Tensor]:
    return {name.removeprefix(prefix): value for name, value in tensors.items() if name.startswith(prefix)}
