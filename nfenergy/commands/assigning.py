"""The command that gives each layer its voltage, or its place in the banks of a measured memory."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from energy.measures import DEFAULT_MEASURE
from nfenergy.commands import data_options, on_chips, options
from nfenergy.commands.progress import announcements
from nfenergy.ground.errors import InputError
from nfenergy.ground.files import check_folder

if TYPE_CHECKING:
    from neuralfuse.training.runs import Trained


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
    seeds: on_chips.Seeds = 10,
    images: on_chips.Images = None,
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
        min_accuracy_percent=on_chips.percentage(min_accuracy) or 0.0,
        measure=measure,
        groups=groups,
        fault_model=model.name,
        seeds=seeds,
    )
    chosen = machine_of(machine.arguments(), engine="closed-form")
    test = on_chips.images_of(data.load_for(trained).test, images)
    with announcements(quiet=quiet) as say:
        found = assign_voltages(trained, test, chosen, plan, device=runs.best_device(), on_message=say)
    files = [] if out is None else found.write(out)
    typer.echo(json.dumps(found.as_json(), indent=2) if as_json else found.text())
    on_chips.tell(files, quiet=quiet)


def _place(
    trained: Trained,
    fault_model: str,
    data: data_options.DataOptions,
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

    test = on_chips.images_of(data.load_for(trained).test, images)
    with announcements(quiet=quiet) as say:
        rows = compare_placements(
            runs.stored_base(trained, device=runs.best_device()),
            test,
            measured_map(fault_model),
            bank_cells=bank_cells,
            chips=on_chips.chips_of(seeds),
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
