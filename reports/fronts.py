"""The front of a set of trade-offs: what is on it, how surely, and the area under it.

One definition serves text, tables, figures and files: all that can be done with one base model on one
accelerator competes, whatever the bit error rate: generators, robust training, and the base model alone.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace

from reports import pareto
from reports.measured import measures_of
from reports.records import Standing, Tradeoff

REFERENCE_POINT = (0.0, 0.0)
"""Saving and accuracy, in percent, above which the hypervolume is measured."""

DEFINITION = (
    "Nothing on the front is beaten in both saving and accuracy by anything else that can be done with the "
    "same base model under the same fault model: other generators, robust training, or no protection, at any "
    "bit error rate shown"
)


def objectives(tradeoff: Tradeoff, measure: str, *, latency: bool = False) -> tuple[float, ...]:
    """Saving, perturbed accuracy and, on request, latency overhead with its sign turned; percent."""
    values = (tradeoff.saving.saving_percent(measure), tradeoff.accuracy.perturbed_percent)
    return (*values, -tradeoff.saving.latency_overhead_percent) if latency else values


def standings(tradeoffs: Sequence[Tradeoff], measure: str, *, latency: bool = False) -> list[Standing]:
    """The standing of each trade-off among those of its base model, data set and accelerator."""
    found: dict[int, Standing] = {}
    for indices in _competing(tradeoffs):
        competing = [tradeoffs[index] for index in indices]
        found |= dict(zip(indices, _among(competing, measure, latency=latency), strict=True))
    return [found[index] for index in range(len(tradeoffs))]


def with_standings(tradeoffs: Sequence[Tradeoff]) -> tuple[Tradeoff, ...]:
    """The trade-offs, each with its standing by every measure."""
    by_measure = {name: standings(tradeoffs, name) for name in measures_of(row.saving for row in tradeoffs)}
    return tuple(
        replace(row, standings={name: found[index] for name, found in by_measure.items()})
        for index, row in enumerate(tradeoffs)
    )


def front_members(tradeoffs: Sequence[Tradeoff], measure: str) -> list[Tradeoff]:
    """The trade-offs on the front of their base model, by rising saving."""
    found = zip(tradeoffs, standings(tradeoffs, measure), strict=True)
    return sorted(
        (row for row, standing in found if standing.on_front), key=lambda row: objectives(row, measure)
    )


def fronts(tradeoffs: Sequence[Tradeoff], measure: str) -> list[list[Tradeoff]]:
    """The front of each set of trade-offs that compete, by rising saving."""
    return [
        front_members([tradeoffs[index] for index in indices], measure) for indices in _competing(tradeoffs)
    ]


def front_hypervolume(tradeoffs: Sequence[Tradeoff], measure: str) -> float:
    """Area under the front above `REFERENCE_POINT`, in percent x percent."""
    return pareto.hypervolume([objectives(row, measure) for row in tradeoffs], REFERENCE_POINT)


def _competing(tradeoffs: Sequence[Tradeoff]) -> list[list[int]]:
    """Indices of those of one base model, data set, accelerator and fault model."""
    groups: dict[object, list[int]] = defaultdict(list)
    for index, row in enumerate(tradeoffs):
        saving = row.saving
        key = (saving.dataset, saving.base, saving.base_width, saving.configuration, row.accuracy.fault_model)
        groups[key].append(index)
    return list(groups.values())


def _among(rows: Sequence[Tradeoff], measure: str, *, latency: bool) -> list[Standing]:
    points = [objectives(row, measure, latency=latency) for row in rows]
    members = set(pareto.front(points))
    probabilities = pareto.front_probabilities(
        [(point[0], *point[2:]) for point in points],
        [point[1] for point in points],
        [row.accuracy.perturbed_std_percent for row in rows],
    )
    return [
        Standing(on_front=index in members, probability=probability)
        for index, probability in enumerate(probabilities)
    ]
