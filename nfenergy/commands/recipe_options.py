"""Option groups of the commands that train: what is given overrides the recipe of the data set."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Annotated, Any

import typer

from nfenergy.ground.errors import InputError
from nfenergy.ground.rates import parse_list, parse_rate

if TYPE_CHECKING:
    from neuralfuse.memory.bit_errors import FaultModel
    from neuralfuse.quantization import Quantization
    from neuralfuse.training.base_recipe import BaseRecipe

Epochs = Annotated[
    int | None, typer.Option("--epochs", help="Passes over the training images; default the recipe's.")
]
BatchSize = Annotated[int | None, typer.Option("--batch-size", help="Images a step.")]
LearningRate = Annotated[float | None, typer.Option("--learning-rate", help="Of the optimizer.")]
Augment = Annotated[
    str | None,
    typer.Option("--augment", help="Random changes of images by name; own: the data set's; none."),
]


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredOptions:
    """How a base's weights are stored."""

    weight_bits: Annotated[
        int | None, typer.Option("--weight-bits", help="Bits a stored weight, default 8.")
    ] = None
    quantization: Annotated[
        str | None, typer.Option("--quantization", help="Scheme: symmetric, rquant, global, ...")
    ] = None
    memory: Annotated[
        str | None,
        typer.Option("--memory", help="Stored and perturbed: weights, or all parameters (Stutz et al.)."),
    ] = None
    unquantized: Annotated[
        bool, typer.Option("--unquantized", help="Train floating-point weights; evaluate quantizes them.")
    ] = False

    def chosen(self, default: Quantization | None) -> Quantization | None:
        """The quantization of training: `default` with what was given in place of its own."""
        from neuralfuse.quantization import Quantization, get_scheme

        given = {"bits": self.weight_bits, "memory": self.memory}
        changes: dict[str, Any] = {name: value for name, value in given.items() if value is not None}
        if self.quantization is not None:
            changes["scheme"] = get_scheme(self.quantization)
        if self.unquantized:
            if changes:
                raise InputError("weights that are not quantized have no bits, scheme or memory")
            return None
        return replace(default or Quantization(), **changes)


@dataclass(frozen=True, slots=True, kw_only=True)
class RobustOptions:
    """What makes a base robust to bit errors."""

    clip: Annotated[float | None, typer.Option("--clip", help="Greatest magnitude of a weight.")] = None
    randbet: Annotated[
        str | None,
        typer.Option(
            "--randbet", help="Train with bit errors at this rate, such as 1%; map: at a map's own."
        ),
    ] = None
    randbet_form: Annotated[
        str | None,
        typer.Option("--randbet-form", help="Its gradients: alg1 (default), released or alternating."),
    ] = None
    randbet_start_loss: Annotated[
        float | None, typer.Option("--randbet-start-loss", help="Loss below which bit errors begin.")
    ] = None
    curricular: Annotated[
        bool, typer.Option("--curricular", help="Their rate rises in the first half of the epochs.")
    ] = False
    pattern: Annotated[
        int | None, typer.Option("--pattern", help="Seed of the one chip of the whole training (PattBET).")
    ] = None
    flipped_bits: Annotated[
        int | None, typer.Option("--flipped-bits", help="Bits that an attack flips each step instead.")
    ] = None
    awp: Annotated[
        float | None, typer.Option("--awp", help="Adversarial weight perturbation, of a layer's norm.")
    ] = None
    input_attack: Annotated[
        float | None, typer.Option("--input-attack", help="Greatest change of a pixel in [-1, 1] by PGD.")
    ] = None

    def changes(self, faults: FaultModel) -> dict[str, Any]:
        """What was given, as fields of `BaseRecipe`."""
        given = {
            "clip": self.clip,
            "randbet_rate": randbet_rate(self.randbet, faults),
            "randbet": self.randbet_form,
            "fault_model": faults.name,
            "randbet_start_loss": self.randbet_start_loss,
            "curricular": self.curricular or None,
            "pattern": self.pattern,
            "flipped_bits": self.flipped_bits,
            "awp": self.awp,
            "input_attack": self.input_attack,
        }
        if self.randbet is None and not self.flipped_bits and self.randbet_form:
            raise InputError("a form of training with bit errors needs --randbet, such as 1%")
        return {name: value for name, value in given.items() if value is not None}


@dataclass(frozen=True, slots=True, kw_only=True)
class BaseOptions:
    """How a base is trained, besides."""

    paper: Annotated[
        str | None,
        typer.Option("--paper", help="Whose recipe: neuralfuse or stutz; default what fits the data."),
    ] = None
    epochs: Epochs = None
    batch_size: BatchSize = None
    optimizer: Annotated[str | None, typer.Option("--optimizer", help="adam or sgd.")] = None
    learning_rate: LearningRate = None
    milestones: Annotated[
        str | None,
        typer.Option(
            "--milestones", help="Shares of the epochs after which it is a tenth: 0.4,0.6,0.8; none."
        ),
    ] = None
    nesterov: Annotated[
        bool | None, typer.Option("--nesterov/--no-nesterov", help="Form of sgd's momentum.")
    ] = None
    weight_decay: Annotated[float | None, typer.Option("--weight-decay", help="L2 penalty.")] = None
    label_smoothing: Annotated[
        float | None, typer.Option("--label-smoothing", help="Share of the target spread over all classes.")
    ] = None
    augment: Augment = None
    whiten: Annotated[
        bool | None, typer.Option("--whiten/--no-whiten", help="Images to mean 0 and deviation 1.")
    ] = None

    def changes(self, dataset: str) -> dict[str, Any]:
        """What was given, as fields of `BaseRecipe`."""
        given = {
            "epochs": self.epochs,
            "batch_size": self.batch_size,
            "optimizer": self.optimizer,
            "learning_rate": self.learning_rate,
            "milestones": None if self.milestones is None else _shares(self.milestones),
            "nesterov": False if self.nesterov is None and self.optimizer == "adam" else self.nesterov,
            "weight_decay": self.weight_decay,
            "label_smoothing": self.label_smoothing,
            "augment": augmentation(self.augment, dataset),
            "whiten": self.whiten,
        }
        return {name: value for name, value in given.items() if value is not None}


def recipe_of(
    dataset: str,
    options: BaseOptions,
    stored: StoredOptions,
    robust: RobustOptions,
    faults: FaultModel,
    **more: Any,
) -> BaseRecipe:
    """The recipe of `dataset`, a name as records have it, with what was given in place of its own.

    Raises:
        InputError: a value that cannot be, or two that exclude each other.
    """
    from neuralfuse.training.data_recipes import base_recipe

    recipe = base_recipe(dataset, paper=options.paper or "")
    quantization = stored.chosen(recipe.quantization)
    changes = options.changes(dataset) | robust.changes(faults) | more
    return replace(recipe, quantization=quantization, **changes)


def augmentation(wanted: str | None, dataset: str) -> str | None:
    """Name of an augmentation; empty for ``none``, None where none is named."""
    from neuralfuse.datasets.loading import own_augmentation

    if wanted is None or wanted.lower() == "none":
        return None if wanted is None else ""
    return own_augmentation(dataset, wanted=True) if wanted.lower() == "own" else wanted


def randbet_rate(text: str | None, faults: FaultModel) -> float | None:
    """The rate that ``--randbet`` asks for; ``map`` is that of the map, which is of no use without it."""
    from neuralfuse.memory.fault_models import DEFAULT

    if text is None:
        if faults.own_rate is not None:
            raise InputError(f"{faults.name} is a map to train with bit errors; add --randbet map")
        if faults.name != DEFAULT:
            raise InputError(f"{faults.name} is of bit errors in training; add --randbet, such as 1%")
        return None
    if text.strip().lower() != "map":
        return faults.rate(parse_rate(text))
    if faults.own_rate is None:
        raise InputError(f"{faults.name} has no bit error rate of its own; give --randbet one, such as 1%")
    return faults.own_rate


def _shares(text: str) -> tuple[float, ...]:
    if text.strip().lower() == "none":
        return ()
    return tuple(parse_list(text, float, "shares, such as 0.4,0.6,0.8"))
