"""How a base is trained, and what each epoch of its training found."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

from neuralfuse.datasets.augmentation import get_augmentation
from neuralfuse.memory.fault_models import get_fault_model
from neuralfuse.quantization import Quantization
from nfenergy.ground.errors import InputError
from nfenergy.ground.rates import percent_text

RANDBET_START_LOSS = 1.75
"""Clean loss below which bit errors begin in training (Stutz et al., Sec. 5); see `start_loss`."""

MILESTONES = (0.4, 0.6, 0.8)
"""Fractions of the epochs at which Stutz et al. multiply the learning rate by `MILESTONE_FACTOR`."""

MILESTONE_FACTOR = 0.1
CURRICULUM_STEPS = 20

RandBet = Literal["alg1", "released", "alternating"]
RANDBET_FORMS: dict[str, str] = {
    "alg1": "clean and perturbed gradients are added (Alg. 1)",
    "released": "their mean, the perturbed one clipped to +-0.05, as the released code has it",
    "alternating": "two updates a step; the perturbed one cannot widen a layer's range",
}


def start_loss(dataset: str) -> float:
    """The loss below which Stutz et al. begin with bit errors; greater with the many classes of CIFAR-100."""
    return 3.5 if dataset == "cifar100" else RANDBET_START_LOSS


@dataclass(frozen=True, slots=True, kw_only=True)
class BaseRecipe:
    """How a base is trained.

    Attributes:
        quantization: of its stored weights, in training as later in use; None trains floating-point
            weights, to be quantized after training.
        epochs: passes over the training images.
        batch_size: images a step.
        optimizer: ``adam``, or ``sgd`` with momentum 0.9.
        learning_rate: of either.
        nesterov: the form of sgd's momentum.
        weight_decay: L2 penalty on all parameters.
        milestones: fractions of the epochs after which the learning rate is a tenth; empty for none.
        label_smoothing: share of the target that is spread over all classes. The paper's targets, 0.9 and
            0.1 / 9 with ten classes, are a share of 1 / 9.
        clip: greatest magnitude of a stored weight; None clips nothing.
        randbet_rate: bit error rate of training, a fraction; None trains without bit errors.
        randbet: how the gradients of the perturbed pass are used; see `RANDBET_FORMS`.
        curricular: the rate rises from a twentieth to `randbet_rate` in the first half of the epochs.
        pattern: the one chip of the whole training (PattBET); None takes a new one each step (RandBET).
        fault_model: of the bit errors in training.
        randbet_start_loss: bit errors begin with the first clean loss below this.
        flipped_bits: K, bits that an attack on the weights flips in each step, in place of random ones.
        awp: gamma of adversarial weight perturbation, relative to the norm of each layer; 0 for none.
        input_attack: greatest change of a pixel, in [-1, 1], by an attack (PGD) on the images; 0 for none.
        augment: name in `neuralfuse.datasets.augmentation`; empty for none.
        whiten: images to mean 0 and deviation 1 in each channel, as the base's first step.
        mixed_precision: products in bfloat16; weights, sums and normalisation stay in 32 bits.
        seed: of the order of the images, of augmentation and of the chips.

    Raises:
        InputError: a value outside its range, or two that exclude each other.
    """

    quantization: Quantization | None = field(default_factory=Quantization)
    epochs: int = 12
    batch_size: int = 128
    optimizer: Literal["adam", "sgd"] = "adam"
    learning_rate: float = 1e-3
    nesterov: bool = False
    weight_decay: float = 0.0
    milestones: tuple[float, ...] = ()
    label_smoothing: float = 0.0
    clip: float | None = None
    randbet_rate: float | None = None
    randbet: RandBet = "alg1"
    curricular: bool = False
    pattern: int | None = None
    fault_model: str = "flip"
    randbet_start_loss: float = RANDBET_START_LOSS
    flipped_bits: int = 0
    awp: float = 0.0
    input_attack: float = 0.0
    augment: str = ""
    whiten: bool = False
    mixed_precision: bool = False
    seed: int = 0

    def __post_init__(self) -> None:
        get_fault_model(self.fault_model)
        get_augmentation(self.augment)
        if self.epochs < 1 or self.batch_size < 1:
            raise InputError(f"{self.epochs} epochs of batches of {self.batch_size}: both must be 1 or more")
        if self.optimizer not in ("adam", "sgd"):
            raise InputError(f"no optimizer named {self.optimizer!r}. Known: adam, sgd.")
        if self.nesterov and self.optimizer != "sgd":
            raise InputError("Nesterov's momentum is sgd's; choose that optimizer")
        if not 0.0 < self.learning_rate < math.inf:
            raise InputError(f"learning rate {self.learning_rate} is not positive and finite")
        if not 0.0 <= self.weight_decay < math.inf:
            raise InputError(f"weight decay {self.weight_decay} is not 0 or more and finite")
        if not all(0.0 < place < 1.0 for place in self.milestones):
            raise InputError(f"milestones are fractions of the epochs between 0 and 1, not {self.milestones}")
        if not 0.0 <= self.label_smoothing < 1.0:
            raise InputError(f"label smoothing of {self.label_smoothing}: give 0 or more, less than 1")
        if self.clip is not None and not 0.0 < self.clip < math.inf:
            raise InputError(f"weights cannot be clipped to +-{self.clip}; give a positive, finite number")
        if not math.isfinite(self.randbet_start_loss):
            raise InputError(f"bit errors cannot begin below a loss of {self.randbet_start_loss}; be finite")
        if self.seed < 0:
            raise InputError(f"the seed is 0 or more, not {self.seed}")
        self._check_robustness()

    def _check_robustness(self) -> None:
        if self.randbet_rate is not None and not 0.0 <= self.randbet_rate <= 1.0:
            raise InputError(f"bit error rate {self.randbet_rate} is no fraction; 1 % is 0.01")
        if self.randbet not in RANDBET_FORMS:
            raise InputError(f"no form of RandBET named {self.randbet!r}. Known: {', '.join(RANDBET_FORMS)}.")
        if self.pattern is not None and self.pattern < 0:
            raise InputError(f"the seed of a chip is 0 or more, not {self.pattern}")
        if (self.curricular or self.pattern is not None) and not self.randbet_rate:
            raise InputError("a curriculum and a fixed pattern need a bit error rate of training")
        if self.flipped_bits < 0:
            raise InputError(f"an attack flips 0 bits or more, not {self.flipped_bits}")
        if self.flipped_bits and self.randbet_rate:
            raise InputError("bits are flipped at random or by an attack; give one of them")
        if self.quantization is None and (self.randbet_rate or self.flipped_bits):
            raise InputError("bit errors need quantized weights; give a quantization")
        if not 0.0 <= self.awp < math.inf or not 0.0 <= self.input_attack <= 2.0:
            raise InputError(f"AWP of {self.awp}, input attack of {self.input_attack}: both are 0 or more")

    @property
    def perturbs(self) -> bool:
        """Whether steps have a pass with bit errors."""
        return bool(self.randbet_rate or self.flipped_bits)

    def learning_rate_in(self, epoch: int) -> float:
        """Learning rate of epoch `epoch`, from 1."""
        passed = sum(epoch > place * self.epochs for place in self.milestones)
        return self.learning_rate * MILESTONE_FACTOR**passed

    def rate_in(self, epoch: int) -> float:
        """Bit error rate of epoch `epoch`, from 1, a fraction."""
        rate = self.randbet_rate or 0.0
        if not self.curricular:
            return rate
        done = int(2 * CURRICULUM_STEPS * (epoch - 1) / self.epochs)
        return rate * min(CURRICULUM_STEPS, done + 1) / CURRICULUM_STEPS

    def settings(self) -> dict[str, Any]:
        """All but the quantization, as JSON values."""
        settings = {name: value for name, value in asdict(self).items() if name != "quantization"}
        return {**settings, "milestones": list(self.milestones)}


@dataclass(frozen=True, slots=True, kw_only=True)
class Epoch:
    """One pass over the training images.

    Attributes:
        number: from 1.
        loss: mean cross-entropy with quantized weights.
        accuracy_percent: of the training images, as each batch was met.
        perturbed_loss: mean cross-entropy with bit errors; None if no batch had any.
        validation_percent: accuracy on the images for validation, quantized as in training; None without.
    """

    number: int
    loss: float
    accuracy_percent: float
    perturbed_loss: float | None
    validation_percent: float | None = None


def robustness(training: dict[str, Any]) -> str:
    """What made a base robust, in words, from the settings in its record; empty for nothing."""
    parts = [f"clip {training['clip']:g}"] if training.get("clip") else []
    if rate := training.get("randbet_rate"):
        pattern, form = training.get("pattern"), training.get("randbet", "alg1")
        name = "RandBET" if pattern is None else f"PattBET chip {pattern}"
        kind = [form] if form != "alg1" else []
        kind += ["curricular"] if training.get("curricular") else []
        parts.append(" ".join([*kind, name, percent_text(rate), training.get("fault_model", "flip")]))
    if bits := training.get("flipped_bits"):
        parts.append(f"{bits} adversarial bits")
    if gamma := training.get("awp"):
        parts.append(f"AWP {gamma:g}")
    if epsilon := training.get("input_attack"):
        parts.append(f"PGD {epsilon:g}")
    if smoothing := training.get("label_smoothing"):
        parts.append(f"label smoothing {smoothing:g}")
    return ", ".join(parts)
