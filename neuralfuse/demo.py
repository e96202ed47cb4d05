"""The whole chain on handwritten digits, in minutes and without a download.

A base is trained, ruined by bit errors, and protected by two generators. The negative control is the
first generator trained without bit errors: what it does not recover, no generator as such recovers.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

import torch

from neuralfuse import checkpoints
from neuralfuse.accuracy_table import AccuracyRow, write_table
from neuralfuse.checkpoints import NetworkRecord
from neuralfuse.data.images import Splits
from neuralfuse.data.loading import load
from neuralfuse.eopm import EopmSettings
from neuralfuse.pictures import accuracy_figure, save_figure
from neuralfuse.runs import (
    BASE_FILE,
    EvaluationPlan,
    Trained,
    evaluate_networks,
    train_new_base,
    train_new_generator,
)
from neuralfuse.streams import TEST_CHIPS
from neuralfuse.train_base import BaseRecipe

DATASET = "digits"
ACCURACY_FILE, CONTROL_FILE, PLOT_FILE = "accuracy.csv", "control.csv", "accuracy.png"

OnMessage = Callable[[str], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class DemoPlan:
    """What the demo trains and measures.

    Attributes:
        base: name, and `width` the factor on its channels.
        epochs: of the base.
        generators: steps of training by name; the first is also trained without bit errors.
        learning_rate: of the generators.
        cooldown_steps: last steps, in which the learning rate falls to zero.
        rate: bit error rate of training, and of the control's test, a fraction.
        perturbed_models: N.
        test_rates: bit error rates of the tests, `rate` among them.
        chips: seeds of the test chips.
        seed: of everything else.
    """

    base: str = "vgg11"
    width: float = 0.5
    epochs: int = 12
    generators: dict[str, int] = field(default_factory=lambda: {"convl": 180, "unets": 240})
    learning_rate: float = 1e-3
    cooldown_steps: int = 80
    rate: float = 0.01
    perturbed_models: int = 5
    test_rates: tuple[float, ...] = (0.0025, 0.005, 0.01, 0.02)
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

    rows: tuple[AccuracyRow, ...]
    control: tuple[AccuracyRow, ...]
    files: tuple[Path, ...]


def demo_accuracy(
    out: Path, plan: DemoPlan | None = None, *, on_message: OnMessage | None = None
) -> DemoResult:
    """Train, measure and draw; the same plan gives the same table on the same machine.

    Args:
        out: folder for checkpoints, tables and the plot.
        plan: what to do; None is the whole demo, some three minutes on one core.
        on_message: told what happens.

    Raises:
        NfEnergyError: a file cannot be written.
    """
    plan = plan or DemoPlan()
    say = on_message or _silent
    data = load(DATASET)
    with _one_thread():
        base = _train_base(plan, data, say)
        generators = [
            _train_generator(name, steps, plan.rate, base, plan, data, say)
            for name, steps in plan.generators.items()
        ]
        first, steps = next(iter(plan.generators.items()))
        control = _train_generator(first, steps, 0.0, base, plan, data, say)
        return _measure(out, plan, base, generators, control, data, say)


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


def _train_generator(
    name: str, steps: int, rate: float, base: Trained, plan: DemoPlan, data: Splits, say: OnMessage
) -> Trained:
    settings = EopmSettings(
        bit_error_rate=rate,
        perturbed_models=plan.perturbed_models,
        steps=steps,
        learning_rate=plan.learning_rate,
        cooldown_steps=min(steps, plan.cooldown_steps),
        seed=plan.seed,
    )
    title = f"{name}, {100 * rate:g} % bit errors" if rate else f"control: {name} without bit errors"
    say(f"{title}: {steps} steps")
    return train_new_generator(
        name,
        [base],
        settings,
        data,
        on_step=lambda entry: say(
            f"{title}: step {entry.step} of {steps}, loss {entry.clean_loss:.3f} clean"
            + (f", {entry.perturbed_loss:.3f} with bit errors" if entry.perturbed_loss is not None else "")
        ),
    )


def _measure(
    out: Path,
    plan: DemoPlan,
    base: Trained,
    generators: list[Trained],
    control: Trained,
    data: Splits,
    say: OnMessage,
) -> DemoResult:
    tests = EvaluationPlan(rates=plan.test_rates, chips=plan.chips)

    def on_chip(done: int, chips: int) -> None:
        say(f"test: {done} of {chips} perturbed bases")

    rows, provenance = evaluate_networks([base], generators, tests, data.test, on_chip=on_chip)
    at_rate = replace(tests, rates=(plan.rate,))
    controlled, control_provenance = evaluate_networks([base], [control], at_rate, data.test, on_chip=on_chip)
    write_table(out / CONTROL_FILE, controlled, control_provenance)
    save_figure(accuracy_figure(rows), out / PLOT_FILE)
    checkpoints.save_network(out / BASE_FILE, base.model, base.record)
    files = [out / ACCURACY_FILE, out / CONTROL_FILE, out / PLOT_FILE, out / BASE_FILE]
    for trained in generators:
        files.append(out / f"{trained.record.network}{checkpoints.SUFFIX}")
        checkpoints.save_network(files[-1], trained.model, trained.record)
    write_table(out / ACCURACY_FILE, rows, provenance)
    return DemoResult(rows=rows, control=controlled, files=tuple(files))


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
