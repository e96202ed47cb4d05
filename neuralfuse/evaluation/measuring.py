"""Accuracies of trained networks as rows of one table: every base, alone and behind every generator."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from functools import partial
from typing import Any

from neuralfuse.accuracy import Accuracy
from neuralfuse.datasets.images import LabelledImages
from neuralfuse.evaluation.chips import Measurement, evaluate, in_use
from neuralfuse.memory.fault_models import map_record, scattered_model
from neuralfuse.memory.perturbation import QuantizedBase
from neuralfuse.quantization import Quantization, get_scheme
from neuralfuse.registry import NO_GENERATOR, NO_PROTECTION
from neuralfuse.training.checkpoints import NetworkRecord
from neuralfuse.training.generator_training import base_digest
from neuralfuse.training.runs import Trained, same_dataset, stored_base, stored_quantization
from neuralfuse.training.streams import TEST_CHIPS
from nfenergy.ground.errors import InputError
from nfenergy.ground.provenance import versions_text

OnChip = Callable[[int, int], None]
DIGITS = 4
"""Decimals of an accuracy in percent."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EvaluationPlan:
    """What is measured of each base.

    Attributes:
        rates: bit error rates, fractions.
        chips: seeds of the test chips.
        fault_model: what the rates count.
        scattered: measure on the faults of a measured map in cells drawn at random, too.
        protections: of the bases' weight memories.
        weight_bits: bits at which each base is stored, one after another; empty for those of its training.
        quantization: scheme in which each base is stored after its training, whatever it was trained with;
            empty for that of its training (`symmetric` where that had none).
        memory: ``weights`` or ``all`` parameters likewise; empty as in training.
    """

    rates: tuple[float, ...] = (0.01,)
    chips: tuple[int, ...] = TEST_CHIPS
    fault_model: str = "flip"
    scattered: bool = False
    protections: tuple[str, ...] = (NO_PROTECTION,)
    weight_bits: tuple[int, ...] = ()
    quantization: str = ""
    memory: str = ""

    def stored(self, record: NetworkRecord, bits: int | None) -> Quantization:
        """How a base is stored. Raises InputError: no such scheme, width or memory."""
        quantization = stored_quantization(record, bits)
        if self.quantization:
            quantization = replace(quantization, scheme=get_scheme(self.quantization))
        return replace(quantization, memory=self.memory) if self.memory else quantization  # type: ignore[arg-type]


def evaluate_networks(
    bases: Sequence[Trained],
    generators: Sequence[Trained],
    plan: EvaluationPlan,
    images: LabelledImages,
    *,
    device: str = "cpu",
    on_chip: OnChip | None = None,
) -> tuple[tuple[Accuracy, ...], dict[str, Any]]:
    """Every base at every rate, protection and width of weights: alone, and behind every generator.

    Returns:
        rows of the accuracy table, and what a JSON beside it records: the networks and the accuracy
        on each chip. `on_chip` is told how many of how many chips are done, all bases together.

    Raises:
        InputError: the networks are not of one data set, one is given twice, or what should be scattered is
            no measured map.
    """
    same_dataset([network.record for network in (*bases, *generators)])
    by_digest = {weights_digest(network): network for network in generators}
    if len(by_digest) < len(generators):
        raise InputError("two of the generators have the same weights; give each once")
    deployed = {
        digest: in_use(network.model, network.record.stored).to(device)
        for digest, network in by_digest.items()
    }
    rows: list[Accuracy] = []
    chips: list[dict[str, Any]] = []
    models = [plan.fault_model]
    if plan.scattered:
        models.append(scattered_model(plan.fault_model).name)
    stored = [
        (base, plan.stored(base.record, bits), fault_model)
        for base in bases
        for bits in plan.weight_bits or (None,)
        for fault_model in models
    ]
    for number, (base, quantization, fault_model) in enumerate(stored):
        memory = stored_base(base, quantization=quantization, device=device)
        found = evaluate(
            memory,
            images,
            rates=plan.rates,
            generators=deployed,
            chips=plan.chips,
            fault_model=fault_model,
            protections=plan.protections,
            on_chip=on_chip and partial(_of_all, on_chip, number, len(stored)),
        )
        for measured in found:
            rows.append(_row(measured, base, memory, by_digest, images=len(images)))
            chips.append(
                {"base": base.record.network, "weight_bits": quantization.bits}
                | asdict(replace(measured, generator=rows[-1].generator))
                | {"generator_digest": rows[-1].generator_digest}
            )
    if len({row.identity for row in rows}) < len(rows):
        raise InputError("two of the bases have the same weights; give each once")
    provenance = {
        "versions": versions_text(),
        **map_record(plan.fault_model),
        **({"scattered_map": map_record(models[1])["fault_map"]} if plan.scattered else {}),
        "bases": [asdict(base.record) for base in bases],
        "generators": [asdict(network.record) for network in generators],
        "accuracies": chips,
    }
    return tuple(rows), provenance


def weights_digest(network: Trained) -> str:
    """A name for a network's weights, 16 hex digits: equal for equal numbers."""
    digest = hashlib.sha256()
    for name, tensor in network.model.state_dict().items():
        digest.update(name.encode())
        digest.update(tensor.cpu().contiguous().numpy().tobytes())
    return digest.hexdigest()[:16]


def _of_all(on_chip: OnChip, number: int, bases: int, done: int, chips: int) -> None:
    """Chips done of the base `number` -> chips done of all `bases`."""
    on_chip(number * chips + done, bases * chips)


def _quantized_after(record: NetworkRecord, memory: QuantizedBase) -> str:
    """Words for a base that is not stored as in its training; fewer bits alone say themselves."""
    trained, stored = record.stored, memory.quantization
    if trained is None:
        return "quantized after training"
    same = (trained.scheme, trained.memory) == (stored.scheme, stored.memory)
    return "" if same else f"trained as {trained.scheme.name}, quantized after training"


def _row(
    measured: Measurement,
    base: Trained,
    memory: QuantizedBase,
    generators: dict[str, Trained],
    *,
    images: int,
) -> Accuracy:
    record, alone = base.record, measured.base
    row = Accuracy(
        dataset=record.dataset,
        base=record.network,
        generator=NO_GENERATOR,
        bit_error_rate=measured.bit_error_rate,
        base_clean_percent=round(alone.clean_percent, DIGITS),
        base_perturbed_percent=round(alone.mean_percent, DIGITS),
        base_perturbed_std_percent=round(alone.std_percent, DIGITS),
        nf_clean_percent=None,
        nf_perturbed_percent=None,
        nf_perturbed_std_percent=None,
        fault_model=measured.fault_model,
        protection=measured.protection,
        weight_bits=memory.quantization.bits,
        quantization=memory.quantization.scheme.name,
        base_width=record.width,
        base_normalization=record.normalization,
        base_training=", ".join(filter(None, [record.robustness, _quantized_after(record, memory)])),
        base_digest=base_digest(memory),
        dataset_classes=record.classes,
        dataset_extent=record.extent,
        test_images=images,
        seeds=" ".join(map(str, measured.chips)),
        versions=versions_text(),
    )
    if measured.protected is None:
        return row
    generator, protected = generators[measured.generator], measured.protected
    training = generator.record.training
    half = measured.recovery_half_width_percent
    return replace(
        row,
        generator=generator.record.network,
        nf_clean_percent=round(protected.clean_percent, DIGITS),
        nf_perturbed_percent=round(protected.mean_percent, DIGITS),
        nf_perturbed_std_percent=round(protected.std_percent, DIGITS),
        recovery_half_width_percent=None if half is None else round(half, DIGITS),
        train_bases=" ".join(training.get("bases") or []),
        train_bit_error_rate=training.get("bit_error_rate"),
        train_fault_model=training.get("fault_model", ""),
        train_lambda=training.get("perturbed_weight"),
        train_perturbed_models=training.get("perturbed_models"),
        train_flipped_bits=training.get("flipped_bits"),
        train_steps=training.get("steps"),
        train_learning_rate=training.get("learning_rate"),
        train_seed=training.get("seed"),
        generator_bits=generator.record.weight_bits,
        generator_digest=measured.generator,
        generator_parameters=generator.parameters,
    )
