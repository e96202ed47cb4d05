"""The commands that measure what is trained: evaluate, demo-accuracy, measure-latency, pictures."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from nfenergy.commands import data_options, on_chips, options
from nfenergy.commands.progress import announcements
from nfenergy.ground.rates import parse_list, parse_rate

if TYPE_CHECKING:
    from neuralfuse.accuracy import Accuracy


def evaluate(
    base_checkpoint: options.BaseCheckpoints,
    faults: data_options.FaultOptions,
    data: data_options.DataOptions,
    protection: on_chips.ProtectionOptions,
    out: Annotated[Path, typer.Option("--out", help="The table, a CSV.")] = Path("accuracy.csv"),
    gen_checkpoint: options.GeneratorCheckpoints = None,
    other_data: data_options.OtherData = None,
    ber: Annotated[
        str | None,
        typer.Option("--ber", help="Bit error rates, such as 0.5%,1%; default 1%, or a map's own."),
    ] = None,
    seeds: Annotated[
        int,
        typer.Option("--seeds", min=1, help="Test chips, from 50000 on; of a map: places of the weights."),
    ] = 10,
    weight_bits: Annotated[
        str | None,
        typer.Option("--weight-bits", help="Bits of the base's weights, such as 8,4."),
    ] = None,
    quantization: Annotated[
        str | None,
        typer.Option("--quantization", help="Scheme of the base's weights, whatever it was trained with."),
    ] = None,
    memory: Annotated[
        str | None,
        typer.Option("--memory", help="Stored and perturbed: weights, or all parameters."),
    ] = None,
    scattered: Annotated[
        bool,
        typer.Option("--scattered", help="Measure a map's faults in cells drawn at random as well."),
    ] = False,
    as_json: options.AsJson = False,
    quiet: options.Quiet = False,
) -> None:
    from neuralfuse.accuracy_files import check_place, write_accuracies
    from neuralfuse.evaluation.measuring import EvaluationPlan, evaluate_networks
    from neuralfuse.training import runs
    from neuralfuse.training.streams import TEST_CHIPS

    check_place(out)
    protections = protection.chosen()
    bases = [runs.load_trained(path, "base") for path in base_checkpoint]
    generators = [runs.load_trained(path, "generator") for path in gen_checkpoint or []]
    model = faults.chosen()
    rates = [None] if ber is None else [parse_rate(part) for part in ber.split(",")]
    plan = EvaluationPlan(
        rates=tuple(dict.fromkeys(model.rate(rate) for rate in rates)),
        chips=tuple(range(TEST_CHIPS[0], TEST_CHIPS[0] + seeds)),
        fault_model=model.name,
        scattered=scattered,
        protections=protections,
        weight_bits=() if weight_bits is None else _bits(weight_bits),
        quantization=quantization or "",
        memory=memory or "",
    )
    for base in bases:
        for bits in plan.weight_bits or (None,):
            plan.stored(base.record, bits)
    splits = data.load_for(*bases, *generators, given=other_data)
    with announcements(quiet=quiet) as say:
        rows, provenance = evaluate_networks(
            bases,
            generators,
            plan,
            splits.test,
            device=runs.best_device(),
            on_chip=lambda done, chips: say(f"{done} of {chips} perturbed bases"),
        )
    write_accuracies(out, rows, provenance)
    _print_rows(rows, as_json=as_json)


def demo_accuracy(
    out: Annotated[Path, typer.Option("--out", help="Folder for tables, plot and checkpoints.")] = Path(
        "runs/demo-accuracy"
    ),
    seed: options.Seed = 0,
    as_json: options.AsJson = False,
    quiet: options.Quiet = False,
) -> None:
    from neuralfuse.evaluation.demo import DemoPlan
    from neuralfuse.evaluation.demo import demo_accuracy as run

    with announcements(quiet=quiet) as say:
        result = run(out, DemoPlan(seed=seed), on_message=say)
    _print_rows(result.rows, as_json=as_json)
    if not as_json:
        typer.echo("\nNegative control, trained without bit errors:\n")
        _print_rows(result.control, as_json=False)
        typer.echo("")
        for path in result.files:
            typer.echo(path)


def measure_latency(
    base: options.BaseModule,
    gen: Annotated[
        list[str] | None, typer.Option("--gen", help="Generator before it, several times, or all.")
    ] = None,
    dataset: options.DatasetName = "cifar10",
    width: options.Width = 1.0,
    batch_size: Annotated[int, typer.Option("--batch-size", help="Images an inference.")] = 1,
    repeats: Annotated[int, typer.Option("--repeats", help="Timed inferences a network.")] = 50,
    threads: options.Threads = None,
    out: Annotated[Path | None, typer.Option("--out", help="The measurements as CSV.")] = None,
    as_json: options.AsJson = False,
) -> None:
    from dataclasses import asdict

    from neuralfuse.evaluation import wall_time
    from neuralfuse.registry import GENERATORS
    from neuralfuse.training import runs
    from nfenergy.ground.files import write_text
    from nfenergy.ground.tables import csv_text
    from reports.tables import render

    names = list(GENERATORS) if gen == ["all"] else gen or []
    runs.use_threads(threads)
    rows = wall_time.measure_latency(
        base,
        names,
        dataset=dataset,
        width=width,
        batch_size=batch_size,
        repeats=repeats,
        device=runs.best_device(),
    )
    if out is not None:
        write_text(out, csv_text(wall_time.WallTime, rows))
    if as_json:
        typer.echo(json.dumps([asdict(row) for row in rows], indent=2))
        return
    cells = [
        [
            f"{row.base} + {row.generator}" if row.added_ms is not None else row.base,
            f"{row.latency_ms:.2f}",
            f"{row.added_ms:+.2f}" if row.added_ms is not None else "",
            f"{row.quartile_low_ms:.2f} to {row.quartile_high_ms:.2f}",
        ]
        for row in rows
    ]
    typer.echo(
        f"{rows[0].device}, {rows[0].threads} threads, batch {batch_size}, {repeats} inferences each\n"
    )
    typer.echo(render(["", "median ms", "added ms", "middle half"], cells))


def pictures(
    base_checkpoint: Annotated[Path, typer.Option("--base-checkpoint", help="From train-base.")],
    out: Annotated[Path, typer.Option("--out", help="Folder for the pictures.")],
    faults: data_options.FaultOptions,
    data: data_options.DataOptions,
    gen_checkpoint: options.GeneratorCheckpoints = None,
    other_data: data_options.OtherData = None,
    ber: Annotated[
        str | None,
        typer.Option("--ber", help="Bit error rate of the perturbed outputs; default 1%, or a map's own."),
    ] = None,
    chip: Annotated[
        int | None, typer.Option("--chip", min=0, help="Seed of the chip; default the first test chip.")
    ] = None,
    images: Annotated[int, typer.Option("--images", min=4, help="Test images in the t-SNE maps.")] = 1000,
    label: Annotated[
        str, typer.Option("--class", help="Class of the one-class grid, by number or name.")
    ] = "0",
    accuracy: Annotated[
        Path | None, typer.Option("--accuracy", help="Table of `evaluate`, drawn against the rate.")
    ] = None,
    format_: Annotated[str, typer.Option("--format", help="png, svg or pdf.")] = "png",
) -> None:
    from neuralfuse.evaluation.picture_content import Chip, class_number, draw_all
    from neuralfuse.training.runs import load_trained
    from neuralfuse.training.streams import TEST_CHIPS

    base = load_trained(base_checkpoint, "base")
    generators = [load_trained(path, "generator") for path in gen_checkpoint or []]
    model = faults.chosen()
    rate = model.rate(options.optional_rate(ber))
    splits = data.load_for(base, *generators, given=other_data)
    written = draw_all(
        out,
        base,
        generators,
        splits.test,
        Chip(seed=TEST_CHIPS[0] if chip is None else chip, rate=rate, fault_model=model.name),
        maps=images,
        label=class_number(label, splits.class_names),
        accuracy=accuracy,
        class_names=splits.class_names,
        suffix=format_,
    )
    for path in written:
        typer.echo(path)


def _print_rows(rows: tuple[Accuracy, ...], *, as_json: bool) -> None:
    from neuralfuse.accuracy_files import as_cells
    from nfenergy.ground.tables import as_dict
    from reports.tables import render

    if as_json:
        typer.echo(json.dumps([as_dict(row) for row in rows], indent=2))
    else:
        header, cells = as_cells(rows)
        typer.echo(render(header, cells, left=(0, 1)))


def _bits(text: str) -> tuple[int, ...]:
    return tuple(dict.fromkeys(parse_list(text, int, "whole numbers, such as 8,4")))
