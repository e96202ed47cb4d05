"""The commands of the energy side: simulate, layers, export, list, reproduce."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Annotated

import typer

from energy.engines import ENGINES
from nfenergy import api
from nfenergy.commands import options
from nfenergy.commands.progress import simulation_progress
from nfenergy.ground.errors import InputError, NfEnergyError, UnknownName
from nfenergy.ground.files import check_folder
from nfenergy.machine import array_of
from nfenergy.networks import shape_of

FIGURES = Path("runs")


def simulate(
    base: options.BaseName,
    machine: options.MachineOptions,
    gen: options.GeneratorName = None,
    dataset: options.DatasetName = "cifar10",
    width: options.Width = 1.0,
    input_shape: options.InputShape = None,
    batch: options.Batch = 1,
    ber: options.BitErrorRate = None,
    voltage: options.Voltage = None,
    as_json: options.AsJson = False,
    quiet: options.Quiet = False,
    out: options.OutFolder = None,
) -> None:
    from nfenergy import results, text

    if out is not None:
        check_folder(out)
    with simulation_progress(quiet=quiet, hint=True) as on_progress:
        report = api.simulate(
            base,
            gen,
            dataset=dataset,
            width=width,
            input_shape=input_shape,
            batch=batch,
            ber=ber,
            voltage=voltage,
            on_progress=on_progress,
            **machine.arguments(),
        )
    if out is not None:
        results.write_run(report, out)
    typer.echo(json.dumps(results.as_json(report), indent=2) if as_json else text.as_text(report))


def layers(
    topology: Annotated[Path, typer.Option("--topology", help="SCALE-Sim topology CSV.")],
    machine: options.LayerOptions,
    format_: Annotated[
        str,
        typer.Option(
            "--format",
            help="table, csv or json; csv and json have energies where --energy-table asks for them.",
        ),
    ] = "table",
    out: Annotated[Path | None, typer.Option("--out", help="File for it instead of the output.")] = None,
    lenient: Annotated[
        bool, typer.Option("--lenient", help="Read rows, too, on which SCALE-Sim's own reader fails.")
    ] = False,
    quiet: options.Quiet = False,
) -> None:
    from nfenergy.ground.files import write_text
    from reports.layer_report import RENDERERS

    if format_.lower() not in RENDERERS:
        raise UnknownName("format", format_, RENDERERS)
    if out is not None:
        check_folder(out.parent)
    with simulation_progress(quiet=quiet) as on_progress:
        counts = api.layers(topology, lenient=lenient, on_progress=on_progress, **machine.arguments())
    energies = [
        {f"{domain}_{counts.energy_unit}": value for domain, value in layer.items()}
        for layer in counts.energies
    ]
    shown = format_.lower() == "table" or machine.energy_table is not None
    text = RENDERERS[format_.lower()](counts, energies if shown else ())
    if not quiet and shown:
        typer.echo(f"nfenergy: energies at nominal voltage by {counts.setting}", err=True)
    if out is None:
        typer.echo(text, nl=False)
    else:
        write_text(out, text)


def export(
    out: Annotated[Path, typer.Option("--out", help="Folder for the topology files.")],
    machine: options.ArrayOptions,
    base: Annotated[
        str | None, typer.Option("--base", help="Base model to export, file.py:function or model.onnx.")
    ] = None,
    gen: Annotated[
        str | None, typer.Option("--gen", help="Generator to export, file.py:function or model.onnx.")
    ] = None,
    all_: Annotated[bool, typer.Option("--all", help="Every network, in folders by convention.")] = False,
    dataset: Annotated[
        str | None, typer.Option("--dataset", help="Form of the networks; default cifar10, with --all both.")
    ] = None,
    convention: Annotated[
        str | None, typer.Option("--convention", help="Default paper, with --all both.")
    ] = None,
    deconv: options.Deconvolution = None,
    input_shape: options.InputShape = None,
    batch: options.Batch = 1,
    action_counts: Annotated[
        bool, typer.Option("--action-counts", help="Write Accelergy's action counts of each network too.")
    ] = False,
    quiet: options.Quiet = False,
) -> None:
    from nfenergy import exports

    accelerator = array_of(machine.arguments())
    if all_:
        if base or gen:
            raise InputError("--all exports every network; leave out --base and --gen")
        if action_counts:
            raise InputError("--action-counts takes --base or --gen, not --all")
        if input_shape or batch != 1:
            raise InputError("--input-shape and --batch take --base or --gen, not --all")
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
            input_shape=shape_of(input_shape),
            batch=batch,
            array=accelerator,
            action_counts=action_counts,
        )
    for line in written:
        typer.echo(line)
    if not quiet:
        typer.echo(f"nfenergy: {exports.HOW_TO_RUN}", err=True)


def list_(
    what: Annotated[str | None, typer.Argument(help=f"One kind: {', '.join(options.KINDS)}.")] = None,
    library: Annotated[
        str | None,
        typer.Option("--library", help="Base models of torchvision, timm or transformers, if installed."),
    ] = None,
    as_json: options.AsJson = False,
) -> None:
    from nfenergy.listing import library_listing, listing

    found = listing(what) if library is None else library_listing(what, library)
    if as_json:
        typer.echo(json.dumps(found, indent=2))
        return
    for title, entries in found.items():
        typer.echo(f"{title}:")
        width = max(map(len, entries))
        for name, description in entries.items():
            typer.echo(f"  {name.ljust(width)}  {description}".rstrip())


def reproduce(
    what: Annotated[
        str, typer.Argument(help="table6, table7, table8, stutz-table6, all (tables), figure5 or figure6.")
    ] = "all",
    engine: options.Engine = "scalesim",
    jobs: options.Jobs = None,
    out: Annotated[
        Path, typer.Option("--out", help="Folder for a figure and the numbers behind it.")
    ] = FIGURES,
    as_json: options.AsJson = False,
    quiet: options.Quiet = False,
) -> None:
    engine = ENGINES.find("scalesim" if engine is None else engine).name
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
    with simulation_progress(quiet=quiet) as on_progress:
        files = reproduce_figure(
            what, out, arguments={"engine": engine, "jobs": jobs}, on_progress=on_progress
        )
    if as_json:
        typer.echo(json.dumps([str(file) for file in files], indent=2))
        return
    for file in files:
        typer.echo(str(file))
