"""The commands of the training side, from train-base to pictures."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from nfenergy import options
from nfenergy.errors import InputError

if TYPE_CHECKING:
    from neuralfuse.accuracy_table import AccuracyRow

SECONDS_BETWEEN_LINES = 10.0
FIRST_TEST_CHIP = 50_000

Seed = Annotated[int, typer.Option("--seed", min=0, help="Of all random numbers of the run.")]
Threads = Annotated[
    int | None, typer.Option("--threads", min=1, help="Threads of PyTorch; default its own choice.")
]
DataDir = Annotated[
    Path | None,
    typer.Option("--data-dir", help="Folder of the data sets; else $NFENERGY_DATA_DIR, else the user's."),
]
Verify = Annotated[bool, typer.Option("--verify/--no-verify", help="Compare archives' checksums.")]
Augment = Annotated[
    bool | None,
    typer.Option("--augment/--no-augment", help="Crop and mirror at random; default as published."),
]
FaultModel = Annotated[str, typer.Option("--fault-model", help="flip, stuck-at or neuralfuse-map.")]
BaseCheckpoints = Annotated[
    list[Path], typer.Option("--base-checkpoint", help="From train-base; may be given several times.")
]
GeneratorCheckpoints = Annotated[
    list[Path] | None,
    typer.Option("--gen-checkpoint", help="From train; may be given several times."),
]


def register(app: typer.Typer) -> None:
    """Add this module's commands to the application."""
    for command in (train_base, train, evaluate, demo_accuracy, measure_latency, pictures):
        app.command(command.__name__.replace("_", "-"))(command)


def train_base(
    out: Annotated[Path, typer.Option("--out", help="Folder for the checkpoint.")],
    base: options.BaseName = "vgg11",
    data: Annotated[str, typer.Option("--data", help="Data set; `nfenergy list datasets`.")] = "digits",
    width: Annotated[float, typer.Option("--width", help="Factor on the base's channels.")] = 1.0,
    norm: Annotated[str, typer.Option("--norm", help="batch or group normalisation.")] = "batch",
    weight_bits: Annotated[int, typer.Option("--weight-bits", help="Bits a stored weight.")] = 8,
    quantization: Annotated[
        str, typer.Option("--quantization", help="Scheme: symmetric, rquant, global, ...")
    ] = "symmetric",
    clip: Annotated[float | None, typer.Option("--clip", help="Greatest magnitude of a weight.")] = None,
    randbet: Annotated[
        str | None, typer.Option("--randbet", help="Train with bit errors at this rate, such as 1%.")
    ] = None,
    fault_model: FaultModel = "flip",
    epochs: Annotated[int, typer.Option("--epochs", help="Passes over the training images.")] = 12,
    batch_size: Annotated[int, typer.Option("--batch-size", help="Images a step.")] = 128,
    optimizer: Annotated[str, typer.Option("--optimizer", help="adam or sgd.")] = "adam",
    learning_rate: Annotated[float, typer.Option("--learning-rate", help="Of the optimizer.")] = 1e-3,
    augment: Augment = None,
    seed: Seed = 0,
    threads: Threads = None,
    data_dir: DataDir = None,
    verify: Verify = True,
    as_json: options.AsJson = False,
    quiet: options.Quiet = False,
) -> None:
    """Train a base model whose weights are quantized, and write OUT/base.safetensors."""
    from neuralfuse import runs
    from neuralfuse.checkpoints import NetworkRecord, save_network
    from neuralfuse.data.loading import AUGMENTED, load
    from neuralfuse.quantization import Quantization, get_scheme
    from neuralfuse.registry import get_dataset, get_network
    from neuralfuse.train_base import BaseRecipe

    if norm not in ("batch", "group"):
        raise InputError(f"no normalisation named {norm!r}. Known: batch, group.")
    if optimizer not in ("adam", "sgd"):
        raise InputError(f"no optimizer named {optimizer!r}. Known: adam, sgd.")
    if not width > 0.0:
        raise InputError(f"the width is a positive factor, not {width:g}")
    record = NetworkRecord(
        kind="base",
        network=get_network(base, "base").name,
        dataset=get_dataset(data).name,
        width=width,
        normalization=norm,
    )
    recipe = BaseRecipe(
        quantization=Quantization(scheme=get_scheme(quantization), bits=weight_bits),
        epochs=epochs,
        batch_size=batch_size,
        optimizer="sgd" if optimizer == "sgd" else "adam",
        learning_rate=learning_rate,
        clip=clip,
        randbet_rate=None if randbet is None else options.parse_rate(randbet),
        fault_model=fault_model,
        seed=seed,
    )
    _set_threads(threads)
    splits = load(record.dataset, data_dir=data_dir, verify=verify)
    with _announcements(quiet=quiet) as say:
        trained = runs.train_new_base(
            record,
            recipe,
            splits,
            augment=record.dataset in AUGMENTED if augment is None else augment,
            device=runs.best_device(),
            on_epoch=lambda epoch: say(
                f"epoch {epoch.number} of {epochs}: loss {epoch.loss:.4f}, "
                f"accuracy {epoch.accuracy_percent:.1f} %"
            ),
        )
    path = out / runs.BASE_FILE
    save_network(path, trained.model, trained.record)
    accuracy = trained.record.training["test_accuracy_percent"]
    _report(
        as_json, path, {"test_accuracy_percent": accuracy}, f"accuracy {accuracy:.1f} % without bit errors"
    )


def train(
    base_checkpoint: BaseCheckpoints,
    out: Annotated[Path, typer.Option("--out", help="Folder for checkpoint, log and state.")],
    gen: Annotated[str, typer.Option("--gen", help="Generator, or uip.")] = "convl",
    ber: Annotated[str, typer.Option("--ber", help="Bit error rate of training; 0 for none.")] = "1%",
    fault_model: FaultModel = "flip",
    n: Annotated[int, typer.Option("--n", help="Perturbed models a step.")] = 10,
    lambda_: Annotated[float, typer.Option("--lambda", help="Weight of the perturbed loss.")] = 5.0,
    steps: Annotated[int, typer.Option("--steps", help="Mini-batches.")] = 150,
    batch_size: Annotated[int, typer.Option("--batch-size", help="Images a step.")] = 25,
    learning_rate: Annotated[float, typer.Option("--learning-rate", help="Of Adam.")] = 1e-3,
    decay: Annotated[
        float, typer.Option("--decay", help="Factor on it every 500 steps; released code: 0.96.")
    ] = 1.0,
    gen_bits: Annotated[
        int, typer.Option("--gen-bits", help="Bits of the generator's weights; 0: floating-point.")
    ] = 8,
    augment: Augment = None,
    resume: Annotated[bool, typer.Option("--resume", help="Go on from the state in OUT.")] = False,
    checkpoint_every: Annotated[
        int, typer.Option("--checkpoint-every", min=1, help="Steps between two states.")
    ] = 50,
    seed: Seed = 0,
    threads: Threads = None,
    data_dir: DataDir = None,
    verify: Verify = True,
    as_json: options.AsJson = False,
    quiet: options.Quiet = False,
) -> None:
    """Train a generator before one base model or several, and write OUT/generator.safetensors."""
    from neuralfuse import runs
    from neuralfuse.checkpoints import save_network
    from neuralfuse.data.loading import AUGMENTED, load
    from neuralfuse.eopm import EopmSettings
    from neuralfuse.networks.uip import get_generator

    name = get_generator(gen).name
    bases = [runs.load_trained(path, "base") for path in base_checkpoint]
    dataset = runs.same_dataset([base.record for base in bases])
    settings = EopmSettings(
        bit_error_rate=options.parse_rate(ber),
        fault_model=fault_model,
        perturbed_models=n,
        perturbed_weight=lambda_,
        steps=steps,
        batch_size=batch_size,
        learning_rate=learning_rate,
        decay=decay,
        generator_bits=gen_bits,
        augment=dataset in AUGMENTED if augment is None else augment,
        seed=seed,
    )
    _set_threads(threads)
    splits = load(dataset, data_dir=data_dir, verify=verify)
    with _announcements(quiet=quiet) as say:
        trained = runs.train_new_generator(
            name,
            bases,
            settings,
            splits,
            out=out,
            resume=resume,
            checkpoint_every=checkpoint_every,
            device=runs.best_device(),
            on_step=lambda entry: say(
                f"step {entry.step} of {steps}: loss {entry.clean_loss:.4f} clean, "
                f"{entry.perturbed_loss or 0.0:.4f} perturbed; accuracy {entry.clean_accuracy_percent:.0f} "
                f"and {entry.perturbed_accuracy_percent or 0.0:.0f} %"
            ),
        )
    path = out / runs.GENERATOR_FILE
    save_network(path, trained.model, trained.record)
    final = trained.record.training["final"]
    _report(as_json, path, final, f"last step: clean loss {final['clean_loss']:.4f}")


def evaluate(
    base_checkpoint: BaseCheckpoints,
    out: Annotated[Path, typer.Option("--out", help="The table, a CSV.")] = Path("accuracy.csv"),
    gen_checkpoint: GeneratorCheckpoints = None,
    ber: Annotated[str, typer.Option("--ber", help="Bit error rates, such as 0.5%,1%.")] = "1%",
    seeds: Annotated[int, typer.Option("--seeds", min=1, help="Test chips, from 50000 on.")] = 10,
    fault_model: FaultModel = "flip",
    weight_bits: Annotated[
        str | None,
        typer.Option("--weight-bits", help="Bits of the base's weights, such as 8,4."),
    ] = None,
    threads: Threads = None,
    data_dir: DataDir = None,
    verify: Verify = True,
    as_json: options.AsJson = False,
    quiet: options.Quiet = False,
) -> None:
    """Clean and perturbed accuracy of base models, alone and behind generators, as one tidy CSV."""
    from neuralfuse import runs
    from neuralfuse.accuracy_table import write_table
    from neuralfuse.data.loading import load

    bases = [runs.load_trained(path, "base") for path in base_checkpoint]
    generators = [runs.load_trained(path, "generator") for path in gen_checkpoint or []]
    dataset = runs.same_dataset([network.record for network in (*bases, *generators)])
    plan = runs.EvaluationPlan(
        rates=tuple(dict.fromkeys(options.parse_rate(part) for part in ber.split(","))),
        chips=tuple(range(FIRST_TEST_CHIP, FIRST_TEST_CHIP + seeds)),
        fault_model=fault_model,
        weight_bits=_whole_numbers(weight_bits) if weight_bits else (),
    )
    _set_threads(threads)
    splits = load(dataset, data_dir=data_dir, verify=verify)
    with _announcements(quiet=quiet) as say:
        rows, provenance = runs.evaluate_networks(
            bases,
            generators,
            plan,
            splits.test,
            device=runs.best_device(),
            on_chip=lambda done, chips: say(f"{done} of {chips} perturbed bases"),
        )
    write_table(out, rows, provenance)
    _print_rows(rows, as_json=as_json)


def demo_accuracy(
    out: Annotated[Path, typer.Option("--out", help="Folder for tables, plot and checkpoints.")] = Path(
        "runs/demo-accuracy"
    ),
    seed: Seed = 0,
    as_json: options.AsJson = False,
    quiet: options.Quiet = False,
) -> None:
    """Train a base and two generators on handwritten digits, ruin the base with bit errors, and recover."""
    from neuralfuse.demo import DemoPlan
    from neuralfuse.demo import demo_accuracy as run

    with _announcements(quiet=quiet) as say:
        result = run(out, DemoPlan(seed=seed), on_message=say)
    _print_rows(result.rows, as_json=as_json)
    if not as_json:
        typer.echo("\nNegative control, trained without bit errors:\n")
        _print_rows(result.control, as_json=False)
        typer.echo("")
        for path in result.files:
            typer.echo(path)


def measure_latency(
    base: options.BaseName,
    gen: Annotated[
        list[str] | None, typer.Option("--gen", help="Generator before it, several times, or all.")
    ] = None,
    dataset: options.DatasetName = "cifar10",
    width: Annotated[float, typer.Option("--width", help="Factor on the base's channels.")] = 1.0,
    batch_size: Annotated[int, typer.Option("--batch-size", help="Images an inference.")] = 1,
    repeats: Annotated[int, typer.Option("--repeats", help="Timed inferences a network.")] = 50,
    threads: Threads = None,
    out: Annotated[Path | None, typer.Option("--out", help="The measurements as CSV.")] = None,
    as_json: options.AsJson = False,
) -> None:
    """Wall time of one inference on this machine, base alone and behind generators (medians)."""
    from dataclasses import asdict

    from neuralfuse import latency, runs
    from neuralfuse.registry import networks
    from nfenergy.files import write_text
    from reports.tables import render

    names = list(networks("generator")) if gen == ["all"] else gen or []
    _set_threads(threads)
    rows = latency.measure_latency(
        base,
        names,
        dataset=dataset,
        width=width,
        batch_size=batch_size,
        repeats=repeats,
        device=runs.best_device(),
    )
    if out is not None:
        write_text(out, latency.csv_text(rows))
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
    gen_checkpoint: GeneratorCheckpoints = None,
    ber: Annotated[str, typer.Option("--ber", help="Bit error rate of the perturbed outputs.")] = "1%",
    fault_model: FaultModel = "flip",
    chip: Annotated[int, typer.Option("--chip", min=0, help="Seed of the chip.")] = FIRST_TEST_CHIP,
    images: Annotated[int, typer.Option("--images", min=4, help="Test images in the t-SNE maps.")] = 1000,
    label: Annotated[int, typer.Option("--class", min=0, help="Class of the one-class grid.")] = 0,
    accuracy: Annotated[
        Path | None, typer.Option("--accuracy", help="Table of `evaluate`, drawn against the rate.")
    ] = None,
    format_: Annotated[str, typer.Option("--format", help="png, svg or pdf.")] = "png",
    data_dir: DataDir = None,
    verify: Verify = True,
) -> None:
    """t-SNE of the outputs, transformed inputs by class, and accuracy against bit error rate."""
    from neuralfuse.data.loading import load
    from neuralfuse.gallery import Chip, draw_all
    from neuralfuse.runs import load_trained, same_dataset

    base = load_trained(base_checkpoint, "base")
    generators = [load_trained(path, "generator") for path in gen_checkpoint or []]
    dataset = same_dataset([network.record for network in (base, *generators)])
    splits = load(dataset, data_dir=data_dir, verify=verify)
    written = draw_all(
        out,
        base,
        generators,
        splits.test.first(images),
        Chip(seed=chip, rate=options.parse_rate(ber), fault_model=fault_model),
        label=label,
        accuracy=accuracy,
        suffix=format_,
    )
    for path in written:
        typer.echo(path)


@contextmanager
def _announcements(*, quiet: bool) -> Iterator[Callable[[str], None]]:
    """One changing line on a terminal; elsewhere a line every ten seconds; nothing where quiet."""
    if quiet:
        yield lambda message: None
    elif sys.stderr.isatty():
        from rich.console import Console

        with Console(stderr=True).status("") as status:
            yield status.update
    else:
        yield _Occasional()


class _Occasional:
    def __init__(self) -> None:
        self._next = 0.0

    def __call__(self, message: str) -> None:
        if time.monotonic() >= self._next:
            self._next = time.monotonic() + SECONDS_BETWEEN_LINES
            typer.echo(message, err=True)


def _report(as_json: bool, path: Path, found: dict[str, float], text: str) -> None:
    if as_json:
        typer.echo(json.dumps({"checkpoint": str(path), **found}, indent=2))
    else:
        typer.echo(f"{path}: {text}")


def _print_rows(rows: tuple[AccuracyRow, ...], *, as_json: bool) -> None:
    from dataclasses import asdict

    from neuralfuse.accuracy_table import as_cells
    from reports.tables import render

    if as_json:
        typer.echo(json.dumps([asdict(row) for row in rows], indent=2))
    else:
        header, cells = as_cells(rows)
        typer.echo(render(header, cells, left=(0, 1)))


def _set_threads(threads: int | None) -> None:
    import torch

    if threads is not None:
        torch.set_num_threads(threads)


def _whole_numbers(text: str) -> tuple[int, ...]:
    try:
        return tuple(dict.fromkeys(int(part) for part in text.split(",")))
    except ValueError:
        raise InputError(f"{text!r} is no list of whole numbers, such as 8,4") from None
