"""One step of EOPM, the training of a generator before frozen bases with bit errors (Sun et al., Alg. 1).

The loss is CE(M0(x_t)) + lambda * mean over N chips of CE(Mp(x_t)), with x_t = clip(x + G(x)). All its
terms meet in x_t: each pass through a base adds to the gradient at x_t, and one backward pass takes
their sum through the generator. No gradient of a base's weights is computed.

The generator's batch normalisation meets each mini-batch once, as in the algorithm. The released code
passes it N times and so moves the running statistics N times a step (with N = 5 by 41 % instead of 10 %
of the way). Gradients are the same; the difference in accuracy was within half a point where measured.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from neuralfuse.datasets.augmentation import get_augmentation
from neuralfuse.memory.bit_errors import WordFaults
from neuralfuse.memory.fault_models import get_fault_model
from neuralfuse.memory.perturbation import QuantizedBase
from neuralfuse.quantization import Quantization, quantized_call
from neuralfuse.training.adversaries import attack_base
from neuralfuse.training.streams import training_chip
from nfenergy.ground.errors import InputError

Faults = tuple[WordFaults, ...]

AHEAD = 2
"""Chips whose bit errors are drawn, or being drawn, while the passes of another one run."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EopmSettings:
    """How a generator is trained.

    Attributes:
        bit_error_rate: of the training chips, a fraction; 0 trains on the clean loss alone.
        fault_model: what a rate counts; see `neuralfuse.memory.fault_models`.
        perturbed_models: N, chips a step and base.
        flipped_bits: K, bits that an attack on each base flips in each step, in place of N random chips
            (Sun et al., App. L).
        perturbed_weight: lambda, the weight of the perturbed loss.
        steps: mini-batches.
        batch_size: images a step.
        learning_rate: of Adam with betas 0.5 and 0.999.
        decay: factor on the learning rate every `decay_steps` steps; the released code uses 0.96 and 500.
        decay_steps: see `decay`.
        cooldown_steps: last steps, in which the learning rate falls to zero in a straight line.
        generator_bits: bits of the generator's weights in training (symmetric, per layer, straight
            through) as in use; 0 leaves them floating-point. The generator never has bit errors.
        augment: name in `neuralfuse.datasets.augmentation`, or whether to crop and mirror at random.
        mixed_precision: bfloat16 where the device is a GPU.
        seed: of all random numbers of the run.

    Raises:
        InputError: a value outside its range.
    """

    bit_error_rate: float = 0.01
    fault_model: str = "flip"
    perturbed_models: int = 10
    flipped_bits: int = 0
    perturbed_weight: float = 5.0
    steps: int = 150
    batch_size: int = 25
    learning_rate: float = 1e-3
    decay: float = 1.0
    decay_steps: int = 500
    cooldown_steps: int = 0
    generator_bits: int = 8
    augment: bool | str = False
    mixed_precision: bool = True
    seed: int = 0

    def __post_init__(self) -> None:
        get_fault_model(self.fault_model)
        get_augmentation(self.augment)
        if self.generator_bits:
            Quantization(bits=self.generator_bits)
        if not 0.0 <= self.bit_error_rate <= 1.0:
            raise InputError(f"bit error rate {self.bit_error_rate} is no fraction; 1 % is 0.01")
        counts = (self.perturbed_models, self.steps, self.batch_size, self.decay_steps)
        if min(counts) < 1 or min(self.seed, self.flipped_bits) < 0:
            raise InputError("N, steps and images a step must be 1 or more, the seed and K 0 or more")
        if not (0.0 < self.learning_rate < math.inf and 0.0 < self.decay < math.inf):
            raise InputError(
                f"learning rate {self.learning_rate} and decay {self.decay} must be positive and finite"
            )
        if not 0 <= self.cooldown_steps <= self.steps:
            raise InputError(f"cooldown of {self.cooldown_steps} steps: give 0 to all {self.steps}")
        if not 0.0 <= self.perturbed_weight < math.inf:
            raise InputError(f"lambda is 0 or more, not {self.perturbed_weight}")

    def learning_rate_at(self, step: int) -> float:
        """Learning rate of step `step`, counted from 0."""
        rate = self.learning_rate * self.decay ** (step // self.decay_steps)
        left = self.steps - step
        return rate * left / self.cooldown_steps if left < self.cooldown_steps else rate

    @property
    def chips_per_step(self) -> int:
        """Perturbed passes a step and base; at a rate of 0 they would all be the clean one."""
        if self.flipped_bits:
            return 1
        return self.perturbed_models if self.bit_error_rate > 0.0 else 0

    @property
    def generator_quantization(self) -> Quantization | None:
        """How the generator's weights are stored; None for floating-point numbers."""
        return Quantization(bits=self.generator_bits) if self.generator_bits else None


@dataclass(frozen=True, slots=True, kw_only=True)
class StepResult:
    """What one step found on its batch; means over bases and, where perturbed, over chips.

    Attributes:
        clean_loss: cross-entropy without bit errors.
        perturbed_loss: cross-entropy with bit errors; None at a bit error rate of 0.
        clean_accuracy_percent: of the transformed batch.
        perturbed_accuracy_percent: likewise; None at a bit error rate of 0.
    """

    clean_loss: float
    perturbed_loss: float | None
    clean_accuracy_percent: float
    perturbed_accuracy_percent: float | None

    @property
    def finite(self) -> bool:
        """Whether both losses are numbers."""
        return math.isfinite(self.clean_loss) and math.isfinite(self.perturbed_loss or 0.0)


def transform(generator: nn.Module, images: Tensor, quantization: Quantization | None) -> Tensor:
    """x_t, through the weights that the generator's own memory will hold."""
    if quantization is None:
        out: Tensor = generator(images)
        return out
    return quantized_call(generator, images, quantization)


def accumulate_gradients(
    generator: nn.Module,
    bases: Sequence[QuantizedBase],
    images: Tensor,
    labels: Tensor,
    settings: EopmSettings,
    *,
    step: int,
) -> StepResult:
    """Add the gradient of the EOPM loss on one batch to the generator's parameters.

    Several bases share the loss in equal parts. Chips are drawn by the run's seed and the step.

    Args:
        generator: in training mode.
        bases: frozen, on the device of the generator.
        images: (n, 3, H, W) in [-1, 1].
        labels: (n,).
        settings: of the run.
        step: from 0.
    """
    with ThreadPoolExecutor(max_workers=1) as drawer:
        faults = _drawn_ahead(drawer, bases, settings, step)
        return _accumulate(generator, bases, images, labels, settings, faults)


def _accumulate(
    generator: nn.Module,
    bases: Sequence[QuantizedBase],
    images: Tensor,
    labels: Tensor,
    settings: EopmSettings,
    faults: Iterator[Faults],
) -> StepResult:
    mixed = settings.mixed_precision and images.device.type == "cuda"
    autocast = torch.autocast(images.device.type, dtype=torch.bfloat16, enabled=mixed)
    with autocast:
        transformed = transform(generator, images, settings.generator_quantization)
    leaf = transformed.detach().requires_grad_()
    chips = settings.chips_per_step
    clean, perturbed = _Tally(), _Tally()
    for base in bases:
        with autocast:
            logits = base.model(leaf)
        clean.backward(logits, labels, weight=1.0 / len(bases))
        for _ in range(chips):
            if settings.flipped_bits:
                found = attack_base(
                    base.model, base.layers, leaf.detach(), labels, count=settings.flipped_bits
                )
            else:
                found = next(faults)
            with base.apply(found) as model:
                with autocast:
                    logits = model(leaf)
                perturbed.backward(logits, labels, weight=settings.perturbed_weight / (chips * len(bases)))
    torch.autograd.backward(transformed, leaf.grad)
    return StepResult(
        clean_loss=clean.loss,
        perturbed_loss=perturbed.loss if chips else None,
        clean_accuracy_percent=clean.accuracy_percent,
        perturbed_accuracy_percent=perturbed.accuracy_percent if chips else None,
    )


def _drawn_ahead(
    drawer: ThreadPoolExecutor, bases: Sequence[QuantizedBase], settings: EopmSettings, step: int
) -> Iterator[Faults]:
    """Bit errors of all chips of a step in order, drawn while the passes before them run."""
    if settings.flipped_bits:
        return iter(())
    waiting = [
        partial(
            base.draw,
            seed=training_chip(settings.seed, step, number, chip),
            rate=settings.bit_error_rate,
            fault_model=settings.fault_model,
        )
        for number, base in enumerate(bases)
        for chip in range(settings.chips_per_step)
    ]
    drawing = deque(drawer.submit(draw) for draw in waiting[:AHEAD])

    def drawn() -> Iterator[Faults]:
        for following in (*waiting[AHEAD:], *(None for _ in waiting[:AHEAD])):
            found = drawing.popleft()
            if following is not None:
                drawing.append(drawer.submit(following))
            yield found.result()

    return drawn()


class _Tally:
    """Losses and hits of passes; kept on the device, so that no pass waits for the one before."""

    def __init__(self) -> None:
        self._losses: list[Tensor] = []
        self._hits: list[Tensor] = []

    def backward(self, logits: Tensor, labels: Tensor, *, weight: float) -> None:
        """Count one pass, and take `weight` times its loss back to the batch."""
        loss = F.cross_entropy(logits.float() if logits.dtype == torch.bfloat16 else logits, labels)
        torch.autograd.backward(weight * loss)
        self._losses.append(loss.detach())
        self._hits.append((logits.detach().argmax(dim=1) == labels).float().mean())

    @property
    def loss(self) -> float:
        return float(torch.stack(self._losses).mean())

    @property
    def accuracy_percent(self) -> float:
        return 100.0 * float(torch.stack(self._hits).mean())
