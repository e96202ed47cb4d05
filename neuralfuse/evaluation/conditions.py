"""Conditions under which a network is tested, and what such a test finds."""

from __future__ import annotations

import math
from dataclasses import dataclass

from neuralfuse.memory.fault_models import get_fault_model
from neuralfuse.memory.protections import get_protection
from neuralfuse.quantization import Quantization
from neuralfuse.registry import NO_PROTECTION
from nfenergy.ground.errors import InputError


@dataclass(frozen=True, kw_only=True)
class Conditions:
    """How a network is tested.

    Attributes:
        rate: bit error rate, a fraction; a measured or profiled map has its own.
        chips: seeds of the test chips, or of the pattern that a base was trained on; none: no bit errors.
        images: the first so many test images; None for all.
        fault_model: what the rate counts.
        protection: of the base's weight memory.
        quantization: in which the base is stored; None for that of its training.
        floating_point: the base is not quantized at all; without bit errors only.
        batch_statistics: normalisation takes each test batch's own statistics (Stutz et al., Table 10).
        greatest: all weights are scaled so that this is the greatest magnitude (Table 11); 0, None: none are.
        noise: relative L-infinity noise on the weights in place of bit errors (Fig. 9).

    Raises:
        InputError: a value outside its range, or a name that is not known.
    """

    rate: float = 0.0
    chips: tuple[int, ...] = ()
    images: int | None = None
    fault_model: str = "flip"
    protection: str = NO_PROTECTION
    quantization: Quantization | None = None
    floating_point: bool = False
    batch_statistics: bool = False
    greatest: float | None = 0.0
    noise: float = 0.0

    def __post_init__(self) -> None:
        get_fault_model(self.fault_model)
        get_protection(self.protection)
        if not 0.0 <= self.rate <= 1.0:
            raise InputError(f"bit error rate {self.rate} is no fraction; 1 % is 0.01")
        if not (0.0 <= (self.greatest or 0.0) < math.inf and 0.0 <= self.noise < math.inf):
            raise InputError(f"greatest {self.greatest}, noise {self.noise}: both are 0 or more and finite")
        if self.images is not None and self.images < 1:
            raise InputError(f"a test needs 1 image or more, not {self.images}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Evaluated:
    """What a test found, in percent; one entry a chip, or a single one without bit errors.

    Attributes:
        accuracy: images whose greatest output is their label.
        confidence: mean of the greatest output after a softmax.
        images: tested with.
    """

    accuracy: tuple[float, ...]
    confidence: tuple[float, ...]
    images: int
