"""The commands that decide how to protect a weight memory: protections, sensitivity, assign."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from energy.measures import DEFAULT_MEASURE
from nfenergy.commands import options
from nfenergy.commands.progress import announcements, simulation_progress
from nfenergy.ground.errors import InputError, NfEnergyError
from nfenergy.ground.files import check_folder
from nfenergy.ground.rates import parse_percentage

if TYPE_CHECKING:
    from neuralfuse.accuracy import Accuracy
    from neuralfuse.datasets.images import LabelledImages
    from neuralfuse.training.runs import Trained

MinAccuracy = Annotated[
    str | None, typer.Option("--min-accuracy", help="Smallest perturbed accuracy in percent, such as 85.")
]
Seeds = Annotated[int, typer.Option("--seeds", min=1, help="Test chips, from 50000 on.")]
Images = Annotated[
    int | None, typer.Option("--images", min=1, help="Test images, evenly spread; default all.")
]


def protections(
    base: options.BaseName,
    machine: options.MachineOptions,
    measured: options.AccuracyOptions,
    gen: Annotated[str, typer.Option("--gen", help="Generators to reckon with, separated by commas.")] = "",
    width: options.Width = 1.0,
    ber: options.BitErrorRate = None,
    voltage: options.Voltage = None,
    measure: options.MeasureName = DEFAULT_MEASURE,
    min_accuracy: MinAccuracy = None,
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
        min_accuracy_percent=_percent(min_accuracy),
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
    _tell(files, quiet=quiet)


def _accuracies(paths: list[Path], fault_model: str) -> list[Accuracy]:
    from neuralfuse.accuracy import with_baselines
    from neuralfuse.accuracy_files import read_accuracies

    rows = with_baselines([row for path in paths for row in read_accuracies(path)])
    found = [row for row in rows if not fault_model or row.fault_model == fault_model.lower()]
    if rows and not found:
        raise InputError(f"the accuracies have no row under fault model {fault_model!r}")
    return found


def _percent(text: str | None) -> float | None:
    return None if text is None else parse_percentage(text, "--min-accuracy", largest=100.0)


def _tell(files: list[Path], *, quiet: bool) -> None:
    if not quiet:
        for path in files:
            typer.echo(str(path), err=True)


def sensitivity(
    base_checkpoint: Annotated[Path, typer.Option("--base-checkpoint", help="From train-base.")],
    faults: options.FaultOptions,
    data: options.DataOptions,
    ber: Annotated[
        str | None, typer.Option("--ber", help="Bit error rate; default 1%, or a map's own.")
    ] = None,
    seeds: Seeds = 10,
    images: Images = None,
    by_bit: Annotated[
        bool, typer.Option("--by-bit/--no-by-bit", help="Measure every bit position of every layer.")
    ] = True,
    out: options.OutFolder = None,
    as_json: options.AsJson = False,
    quiet: options.Quiet = False,
) -> None:
    from neuralfuse.evaluation.sensitivity import sensitivity as measure
    from neuralfuse.training import runs
    from nfenergy.sensitivity_files import as_text, sensitivity_json, write_sensitivity

    if out is not None:
        check_folder(out)
    trained = runs.load_trained(base_checkpoint, "base")
    model = faults.chosen()
    rate = model.rate(options.optional_rate(ber))
    test = _test_images(data.load(trained.record.dataset).test, images)
    with announcements(quiet=quiet) as say:
        found = measure(
            runs.stored_base(trained, device=runs.best_device()),
            test,
            rate=rate,
            chips=_chips(seeds),
            fault_model=model.name,
            by_bit=by_bit,
            on_done=lambda done, all_: say(f"{done} of {all_} accuracies"),
        )
    files = [] if out is None else write_sensitivity(found, out)
    typer.echo(json.dumps(sensitivity_json(found), indent=2) if as_json else as_text(found))
    _tell(files, quiet=quiet)


def assign(
    base_checkpoint: Annotated[Path, typer.Option("--base-checkpoint", help="From train-base.")],
    faults: options.FaultOptions,
    data: options.DataOptions,
    machine: options.MachineOptions,
    min_accuracy: MinAccuracy = None,
    measure: options.MeasureName = DEFAULT_MEASURE,
    groups: Annotated[
        int | None,
        typer.Option("--groups", min=1, help="Groups of consecutive layers that share a voltage."),
    ] = None,
    bank_cells: Annotated[
        int | None,
        typer.Option("--bank-cells", min=1, help="Cells of a bank, where a fault map does not say it."),
    ] = None,
    seeds: Seeds = 10,
    images: Images = None,
    out: options.OutFolder = None,
    as_json: options.AsJson = False,
    quiet: options.Quiet = False,
) -> None:
    from neuralfuse.training import runs

    if out is not None:
        check_folder(out)
    trained = runs.load_trained(base_checkpoint, "base")
    model = faults.chosen()
    if model.own_rate is not None:
        if min_accuracy is not None:
            raise InputError(
                "a fault map is of one voltage: it places layers in banks and takes no --min-accuracy; for "
                "voltages leave the map out"
            )
        _place(trained, model.name, data, bank_cells, seeds, images, out, as_json=as_json, quiet=quiet)
        return
    if min_accuracy is None:
        raise InputError("an assignment keeps an accuracy; give it with --min-accuracy")

    from nfenergy.assigning import AssignmentPlan, assign_voltages
    from nfenergy.machine import machine_of

    plan = AssignmentPlan(
        min_accuracy_percent=_percent(min_accuracy) or 0.0,
        measure=measure,
        groups=groups,
        fault_model=model.name,
        seeds=seeds,
    )
    chosen = machine_of(machine.arguments(), engine="closed-form")
    test = _test_images(data.load(trained.record.dataset).test, images)
    with announcements(quiet=quiet) as say:
        found = assign_voltages(trained, test, chosen, plan, device=runs.best_device(), on_message=say)
    files = [] if out is None else found.write(out)
    typer.echo(json.dumps(found.as_json(), indent=2) if as_json else found.text())
    _tell(files, quiet=quiet)


def _place(
    trained: Trained,
    fault_model: str,
    data: options.DataOptions,
    bank_cells: int | None,
    seeds: int,
    images: int | None,
    out: Path | None,
    *,
    as_json: bool,
    quiet: bool,
) -> None:
    from neuralfuse.evaluation.placing import Placement, compare_placements
    from neuralfuse.memory.fault_models import measured_map
    from neuralfuse.training import runs
    from nfenergy.ground.files import write_text
    from nfenergy.ground.tables import as_dict, csv_text
    from reports.tables import render

    test = _test_images(data.load(trained.record.dataset).test, images)
    with announcements(quiet=quiet) as say:
        rows = compare_placements(
            runs.stored_base(trained, device=runs.best_device()),
            test,
            measured_map(fault_model),
            bank_cells=bank_cells,
            chips=_chips(seeds),
            on_done=lambda done, all_: say(f"{done} of {all_} accuracies"),
        )
    if out is not None:
        write_text(out / "placements.csv", csv_text(Placement, rows))
    if as_json:
        typer.echo(json.dumps([as_dict(row) for row in rows], indent=2))
        return
    cells = [
        [
            row.what,
            f"{row.perturbed_percent:.2f}"
            + ("" if row.interval_points is None else f" +- {row.interval_points:.2f}"),
        ]
        for row in rows
    ]
    typer.echo(render(["layers in the map's banks", "accuracy %"], cells))


def _chips(seeds: int) -> tuple[int, ...]:
    from neuralfuse.training.streams import TEST_CHIPS

    return tuple(range(TEST_CHIPS[0], TEST_CHIPS[0] + seeds))


def _test_images(test: LabelledImages, count: int | None) -> LabelledImages:
    return test if count is None else test.spread(count)
