"""The command that takes in weights trained elsewhere: import-weights."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from nfenergy.commands import data_options, options, recipe_options
from nfenergy.ground.errors import InputError
from nfenergy.ground.rates import parse_list


def import_weights(
    weights: Annotated[Path, typer.Argument(help="State dict: of torch.save, or .safetensors.")],
    out: Annotated[Path, typer.Option("--out", help="Folder for the checkpoint.")],
    stored: recipe_options.StoredOptions,
    source: data_options.DataOptions,
    base: options.BaseModule = "resnet18",
    gen: Annotated[
        str | None,
        typer.Option("--gen", help=f"A generator instead: {options.one_of('generators', [options.FORM])}."),
    ] = None,
    data: Annotated[
        str, options.named("--data", kind="datasets", help="Data set", more=data_options.OWN_DATA)
    ] = "cifar10",
    extent: data_options.Extent = None,
    width: options.Width = 1.0,
    norm: data_options.Norm = "batch",
    mean: Annotated[
        str | None,
        typer.Option(
            "--mean",
            help="What it takes from pixels in [0, 1] first: 0.485,0.456,0.406; or 0.",
        ),
    ] = None,
    deviation: Annotated[
        str | None, typer.Option("--deviation", help="What it divides them by then: 0.229,0.224,0.225; or 1.")
    ] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace the checkpoint in OUT.")] = False,
    as_json: options.AsJson = False,
    quiet: options.Quiet = False,
) -> None:
    from neuralfuse.datasets.sources import data_name
    from neuralfuse.networks.normalization import get_normalization
    from neuralfuse.quantization import Quantization
    from neuralfuse.training import runs
    from neuralfuse.training.base_training import stored_as
    from neuralfuse.training.checkpoints import NetworkRecord, save_network
    from neuralfuse.training.foreign_weights import read_weights
    from neuralfuse.training.imports import import_network
    from neuralfuse.training.state import begin_in
    from neuralfuse.user_networks import find_module

    if (mean is None) != (deviation is None):
        raise InputError("--mean and --deviation go together; for images in [0, 1] give 0 and 1")
    if gen is not None and mean is not None:
        raise InputError("generators take images in [-1, 1] here; --mean and --deviation are of bases")
    means, deviations = _numbers(mean), _numbers(deviation)
    kind = "base" if gen is None else "generator"
    network = find_module(base if gen is None else gen, "base" if gen is None else "generator").given
    dataset, normalization = data_name(data), get_normalization(norm).name
    quantization, found = stored.chosen(Quantization()), read_weights(weights)
    name = runs.BASE_FILE if gen is None else runs.GENERATOR_FILE
    if not overwrite:
        begin_in(out, name, overwrite=False, resumable=False)
    splits = source.load(data, extent=extent)
    record = NetworkRecord(
        kind="base" if gen is None else "generator",
        network=network,
        dataset=dataset,
        width=width,
        normalization=normalization,
        **stored_as(quantization),
        classes=splits.dataset.classes if splits.is_own else None,
        extent=splits.dataset.image_shape[-1] if splits.is_own else None,
        data_place=splits.place,
    )
    trained, by_order = import_network(
        record, found, weights, splits.splits, mean=means, deviation=deviations
    )
    path = out / name
    begin_in(out, name, overwrite=overwrite)
    save_network(path, trained.model, trained.record)
    if by_order and not quiet:
        typer.echo(f"nfenergy: {weights} has other names; modules were matched in order", err=True)
    accuracy = trained.record.training.get("test_accuracy_percent")
    if as_json:
        typer.echo(json.dumps({"checkpoint": str(path), "test_accuracy_percent": accuracy}, indent=2))
    elif accuracy is None:
        typer.echo(f"{path}: {kind} {network}")
    else:
        typer.echo(f"{path}: accuracy {accuracy:.1f} % without bit errors")


def _numbers(text: str | None) -> list[float] | None:
    return None if text is None else parse_list(text, float, "numbers, such as 0.485,0.456,0.406")
