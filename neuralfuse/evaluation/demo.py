"""The whole chain on handwritten digits, in minutes and without a download.

A base is trained, ruined by bit errors, and protected by two generators. The negative control is the
first generator trained without bit errors: what it does not recover, no generator as such recovers.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import torch

from neuralfuse.accuracy import Accuracy
from neuralfuse.accuracy_files import write_accuracies
from neuralfuse.datasets.images import Splits
from neuralfuse.datasets.loading import load
from neuralfuse.evaluation.accuracy_drawing import accuracy_figure
from neuralfuse.evaluation.measuring import EvaluationPlan, evaluate_networks
from neuralfuse.evaluation.picture_drawing import save_figure
from neuralfuse.training import checkpoints
from neuralfuse.training.base_recipe import BaseRecipe
from neuralfuse.training.checkpoint_files import SUFFIX
from neuralfuse.training.checkpoints import NetworkRecord
from neuralfuse.training.eopm import EopmSettings
from neuralfuse.training.parallel import OnMessage, run_tasks
from neuralfuse.training.runs import (
    BASE_FILE,
    Trained,
    load_trained,
    train_new_base,
    train_new_generator,
)
from neuralfuse.training.streams import TEST_CHIPS
from nfenergy.ground.files import check_folder

DATASET = "digits"
CONTROL = "control"
ACCURACY_FILE, CONTROL_FILE, PLOT_FILE = "accuracy.csv", "control.csv", "accuracy.png"

Table = tuple[tuple[Accuracy, ...], dict[str, Any]]
"""Rows of an accuracy table, and what the JSON beside it records."""


@dataclass(frozen=True, slots=True, kw_only=True)
class GeneratorPlan:
    """A generator of the demo: name, mini-batches, and the learning rate of Adam before the cooldown."""

    name: str
    steps: int
    learning_rate: float = 1e-3


@dataclass(frozen=True, slots=True, kw_only=True)
class DemoPlan:
    """What the demo trains and measures.

    Attributes:
        base: name, and `width` the factor on its channels.
        epochs: of the base.
        generators: what is trained; the first also without bit errors.
        cooldown_steps: last steps, in which the learning rate falls to zero.
        rate: bit error rate of training, and of the control's test, a fraction.
        perturbed_models: N.
        test_rates: bit error rates of the tests, `rate` among them.
        chips: seeds of the test chips.
        seed: of everything else.
    """

    base: str = "vgg11"
    width: float = 0.3125
    epochs: int = 10
    generators: tuple[GeneratorPlan, ...] = (
        GeneratorPlan(name="convl", steps=240, learning_rate=1e-3),
        GeneratorPlan(name="unets", steps=300, learning_rate=3e-3),
    )
    cooldown_steps: int = 100
    rate: float = 0.01
    perturbed_models: int = 5
    test_rates: tuple[float, ...] = (0.005, 0.01, 0.02)
    chips: tuple[int, ...] = TEST_CHIPS
    seed: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class DemoResult:
    """What the demo found.

    Attributes:
        rows: accuracies of the base, alone and behind each generator.
        control: the same for the generator that was trained without bit errors.
        files: what was written.
    """

    rows: tuple[Accuracy, ...]
    control: tuple[Accuracy, ...]
    files: tuple[Path, ...]


def demo_accuracy(
    out: Path, plan: DemoPlan | None = None, *, on_message: OnMessage | None = None
) -> DemoResult:
    """Train, measure and draw; the same plan gives the same table on the same machine.

    Args:
        out: folder for checkpoints, tables and the plot.
        plan: what to do; None is the whole demo, some minutes on two cores.
        on_message: told what happens.

    Raises:
        NfEnergyError: a file cannot be written.
    """
    plan = plan or DemoPlan()
    say = on_message or _silent
    check_folder(out)
    with _one_thread():
        base = _train_base(plan, load(DATASET), say)
    checkpoints.save_network(out / BASE_FILE, base.model, base.record)
    wanted = [(generator, plan.rate) for generator in plan.generators]
    control = (plan.generators[0], 0.0)
    run_tasks([partial(_train_generator, plan, out, *task) for task in [*wanted, control]], say)
    tests = [(rate, [_file(*task) for task in wanted]) for rate in plan.test_rates]
    tests.append((plan.rate, [_file(*control)]))
    *tables, controlled = run_tasks([partial(_evaluate, plan, out, *test) for test in tests], say)
    return _write(out, tables, controlled, [_file(*task) for task in wanted])


def _file(wanted: GeneratorPlan, rate: float) -> str:
    """Checkpoint of a generator; at a rate of 0 of the control."""
    return f"{wanted.name if rate else CONTROL}{SUFFIX}"


def _train_base(plan: DemoPlan, data: Splits, say: OnMessage) -> Trained:
    record = NetworkRecord(kind="base", network=plan.base, dataset=DATASET, width=plan.width)
    recipe = BaseRecipe(epochs=plan.epochs, seed=plan.seed)
    say(f"base: {plan.base}, width x {plan.width:g}, 8-bit weights, {plan.epochs} epochs")
    return train_new_base(
        record,
        recipe,
        data,
        on_epoch=lambda epoch: say(
            f"base: epoch {epoch.number} of {plan.epochs}, loss {epoch.loss:.3f}, "
            f"accuracy {epoch.accuracy_percent:.1f} %"
        ),
    )


def _train_generator(plan: DemoPlan, out: Path, wanted: GeneratorPlan, rate: float, say: OnMessage) -> None:
    """Train one generator before the base in `out`, and leave its checkpoint there."""
    name, steps = wanted.name, wanted.steps
    settings = EopmSettings(
        bit_error_rate=rate,
        perturbed_models=plan.perturbed_models,
        steps=steps,
        learning_rate=wanted.learning_rate,
        cooldown_steps=min(steps, plan.cooldown_steps),
        seed=plan.seed,
    )
    title = f"{name}, {100 * rate:g} % bit errors" if rate else f"control: {name} without bit errors"
    say(f"{title}: {steps} steps")
    trained = train_new_generator(
        name,
        [load_trained(out / BASE_FILE, "base")],
        settings,
        load(DATASET),
        on_step=lambda entry: say(
            f"{title}: step {entry.step} of {steps}, loss {entry.clean_loss:.3f} clean"
            + (f", {entry.perturbed_loss:.3f} with bit errors" if entry.perturbed_loss is not None else "")
        ),
    )
    checkpoints.save_network(out / _file(wanted, rate), trained.model, trained.record)


def _evaluate(plan: DemoPlan, out: Path, rate: float, generators: list[str], say: OnMessage) -> Table:
    """Accuracies at one bit error rate, of the base alone and behind `generators` (files in `out`)."""
    return evaluate_networks(
        [load_trained(out / BASE_FILE, "base")],
        [load_trained(out / file, "generator") for file in generators],
        EvaluationPlan(rates=(rate,), chips=plan.chips),
        load(DATASET).test,
        on_chip=lambda done, chips: say(
            f"test at {100 * rate:g} % bit errors: {done} of {chips} perturbed bases"
        ),
    )


def _write(out: Path, tables: list[Table], controlled: Table, generators: list[str]) -> DemoResult:
    rows = tuple(row for found, _ in tables for row in found)
    provenance = tables[0][1] | {
        "accuracies": [entry for _, record in tables for entry in record["accuracies"]]
    }
    write_accuracies(out / CONTROL_FILE, *controlled)
    save_figure(accuracy_figure(rows), out / PLOT_FILE)
    write_accuracies(out / ACCURACY_FILE, rows, provenance)
    names = [ACCURACY_FILE, CONTROL_FILE, PLOT_FILE, BASE_FILE, *generators]
    return DemoResult(rows=rows, control=controlled[0], files=tuple(out / name for name in names))


@contextmanager
def _one_thread() -> Iterator[None]:
    """Small networks run no faster on several threads, and much slower where other work runs as well."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def _silent(message: str) -> None:
    del message
