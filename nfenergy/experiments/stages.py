"""The stages of experiments: a base trained, a generator trained, a network tested at one rate.

A stage is what it was made from. Two experiments that ask for the same training name the same stage,
whose digest is the name of its folder: it is run once.
"""

from __future__ import annotations

import hashlib
import json
from abc import ABC, abstractmethod
from dataclasses import asdict, dataclass, field
from functools import cached_property
from typing import Any

from neuralfuse.evaluation.conditions import Conditions
from neuralfuse.quantization import Quantization
from neuralfuse.training.base_recipe import BaseRecipe
from neuralfuse.training.eopm import EopmSettings
from nfenergy.ground.rates import percent_text

DIGEST_DIGITS = 16


class Stage(ABC):
    """What can be made and kept.

    Attributes:
        kind: ``base``, ``generator`` or ``test``.
    """

    kind: str

    @property
    @abstractmethod
    def needs(self) -> tuple[Stage, ...]:
        """Stages that must be there before it."""

    @property
    @abstractmethod
    def identity(self) -> dict[str, Any]:
        """All that decides its result, as JSON values; of the stages it needs, their digests."""

    @property
    @abstractmethod
    def title(self) -> str:
        """What it is, in words, for progress."""

    @cached_property
    def digest(self) -> str:
        """Names the stage: equal for equal identities."""
        text = json.dumps({"stage": self.kind, **self.identity}, sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:DIGEST_DIGITS]

    @property
    def folder(self) -> str:
        """Name of its folder."""
        return f"{self.kind}-{self.digest}"


@dataclass(frozen=True, kw_only=True)
class BaseStage(Stage):
    """A base trained on the first `images` training images of a data set; None: on all."""

    network: str
    dataset: str
    recipe: BaseRecipe
    width: float = 1.0
    normalization: str = "batch"
    images: int | None = None

    kind = "base"

    @property
    def needs(self) -> tuple[Stage, ...]:
        return ()

    @property
    def identity(self) -> dict[str, Any]:
        return {
            "network": self.network,
            "dataset": self.dataset,
            "width": self.width,
            "normalization": self.normalization,
            "images": self.images,
            "recipe": self.recipe.settings(),
            "quantization": _stored(self.recipe.quantization),
        }

    @property
    def title(self) -> str:
        return f"{self.network} on {self.dataset}"


@dataclass(frozen=True, kw_only=True)
class GeneratorStage(Stage):
    """A generator trained before bases, on the first `images` training images of their data set."""

    network: str
    bases: tuple[BaseStage, ...]
    settings: EopmSettings
    images: int | None = None

    kind = "generator"

    @property
    def needs(self) -> tuple[Stage, ...]:
        return self.bases

    @property
    def identity(self) -> dict[str, Any]:
        return {
            "network": self.network,
            "bases": [base.digest for base in self.bases],
            "images": self.images,
            "settings": asdict(self.settings),
        }

    @property
    def title(self) -> str:
        return f"{self.network} before {' and '.join(base.network for base in self.bases)}"


@dataclass(frozen=True, kw_only=True)
class EvaluationStage(Stage):
    """A base, alone or behind a generator, tested under one set of conditions."""

    base: BaseStage
    generator: GeneratorStage | None = None
    conditions: Conditions = field(default_factory=Conditions)

    kind = "test"

    @property
    def needs(self) -> tuple[Stage, ...]:
        return (self.base,) if self.generator is None else (self.base, self.generator)

    @property
    def identity(self) -> dict[str, Any]:
        conditions = asdict(self.conditions)
        return {
            "base": self.base.digest,
            "generator": self.generator and self.generator.digest,
            **conditions,
            "quantization": _stored(self.conditions.quantization),
        }

    @property
    def title(self) -> str:
        behind = f" behind {self.generator.network}" if self.generator else ""
        conditions = self.conditions
        errors = percent_text(conditions.rate) if conditions.rate else "no"
        return f"test of {self.base.network}{behind}, {errors} bit errors"


def _stored(quantization: Quantization | None) -> dict[str, Any] | None:
    if quantization is None:
        return None
    return {
        "scheme": quantization.scheme.name,
        "bits": quantization.bits,
        "memory": quantization.memory,
    }
