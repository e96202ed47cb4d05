"""Accuracies of trained networks as rows of one table: every base, alone and behind every generator."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from typing import Any

from neuralfuse.accuracy_table import AccuracyRow, accuracy_row, robust_training, versions
from neuralfuse.datasets.images import LabelledImages
from neuralfuse.evaluation.chips import Accuracy, evaluate, in_use
from neuralfuse.memory.fault_models import map_record
from neuralfuse.training.checkpoints import NetworkRecord
from neuralfuse.training.runs import Trained, same_dataset, stored_base, stored_quantization
from neuralfuse.training.streams import TEST_CHIPS
from nfenergy.ground.errors import InputError

OnChip = Callable[[int, int], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class EvaluationPlan:
    """What is measured of each base.

    Attributes:
        rates: bit error rates, fractions.
        chips: seeds of the test chips.
        fault_model: what the rates count.
        weight_bits: bits at which each base is stored, one after another; empty for those of its training.
    """

    rates: tuple[float, ...] = (0.01,)
    chips: tuple[int, ...] = TEST_CHIPS
    fault_model: str = "flip"
    weight_bits: tuple[int, ...] = ()


def evaluate_networks(
    bases: Sequence[Trained],
    generators: Sequence[Trained],
    plan: EvaluationPlan,
    images: LabelledImages,
    *,
    device: str = "cpu",
    on_chip: OnChip | None = None,
) -> tuple[tuple[AccuracyRow, ...], dict[str, Any]]:
    """Every base at every rate and width of weights: alone, and behind every generator.

    Returns:
        rows of the accuracy table, and what a JSON beside it records: the networks and the accuracy
        on each chip. `on_chip` is told how many of how many chips are done, all bases together.

    Raises:
        InputError: the networks are not of one data set, two generators have one name, or rows of two
            bases could not be told apart.
    """
    same_dataset([network.record for network in (*bases, *generators)])
    by_name = {network.record.network: network for network in generators}
    if len(by_name) < len(generators):
        raise InputError("two of the generators are of one kind; evaluate them in two tables")
    if len({_in_table(base.record, plan) for base in bases}) < len(bases):
        raise InputError("a table cannot tell two of the bases apart; evaluate them in two tables")
    deployed = {
        name: in_use(network.model, network.record.stored).to(device) for name, network in by_name.items()
    }
    rows: list[AccuracyRow] = []
    chips: list[dict[str, Any]] = []
    stored = [
        (base, bits)
        for base in bases
        for bits in plan.weight_bits or (stored_quantization(base.record).bits,)
    ]
    for number, (base, bits) in enumerate(stored):
        found = evaluate(
            stored_base(base, bits=bits, device=device),
            images,
            rates=plan.rates,
            generators=deployed,
            chips=plan.chips,
            fault_model=plan.fault_model,
            on_chip=on_chip and partial(_of_all, on_chip, number, len(stored)),
        )
        rows += [_row(accuracy, base, by_name, bits, len(images)) for accuracy in found]
        chips += [
            {"base": base.record.network, "weight_bits": bits, **asdict(accuracy)} for accuracy in found
        ]
    provenance = {
        "versions": versions(),
        **map_record(plan.fault_model),
        "bases": [asdict(base.record) for base in bases],
        "generators": [asdict(network.record) for network in generators],
        "accuracies": chips,
    }
    return tuple(rows), provenance


def _of_all(on_chip: OnChip, number: int, bases: int, done: int, chips: int) -> None:
    """Chips done of the base `number` -> chips done of all `bases`."""
    on_chip(number * chips + done, bases * chips)


def _in_table(base: NetworkRecord, plan: EvaluationPlan) -> tuple[str | float, ...]:
    """What the rows of an accuracy table tell of a base; its own bits only where it is stored with them."""
    bits = 0 if plan.weight_bits else base.weight_bits
    trained = robust_training(base)
    return base.network, base.width, base.normalization, base.quantization, trained, bits


def _row(
    accuracy: Accuracy, base: Trained, generators: dict[str, Trained], bits: int, images: int
) -> AccuracyRow:
    generator = generators.get(accuracy.generator)
    return accuracy_row(
        accuracy,
        base=base.record,
        quantization=stored_quantization(base.record, bits),
        test_images=images,
        generator=generator.record if generator else None,
        parameters=generator.parameters if generator else None,
    )
