"""The commands that bring energy and accuracy together: plot, report, recommend."""

from __future__ import annotations

import json
import re
import shlex
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import typer

from energy.curve_files import load_curve
from energy.scalesim.cfg import load_array
from nfenergy import options
from nfenergy.ground.errors import InputError, UnknownName
from nfenergy.ground.files import check_folder
from nfenergy.progress import simulation_progress
from nfenergy.simulation import DEFAULT_CURVE, Machine
from nfenergy.tradeoffs import NAMES, Comparison, Selection, compare
from reports.merge import Merged
from reports.records import MEASURE_TITLES, Measure
from topologies.convention import get_convention

PUBLISHED_RATE = "1%"

Accuracies = Annotated[
    list[str] | None,
    typer.Option("--accuracy", help="published (the default), or an accuracy CSV; may come several times."),
]
Dataset = Annotated[str, typer.Option("--dataset", help="Where the accuracies are of several data sets.")]
Bases = Annotated[str, typer.Option("--base", help="Base models, separated by commas; default all.")]
Generators = Annotated[str, typer.Option("--gen", help="Generators, separated by commas; default all.")]
FaultModel = Annotated[str, typer.Option("--fault-model", help="Take the accuracies of this one only.")]
Mixed = Annotated[
    bool, typer.Option("--mixed", help="Join fault models, or published with measured accuracies.")
]
SavingsFile = Annotated[
    Path | None,
    typer.Option("--savings", help="Savings of a run or sweep (CSV, Parquet) instead."),
]
MeasureName = Annotated[str, typer.Option("--measure", help="Energy by twma or mac.")]
SizeName = Annotated[str, typer.Option("--size", help="column (3.5 inch), slide or page.")]
Engine = Annotated[str, typer.Option("--engine", help="Simulation engine; `nfenergy list engines`.")]


def register(app: typer.Typer) -> None:
    """Add this module's commands to the application."""
    for command in (plot, report, recommend):
        app.command(command.__name__)(command)


def plot(
    kind: Annotated[str, typer.Argument(help="tradeoff, voltage, saving, layers, heatmap or latency.")],
    out: Annotated[Path, typer.Option("--out", help="File (.png, .svg, .pdf), or a folder for all three.")],
    accuracy: Accuracies = None,
    dataset: Dataset = "",
    base: Bases = "",
    gen: Generators = "",
    ber: Annotated[str, typer.Option("--ber", help="Bit error rates: 1%,0.5%; or all.")] = PUBLISHED_RATE,
    fault_model: FaultModel = "",
    mixed: Mixed = False,
    savings: SavingsFile = None,
    measure: MeasureName = "twma",
    size: SizeName = "column",
    curve: options.Curve = DEFAULT_CURVE,
    array: options.ArraySize = None,
    dataflow: options.Dataflow = None,
    config: options.Config = None,
    convention: options.ConventionName = "paper",
    weight_bits: options.WeightBits = 8,
    clock_ghz: options.ClockGhz = 1.0,
    engine: Engine = "closed-form",
    jobs: options.Jobs = None,
    quiet: options.Quiet = False,
) -> None:
    """Draw savings and accuracies for a paper or a slide."""
    from nfenergy.reporting import write_plot

    comparison = _compared(
        accuracy,
        _selection(dataset, base, gen, ber, fault_model, mixed),
        _machine(curve, array, dataflow, config, convention, weight_bits, clock_ghz, engine, jobs),
        savings,
        quiet=quiet,
    )
    for path in write_plot(kind, comparison, out, measure=_measure(measure), size=size):
        typer.echo(str(path))


def report(
    out: Annotated[Path, typer.Option("--out", help="HTML file; the tables are written beside it.")],
    accuracy: Accuracies = None,
    dataset: Dataset = "",
    base: Bases = "",
    gen: Generators = "",
    ber: Annotated[str, typer.Option("--ber", help="Bit error rates: 1%,0.5%; or all.")] = PUBLISHED_RATE,
    fault_model: FaultModel = "",
    mixed: Mixed = False,
    savings: SavingsFile = None,
    curve: options.Curve = DEFAULT_CURVE,
    array: options.ArraySize = None,
    dataflow: options.Dataflow = None,
    config: options.Config = None,
    convention: options.ConventionName = "paper",
    weight_bits: options.WeightBits = 8,
    clock_ghz: options.ClockGhz = 1.0,
    engine: Engine = "closed-form",
    jobs: options.Jobs = None,
    quiet: options.Quiet = False,
) -> None:
    """Write one HTML page with figures, tables, sources and warnings, and the tables as CSV beside it."""
    from nfenergy.reporting import write_report

    if out.suffix.lower() not in (".html", ".htm"):
        raise InputError(f"the report is an HTML page; --out {out} should end in .html")
    check_folder(out.parent)
    comparison = _compared(
        accuracy,
        _selection(dataset, base, gen, ber, fault_model, mixed),
        _machine(curve, array, dataflow, config, convention, weight_bits, clock_ghz, engine, jobs),
        savings,
        quiet=quiet,
    )
    for path in write_report(comparison, out, command=shlex.join(["nfenergy", *sys.argv[1:]])):
        typer.echo(str(path))


def recommend(
    base: Annotated[str, typer.Option("--base", help="Base model; `nfenergy list bases` shows all.")],
    dataset: Dataset = "",
    min_accuracy: Annotated[
        str | None, typer.Option("--min-accuracy", help="Smallest perturbed accuracy in percent, such as 85.")
    ] = None,
    max_latency_overhead: Annotated[
        str | None, typer.Option("--max-latency-overhead", help="Largest added latency, such as 20%.")
    ] = None,
    accuracy: Accuracies = None,
    gen: Generators = "",
    ber: Annotated[str, typer.Option("--ber", help="Bit error rates that compete.")] = "all",
    interpolate: Annotated[
        bool, typer.Option("--interpolate", help="Admit accuracies between measured bit error rates, marked.")
    ] = False,
    fault_model: FaultModel = "",
    mixed: Mixed = False,
    savings: SavingsFile = None,
    curve: options.Curve = DEFAULT_CURVE,
    array: options.ArraySize = None,
    dataflow: options.Dataflow = None,
    config: options.Config = None,
    convention: options.ConventionName = "paper",
    weight_bits: options.WeightBits = 8,
    clock_ghz: options.ClockGhz = 1.0,
    engine: Engine = "closed-form",
    jobs: options.Jobs = None,
    as_json: options.AsJson = False,
    quiet: options.Quiet = False,
) -> None:
    """Choose voltage and generator: the largest saving by T.W.M.A. under the constraints."""
    from reports import recommend as choice

    constraints = choice.Constraints(
        min_accuracy_percent=_percentage(min_accuracy, "--min-accuracy", largest=100.0),
        max_latency_overhead_percent=_percentage(max_latency_overhead, "--max-latency-overhead"),
    )
    machine = _machine(curve, array, dataflow, config, convention, weight_bits, clock_ghz, engine, jobs)
    comparison = _compared(
        accuracy,
        _selection(dataset, NAMES.check_base(base), gen, ber, fault_model, mixed),
        machine,
        savings,
        quiet=quiet,
    )
    found = choice.recommend(
        comparison.merged.tradeoffs, constraints, curve=machine.curve, interpolate=interpolate
    )
    joins = list(comparison.merged.joins)
    if as_json:
        typer.echo(json.dumps({**choice.as_json(found), "joins": joins}, indent=2))
    else:
        typer.echo("\n".join([choice.as_text(found, NAMES), *(f"Joined: {join}." for join in joins)]))


def _compared(
    accuracy: list[str] | None,
    selection: Selection,
    machine: Machine,
    savings: Path | None,
    *,
    quiet: bool,
) -> Comparison:
    with simulation_progress(quiet=quiet) as on_progress:
        comparison = compare(
            accuracy or ["published"], selection, machine, savings_file=savings, on_progress=on_progress
        )
    _tell_unmatched(comparison.merged, quiet=quiet)
    return comparison


def _tell_unmatched(merged: Merged, *, quiet: bool) -> None:
    if not quiet:
        for line in merged.unmatched(NAMES):
            typer.echo(f"left out: {line}", err=True)


def _selection(
    dataset: str, bases: str, generators: str, ber: str, fault_model: str, mixed: bool
) -> Selection:
    rates = () if ber.strip().lower() == "all" else tuple(map(options.parse_rate, _words(ber)))
    return Selection(
        dataset=dataset,
        bases=_names(bases, NAMES.check_base),
        generators=_names(generators, NAMES.check_generator),
        bit_error_rates=rates,
        fault_model=fault_model,
        mixed=mixed,
    )


def _machine(
    curve: str,
    array: str | None,
    dataflow: str | None,
    config: str | None,
    convention: str,
    weight_bits: int,
    clock_ghz: float,
    engine: str,
    jobs: int | None,
) -> Machine:
    return Machine(
        array=load_array(config=config, size=array, dataflow=dataflow),
        curve=load_curve(curve),
        convention=get_convention(convention),
        weight_bits=weight_bits,
        clock_ghz=clock_ghz,
        engine=engine,
        jobs=jobs,
    )


def _measure(name: str) -> Measure:
    for measure in MEASURE_TITLES:
        if name.lower() in (measure, f"{measure}s"):
            return measure
    raise UnknownName("measure", name, MEASURE_TITLES)


def _words(text: str) -> list[str]:
    return [word.strip() for word in text.split(",") if word.strip()]


def _names(text: str, check: Callable[[str], str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(check(word) for word in _words(text)))


def _percentage(text: str | None, option: str, *, largest: float = 1000.0) -> float | None:
    """Percent, with or without the sign; a fraction is taken for a slip."""
    if text is None:
        return None
    match = re.fullmatch(r"\s*(\d+\.?\d*|\.\d+)\s*(%?)\s*", text)
    if match is None:
        raise InputError(f"{option} {text!r} is not a percentage; write 85 or 85%")
    value = float(match[1])
    if not match[2] and 0 < value <= 1:
        raise InputError(f"{option} is in percent; for {value:g} write {100 * value:g}, or {value:g}%")
    if value > largest:
        raise InputError(f"{option} is {value:g} %, expected at most {largest:g} %")
    return value
