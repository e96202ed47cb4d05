"""Which operating point and protection to take: the largest saving that the constraints leave."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from energy.curve import VoltageCurve
from energy.measures import DEFAULT_MEASURE
from reports.interpolation import interpolated
from reports.records import Tradeoff


@dataclass(frozen=True, slots=True, kw_only=True)
class Constraints:
    """What a recommendation must keep; None does not bind.

    Attributes:
        min_accuracy_percent: smallest perturbed accuracy, mean over chips.
        max_latency_overhead_percent: largest latency that the generator may add.
    """

    min_accuracy_percent: float | None = None
    max_latency_overhead_percent: float | None = None

    def admit(self, tradeoff: Tradeoff) -> bool:
        """Whether a trade-off keeps every constraint that is set."""
        accuracy, overhead = self.min_accuracy_percent, self.max_latency_overhead_percent
        return (accuracy is None or tradeoff.accuracy.perturbed_percent >= accuracy) and (
            overhead is None or tradeoff.saving.latency_overhead_percent <= overhead
        )

    def each(self) -> list[tuple[str, Constraints, Constraints]]:
        """Each binding constraint in words, alone, and what is left without it."""
        found = []
        if self.min_accuracy_percent is not None:
            alone = Constraints(min_accuracy_percent=self.min_accuracy_percent)
            rest = Constraints(max_latency_overhead_percent=self.max_latency_overhead_percent)
            found.append((f"perturbed accuracy of at least {self.min_accuracy_percent:g} %", alone, rest))
        if self.max_latency_overhead_percent is not None:
            alone = Constraints(max_latency_overhead_percent=self.max_latency_overhead_percent)
            rest = Constraints(min_accuracy_percent=self.min_accuracy_percent)
            found.append(
                (f"latency overhead of at most {self.max_latency_overhead_percent:g} %", alone, rest)
            )
        return found


@dataclass(frozen=True, slots=True, kw_only=True)
class ConstraintCost:
    """What one constraint costs.

    Attributes:
        constraint: in words.
        excluded: candidates that break it.
        best_without: what would be recommended if it were lifted and the others kept.
        cost_points: saving lost to it, in percentage points; None where nothing qualifies with it.
    """

    constraint: str
    excluded: int
    best_without: Tradeoff | None
    cost_points: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Recommendation:
    """The answer to a designer's question.

    Attributes:
        measure: what energy was reckoned by.
        ranked: what qualifies, the largest saving first; of points interpolated for one combination
            between the same two rates the best alone.
        without_generator: the best of the base models alone, at nominal voltage if no other qualifies.
        costs: what each constraint costs.
        candidates: trade-offs that competed.
        interpolated: whether accuracies between measured bit error rates were admitted.
    """

    measure: str
    ranked: tuple[Tradeoff, ...]
    without_generator: Tradeoff | None
    costs: tuple[ConstraintCost, ...]
    candidates: tuple[Tradeoff, ...]
    interpolated: bool

    @property
    def best(self) -> Tradeoff | None:
        return self.ranked[0] if self.ranked else None

    @property
    def runner_up(self) -> Tradeoff | None:
        return self.ranked[1] if len(self.ranked) > 1 else None


def recommend(
    tradeoffs: Sequence[Tradeoff],
    constraints: Constraints,
    *,
    measure: str = DEFAULT_MEASURE,
    curve: VoltageCurve | None = None,
    interpolate: bool = False,
) -> Recommendation:
    """Choose among `tradeoffs`, which should be of one data set and accelerator.

    Generators and robust base models compete, and base models without any protection where an accuracy is
    asked for: without one they would always save most. At nominal voltage there is nothing to choose.

    Args:
        tradeoffs: measured operating points.
        constraints: what must be kept.
        measure: what energy is reckoned by.
        curve: the savings' curve, which `interpolate` needs.
        interpolate: admit points between measured bit error rates, one for each two neighbours.
    """
    offered = list(tradeoffs)
    if interpolate:
        if curve is None:
            raise ValueError("interpolation takes the voltage curve of the savings")
        offered += interpolated(tradeoffs, curve)
    low = [row for row in offered if row.saving.bit_error_rate > 0]
    candidates = _competing(low, constraints)
    ranked = _ranked(candidates, constraints, measure)
    return Recommendation(
        measure=measure,
        ranked=tuple(ranked),
        without_generator=next(
            iter(_ranked([row for row in offered if not row.has_generator], constraints, measure)), None
        ),
        costs=tuple(
            _cost(name, only, _ranked(_competing(low, rest), rest, measure), candidates, ranked, measure)
            for name, only, rest in constraints.each()
        ),
        candidates=tuple(candidates),
        interpolated=interpolate,
    )


def _competing(low: Sequence[Tradeoff], constraints: Constraints) -> Sequence[Tradeoff]:
    """Generators and robust bases; all, where an accuracy is asked for or nothing is protected."""
    protected = [row for row in low if row.has_generator or row.accuracy.base_training]
    return low if constraints.min_accuracy_percent is not None or not protected else protected


def _ranked(tradeoffs: Sequence[Tradeoff], constraints: Constraints, measure: str) -> list[Tradeoff]:
    """By falling saving; at equal saving the higher accuracy, then the smaller overhead first."""
    admitted = sorted(
        (tradeoff for tradeoff in tradeoffs if constraints.admit(tradeoff)),
        key=lambda tradeoff: (
            -tradeoff.saving.saving_percent(measure),
            -tradeoff.accuracy.perturbed_percent,
            tradeoff.saving.latency_overhead_percent,
        ),
    )
    return list({_stretch(row): row for row in reversed(admitted)}.values())[::-1]


def _stretch(row: Tradeoff) -> object:
    """The same for all points that are interpolated for one combination between the same two rates."""
    if not row.accuracy.is_interpolated:
        return row
    accuracy = row.accuracy
    return (row.saving.configuration, accuracy.base_identity, accuracy.generator_identity, accuracy.source)


def _cost(
    name: str,
    only: Constraints,
    lifted: Sequence[Tradeoff],
    candidates: Sequence[Tradeoff],
    ranked: Sequence[Tradeoff],
    measure: str,
) -> ConstraintCost:
    without = next(iter(lifted), None)
    cost = None
    if ranked and without is not None:
        cost = without.saving.saving_percent(measure) - ranked[0].saving.saving_percent(measure)
    return ConstraintCost(
        constraint=name,
        excluded=sum(not only.admit(tradeoff) for tradeoff in candidates),
        best_without=without,
        cost_points=cost,
    )
