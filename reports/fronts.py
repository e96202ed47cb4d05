"""The front of a set of trade-offs: which generators are on it, how surely, and the area under it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from reports import pareto
from reports.records import Measure, Tradeoff, configuration

REFERENCE_POINT = (0.0, 0.0)
"""Saving and accuracy, in percent, above which the hypervolume is measured."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """Where a trade-off stands among those it competes with.

    Attributes:
        on_front: no competitor has at least the saving and the accuracy, and more of one.
        probability: of `on_front` for one chip, accuracies taken as normal and independent.
    """

    on_front: bool
    probability: float


def objectives(tradeoff: Tradeoff, measure: Measure, *, latency: bool = False) -> tuple[float, ...]:
    """Saving, perturbed accuracy and, on request, latency overhead with its sign turned; percent."""
    values = (tradeoff.saving.saving_percent(measure), tradeoff.accuracy.perturbed_percent)
    return (*values, -tradeoff.saving.latency_overhead_percent) if latency else values


def standings(
    tradeoffs: Sequence[Tradeoff], measure: Measure, *, latency: bool = False
) -> list[Standing | None]:
    """The standing of each trade-off among all of them; None for a base model without generator.

    Base models alone are the baseline of the picture and do not compete.
    """
    found: list[Standing | None] = [None] * len(tradeoffs)
    indices = [index for index, tradeoff in enumerate(tradeoffs) if tradeoff.has_generator]
    points = [objectives(tradeoffs[index], measure, latency=latency) for index in indices]
    members = set(pareto.front(points))
    probabilities = pareto.front_probabilities(
        [(point[0], *point[2:]) for point in points],
        [point[1] for point in points],
        [tradeoffs[index].accuracy.perturbed_std_percent for index in indices],
    )
    for position, (index, probability) in enumerate(zip(indices, probabilities, strict=True)):
        found[index] = Standing(on_front=position in members, probability=probability)
    return found


def standings_by_base(
    tradeoffs: Sequence[Tradeoff], measure: Measure, *, latency: bool = False
) -> list[Standing | None]:
    """As `standings`, each base model, data set and accelerator for itself; all bit error rates compete."""
    groups: dict[object, list[int]] = defaultdict(list)
    for index, tradeoff in enumerate(tradeoffs):
        saving = tradeoff.saving
        key = (
            saving.dataset,
            saving.base,
            saving.base_width,
            configuration(saving),
            tradeoff.accuracy.fault_model,
        )
        groups[key].append(index)
    found: list[Standing | None] = [None] * len(tradeoffs)
    for indices in groups.values():
        group = standings([tradeoffs[index] for index in indices], measure, latency=latency)
        for index, standing in zip(indices, group, strict=True):
            found[index] = standing
    return found


def front_members(
    tradeoffs: Sequence[Tradeoff], measure: Measure, *, latency: bool = False
) -> list[Tradeoff]:
    """The trade-offs on the front, by rising saving."""
    competing = [tradeoff for tradeoff in tradeoffs if tradeoff.has_generator]
    points = [objectives(tradeoff, measure, latency=latency) for tradeoff in competing]
    members = [competing[index] for index in pareto.front(points)]
    return sorted(members, key=lambda tradeoff: objectives(tradeoff, measure))


def front_hypervolume(tradeoffs: Sequence[Tradeoff], measure: Measure) -> float:
    """Area under the front above `REFERENCE_POINT`, in percent x percent."""
    points = [objectives(tradeoff, measure) for tradeoff in tradeoffs if tradeoff.has_generator]
    return pareto.hypervolume(points, REFERENCE_POINT)
