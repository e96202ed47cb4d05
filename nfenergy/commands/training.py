"""The commands that train: train-base, train."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal, cast

import typer

from nfenergy.commands import data_options, options
from nfenergy.commands.progress import announcements
from nfenergy.ground.errors import InputError
from nfenergy.ground.rates import parse_rate

if TYPE_CHECKING:
    from neuralfuse.memory.bit_errors import FaultModel
    from neuralfuse.training.generator_training import LogEntry

Augment = Annotated[
    bool | None,
    typer.Option("--augment/--no-augment", help="Crop and mirror at random; default as published."),
]

Resume = Annotated[bool, typer.Option("--resume", help="Go on from the state in OUT.")]


def train_base(
    out: Annotated[Path, typer.Option("--out", help="Folder for checkpoint, log and state.")],
    faults: data_options.FaultOptions,
    source: data_options.DataOptions,
    base: options.BaseModule = "vgg11",
    data: Annotated[str, typer.Option("--data", help=f"Data set: {options.one_of('datasets')}.")] = "digits",
    width: options.Width = 1.0,
    norm: Annotated[str, typer.Option("--norm", help="batch or group normalisation.")] = "batch",
    weight_bits: Annotated[int, typer.Option("--weight-bits", help="Bits a stored weight.")] = 8,
    quantization: Annotated[
        str, typer.Option("--quantization", help="Scheme: symmetric, rquant, global, ...")
    ] = "symmetric",
    clip: Annotated[float | None, typer.Option("--clip", help="Greatest magnitude of a weight.")] = None,
    randbet: Annotated[
        str | None,
        typer.Option(
            "--randbet", help="Train with bit errors at this rate, such as 1%; map: at a map's own."
        ),
    ] = None,
    epochs: Annotated[int, typer.Option("--epochs", help="Passes over the training images.")] = 12,
    batch_size: Annotated[int, typer.Option("--batch-size", help="Images a step.")] = 128,
    optimizer: Annotated[str, typer.Option("--optimizer", help="adam or sgd.")] = "adam",
    learning_rate: Annotated[float, typer.Option("--learning-rate", help="Of the optimizer.")] = 1e-3,
    augment: Augment = None,
    resume: Resume = False,
    checkpoint_every: Annotated[
        int, typer.Option("--checkpoint-every", min=1, help="Epochs between two states.")
    ] = 1,
    seed: options.Seed = 0,
    as_json: options.AsJson = False,
    quiet: options.Quiet = False,
) -> None:
    from neuralfuse.datasets.loading import AUGMENTED
    from neuralfuse.quantization import Quantization, get_scheme
    from neuralfuse.registry import DATASETS
    from neuralfuse.training import runs
    from neuralfuse.training.base_recipe import BaseRecipe, start_loss
    from neuralfuse.training.checkpoints import NetworkRecord, save_network
    from neuralfuse.user_networks import find_module

    if norm not in ("batch", "group"):
        raise InputError(f"no normalisation named {norm!r}. Known: batch, group.")
    model = faults.chosen()
    record = NetworkRecord(
        kind="base",
        network=find_module(base, "base").given,
        dataset=DATASETS.find(data).name,
        width=width,
        normalization=norm,
    )
    recipe = BaseRecipe(
        quantization=Quantization(scheme=get_scheme(quantization), bits=weight_bits),
        epochs=epochs,
        batch_size=batch_size,
        optimizer=cast(Literal["adam", "sgd"], optimizer),
        learning_rate=learning_rate,
        clip=clip,
        randbet_rate=_randbet_rate(randbet, model),
        fault_model=model.name,
        randbet_start_loss=start_loss(record.dataset),
        seed=seed,
    )
    splits = source.load(record.dataset)
    with announcements(quiet=quiet) as say:
        trained = runs.train_new_base(
            record,
            recipe,
            splits,
            augment=record.dataset in AUGMENTED if augment is None else augment,
            out=out,
            resume=resume,
            checkpoint_every=checkpoint_every,
            device=runs.best_device(),
            on_epoch=lambda epoch: say(
                f"epoch {epoch.number} of {epochs}: loss {epoch.loss:.4f}, "
                f"accuracy {epoch.accuracy_percent:.1f} %"
            ),
        )
    path = out / runs.BASE_FILE
    save_network(path, trained.model, trained.record)
    if recipe.randbet_rate and trained.record.training["final_perturbed_loss"] is None:
        below = f"they begin with the first loss below {recipe.randbet_start_loss:g}"
        typer.echo(f"nfenergy: trained without bit errors: {below}; more epochs may reach it", err=True)
    accuracy = trained.record.training["test_accuracy_percent"]
    _report(
        as_json, path, {"test_accuracy_percent": accuracy}, f"accuracy {accuracy:.1f} % without bit errors"
    )


def train(
    base_checkpoint: options.BaseCheckpoints,
    out: Annotated[Path, typer.Option("--out", help="Folder for checkpoint, log and state.")],
    faults: data_options.FaultOptions,
    source: data_options.DataOptions,
    gen: Annotated[
        str, typer.Option("--gen", help=f"Generator: {options.one_of('generators', [options.FORM])}.")
    ] = "convl",
    ber: Annotated[
        str | None,
        typer.Option("--ber", help="Bit error rate of training; 0 for none; default 1%, or a map's own."),
    ] = None,
    n: Annotated[int, typer.Option("--n", help="Perturbed models a step.")] = 10,
    lambda_: Annotated[float, typer.Option("--lambda", help="Weight of the perturbed loss.")] = 5.0,
    steps: Annotated[int, typer.Option("--steps", help="Mini-batches.")] = 150,
    batch_size: Annotated[int, typer.Option("--batch-size", help="Images a step.")] = 25,
    learning_rate: Annotated[float, typer.Option("--learning-rate", help="Of Adam.")] = 1e-3,
    decay: Annotated[
        float, typer.Option("--decay", help="Factor on it every 500 steps; released code: 0.96.")
    ] = 1.0,
    gen_bits: Annotated[
        int, typer.Option("--gen-bits", help="Bits of the generator's weights; 0: floating-point.")
    ] = 8,
    augment: Augment = None,
    resume: Resume = False,
    checkpoint_every: Annotated[
        int, typer.Option("--checkpoint-every", min=1, help="Steps between two states.")
    ] = 50,
    seed: options.Seed = 0,
    as_json: options.AsJson = False,
    quiet: options.Quiet = False,
) -> None:
    from neuralfuse.datasets.loading import AUGMENTED
    from neuralfuse.training import runs
    from neuralfuse.training.checkpoints import save_network
    from neuralfuse.training.eopm import EopmSettings
    from neuralfuse.user_networks import find_module

    name = find_module(gen, "generator").given
    bases = [runs.load_trained(path, "base") for path in base_checkpoint]
    dataset = runs.same_dataset([base.record for base in bases])
    model = faults.chosen()
    settings = EopmSettings(
        bit_error_rate=model.rate(options.optional_rate(ber)),
        fault_model=model.name,
        perturbed_models=n,
        perturbed_weight=lambda_,
        steps=steps,
        batch_size=batch_size,
        learning_rate=learning_rate,
        decay=decay,
        generator_bits=gen_bits,
        augment=dataset in AUGMENTED if augment is None else augment,
        seed=seed,
    )
    splits = source.load(dataset)
    with announcements(quiet=quiet) as say:
        trained = runs.train_new_generator(
            name,
            bases,
            settings,
            splits,
            out=out,
            resume=resume,
            checkpoint_every=checkpoint_every,
            device=runs.best_device(),
            on_step=lambda entry: say(f"step {entry.step} of {steps}: {_found(entry)}"),
        )
    path = out / runs.GENERATOR_FILE
    save_network(path, trained.model, trained.record)
    final = trained.record.training["final"]
    _report(as_json, path, final, f"last step: clean loss {final['clean_loss']:.4f}")


def _randbet_rate(text: str | None, faults: FaultModel) -> float | None:
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


def _found(entry: LogEntry) -> str:
    """What a step of a generator's training found; without bit errors there is nothing perturbed."""
    if entry.perturbed_loss is None or entry.perturbed_accuracy_percent is None:
        return f"loss {entry.clean_loss:.4f}, accuracy {entry.clean_accuracy_percent:.0f} %"
    return (
        f"loss {entry.clean_loss:.4f} clean, {entry.perturbed_loss:.4f} perturbed; "
        f"accuracy {entry.clean_accuracy_percent:.0f} and {entry.perturbed_accuracy_percent:.0f} %"
    )


def _report(as_json: bool, path: Path, found: dict[str, float], text: str) -> None:
    if as_json:
        typer.echo(json.dumps({"checkpoint": str(path), **found}, indent=2))
    else:
        typer.echo(f"{path}: {text}")
