"""How a base is trained, and what each epoch of its training found."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

from neuralfuse.memory.fault_models import get_fault_model
from neuralfuse.quantization import Quantization
from nfenergy.ground.errors import InputError

RANDBET_START_LOSS = 1.75
"""Clean loss below which bit errors begin in training (Stutz et al., Sec. 5); see `start_loss`."""


def start_loss(dataset: str) -> float:
    """The loss below which Stutz et al. begin with bit errors; greater with the many classes of CIFAR-100."""
    return 3.5 if dataset == "cifar100" else RANDBET_START_LOSS


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
    randbet_start_loss: float = RANDBET_START_LOSS
    seed: int = 0

    def __post_init__(self) -> None:
        get_fault_model(self.fault_model)
        if self.epochs < 1 or self.batch_size < 1:
            raise InputError(f"{self.epochs} epochs of batches of {self.batch_size}: both must be 1 or more")
        if self.optimizer not in ("adam", "sgd"):
            raise InputError(f"no optimizer named {self.optimizer!r}. Known: adam, sgd.")
        if not 0.0 < self.learning_rate < math.inf:
            raise InputError(f"learning rate {self.learning_rate} is not positive and finite")
        if self.clip is not None and not 0.0 < self.clip < math.inf:
            raise InputError(f"weights cannot be clipped to +-{self.clip}; give a positive, finite number")
        if self.randbet_rate is not None and not 0.0 <= self.randbet_rate <= 1.0:
            raise InputError(f"bit error rate {self.randbet_rate} is no fraction; 1 % is 0.01")
        if not math.isfinite(self.randbet_start_loss):
            raise InputError(f"bit errors cannot begin below a loss of {self.randbet_start_loss}; be finite")
        if self.seed < 0:
            raise InputError(f"the seed is 0 or more, not {self.seed}")

    def settings(self) -> dict[str, Any]:
        """All but the quantization, as JSON values."""
        return {name: value for name, value in asdict(self).items() if name != "quantization"}


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
