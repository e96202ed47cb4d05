"""The command sweep."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from nfenergy.commands import options
from nfenergy.commands.progress import rows_progress, simulation_progress
from nfenergy.ground.errors import InputError

RUNS = Path("runs")


def sweep(
    spec: Annotated[
        Path | None, typer.Argument(help="YAML specification; --example prints one.", metavar="SPEC.yaml")
    ] = None,
    out: Annotated[
        Path | None, typer.Option("--out", help="Folder of the result; default runs/NAME-OF-THE-SPEC.")
    ] = None,
    engine: Annotated[
        str | None,
        typer.Option("--engine", help="closed-form, scalesim or both; default the specification's."),
    ] = None,
    jobs: options.Jobs = None,
    resume: Annotated[bool, typer.Option("--resume", help="Go on with a sweep that was cut off.")] = False,
    verify: Annotated[
        int, typer.Option("--verify", min=0, help="Distinct layers, chosen at random, to simulate as well.")
    ] = 0,
    scheduler: Annotated[
        str | None,
        typer.Option("--scheduler", help="Dask scheduler for SCALE-Sim, tcp://HOST:PORT."),
    ] = None,
    csv: Annotated[bool, typer.Option("--csv", help="Write sweep.csv beside sweep.parquet.")] = False,
    example: Annotated[bool, typer.Option("--example", help="Print a commented specification.")] = False,
    as_json: options.AsJson = False,
    quiet: options.Quiet = False,
) -> None:
    from nfenergy.sweeps.example import EXAMPLE

    if example:
        typer.echo(EXAMPLE, nl=False)
        return
    if spec is None:
        raise InputError("no specification; `nfenergy sweep --example > sweep.yaml` writes one to start from")
    from nfenergy.sweeps.run import sweep as run_sweep

    folder = out or RUNS / spec.stem
    with simulation_progress(quiet=quiet) as on_progress, rows_progress(quiet=quiet) as on_rows:
        result = run_sweep(
            spec,
            folder,
            engine=engine,
            jobs=jobs,
            resume=resume,
            verify=verify,
            scheduler=scheduler,
            as_csv=csv,
            on_progress=on_progress,
            on_rows=on_rows,
        )
    if as_json:
        typer.echo(json.dumps(result.summary, indent=2))
        return
    typer.echo(f"{result.rows:,} rows in {result.table}")
    if verify:
        verification = result.summary["verification"]
        typer.echo(
            f"{verification['layers']} of {verification['distinct_layers']:,} distinct layers simulated with "
            f"{verification['simulator']}: all figures equal"
        )
