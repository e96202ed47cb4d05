"""The command that compares protections of a weight memory."""

from __future__ import annotations

import json
from typing import Annotated

import typer

from energy.measures import DEFAULT_MEASURE
from nfenergy import api
from nfenergy.commands import on_chips, options
from nfenergy.commands.progress import simulation_progress
from nfenergy.ground.files import check_folder
from nfenergy.weight_memory import SECDED_READ_FACTOR


def protections(
    base: options.BaseName,
    machine: options.MachineOptions,
    measured: on_chips.AccuracyOptions,
    gen: Annotated[str, typer.Option("--gen", help="Generators to reckon with, separated by commas.")] = "",
    width: options.Width = 1.0,
    ber: options.BitErrorRate = None,
    voltage: options.Voltage = None,
    measure: options.MeasureName = DEFAULT_MEASURE,
    min_accuracy: on_chips.MinAccuracy = None,
    secded_read_factor: Annotated[
        float, typer.Option("--secded-read-factor", help="Energy of a read with SECDED(72,64), relative.")
    ] = SECDED_READ_FACTOR,
    out: options.OutFolder = None,
    as_json: options.AsJson = False,
    quiet: options.Quiet = False,
) -> None:
    if out is not None:
        check_folder(out)
    with simulation_progress(quiet=quiet) as on_progress:
        found = api.protections(
            base,
            gen=gen,
            width=width,
            ber=ber,
            voltage=voltage,
            measure=measure,
            min_accuracy=min_accuracy,
            secded_read_factor=secded_read_factor,
            on_progress=on_progress,
            **measured.arguments(),
            **machine.arguments(),
        )
    files = found.write(out) if out is not None else []
    typer.echo(json.dumps(found.as_json(), indent=2) if as_json else found.text())
    on_chips.tell(files, quiet=quiet)
