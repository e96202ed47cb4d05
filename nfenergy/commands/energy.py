"""The commands of the energy side: simulate, layers, export, list, reproduce."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Annotated

import typer

from energy.engines import get_engine
from energy.scalesim.cfg import load_array
from nfenergy import options, pipeline
from nfenergy.ground.errors import InputError, NfEnergyError, UnknownName
from nfenergy.ground.files import check_folder
from nfenergy.progress import simulation_progress
from nfenergy.simulation import DEFAULT_CURVE, Machine

FIGURES = Path("runs")
BASE_HELP = "Base model; `nfenergy list bases` shows all. file.py:function builds one of your own."


def register(app: typer.Typer) -> None:
    """Add this module's commands to the application."""
    for command in (simulate, layers, export, list_, reproduce):
        app.command(command.__name__.rstrip("_"))(command)


def simulate(
    base: Annotated[str, typer.Option("--base", help=BASE_HELP)],
    gen: options.GeneratorName = None,
    dataset: options.DatasetName = "cifar10",
    width: options.Width = 1.0,
    ber: options.BitErrorRate = None,
    voltage: options.Voltage = None,
    curve: options.Curve = DEFAULT_CURVE,
    array: options.ArraySize = None,
    dataflow: options.Dataflow = None,
    config: options.Config = None,
    convention: options.ConventionName = "paper",
    deconv: options.Deconvolution = None,
    weight_bits: options.WeightBits = 8,
    clock_ghz: options.ClockGhz = 1.0,
    engine: options.Engine = "scalesim",
    jobs: options.Jobs = None,
    as_json: options.AsJson = False,
    quiet: options.Quiet = False,
    out: options.OutFolder = None,
) -> None:
    """Energy saved, T.W.M.A., MACs, cycles and latency of a base model behind a generator."""
    from nfenergy import results, text

    if out is not None:
        check_folder(out)
    with simulation_progress(quiet=quiet, hint=True) as on_progress:
        report = pipeline.simulate(
            base,
            gen,
            dataset=dataset,
            base_width=width,
            bit_error_rate=None if ber is None else options.parse_rate(ber),
            voltage_norm=voltage,
            curve=curve,
            array=load_array(config=config, size=array, dataflow=dataflow),
            convention=convention,
            deconvolution=deconv,
            weight_bits=weight_bits,
            clock_ghz=clock_ghz,
            engine=engine,
            jobs=jobs,
            on_progress=on_progress,
        )
    if out is not None:
        results.write_run(report, out)
    if as_json:
        typer.echo(json.dumps(results.as_json(report), indent=2))
    else:
        typer.echo(text.as_text(report))


def layers(
    topology: Annotated[Path, typer.Option("--topology", help="SCALE-Sim topology CSV.")],
    array: options.ArraySize = None,
    dataflow: options.Dataflow = None,
    config: options.Config = None,
    engine: options.Engine = "scalesim",
    jobs: options.Jobs = None,
    format_: Annotated[str, typer.Option("--format", help="table, csv or json.")] = "table",
    quiet: options.Quiet = False,
) -> None:
    """Cycles, utilisation, SRAM and DRAM accesses of each layer of a topology file."""
    from reports.layer_report import RENDERERS

    if format_.lower() not in RENDERERS:
        raise UnknownName("format", format_, RENDERERS)
    with simulation_progress(quiet=quiet) as on_progress:
        counts = pipeline.layers(
            topology,
            array=load_array(config=config, size=array, dataflow=dataflow),
            engine=engine,
            jobs=jobs,
            on_progress=on_progress,
        )
    typer.echo(RENDERERS[format_.lower()](counts), nl=False)


def export(
    out: Annotated[Path, typer.Option("--out", help="Folder for the topology files.")],
    base: Annotated[
        str | None, typer.Option("--base", help="Base model to export, or file.py:function.")
    ] = None,
    gen: Annotated[
        str | None, typer.Option("--gen", help="Generator to export, or file.py:function.")
    ] = None,
    all_: Annotated[bool, typer.Option("--all", help="Every network, in folders by convention.")] = False,
    dataset: Annotated[
        str | None, typer.Option("--dataset", help="Form of the networks; default cifar10, with --all both.")
    ] = None,
    convention: Annotated[
        str | None, typer.Option("--convention", help="Default paper, with --all both.")
    ] = None,
    deconv: options.Deconvolution = None,
    array: options.ArraySize = None,
    dataflow: options.Dataflow = None,
    config: options.Config = None,
) -> None:
    """Write SCALE-Sim topology, layout and cfg files, and a table of the modules behind the rows."""
    from nfenergy import exports

    accelerator = load_array(config=config, size=array, dataflow=dataflow)
    if all_:
        if base or gen:
            raise InputError("--all exports every network; leave out --base and --gen")
        written = exports.export_all(
            out, dataset=dataset, convention=convention, deconvolution=deconv, array=accelerator
        )
    else:
        if not (base or gen):
            raise InputError("nothing to export: give --base, --gen or --all")
        written = exports.export(
            out,
            base=base,
            generator=gen,
            dataset=dataset or "cifar10",
            convention=convention or "paper",
            deconvolution=deconv,
            array=accelerator,
        )
    for line in written:
        typer.echo(line)


def list_(
    what: Annotated[
        str | None, typer.Argument(help="bases, generators, datasets, fault-models, curves, ...")
    ] = None,
    as_json: options.AsJson = False,
) -> None:
    """Everything that can be named on the command line."""
    from nfenergy.listing import listing

    found = listing(what)
    if as_json:
        typer.echo(json.dumps(found, indent=2))
        return
    for title, entries in found.items():
        typer.echo(f"{title}:")
        width = max(map(len, entries))
        for name, description in entries.items():
            typer.echo(f"  {name.ljust(width)}  {description}")


def reproduce(
    what: Annotated[
        str, typer.Argument(help="table6, table7, table8, all (tables), figure5 or figure6.")
    ] = "all",
    engine: options.Engine = "scalesim",
    jobs: options.Jobs = None,
    out: Annotated[
        Path, typer.Option("--out", help="Folder for a figure and the numbers behind it.")
    ] = FIGURES,
    as_json: options.AsJson = False,
    quiet: options.Quiet = False,
) -> None:
    """Compute published tables and compare every entry (status 1 if one differs), or draw Fig. 5 or 6."""
    if what.lower().startswith("figure"):
        _reproduce_figure(what, engine, jobs, out, as_json=as_json, quiet=quiet)
        return
    from nfenergy.reproduction import reproduce as reproduce_tables
    from nfenergy.reproduction import reproduction_json, reproduction_text
    from reports.printed import differences

    with simulation_progress(quiet=quiet) as on_progress:
        rows = reproduce_tables(what, engine=engine, jobs=jobs, on_progress=on_progress)
    if as_json:
        typer.echo(json.dumps(reproduction_json(rows, engine=engine), indent=2))
    else:
        typer.echo(reproduction_text(rows))
    if differences(rows):
        sys.stdout.flush()
        raise NfEnergyError(f"{differences(rows)} of {len(rows)} entries differ from the published ones")


def _reproduce_figure(
    what: str, engine: str, jobs: int | None, out: Path, *, as_json: bool, quiet: bool
) -> None:
    from nfenergy.reporting import reproduce_figure

    check_folder(out)
    machine = Machine(engine=get_engine(engine), jobs=jobs)
    with simulation_progress(quiet=quiet) as on_progress:
        files = reproduce_figure(what, out, machine=machine, on_progress=on_progress)
    if as_json:
        typer.echo(json.dumps([str(file) for file in files], indent=2))
        return
    for file in files:
        typer.echo(str(file))
