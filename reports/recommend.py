"""Which operating point and generator to take: the largest saving that the constraints leave."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from energy.curve import VoltageCurve
from reports.interpolation import interpolated
from reports.merge import percent
from reports.names import Names
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
        best, runner_up: largest and second largest T.W.M.A. saving under the constraints; None where
            nothing qualifies.
        without_generator: the same for the base model alone, which takes no generator at all.
        costs: what each constraint costs.
        candidates: trade-offs with a generator that competed.
        interpolated: whether accuracies between measured bit error rates were admitted.
    """

    best: Tradeoff | None
    runner_up: Tradeoff | None
    without_generator: Tradeoff | None
    costs: tuple[ConstraintCost, ...]
    candidates: int
    interpolated: bool


def recommend(
    tradeoffs: Sequence[Tradeoff],
    constraints: Constraints,
    *,
    curve: VoltageCurve | None = None,
    interpolate: bool = False,
) -> Recommendation:
    """Choose among `tradeoffs`, which should be of one base model and data set.

    Args:
        tradeoffs: measured operating points; those of the base model alone do not compete.
        constraints: what must be kept.
        curve: the savings' curve, which `interpolate` needs.
        interpolate: admit points between measured bit error rates, one for each two neighbours.
    """
    offered = list(tradeoffs)
    if interpolate:
        if curve is None:
            raise ValueError("interpolation takes the voltage curve of the savings")
        offered += interpolated(tradeoffs, curve)
    candidates = [tradeoff for tradeoff in offered if tradeoff.has_generator]
    alone = [tradeoff for tradeoff in offered if not tradeoff.has_generator]
    ranked = _ranked(candidates, constraints)
    best = ranked[0] if ranked else None
    return Recommendation(
        best=best,
        runner_up=_runner_up(ranked),
        without_generator=next(iter(_ranked(alone, constraints)), None),
        costs=tuple(_cost(name, only, rest, candidates, best) for name, only, rest in constraints.each()),
        candidates=len(candidates),
        interpolated=interpolate,
    )


def _ranked(tradeoffs: Sequence[Tradeoff], constraints: Constraints) -> list[Tradeoff]:
    """By falling saving; at equal saving the higher accuracy, then the smaller overhead first."""
    return sorted(
        (tradeoff for tradeoff in tradeoffs if constraints.admit(tradeoff)),
        key=lambda tradeoff: (
            -tradeoff.saving.twma_saving_percent,
            -tradeoff.accuracy.perturbed_percent,
            tradeoff.saving.latency_overhead_percent,
        ),
    )


def _runner_up(ranked: Sequence[Tradeoff]) -> Tradeoff | None:
    """The second; of points interpolated for one generator between two rates only the best counts."""
    if not ranked:
        return None
    best = ranked[0]
    return next((row for row in ranked[1:] if not _same_stretch(row, best)), None)


def _same_stretch(a: Tradeoff, b: Tradeoff) -> bool:
    """Whether both are interpolated for one generator between the same two rates."""
    return a.accuracy.is_interpolated and (a.saving.generator, a.accuracy.source) == (
        b.saving.generator,
        b.accuracy.source,
    )


def _cost(
    name: str,
    only: Constraints,
    rest: Constraints,
    candidates: Sequence[Tradeoff],
    best: Tradeoff | None,
) -> ConstraintCost:
    without = next(iter(_ranked(candidates, rest)), None)
    cost = None
    if best is not None and without is not None:
        cost = without.saving.twma_saving_percent - best.saving.twma_saving_percent
    return ConstraintCost(
        constraint=name,
        excluded=sum(not only.admit(tradeoff) for tradeoff in candidates),
        best_without=without,
        cost_points=cost,
    )


def as_json(recommendation: Recommendation) -> dict[str, object]:
    """For scripts; `best` and `runner_up` are null where nothing qualifies."""
    return {
        "best": _choice(recommendation.best),
        "runner_up": _choice(recommendation.runner_up),
        "without_generator": _choice(recommendation.without_generator),
        "constraints": [
            {
                "constraint": cost.constraint,
                "excluded": cost.excluded,
                "cost_percentage_points": cost.cost_points,
                "best_without": _choice(cost.best_without),
            }
            for cost in recommendation.costs
        ],
        "candidates": recommendation.candidates,
        "interpolated": recommendation.interpolated,
    }


def as_text(recommendation: Recommendation, names: Names) -> str:
    """The answer in sentences, one a line."""
    best, alone = recommendation.best, recommendation.without_generator
    lines = []
    if best is None:
        lines.append(
            f"Nothing qualifies: none of the {recommendation.candidates} operating points with a generator "
            "keeps all constraints."
        )
    else:
        lines.append(f"Best: {_sentence(best, names)}.")
        if recommendation.runner_up is not None:
            lines.append(f"Runner-up: {_sentence(recommendation.runner_up, names)}.")
        else:
            lines.append("Runner-up: none, nothing else qualifies.")
        if best.saving.twma_saving_percent <= 0:
            lines.append("No generator saves energy here: the base model alone takes less at Vmin.")
    if alone is not None and (
        best is None or alone.saving.twma_saving_percent > best.saving.twma_saving_percent
    ):
        lines.append(f"No generator is needed: {_sentence(alone, names)}.")
    lines += [_cost_sentence(cost, names) for cost in recommendation.costs]
    if recommendation.interpolated:
        lines.append("Interpolated accuracies were admitted; nobody measured those.")
    return "\n".join(lines)


def _choice(tradeoff: Tradeoff | None) -> dict[str, object] | None:
    if tradeoff is None:
        return None
    saving = tradeoff.saving
    return {
        "base": saving.base,
        "generator": saving.generator,
        "dataset": saving.dataset,
        "bit_error_rate": saving.bit_error_rate,
        "voltage_norm": saving.voltage_norm,
        "twma_saving_percent": saving.twma_saving_percent,
        "mac_saving_percent": saving.mac_saving_percent,
        "perturbed_accuracy_percent": tradeoff.accuracy.perturbed_percent,
        "accuracy_source": tradeoff.accuracy.source,
    }


def _sentence(tradeoff: Tradeoff, names: Names) -> str:
    saving, accuracy = tradeoff.saving, tradeoff.accuracy
    return (
        f"{names.combination(saving.base, saving.generator)} on {names.dataset(saving.dataset)} at "
        f"{percent(saving.bit_error_rate)} bit errors ({saving.voltage_norm:.4g} of Vmin): saves "
        f"{saving.twma_saving_percent:.1f} % by T.W.M.A. and {saving.mac_saving_percent:.1f} % by MACs, "
        f"perturbed accuracy {accuracy.perturbed_percent:.1f} ± {accuracy.perturbed_std_percent:.1f} %, "
        f"latency +{saving.latency_overhead_percent:.1f} %; accuracy {accuracy.source} "
        f"({accuracy.reference})"
    )


def _cost_sentence(cost: ConstraintCost, names: Names) -> str:
    if cost.best_without is None:
        return f"{cost.constraint}: excludes {cost.excluded}; without it nothing qualifies either."
    instead = names.combination(cost.best_without.saving.base, cost.best_without.saving.generator)
    at = percent(cost.best_without.saving.bit_error_rate)
    saved = f"{cost.best_without.saving.twma_saving_percent:.1f} %"
    accuracy = f"{cost.best_without.accuracy.perturbed_percent:.1f} %"
    said = f"{instead} at {at} would save {saved} at an accuracy of {accuracy}"
    if cost.cost_points is None:
        return f"{cost.constraint}: excludes {cost.excluded} operating points; without it {said}."
    return f"{cost.constraint}: costs {cost.cost_points:.1f} points of saving; without it {said}."
