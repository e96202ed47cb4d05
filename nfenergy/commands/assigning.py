"""The command that gives each layer its voltage, or its place in the banks of a measured memory."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from energy.measures import DEFAULT_MEASURE
from nfenergy import api
from nfenergy.commands import data_options, on_chips, options
from nfenergy.commands.progress import announcements
from nfenergy.ground.files import check_folder


def assign(
    base_checkpoint: Annotated[Path, typer.Option("--base-checkpoint", help="From train-base.")],
    faults: data_options.FaultOptions,
    data: data_options.DataOptions,
    machine: options.MachineOptions,
    min_accuracy: on_chips.MinAccuracy = None,
    measure: options.MeasureName = DEFAULT_MEASURE,
    groups: Annotated[
        int | None,
        typer.Option("--groups", min=1, help="Groups of consecutive layers that share a voltage."),
    ] = None,
    bank_cells: Annotated[
        int | None,
        typer.Option("--bank-cells", min=1, help="Cells of a bank, where a fault map does not say it."),
    ] = None,
    seeds: Annotated[
        int,
        typer.Option(
            "--seeds", min=1, help="Chips to choose on; as many others check it, and as many more measure it."
        ),
    ] = 10,
    images: on_chips.Images = None,
    out: options.OutFolder = None,
    as_json: options.AsJson = False,
    quiet: options.Quiet = False,
) -> None:
    if out is not None:
        check_folder(out)
    with announcements(quiet=quiet) as say:
        found = api.assign(
            base_checkpoint,
            min_accuracy=min_accuracy,
            measure=measure,
            groups=groups,
            bank_cells=bank_cells,
            seeds=seeds,
            images=images,
            on_message=say,
            on_warning=on_chips.warn,
            **faults.arguments(),
            **data.arguments(),
            **machine.arguments(),
        )
    files = [] if out is None else found.write(out)
    typer.echo(json.dumps(found.as_json(), indent=2) if as_json else found.text())
    on_chips.tell(files, quiet=quiet)
