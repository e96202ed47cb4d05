"""What an experiment found: every quantity of every row, and the verdict on every claim."""

from __future__ import annotations

import math
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from neuralfuse.evaluation.conditions import Evaluated
from neuralfuse.evaluation.intervals import half_width
from nfenergy.experiments.declaration import Claim, Side
from nfenergy.experiments.plan import Plan, PlannedRow, matching
from nfenergy.experiments.quantities import QUANTITIES, Series
from nfenergy.experiments.store import Store
from nfenergy.ground.errors import InputError
from nfenergy.ground.rates import parse_rate, rate_key

Verdict = Literal["holds", "does not hold", "undecided", "not measured"]

NORMAL_QUANTILE = 1.96
"""Of a 95 % interval of a share of many images."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """A claim with its evidence, in points of percent.

    Attributes:
        claim: as declared.
        verdict: whether the claim is true of the difference's whole interval.
        difference: of the claim's two sides, `greater` less `than`; None if not measured.
        half_width: half of its 95 % interval; None where there is none.
        over: what the interval is over.
        printed: the same difference in the paper; None where it is not printed.
    """

    claim: Claim
    verdict: Verdict
    difference: float | None = None
    half_width: float | None = None
    over: str = ""
    printed: float | None = None


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """A plan with what its tests found."""

    plan: Plan
    tested: Mapping[str, Evaluated]

    def series(self, row: PlannedRow, quantity: str, rate: float) -> Series | None:
        """Values chip by chip (one of a clean test); None where a test is missing."""
        if not row.has(quantity):
            return None
        of = QUANTITIES[quantity].of
        if of is None:
            return (row.saving_percent(rate),)
        found = [self.tested.get(stage.digest) for stage in row.tests_for(quantity, rate)]
        if any(tested is None for tested in found):
            return None
        *less, own = [of(tested) for tested in found if tested is not None]
        return tuple(a - b for a, b in zip(own, less[0], strict=True)) if less else own

    def value(self, row: PlannedRow, quantity: str, rate: float) -> float | None:
        """As the table shows it."""
        series = self.series(row, quantity, rate)
        return None if series is None else QUANTITIES[quantity].value(series)

    def claims(self) -> tuple[Found, ...]:
        """Every claim of the experiment with its verdict."""
        return tuple(self._judged(claim) for claim in self.plan.experiment.claims)

    def _judged(self, claim: Claim) -> Found:
        pairs = self.pairs(claim)
        if not pairs:
            return Found(claim=claim, verdict="not measured")
        differences = [self._difference(claim, *pair) for pair in pairs]
        if any(found is None for found in differences):
            return Found(claim=claim, verdict="not measured")
        series = [statistics.fmean(values) for values in zip(*[d for d in differences if d], strict=True)]
        mean = statistics.fmean(series)
        width, over = half_width(series), f"{len(series)} chips"
        if width is None:
            width, over = self._of_images(claim, pairs), "test images"
        printed = [self._printed(claim, *pair) for pair in pairs]
        return Found(
            claim=claim,
            verdict=_verdict(claim, mean, width),
            difference=mean,
            half_width=width,
            over=f"{over}, mean of {len(pairs)} pairs" if len(pairs) > 1 else over,
            printed=None
            if None in printed
            else statistics.fmean(value for value in printed if value is not None),
        )

    def pairs(self, claim: Claim) -> list[tuple[PlannedRow, float, PlannedRow, float]]:
        """Rows and rates of the two sides that are compared with each other."""
        rows = self.plan.rows
        left, right = (_points(rows, side) for side in (claim.greater, claim.than))
        if len(right) == 1:
            right *= len(left)
        if len(left) == 1:
            left *= len(right)
        if len(left) != len(right):
            raise InputError(
                f"experiment {self.plan.experiment.name}: claim {claim.text!r} sets {len(left)} values "
                f"beside {len(right)}"
            )
        return [(*a, *b) for a, b in zip(left, right, strict=True)]

    def _difference(
        self, claim: Claim, row: PlannedRow, rate: float, other: PlannedRow, other_rate: float
    ) -> Series | None:
        left = self.series(row, claim.greater.value, rate)
        right = self.series(other, claim.than.value, other_rate)
        if left is None or right is None:
            return None
        if len(left) != len(right):
            left, right = (statistics.fmean(left),), (statistics.fmean(right),)
        return tuple(a - b for a, b in zip(left, right, strict=True))

    def _of_images(
        self, claim: Claim, pairs: Sequence[tuple[PlannedRow, float, PlannedRow, float]]
    ) -> float | None:
        """Half the interval of a difference of two shares of the test images, as if they were independent."""
        variance = 0.0
        for row, rate, other, other_rate in pairs:
            for own, side, at in ((row, claim.greater, rate), (other, claim.than, other_rate)):
                share = (self.value(own, side.value, at) or 0.0) / 100
                images = self.tested[own.tests_for(side.value, at)[-1].digest].images
                variance += max(share * (1 - share), 0.0) / images
        return 100 * NORMAL_QUANTILE * math.sqrt(variance) / len(pairs)

    def _printed(
        self, claim: Claim, row: PlannedRow, rate: float, other: PlannedRow, other_rate: float
    ) -> float | None:
        left = row.printed.get(rate, {}).get(claim.greater.value)
        right = other.printed.get(other_rate, {}).get(claim.than.value)
        return None if left is None or right is None else left - right


def outcome(plan: Plan, store: Store) -> Outcome:
    """What the tests of a plan found, so far as they were run."""
    found = {stage.digest: store.tested(stage) for stage in plan.stages}
    return Outcome(plan=plan, tested={name: tested for name, tested in found.items() if tested is not None})


def _verdict(claim: Claim, difference: float, width: float | None) -> Verdict:
    """Whether the whole interval lies on one side of the claim's bound."""
    excess = difference - claim.by if claim.within is None else claim.within - abs(difference)
    if width is None or abs(excess) <= width:
        return "undecided"
    return "holds" if excess > 0 else "does not hold"


def _points(rows: tuple[PlannedRow, ...], side: Side) -> list[tuple[PlannedRow, float]]:
    """Rows and rates of one side; a clean quantity has one value a row, whatever its rates."""
    kept = matching(rows, side.where)
    if not QUANTITIES[side.value].perturbed:
        return [(row, row.rates[0]) for row in kept]
    wanted = None if side.rate is None else rate_key(parse_rate(side.rate))
    return [(row, rate) for row in kept for rate in row.rates if wanted is None or rate_key(rate) == wanted]
