"""Option group of `train`: what is given overrides the recipe of the data set."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Annotated, Any

import typer

from nfenergy.commands.options import optional_rate
from nfenergy.commands.recipe_options import Augment, BatchSize, Epochs, LearningRate, augmentation
from nfenergy.ground.errors import InputError

if TYPE_CHECKING:
    from neuralfuse.memory.bit_errors import FaultModel
    from neuralfuse.training.eopm import EopmSettings


@dataclass(frozen=True, slots=True, kw_only=True)
class GeneratorOptions:
    """How a generator is trained."""

    ber: Annotated[
        str | None,
        typer.Option("--ber", help="Bit error rate of training; 0 for none; default 1%, or a map's own."),
    ] = None
    n: Annotated[int | None, typer.Option("--n", help="Perturbed models a step.")] = None
    flipped_bits: Annotated[
        int | None, typer.Option("--flipped-bits", help="Bits that an attack on the base flips instead (K).")
    ] = None
    lambda_: Annotated[float | None, typer.Option("--lambda", help="Weight of the perturbed loss.")] = None
    steps: Annotated[int | None, typer.Option("--steps", help="Mini-batches; default the recipe's.")] = None
    epochs: Epochs = None
    batch_size: BatchSize = None
    learning_rate: LearningRate = None
    decay: Annotated[
        float | None, typer.Option("--decay", help="Factor on it every --decay-steps; released code: 0.96.")
    ] = None
    decay_steps: Annotated[int | None, typer.Option("--decay-steps", help="See --decay; 500.")] = None
    cooldown_steps: Annotated[
        int | None, typer.Option("--cooldown-steps", help="Last steps, in which the rate falls to 0.")
    ] = None
    gen_bits: Annotated[
        int | None, typer.Option("--gen-bits", help="Bits of the generator's weights; 0: floating-point.")
    ] = None
    augment: Augment = None

    def chosen(
        self, recipe: EopmSettings, dataset: str, faults: FaultModel, images: int | None, **more: Any
    ) -> EopmSettings:
        """`recipe` with what was given in place of its own.

        Args:
            recipe: of the data set.
            dataset: its name.
            faults: what a bit error is.
            images: for training, in which epochs are counted.
            more: fields likewise; None for what was not given.

        Raises:
            InputError: a value that cannot be, or two that exclude each other.
        """
        from neuralfuse.training.validation import steps_per_epoch

        if self.epochs is not None and self.steps is not None:
            raise InputError("the length of a training is --epochs or --steps; give one of them")
        steps = self.steps
        if self.epochs is not None:
            if self.epochs < 1:
                raise InputError(f"{self.epochs} epochs: give 1 or more")
            steps = self.epochs * steps_per_epoch(images or 1, self.batch_size or recipe.batch_size)
        cooldown = self.cooldown_steps
        if cooldown is None and steps is not None and recipe.cooldown_steps > steps:
            cooldown = 0
        given = {
            "bit_error_rate": faults.rate(optional_rate(self.ber)),
            "fault_model": faults.name,
            "perturbed_models": self.n,
            "flipped_bits": self.flipped_bits,
            "perturbed_weight": self.lambda_,
            "steps": steps,
            "batch_size": self.batch_size,
            "learning_rate": self.learning_rate,
            "decay": self.decay,
            "decay_steps": self.decay_steps,
            "cooldown_steps": cooldown,
            "generator_bits": self.gen_bits,
            "augment": augmentation(self.augment, dataset),
            **more,
        }
        return replace(recipe, **{name: value for name, value in given.items() if value is not None})
