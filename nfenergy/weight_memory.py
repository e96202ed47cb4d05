"""What a notebook asks about a weight memory: protections, sensitive layers, a voltage for each layer.

Names and defaults are those of the commands ``protections``, ``sensitivity`` and ``assign``.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Unpack

from energy.measures import DEFAULT_MEASURE
from energy.scalesim.engine import ProgressCallback
from nfenergy.chip_arguments import ChipArguments, OnMessage, fault_model_of, test_chips, test_images
from nfenergy.ground.errors import InputError, NfEnergyError
from nfenergy.ground.rates import parse_percentage, parse_rate
from nfenergy.machine import MachineArguments, machine_of

if TYPE_CHECKING:
    from neuralfuse.accuracy import Accuracy
    from neuralfuse.datasets.images import LabelledImages
    from neuralfuse.layer_sensitivity import Sensitivity
    from neuralfuse.training.runs import Trained
    from nfenergy.assigning_results import Assignment
    from nfenergy.placing_results import Placements
    from nfenergy.protecting_results import ProtectionComparison

SECDED_READ_FACTOR = 1.14


def protections(
    base: str,
    *,
    accuracy: str | Path | Sequence[str | Path] | None = None,
    gen: str | Sequence[str] = "",
    dataset: str | None = None,
    fault_model: str = "",
    width: float = 1.0,
    ber: str | float | None = None,
    voltage: float | None = None,
    measure: str = DEFAULT_MEASURE,
    min_accuracy: str | float | None = None,
    secded_read_factor: float = SECDED_READ_FACTOR,
    on_progress: ProgressCallback | None = None,
    **machine: Unpack[MachineArguments],
) -> ProtectionComparison:
    """Protections of a base model's weight memory compared at one voltage, and each at its cheapest.

    Args:
        base: a base model by name, or ``file.py:function``.
        accuracy: tables of `evaluate`, measured under protections.
        gen: generators to reckon with besides those of the accuracies.
        dataset: default that of the accuracies, else ``cifar10``.
        fault_model: take the accuracies of this one only.
        width: factor on the base model's channels.
        ber: bit error rate of the operating point; 1 % where neither it nor `voltage` is given.
        voltage: the operating point relative to Vmin instead.
        measure: what energy is reckoned by.
        min_accuracy: percent; each combination's cheapest measured voltage that keeps it is looked up.
        secded_read_factor: energy of a read under SECDED(72,64), relative.
        on_progress: told of layers done in SCALE-Sim.
        machine: see `MachineArguments`; the engine is ``closed-form`` unless named.

    Raises:
        InputError: an argument or a file that cannot be used.
        NfEnergyError: nothing measured keeps `min_accuracy`, or the engine failed.
    """
    from nfenergy.pipeline import operating_point
    from nfenergy.protecting import Question, compare_protections

    paths = [accuracy] if isinstance(accuracy, str | Path) else accuracy or []
    floor = _floor(min_accuracy)
    if floor is not None and not paths:
        raise InputError(
            "--min-accuracy needs measured accuracies; give tables of `evaluate` with --accuracy"
        )
    rows = _accuracies([Path(path) for path in paths], fault_model)
    datasets = list(dict.fromkeys(row.dataset for row in rows))
    if dataset is None and len(datasets) > 1:
        raise InputError(
            f"the accuracies are of several data sets: {', '.join(datasets)}; choose with --dataset"
        )
    names = gen.split(",") if isinstance(gen, str) else gen
    question = Question(
        base=base,
        dataset=dataset or next(iter(datasets), "cifar10"),
        width=width,
        generators=tuple(name.strip() for name in names if name.strip()),
        measure=measure,
        read_factor=secded_read_factor,
        min_accuracy_percent=floor,
    )
    chosen = machine_of(machine, engine="closed-form")
    point = operating_point(chosen.curve, bit_error_rate=_rate(ber), voltage_norm=voltage)
    found = compare_protections(question, chosen, point, rows, on_progress=on_progress)
    if floor is not None and not found.floors:
        raise NfEnergyError(
            f"nothing measured keeps {floor:g} % accuracy; lower --min-accuracy, or "
            "measure more protections and rates with `evaluate`"
        )
    return found


def sensitivity(
    base_checkpoint: str | Path,
    *,
    ber: str | float | None = None,
    seeds: int = 10,
    images: int | None = None,
    by_bit: bool = True,
    on_message: OnMessage | None = None,
    on_warning: OnMessage = warnings.warn,
    **chips: Unpack[ChipArguments],
) -> Sensitivity:
    """Accuracy with bit errors in one layer only, in all but one, and in each bit position of one.

    Args:
        base_checkpoint: from ``train-base``.
        ber: bit error rate; 1 %, or a map's own, where it is not given.
        seeds: test chips.
        images: test images, evenly spread; None takes all.
        by_bit: measure every bit position of every layer.
        on_message: told what was measured.
        on_warning: told of data that are not those of the training.
        chips: see `ChipArguments`.

    Raises:
        InputError: an argument or a file that cannot be used.
    """
    from neuralfuse.evaluation.sensitivity import sensitivity as measure
    from neuralfuse.training import runs

    say = on_message or (lambda message: None)
    trained, model = runs.load_trained(Path(base_checkpoint), "base"), fault_model_of(chips)
    rate = model.rate(_rate(ber))
    found = measure(
        runs.stored_base(trained, device=runs.best_device()),
        test_images(trained, images, chips, on_warning),
        rate=rate,
        chips=test_chips(seeds),
        fault_model=model.name,
        by_bit=by_bit,
        on_done=lambda done, all_: say(f"{done} of {all_} accuracies"),
    )
    return replace(found, base=trained.title)


def assign(
    base_checkpoint: str | Path,
    *,
    min_accuracy: str | float | None = None,
    measure: str = DEFAULT_MEASURE,
    groups: int | None = None,
    bank_cells: int | None = None,
    seeds: int = 10,
    images: int | None = None,
    on_message: OnMessage | None = None,
    on_warning: OnMessage = warnings.warn,
    **options: Any,
) -> Assignment | Placements:
    """The cheapest voltages for layers that keep an accuracy; with a measured map, layers in its clean banks.

    Args:
        base_checkpoint: from ``train-base``.
        min_accuracy: the floor in percent, mean over chips.
        measure: what energy is reckoned by.
        groups: groups of consecutive layers that share a voltage; None gives each layer its own.
        bank_cells: cells of a bank, where a fault map does not say it.
        seeds: test chips, and as many others each to choose and to check on.
        images: test images, evenly spread; None takes all.
        on_message: told what was measured.
        on_warning: told of data that are not those of the training.
        options: see `ChipArguments` and `MachineArguments`; the engine is ``closed-form`` unless named.

    Raises:
        InputError: an argument or a file that cannot be used.
        NfEnergyError: nothing keeps the floor, or the engine failed.
    """
    from neuralfuse.training import runs

    chips: ChipArguments = {  # type: ignore[assignment]
        name: options.pop(name) for name in ChipArguments.__annotations__ if name in options
    }
    trained, model = runs.load_trained(Path(base_checkpoint), "base"), fault_model_of(chips)
    floor = _floor(min_accuracy)
    if model.own_rate is not None:
        if floor is not None:
            raise InputError(
                "a fault map is of one voltage: it places layers in banks and takes no --min-accuracy; for "
                "voltages leave the map out"
            )
        test = test_images(trained, images, chips, on_warning)
        return _placements(trained, model.name, test, bank_cells, seeds, on_message)
    if floor is None:
        raise InputError("an assignment keeps an accuracy; give it with --min-accuracy")

    from nfenergy.assigning import AssignmentPlan, assign_voltages

    plan = AssignmentPlan(
        min_accuracy_percent=floor, measure=measure, groups=groups, fault_model=model.name, seeds=seeds
    )
    machine = machine_of(options, engine="closed-form")  # type: ignore[arg-type]
    test = test_images(trained, images, chips, on_warning)
    return assign_voltages(trained, test, machine, plan, device=runs.best_device(), on_message=on_message)


def _placements(
    trained: Trained,
    fault_model: str,
    test: LabelledImages,
    bank_cells: int | None,
    seeds: int,
    on_message: OnMessage | None,
) -> Placements:
    from neuralfuse.evaluation.placing import compare_placements
    from neuralfuse.memory.fault_models import measured_map
    from neuralfuse.training import runs
    from nfenergy.placing_results import Placements

    say = on_message or (lambda message: None)
    rows = compare_placements(
        runs.stored_base(trained, device=runs.best_device()),
        test,
        measured_map(fault_model),
        bank_cells=bank_cells,
        chips=test_chips(seeds),
        on_done=lambda done, all_: say(f"{done} of {all_} accuracies"),
    )
    return Placements(rows=rows, base=trained.title)


def _accuracies(paths: Sequence[Path], fault_model: str) -> list[Accuracy]:
    from neuralfuse.accuracy import with_baselines
    from neuralfuse.accuracy_files import read_accuracies

    rows = with_baselines([row for path in paths for row in read_accuracies(path)])
    found = [row for row in rows if not fault_model or row.fault_model == fault_model.lower()]
    if rows and not found:
        raise InputError(f"the accuracies have no row under fault model {fault_model!r}")
    return found


def _rate(rate: str | float | None) -> float | None:
    return None if rate is None else parse_rate(str(rate))


def _floor(accuracy: str | float | None) -> float | None:
    return None if accuracy is None else parse_percentage(str(accuracy), "--min-accuracy", largest=100.0)
