"""A voltage for each layer of a trained base: energies from the pipeline, accuracies from chips."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from statistics import fmean
from typing import TYPE_CHECKING

import numpy as np

from energy.curve import CurvePoint, VoltageCurve
from energy.measures import DEFAULT_MEASURE, MEASURES, Counted, Measure
from energy.savings import costs
from neuralfuse.user_networks import find_network
from nfenergy.assigning_results import Assignment
from nfenergy.ground.errors import InputError
from nfenergy.machine import Machine
from nfenergy.simulation import NetworkResult, count_networks, layer_energies
from reports.assignment_rows import AssignedLayer, AssignmentStanding

if TYPE_CHECKING:
    from neuralfuse.datasets.images import LabelledImages
    from neuralfuse.evaluation.assignment import Assigned, Checked
    from neuralfuse.evaluation.assignment_bench import Problem
    from neuralfuse.memory.perturbation import QuantizedBase
    from neuralfuse.training.runs import Trained

OnMessage = Callable[[str], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class AssignmentPlan:
    """What is asked for.

    Attributes:
        min_accuracy_percent: the floor, mean over chips.
        measure: what energy is reckoned by.
        groups: how many groups of consecutive layers share a voltage; None gives each layer its own.
        fault_model: what the curve's rates count.
        seeds: chips to choose on, as many to check on, and as many for the final figures.
        shuffles: controls with the sensitivities of layers shuffled.
    """

    min_accuracy_percent: float
    measure: str = DEFAULT_MEASURE
    groups: int | None = None
    fault_model: str = "flip"
    seeds: int = 10
    shuffles: int = 0


def assign_voltages(
    base: Trained,
    images: LabelledImages,
    machine: Machine,
    plan: AssignmentPlan,
    *,
    device: str = "cpu",
    on_message: OnMessage | None = None,
) -> Assignment:
    """The cheapest voltages for a base's layers that keep an accuracy, beside the best one for all.

    That one is sought between the curve's points, too; each layer gets one of those points, or that voltage.

    Args:
        base: trained; its stored weights are those of its training.
        images: to test with.
        machine: counts and curve.
        plan: floor, measure and chips.
        device: of PyTorch.
        on_message: told what was measured.

    Raises:
        InputError: something of the plan cannot be used, or a layer has no place in the topology.
        NfEnergyError: nothing keeps the floor, or the engine failed.
    """
    from neuralfuse.evaluation.assignment import CHECKING_CHIPS, CHOOSING_CHIPS, assign
    from neuralfuse.evaluation.assignment_bench import Problem
    from neuralfuse.training.checkpoints import dataset_of
    from neuralfuse.training.runs import stored_base
    from neuralfuse.training.streams import TEST_CHIPS

    memory = stored_base(base, device=device)
    if memory.quantization.bits != machine.weight_bits:
        raise InputError(
            f"the base stores {memory.quantization.bits}-bit weights, the machine {machine.weight_bits}-bit "
            "ones; name them with --weight-bits"
        )
    measure = MEASURES.find(plan.measure)
    chips, checking = (_chips(first[0], plan.seeds) for first in (CHOOSING_CHIPS, CHECKING_CHIPS))
    record = base.record
    network, data = find_network(record.network, "base"), dataset_of(record)
    result = count_networks([network], data, machine, base_width=record.width)[network]
    counted = layer_counted(memory, result, machine)
    groups = _groups(memory, plan.groups)
    points = _points(memory, images, machine.curve, plan, (chips, checking), on_message)
    layers = np.array([_energies(measure, layer, points) for layer in counted])
    problem = Problem(
        groups=groups,
        rates=tuple(point.bit_error_rate_percent / 100.0 for point in points),
        costs=np.array([layers[list(group)].sum(axis=0) for group in groups]),
        floor_percent=plan.min_accuracy_percent,
        fault_model=plan.fault_model,
    )
    held_out = _chips(TEST_CHIPS[0], plan.seeds)
    found = assign(
        memory,
        images,
        problem,
        chips=chips,
        checking=checking,
        held_out=held_out,
        shuffles=plan.shuffles,
        on_done=on_message,
    )
    return replace(_result(found, problem, memory, points, measure, plan, held_out), base=base.title)


def layer_counted(base: QuantizedBase, result: NetworkResult, machine: Machine) -> tuple[Counted, ...]:
    """What measures are calculated from, for each stored layer; its groups and phases are added up.

    MACs are those that the simulator runs. Biases and normalisation, where the memory holds them, count as
    read without cost: the engine counts no reads of them.

    Raises:
        InputError: a stored layer has no place in the topology.
    """
    from neuralfuse.evaluation.sensitivity import layer_names

    topology, whole = result.model.topology, result.counted
    energies = layer_energies(topology, result.counts, machine)
    found = []
    for name, stored in zip(layer_names(base), base.layers.values(), strict=True):
        mine = [place for place, layer in enumerate(topology.layers) if layer.name.split("[")[0] == name]
        if not mine and stored.weight.ndim > 1:
            raise InputError(f"layer {name} stores weights but has no place in the topology")
        found.append(
            replace(
                whole,
                macs=sum(topology.layers[place].macs for place in mine),
                filter_reads=sum(result.counts[place].sram_filter_reads for place in mine),
                energies={
                    domain: sum(energies[place][domain] for place in mine) for domain in whole.energies
                },
            )
        )
    return tuple(found)


def _energies(measure: Measure, counted: Counted, points: Sequence[CurvePoint]) -> list[float]:
    """Energy of one layer at each of the curve's points."""
    return [
        float(costs(measure, counted, None, point.energy_per_access_norm, point.voltage_norm).base_low)
        for point in points
    ]


def _points(
    base: QuantizedBase,
    images: LabelledImages,
    curve: VoltageCurve,
    plan: AssignmentPlan,
    chips: Sequence[Sequence[int]],
    on_message: OnMessage | None,
) -> tuple[CurvePoint, ...]:
    """The curve's points, and the lowest voltage for all layers that keeps the floor, maybe between them."""
    from neuralfuse.evaluation.uniform_voltage import keeps_everywhere, lowest_between

    def keeps(voltage_norm: float) -> bool:
        if on_message is not None:
            on_message(f"{voltage_norm:.4g} of Vmin for all layers")
        return all(
            keeps_everywhere(
                base,
                images,
                curve.at_voltage(voltage_norm).bit_error_rate,
                some,
                floor_percent=plan.min_accuracy_percent,
                fault_model=plan.fault_model,
            )
            for some in chips
        )

    measured = {point.voltage_norm: point for point in curve.points}
    lowest = lowest_between(keeps, tuple(measured))
    if lowest is not None and lowest not in measured:
        found = curve.at_voltage(lowest)
        measured[lowest] = CurvePoint(
            voltage_norm=lowest,
            bit_error_rate_percent=100.0 * found.bit_error_rate,
            energy_per_access_norm=found.energy_per_access_norm,
        )
    return tuple(measured[voltage] for voltage in sorted(measured))


def _chips(first: int, seeds: int) -> tuple[int, ...]:
    return tuple(range(first, first + seeds))


def _groups(base: QuantizedBase, count: int | None) -> tuple[tuple[int, ...], ...]:
    """Consecutive layers in so many groups of about as many weights each."""
    layers = len(base.words)
    if count is None or count == layers:
        return tuple((layer,) for layer in range(layers))
    if not 1 <= count < layers:
        raise InputError(f"{layers} layers cannot be put into {count} groups")
    before = np.cumsum([0, *base.words]) / sum(base.words)
    cuts = [0]
    for group in range(1, count):
        nearest = int(np.abs(before - group / count).argmin())
        cuts.append(min(max(nearest, cuts[-1] + 1), layers - (count - group)))
    return tuple(tuple(range(start, stop)) for start, stop in pairwise([*cuts, layers]))


def _result(
    found: Assigned,
    problem: Problem,
    base: QuantizedBase,
    points: Sequence[CurvePoint],
    measure: Measure,
    plan: AssignmentPlan,
    held_out: tuple[int, ...],
) -> Assignment:
    from neuralfuse.evaluation.sensitivity import layer_names

    nominal = problem.cost(problem.uniform(len(points) - 1))
    names = layer_names(base)

    def standing(what: str, checked: Checked, voltage: float | None = None) -> AssignmentStanding:
        return AssignmentStanding(
            what=what,
            measure=measure.name,
            floor_percent=plan.min_accuracy_percent,
            voltage_norm=voltage,
            energy_percent=100.0 * problem.cost(checked.choice) / nominal,
            chosen_percent=sum(checked.chosen_on) / len(checked.chosen_on),
            held_out_percent=checked.held_out_mean,
            held_out_interval_points=checked.held_out_interval,
            fault_model=plan.fault_model,
            seeds=" ".join(map(str, held_out)),
        )

    layers = [
        AssignedLayer(
            number=layer + 1,
            layer=names[layer],
            group=group + 1,
            weights=base.words[layer],
            voltage_norm=points[point].voltage_norm,
            bit_error_rate=problem.rates[point],
            group_energy_percent=100.0 * float(problem.costs[group, -1]) / nominal,
            group_loss_points=float(found.losses[group, point]),
        )
        for group, (members, point) in enumerate(zip(problem.groups, found.best.choice, strict=True))
        for layer in members
    ]
    uniform = points[found.uniform.choice[0]].voltage_norm
    return Assignment(
        layers=tuple(sorted(layers, key=lambda row: row.number)),
        standings=(
            standing("by layer" if plan.groups is None else "by group", found.best),
            standing("best uniform voltage", found.uniform, uniform),
            *([standing("by sensitivity alone", found.guess)] if found.guess else []),
            *_of_controls(found.controls, problem, standing),
        ),
        clean_percent=found.clean_percent,
        measure=measure,
        controls_percent=tuple(100.0 * problem.cost(control.choice) / nominal for control in found.controls),
    )


def _of_controls(
    controls: Sequence[Checked], problem: Problem, standing: Callable[[str, Checked], AssignmentStanding]
) -> list[AssignmentStanding]:
    """The mean of the controls, and the cheapest."""
    from neuralfuse.evaluation.intervals import half_width

    if not controls:
        return []
    each = [standing("", control) for control in controls]
    cheapest = min(controls, key=lambda control: problem.cost(control.choice))
    held_out = tuple(map(fmean, zip(*(control.held_out for control in controls), strict=True)))
    mean = replace(
        each[0],
        what=f"by shuffled sensitivity (mean of {len(controls)})",
        energy_percent=fmean(row.energy_percent for row in each),
        chosen_percent=fmean(row.chosen_percent for row in each),
        held_out_percent=fmean(held_out),
        held_out_interval_points=half_width(held_out),
    )
    return [mean, standing(f"by shuffled sensitivity (cheapest of {len(controls)})", cheapest)]
