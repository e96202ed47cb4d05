"""Protections of one base model's weight memory compared at one voltage, and each at its cheapest."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from energy.curve import OperatingPoint, VoltageCurve
from energy.measures import DEFAULT_MEASURE, MEASURES
from energy.scalesim.engine import ProgressCallback
from neuralfuse.accuracy import Accuracy
from neuralfuse.memory.protection_costs import ECC_READ
from neuralfuse.memory.protections import PROTECTIONS, Protection, none
from neuralfuse.registry import DATASETS, NO_GENERATOR, NO_PROTECTION, base_title
from neuralfuse.user_networks import find_network
from nfenergy.cheapest_voltage import cheapest_point
from nfenergy.ground.errors import InputError
from nfenergy.ground.rates import rate_key
from nfenergy.machine import Machine
from nfenergy.protected_energy import Reckoning
from nfenergy.protecting_results import Labelled, ProtectionComparison, labelled
from nfenergy.simulation import count_networks
from reports.protection_rows import FloorRow, ProtectionRow, TargetRow

TARGETS = (1e-2, 1e-3, 1e-4, 1e-5, 1e-6)
"""Residual bit error rates for which each protection's cheapest voltage is looked up."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """What is compared.

    Attributes:
        base, dataset, width: the base model.
        generators: to reckon with alone; those of the accuracies come with what they were measured under.
        measure: what energy is reckoned by.
        read_factor: of reading under SECDED(72,64); other codes' follow from it.
        min_accuracy_percent: a floor; None for none.
    """

    base: str
    dataset: str = "cifar10"
    width: float = 1.0
    generators: tuple[str, ...] = ()
    measure: str = DEFAULT_MEASURE
    read_factor: float = ECC_READ
    min_accuracy_percent: float | None = None


def compare_protections(
    question: Question,
    machine: Machine,
    point: OperatingPoint,
    accuracies: Sequence[Accuracy] = (),
    *,
    on_progress: ProgressCallback | None = None,
) -> ProtectionComparison:
    """All `PROTECTIONS` of a base model's weight memory at one operating point, and each at its cheapest.

    Args:
        question: what to compare.
        machine: counts and curve.
        point: on the curve.
        accuracies: measured ones, with their baselines; those of other base models are passed over.
        on_progress: see `energy.scalesim.engine.simulate`.

    Raises:
        InputError: a name or figure that cannot be used, accuracies of several fault models, or none of
            this base model.
        NfEnergyError: the engine failed.
    """
    data, network = DATASETS.find(question.dataset), find_network(question.base, "base")
    measured = _of_base(accuracies, network.given, question, machine)
    used = dict.fromkeys([*question.generators, *(row.accuracy.generator for row in measured)])
    generators = {name: find_network(name, "generator") for name in used if name != NO_GENERATOR}
    counted = count_networks(
        [network, *generators.values()], data, machine, base_width=question.width, on_progress=on_progress
    )
    reckoning = Reckoning(
        measure=MEASURES.find(question.measure),
        base=counted[network],
        generators={name: counted[found] for name, found in generators.items()},
        read_factor=question.read_factor,
        bits=machine.weight_bits,
    )
    return ProtectionComparison(
        title=f"{base_title(network.given)} on {data.title}",
        machine=machine,
        point=point,
        measure=reckoning.measure,
        read_factor=question.read_factor,
        rows=tuple(protection_rows(question, reckoning, point, measured)),
        targets=tuple(target_rows(reckoning, machine.curve)),
        floor_percent=question.min_accuracy_percent,
        floors=tuple(_floors(question, reckoning, machine.curve, measured)),
        left_out=tuple(sorted({row.accuracy.protection for row in measured} - set(PROTECTIONS))),
    )


def fitting(bits: int) -> list[Protection]:
    """The protections that weights of so many bits can have."""
    return [found for found in PROTECTIONS.values() if (found.highest_bits or 0) <= bits]


def _of_base(
    accuracies: Sequence[Accuracy], base: str, question: Question, machine: Machine
) -> list[Labelled]:
    found = [
        row
        for row in accuracies
        if (row.base, row.dataset, row.weight_bits) == (base, question.dataset, machine.weight_bits)
        and row.base_width == question.width
    ]
    if accuracies and not found:
        raise InputError(
            f"the accuracies have no row of {base} with width {question.width:g} and "
            f"{machine.weight_bits}-bit weights on {question.dataset}; choose "
            "with --base, --width, --weight-bits and --dataset"
        )
    models = sorted({row.fault_model for row in found})
    if len(models) > 1:
        raise InputError(
            f"accuracies under different fault models ({', '.join(models)}) do not compare; choose one with "
            "--fault-model"
        )
    return labelled(found)


def protection_rows(
    question: Question, reckoning: Reckoning, point: OperatingPoint, measured: Sequence[Labelled]
) -> list[ProtectionRow]:
    """Every protection at one operating point, with what was measured there."""
    here = [
        row for row in measured if rate_key(row.accuracy.bit_error_rate) == rate_key(point.bit_error_rate)
    ]
    alone = next((row.label for row in measured), base_title(question.base))
    found = []
    for protection in fitting(reckoning.bits):
        memory, residual = (
            reckoning.memory(protection),
            protection.residual(point.bit_error_rate, reckoning.bits),
        )
        mine = [row for row in here if row.accuracy.protection == protection.name]
        pairs: list[tuple[str, Labelled | None]] = [(row.accuracy.generator, row) for row in mine]
        missing = [NO_GENERATOR, *(question.generators if protection.name == NO_PROTECTION else ())]
        pairs += [(name, None) for name in missing if name not in dict(pairs)]
        found += [
            ProtectionRow(
                base=row.label if row else alone,
                protection=protection.name,
                title=protection.title,
                generator=generator,
                measure=reckoning.measure.name,
                voltage_norm=point.voltage_norm,
                bit_error_rate=point.bit_error_rate,
                residual_rate=float(residual.mean()),
                residual_rate_top=float(residual[-1]),
                energy_percent=reckoning.percent(memory, point, generator),
                extra_storage_percent=100.0 * protection.extra_storage(reckoning.bits),
                area_percent=None if memory.area is None else 100.0 * memory.area,
                latency_overhead_percent=reckoning.latency_percent(generator),
                perturbed_percent=row.accuracy.perturbed_percent if row else None,
                perturbed_std_percent=row.accuracy.perturbed_std_percent if row else None,
                source=memory.source,
            )
            for generator, row in pairs
        ]
    return found


def target_rows(reckoning: Reckoning, curve: VoltageCurve) -> list[TargetRow]:
    """The cheapest voltage at which each protection leaves at most each of `TARGETS`."""
    found = []
    for target in TARGETS:
        alone, _ = cheapest_point(none(), target, curve, bits=reckoning.bits)
        unprotected = reckoning.percent(none().costs(reckoning.bits), alone)
        for protection in fitting(reckoning.bits):
            memory = reckoning.memory(protection)
            point, beyond = cheapest_point(protection, target, curve, bits=reckoning.bits)
            found.append(
                TargetRow(
                    protection=protection.name,
                    target_rate=target,
                    measure=reckoning.measure.name,
                    voltage_norm=point.voltage_norm,
                    bit_error_rate=point.bit_error_rate,
                    beyond_curve=beyond,
                    energy_percent=reckoning.percent(memory, point),
                    unprotected_energy_percent=unprotected,
                    turning_read_factor=_turning_factor(protection, reckoning, point, unprotected),
                )
            )
    return found


def _turning_factor(
    protection: Protection, reckoning: Reckoning, point: OperatingPoint, unprotected: float
) -> float | None:
    """Energy is linear in the read factor, so that two values of it give the one where both cost the same."""
    memory = protection.costs(reckoning.bits)
    if not memory.of_code:
        return None
    low, high = (reckoning.percent(memory.with_code_read(factor), point) for factor in (1.0, 2.0))
    return 1.0 + (unprotected - low) / (high - low)


def _floors(
    question: Question, reckoning: Reckoning, curve: VoltageCurve, measured: Sequence[Labelled]
) -> list[FloorRow]:
    """The cheapest point of each combination that keeps the floor, the cheapest of all first."""
    floor = question.min_accuracy_percent
    if floor is None:
        return []
    best: dict[tuple[str, str, str], FloorRow] = {}
    for label, row in measured:
        if row.perturbed_percent < floor or row.protection not in PROTECTIONS:
            continue
        try:
            point = curve.at_bit_error_rate(row.bit_error_rate)
        except InputError:
            continue
        memory = reckoning.memory(PROTECTIONS[row.protection])
        found = FloorRow(
            base=label,
            protection=row.protection,
            generator=row.generator,
            measure=reckoning.measure.name,
            floor_percent=floor,
            voltage_norm=point.voltage_norm,
            bit_error_rate=point.bit_error_rate,
            energy_percent=reckoning.percent(memory, point, row.generator),
            perturbed_percent=row.perturbed_percent,
        )
        key = (label, row.protection, row.generator)
        best[key] = min(best.get(key, found), found, key=lambda each: each.energy_percent)
    return sorted(best.values(), key=lambda each: each.energy_percent)
