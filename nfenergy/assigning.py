"""A voltage for each layer of a trained base: energies from the pipeline, accuracies from chips."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from energy.curve import CurvePoint
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
    from neuralfuse.evaluation.assignment import Assigned, Checked, Problem
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
        seeds: chips to choose on, and as many others for the final figures.
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
    """The cheapest voltages of the curve's points for a base's layers that keep an accuracy.

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
    from neuralfuse.evaluation.assignment import CHOOSING_CHIPS, Problem, assign
    from neuralfuse.training.checkpoints import dataset_of
    from neuralfuse.training.runs import stored_base
    from neuralfuse.training.streams import TEST_CHIPS

    memory = stored_base(base, device=device)
    if memory.quantization.bits != machine.weight_bits:
        raise InputError(
            f"the base stores {memory.quantization.bits}-bit weights, the machine {machine.weight_bits}-bit "
            "ones; name them with --weight-bits"
        )
    measure, points = MEASURES.find(plan.measure), machine.curve.points
    record = base.record
    network, data = find_network(record.network, "base"), dataset_of(record)
    result = count_networks([network], data, machine, base_width=record.width)[network]
    counted = layer_counted(memory, result, machine)
    layers = np.array([_energies(measure, layer, points) for layer in counted])
    groups = _groups(memory, plan.groups)
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
        chips=_chips(CHOOSING_CHIPS[0], plan.seeds),
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
            *(
                standing(f"by shuffled sensitivity {number}", control)
                for number, control in enumerate(found.controls, start=1)
            ),
        ),
        clean_percent=found.clean_percent,
        measure=measure,
    )
