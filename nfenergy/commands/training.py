"""The commands that train: train-base, train."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from nfenergy.commands import data_options, generator_options, options, recipe_options, run_options

if TYPE_CHECKING:
    from neuralfuse.training.base_recipe import Epoch
    from neuralfuse.training.generator_training import LogEntry


DRIFT = (
    "batch normalisation may drift under RandBET, whose passes with bit errors leave its statistics alone; "
    "if the loss rises again, train with --norm group as Stutz et al. do, or --randbet-form released"
)


def train_base(
    run: run_options.RunOptions,
    recipe: recipe_options.BaseOptions,
    stored: recipe_options.StoredOptions,
    robust: recipe_options.RobustOptions,
    faults: data_options.FaultOptions,
    source: data_options.DataOptions,
    base: options.BaseModule = "vgg11",
    data: Annotated[
        str, options.named("--data", kind="datasets", help="Data set", more=data_options.OWN_DATA)
    ] = "digits",
    extent: data_options.Extent = None,
    width: options.Width = 1.0,
    norm: data_options.Norm = "batch",
    checkpoint_every: Annotated[
        int, typer.Option("--checkpoint-every", min=1, help="Epochs between two states.")
    ] = 1,
    seed: options.Seed = 0,
    as_json: options.AsJson = False,
    quiet: options.Quiet = False,
) -> None:
    from neuralfuse.datasets.sources import data_name
    from neuralfuse.networks.normalization import get_normalization
    from neuralfuse.training import runs
    from neuralfuse.training.base_training import stored_as
    from neuralfuse.training.checkpoints import NetworkRecord, save_network
    from neuralfuse.user_networks import find_module

    run.check()
    network, dataset = find_module(base, "base").given, data_name(data)
    normalization = get_normalization(norm).name
    chosen = recipe_options.recipe_of(
        *(dataset, recipe, stored, robust, faults.chosen()),
        mixed_precision=run.precision == "bf16",
        seed=seed,
    )
    if run.recipe:
        told = {"base": network, "data": dataset, "width": width, "norm": normalization}
        _show(told | stored_as(chosen.quantization) | chosen.settings(), as_json=as_json)
        return
    device = run.chosen_device()
    if chosen.perturbs and chosen.randbet == "alg1" and normalization == "batch" and not quiet:
        typer.echo(f"nfenergy: {DRIFT}", err=True)
    found = source.load(data, extent=extent)
    record = NetworkRecord(
        kind="base",
        network=network,
        dataset=dataset,
        width=width,
        normalization=normalization,
        classes=found.dataset.classes if found.is_own else None,
        extent=found.dataset.image_shape[-1] if found.is_own else None,
        data_place=found.place,
    )
    validation = run.validated(found.splits)
    out = run.folder(runs.BASE_FILE)
    with run_options.watched(out, chosen.epochs, quiet=quiet) as tell:
        trained = runs.train_new_base(
            record,
            chosen,
            validation.splits,
            out=out,
            resume=run.resume,
            checkpoint_every=checkpoint_every,
            device=device,
            on_epoch=lambda epoch: tell(
                epoch.number,
                epoch,
                f"epoch {epoch.number} of {chosen.epochs}: {_of_epoch(epoch, validation.name)}",
            ),
            validation=validation,
        )
    path = out / runs.BASE_FILE
    save_network(path, trained.model, trained.record)
    if chosen.randbet_rate and trained.record.training["final_perturbed_loss"] is None:
        below = f"they begin with the first loss below {chosen.randbet_start_loss:g}"
        typer.echo(f"nfenergy: trained without bit errors: {below}; more epochs may reach it", err=True)
    accuracy = trained.record.training["test_accuracy_percent"]
    _report(
        as_json, path, {"test_accuracy_percent": accuracy}, f"accuracy {accuracy:.1f} % without bit errors"
    )


def train(
    base_checkpoint: options.BaseCheckpoints,
    run: run_options.RunOptions,
    recipe: generator_options.GeneratorOptions,
    faults: data_options.FaultOptions,
    source: data_options.DataOptions,
    gen: Annotated[
        str, typer.Option("--gen", help=f"Generator: {options.one_of('generators', [options.FORM])}.")
    ] = "convl",
    data: data_options.OtherData = None,
    checkpoint_every: Annotated[
        int, typer.Option("--checkpoint-every", min=1, help="Steps between two states.")
    ] = 50,
    seed: options.Seed = 0,
    as_json: options.AsJson = False,
    quiet: options.Quiet = False,
) -> None:
    from neuralfuse.training import runs
    from neuralfuse.training.checkpoints import save_network
    from neuralfuse.training.data_recipes import eopm_settings
    from neuralfuse.user_networks import find_module

    run.check()
    name = find_module(gen, "generator").given
    bases = [runs.load_trained(path, "base") for path in base_checkpoint]
    dataset, first = runs.same_dataset([base.record for base in bases]), bases[0].record.network
    model = faults.chosen(eopm_settings(dataset, base=first).fault_model)

    def settings(images: int | None) -> Any:
        default = eopm_settings(dataset, base=first, images=images)
        precision = None if run.precision is None else run.precision == "bf16"
        return recipe.chosen(default, dataset, model, images, mixed_precision=precision, seed=seed)

    if recipe.epochs is None:
        chosen = settings(None)
        if run.recipe:
            _show({"gen": name, "data": dataset} | asdict(chosen), as_json=as_json)
            return
    device = run.chosen_device()
    validation = run.validated(source.load_for(*bases, given=data))
    chosen = settings(len(validation.splits.train))
    if run.recipe:
        _show({"gen": name, "data": dataset} | asdict(chosen), as_json=as_json)
        return
    out = run.folder(runs.GENERATOR_FILE)
    with run_options.watched(out, chosen.steps, quiet=quiet) as tell:
        trained = runs.train_new_generator(
            name,
            bases,
            chosen,
            validation.splits,
            out=out,
            resume=run.resume,
            checkpoint_every=checkpoint_every,
            device=device,
            on_step=lambda entry: tell(
                entry.step,
                entry,
                f"step {entry.step} of {chosen.steps}: {_of_step(entry, validation.name)}",
            ),
            validation=validation,
        )
    path = out / runs.GENERATOR_FILE
    save_network(path, trained.model, trained.record)
    final = trained.record.training["final"]
    _report(as_json, path, final, f"last step: clean loss {final['clean_loss']:.4f}")


def _of_epoch(epoch: Epoch, images: str) -> str:
    """What an epoch of a base's training found."""
    found = f"loss {epoch.loss:.4f}, accuracy {epoch.accuracy_percent:.1f} %"
    if epoch.validation_percent is None:
        return found
    return f"{found}, {epoch.validation_percent:.1f} % of {images}"


def _of_step(entry: LogEntry, images: str) -> str:
    """What a step of a generator's training found; without bit errors there is nothing perturbed."""
    if entry.perturbed_loss is None or entry.perturbed_accuracy_percent is None:
        found = f"loss {entry.clean_loss:.4f}, accuracy {entry.clean_accuracy_percent:.0f} %"
    else:
        found = (
            f"loss {entry.clean_loss:.4f} clean, {entry.perturbed_loss:.4f} perturbed; "
            f"accuracy {entry.clean_accuracy_percent:.0f} and {entry.perturbed_accuracy_percent:.0f} %"
        )
    if entry.validation_clean_percent is None:
        return found
    both = [entry.validation_clean_percent, entry.validation_perturbed_percent]
    shown = " and ".join(f"{value:.1f}" for value in both if value is not None)
    return f"{found}; {shown} % of {images}"


def _show(recipe: dict[str, Any], *, as_json: bool) -> None:
    """How a network would be trained: one setting a line, or JSON."""
    if as_json:
        typer.echo(json.dumps(recipe, indent=2))
        return
    wide = max(map(len, recipe))
    for name, value in recipe.items():
        if isinstance(value, list):
            text = ", ".join(map(str, value))
        else:
            text = str(value).lower() if isinstance(value, bool) else "" if value is None else str(value)
        typer.echo(f"{name:<{wide}}  {text or 'none'}")


def _report(as_json: bool, path: Path, found: dict[str, float], text: str) -> None:
    if as_json:
        typer.echo(json.dumps({"checkpoint": str(path), **found}, indent=2))
    else:
        typer.echo(f"{path}: {text}")
