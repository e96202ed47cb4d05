"""The commands that bring energy and accuracy together: plot, report, recommend."""

from __future__ import annotations

import json
import shlex
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from energy.curve import VoltageCurve
from energy.measures import DEFAULT_MEASURE
from nfenergy import api
from nfenergy.commands import options
from nfenergy.commands.progress import simulation_progress
from nfenergy.curve_choices import ALL_CURVES, choices_by_curve
from nfenergy.ground.errors import InputError, NfEnergyError
from nfenergy.ground.files import check_folder
from nfenergy.tradeoffs import Comparison

if TYPE_CHECKING:
    from nfenergy.choices import Choice

PUBLISHED_RATE = "1%"

Rates = Annotated[str, typer.Option("--ber", help="Bit error rates: 1%,0.5%; or all.")]


def plot(
    kind: Annotated[str, typer.Argument(help=f"One of {options.one_of('plots')}.")],
    out: Annotated[Path, typer.Option("--out", help="File (.png, .svg, .pdf), or a folder for all three.")],
    selection: options.SelectionOptions,
    machine: options.MachineOptions,
    ber: Rates = PUBLISHED_RATE,
    measure: options.MeasureName = DEFAULT_MEASURE,
    size: Annotated[str, typer.Option("--size", help="column (3.5 inch), slide or page.")] = "column",
    quiet: options.Quiet = False,
) -> None:
    from nfenergy.reporting import write_plot

    check_folder(out.parent if out.suffix else out)
    comparison, curves = _compared_on_curves(kind, selection, machine, ber, quiet=quiet)
    for path in write_plot(kind, comparison, out, measure=measure, size=size, curves=curves):
        typer.echo(str(path))


def report(
    out: Annotated[Path, typer.Option("--out", help="HTML file; the tables are written beside it.")],
    selection: options.SelectionOptions,
    machine: options.MachineOptions,
    ber: Rates = PUBLISHED_RATE,
    beside: Annotated[
        str,
        typer.Option("--beside", help="Further arrays that the page can compare: 16x16,'32x32 ws',google."),
    ] = "",
    sensitivity: Annotated[
        list[Path] | None,
        typer.Option("--sensitivity", help="sensitivity.json of `sensitivity`; may come several times."),
    ] = None,
    assignment: Annotated[
        list[Path] | None,
        typer.Option("--assignment", help="assignment.json of `assign`; may come several times."),
    ] = None,
    quiet: options.Quiet = False,
) -> None:
    from nfenergy.compared_arrays import explorer_data, parse_arrays
    from nfenergy.layer_files import read_assignment, read_sensitivity
    from nfenergy.machine import array_of
    from nfenergy.reporting import write_report

    if out.suffix.lower() not in (".html", ".htm"):
        raise InputError(f"the report is an HTML page; --out {out} should end in .html")
    check_folder(out.parent)
    arrays = parse_arrays(beside, array_of(machine.arguments()))
    sensitivities = [read_sensitivity(path) for path in sensitivity or []]
    assignments = [read_assignment(path) for path in assignment or []]
    comparison = _compared(selection, machine, ber, quiet=quiet)
    with simulation_progress(quiet=quiet) as on_progress:
        explorer = explorer_data(
            comparison, arrays=arrays, savings_file=selection.savings, on_progress=on_progress
        )
    written = write_report(
        comparison,
        out,
        command=shlex.join(["nfenergy", *sys.argv[1:]]),
        sensitivities=sensitivities,
        assignments=assignments,
        explorer=explorer,
    )
    for path in written:
        typer.echo(str(path))


def recommend(
    selection: options.SelectionOptions,
    machine: options.MachineOptions,
    min_accuracy: Annotated[
        str | None, typer.Option("--min-accuracy", help="Smallest perturbed accuracy in percent, such as 85.")
    ] = None,
    max_latency_overhead: Annotated[
        str | None, typer.Option("--max-latency-overhead", help="Largest added latency, such as 20%.")
    ] = None,
    measure: options.MeasureName = DEFAULT_MEASURE,
    ber: Annotated[str, typer.Option("--ber", help="Bit error rates that compete.")] = "all",
    interpolate: Annotated[
        bool, typer.Option("--interpolate", help="Admit accuracies between measured bit error rates, marked.")
    ] = False,
    as_json: options.AsJson = False,
    quiet: options.Quiet = False,
) -> None:
    with simulation_progress(quiet=quiet) as on_progress:

        def by_curve(curve: str | None) -> Choice:
            return api.recommend(
                min_accuracy=min_accuracy,
                max_latency_overhead=max_latency_overhead,
                measure=measure,
                interpolate=interpolate,
                ber=ber,
                on_progress=on_progress,
                **{**_arguments(selection, machine), "curve": curve},
            )

        if (machine.curve or "").lower() == ALL_CURVES:
            found = choices_by_curve(by_curve)
            typer.echo(json.dumps(found.as_json(), indent=2) if as_json else found.text())
            return
        choice = by_curve(machine.curve)
    _tell_unmatched(choice.comparison, quiet=quiet)
    typer.echo(json.dumps(choice.as_json(), indent=2) if as_json else choice.text())
    if choice.recommendation.best is None:
        sys.stdout.flush()
        raise NfEnergyError(
            "nothing qualifies; loosen a constraint, or admit more with --ber or --interpolate"
        )


def _compared_on_curves(
    kind: str, selection: options.SelectionOptions, machine: options.MachineOptions, ber: str, *, quiet: bool
) -> tuple[Comparison, list[VoltageCurve]]:
    """The comparison on the first curve that has the rates, and all curves to draw over each other."""
    from energy.curve_files import CURVES, load_curve

    given = machine.curve or ""
    names = list(CURVES) if given.lower() == ALL_CURVES else [name.strip() for name in given.split(",")]
    if len(names) == 1:
        return _compared(selection, machine, ber, quiet=quiet), []
    if kind.lower() != "voltage":
        raise InputError(f"plot {kind} takes one --curve; plot voltage draws several over each other")
    curves = [load_curve(name, assume_v2=machine.assume_v2) for name in names]
    for number, name in enumerate(names, start=1):
        try:
            return _compared(selection, replace(machine, curve=name), ber, quiet=quiet), curves
        except InputError:
            if number == len(names):
                raise
    raise AssertionError


def _compared(
    selection: options.SelectionOptions, machine: options.MachineOptions, ber: str, *, quiet: bool
) -> Comparison:
    with simulation_progress(quiet=quiet) as on_progress:
        comparison = api.tradeoff(ber=ber, on_progress=on_progress, **_arguments(selection, machine))
    _tell_unmatched(comparison, quiet=quiet)
    return comparison


def _arguments(selection: options.SelectionOptions, machine: options.MachineOptions) -> dict[str, Any]:
    return {**selection.arguments(), **machine.arguments()}


def _tell_unmatched(comparison: Comparison, *, quiet: bool) -> None:
    if not quiet:
        for line in comparison.merged.unmatched:
            typer.echo(f"left out: {line}", err=True)
