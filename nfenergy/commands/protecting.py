"""The command that compares protections of a weight memory."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from energy.measures import DEFAULT_MEASURE
from nfenergy.commands import on_chips, options
from nfenergy.commands.progress import simulation_progress
from nfenergy.ground.errors import InputError, NfEnergyError
from nfenergy.ground.files import check_folder

if TYPE_CHECKING:
    from neuralfuse.accuracy import Accuracy


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
    ] = 1.14,
    out: options.OutFolder = None,
    as_json: options.AsJson = False,
    quiet: options.Quiet = False,
) -> None:
    from nfenergy.machine import machine_of
    from nfenergy.pipeline import operating_point
    from nfenergy.protecting import Question, compare_protections

    if min_accuracy is not None and not measured.accuracy:
        raise InputError(
            "--min-accuracy needs measured accuracies; give tables of `evaluate` with --accuracy"
        )
    if out is not None:
        check_folder(out)
    rows = _accuracies(measured.accuracy or [], measured.fault_model)
    datasets = list(dict.fromkeys(row.dataset for row in rows))
    if measured.dataset is None and len(datasets) > 1:
        raise InputError(
            f"the accuracies are of several data sets: {', '.join(datasets)}; choose with --dataset"
        )
    chosen = machine_of(machine.arguments(), engine="closed-form")
    question = Question(
        base=base,
        dataset=measured.dataset or next(iter(datasets), "cifar10"),
        width=width,
        generators=tuple(name.strip() for name in gen.split(",") if name.strip()),
        measure=measure,
        read_factor=secded_read_factor,
        min_accuracy_percent=on_chips.percentage(min_accuracy),
    )
    point = operating_point(chosen.curve, bit_error_rate=options.optional_rate(ber), voltage_norm=voltage)
    with simulation_progress(quiet=quiet) as on_progress:
        result = compare_protections(question, chosen, point, rows, on_progress=on_progress)
    if result.floor_percent is not None and not result.floors:
        raise NfEnergyError(
            f"nothing measured keeps {result.floor_percent:g} % accuracy; lower --min-accuracy, or "
            "measure more protections and rates with `evaluate`"
        )
    files = result.write(out) if out is not None else []
    typer.echo(json.dumps(result.as_json(), indent=2) if as_json else result.text())
    on_chips.tell(files, quiet=quiet)


def _accuracies(paths: list[Path], fault_model: str) -> list[Accuracy]:
    from neuralfuse.accuracy import with_baselines
    from neuralfuse.accuracy_files import read_accuracies

    rows = with_baselines([row for path in paths for row in read_accuracies(path)])
    found = [row for row in rows if not fault_model or row.fault_model == fault_model.lower()]
    if rows and not found:
        raise InputError(f"the accuracies have no row under fault model {fault_model!r}")
    return found
