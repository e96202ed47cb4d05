"""What an experiment tells of a row: each quantity from the tests that it needs, chip by chip."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from neuralfuse.evaluation.conditions import Evaluated
from neuralfuse.guarantee import error_excess

Series = tuple[float, ...]

DELTA = 0.01
"""Probability with which the guarantee of Prop. 1 may fail."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Quantity:
    """One column of a table.

    Attributes:
        title: of the column.
        perturbed: with bit errors, so that there is one value a chip; else a single one.
        of: series of a test's values; None of what is counted and not tested, the saving.
        behind: of the base behind the generator; else of the base alone.
        spread: their standard deviation in place of their mean.
        gain: what the generator adds to the same quantity of the base alone, chip by chip.
        lower_is_better: errors.
    """

    title: str
    perturbed: bool
    of: Callable[[Evaluated], Series] | None
    behind: bool = False
    spread: bool = False
    gain: bool = False
    lower_is_better: bool = False

    def value(self, series: Sequence[float]) -> float:
        """What the table shows of a series: its mean, or its deviation over the population of chips."""
        return statistics.pstdev(series) if self.spread else statistics.fmean(series)


def _accuracy(tested: Evaluated) -> Series:
    return tested.accuracy


def _error(tested: Evaluated) -> Series:
    return tuple(100.0 - accuracy for accuracy in tested.accuracy)


def _guarantee(tested: Evaluated) -> Series:
    excess = error_excess(images=tested.images, patterns=len(tested.accuracy), delta=DELTA)
    return (100.0 * excess,)


def _confidence(tested: Evaluated) -> Series:
    return tested.confidence


QUANTITIES: dict[str, Quantity] = {
    "clean": Quantity(title="clean", perturbed=False, of=_accuracy),
    "perturbed": Quantity(title="perturbed", perturbed=True, of=_accuracy),
    "perturbed_std": Quantity(title="+-", perturbed=True, of=_accuracy, spread=True),
    "nf_clean": Quantity(title="clean, NF", perturbed=False, of=_accuracy, behind=True),
    "nf_perturbed": Quantity(title="perturbed, NF", perturbed=True, of=_accuracy, behind=True),
    "nf_perturbed_std": Quantity(title="+-", perturbed=True, of=_accuracy, behind=True, spread=True),
    "recovery": Quantity(title="recovery", perturbed=True, of=_accuracy, behind=True, gain=True),
    "err": Quantity(title="Err", perturbed=False, of=_error, lower_is_better=True),
    "rerr": Quantity(title="RErr", perturbed=True, of=_error, lower_is_better=True),
    "rerr_std": Quantity(title="+-", perturbed=True, of=_error, spread=True),
    "guarantee": Quantity(title="Prop. 1", perturbed=True, of=_guarantee),
    "saving": Quantity(title="saving by T.W.M.A.", perturbed=True, of=None),
    "confidence": Quantity(title="confidence", perturbed=False, of=_confidence),
    "perturbed_confidence": Quantity(title="confidence, perturbed", perturbed=True, of=_confidence),
}
"""All in percent: accuracies, errors (100 % less the accuracy) and savings, of both papers."""
