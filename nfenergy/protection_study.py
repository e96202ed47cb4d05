"""All protections of a plain and of a robust base, measured and reckoned: one call, files out.

Accuracy under every protection with and without generators, energies at one voltage, each combination's
cheapest voltage for a floor, sensitive layers, and a voltage for each layer beside its controls.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from energy.measures import DEFAULT_MEASURE, SYSTEM_MEASURE
from neuralfuse.memory.protections import get_protection
from nfenergy import chip_arguments, protecting
from nfenergy.ground.errors import InputError, NfEnergyError
from nfenergy.ground.files import check_folder
from nfenergy.ground.rates import percent_text, rate_key
from nfenergy.machine import Machine

if TYPE_CHECKING:
    from energy.curve import OperatingPoint
    from neuralfuse.accuracy import Accuracy
    from neuralfuse.datasets.images import LabelledImages
    from neuralfuse.evaluation.measuring import EvaluationPlan
    from neuralfuse.training.runs import Trained

CONTROLS = 19
"""Shuffles: that none of so many does as well as the true order happens by chance once in twenty."""
Say = Callable[[str], None]


def run_study(
    base: Path,
    robust: Path,
    generators: Sequence[Path],
    robust_generators: Sequence[Path],
    *,
    rates: Sequence[float],
    chips: Sequence[int],
    test_images: LabelledImages | int | None,
    out: Path,
    min_accuracy_percent: float,
    shown_rate: float = 0.01,
    protections: Sequence[str] = (),
    measures: Sequence[str] = (DEFAULT_MEASURE, SYSTEM_MEASURE),
    fault_model: str = "flip",
    machine: Machine | None = None,
    by_bit: bool = True,
    data_dir: Path | None = None,
    on_message: Say | None = None,
) -> list[Path]:
    """Measure and reckon everything, and write it below `out`.

    ``accuracy.csv`` has the accuracies, ``protections-MEASURE`` the tables of energies and floors,
    ``sensitivity`` and ``assignment`` those of the plain base, ``...-robust`` of the robust one.

    Args:
        base, robust: checkpoints of one network on one data set, trained without and with bit errors.
        generators, robust_generators: checkpoints, trained before each of them.
        rates: bit error rates, fractions; `shown_rate` is one of them.
        chips: seeds of the test chips.
        test_images: to test with, or how many of the data set's; None takes all.
        out: folder.
        min_accuracy_percent: floor of the cheapest voltages and of the assignments.
        shown_rate: of the tables of energies, and of the sensitivities.
        protections: names; empty for all that the stored weights can have.
        measures: what energy is reckoned by; the first one decides the assignments.
        fault_model: what the rates count.
        machine: counts and curve; the closed form's by default.
        by_bit: measure the sensitivity of bit positions too, which takes most of its time.
        data_dir: folder of the data sets.
        on_message: told what is done.

    Returns:
        the files written.

    Raises:
        InputError: the bases are not of one network, or something else cannot be used.
        NfEnergyError: a base does not keep the floor without bit errors, or a file cannot be written.
    """
    from neuralfuse.accuracy_files import write_accuracies
    from neuralfuse.evaluation.measuring import EvaluationPlan
    from neuralfuse.evaluation.sensitivity import sensitivity
    from neuralfuse.training import runs
    from nfenergy.assigning import AssignmentPlan, assign_voltages
    from nfenergy.sensitivity_files import write_sensitivity

    say, machine = on_message or (lambda message: None), machine or Machine(engine="closed-form")
    check_folder(out)
    if rate_key(shown_rate) not in map(rate_key, rates):
        raise InputError(f"the rate to show, {percent_text(shown_rate)}, is none of those to measure")
    plain, hardened = runs.load_trained(base, "base"), runs.load_trained(robust, "base")
    _check_pair(plain, hardened, machine)
    point = machine.curve.at_bit_error_rate(shown_rate)
    images = (
        chip_arguments.test_images(plain, test_images, {"data_dir": data_dir}, say)
        if test_images is None or isinstance(test_images, int)
        else test_images
    )
    _check_floor((plain, hardened), images, min_accuracy_percent)
    for name in protections:
        get_protection(name)
    named = protections or [found.name for found in protecting.fitting(machine.weight_bits)]
    plan = EvaluationPlan(
        rates=tuple(rates), chips=tuple(chips), fault_model=fault_model, protections=tuple(named)
    )
    pairs = ((plain, generators), (hardened, robust_generators))
    rows, provenance = _accuracies(pairs, plan, images, say)
    written = [out / "accuracy.csv", out / "accuracy.json"]
    write_accuracies(written[0], rows, provenance)
    written += _tables(plain, rows, out, machine, point, measures, min_accuracy_percent)
    assignment = AssignmentPlan(
        min_accuracy_percent=min_accuracy_percent,
        measure=measures[0],
        fault_model=fault_model,
        seeds=len(chips),
        shuffles=CONTROLS,
    )
    for trained, suffix in ((plain, ""), (hardened, "-robust")):
        say(f"sensitivity of {trained.title}")
        found = sensitivity(
            runs.stored_base(trained, device=runs.best_device()),
            images,
            rate=shown_rate,
            chips=tuple(chips),
            fault_model=fault_model,
            by_bit=by_bit,
        )
        written += write_sensitivity(replace(found, base=trained.title), out / f"sensitivity{suffix}")
        say(f"assignment of {trained.title}")
        assigned = assign_voltages(
            trained, images, machine, assignment, device=runs.best_device(), on_message=on_message
        )
        written += assigned.write(out / f"assignment{suffix}")
    return written


def _accuracies(
    pairs: Sequence[tuple[Trained, Sequence[Path]]], plan: EvaluationPlan, images: LabelledImages, say: Say
) -> tuple[tuple[Accuracy, ...], dict[str, object]]:
    """Each base alone and behind its own generators; what a JSON records of both."""
    from neuralfuse.evaluation.measuring import evaluate_networks
    from neuralfuse.training import runs

    rows: list[Accuracy] = []
    records: dict[str, object] = {}
    for trained, paths in pairs:
        told = partial(_tell, say, trained.title)
        found, provenance = evaluate_networks(
            [trained],
            [runs.load_trained(path, "generator") for path in paths],
            plan,
            images,
            device=runs.best_device(),
            on_chip=told,
        )
        rows += found
        records[trained.record.robustness or "plain"] = provenance
    return tuple(rows), records


def _tables(
    plain: Trained,
    rows: Sequence[Accuracy],
    out: Path,
    machine: Machine,
    point: OperatingPoint,
    measures: Sequence[str],
    min_accuracy_percent: float,
) -> list[Path]:
    """Energies at one voltage and the cheapest voltages for the floor, by each measure."""
    written: list[Path] = []
    for measure in measures:
        question = protecting.Question(
            base=plain.record.network,
            dataset=plain.record.dataset,
            width=plain.record.width,
            measure=measure,
            min_accuracy_percent=min_accuracy_percent,
        )
        compared = protecting.compare_protections(question, machine, point, rows)
        written += compared.write(out / f"protections-{measure}")
    return written


def _check_floor(bases: Sequence[Trained], images: LabelledImages, floor_percent: float) -> None:
    """Raises NfEnergyError: one of the bases does not keep the floor without bit errors."""
    from neuralfuse.training import runs
    from neuralfuse.training.base_training import accuracy_percent

    for trained in bases:
        clean = accuracy_percent(runs.stored_base(trained, device=runs.best_device()).model, images)
        if clean < floor_percent:
            raise NfEnergyError(
                f"{trained.title} has no {floor_percent:g} % without bit errors but {clean:.2f} %; lower "
                "the floor"
            )


def _tell(say: Say, title: str, done: int, chips: int) -> None:
    say(f"{title}: {done} of {chips} perturbed bases")


def _check_pair(plain: Trained, hardened: Trained, machine: Machine) -> None:
    """Raises InputError: the two are not forms of one network, or not stored as the machine reads."""
    one, other = plain.record, hardened.record
    for name in ("network", "dataset", "width"):
        if getattr(one, name) != getattr(other, name):
            raise InputError(
                f"the bases differ in {name}: {getattr(one, name)} and {getattr(other, name)}; compare two "
                "trainings of one network"
            )
    for record in (one, other):
        if record.weight_bits != machine.weight_bits:
            raise InputError(
                f"{record.network} stores {record.weight_bits}-bit weights, the machine "
                f"{machine.weight_bits}-bit ones"
            )
