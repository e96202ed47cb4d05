"""A voltage for each group of layers: the least energy that keeps an accuracy, found and checked on chips.

Losses of single groups are added up for a first guess (`knapsack`); every guess that counts is measured
whole. What was chosen on some chips is checked and repaired on others, and measured on a third set of them,
which had no part in the choice.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import fmean

import numpy as np

from neuralfuse.datasets.images import LabelledImages
from neuralfuse.evaluation.assignment_bench import Bench, Problem
from neuralfuse.evaluation.intervals import half_width
from neuralfuse.evaluation.knapsack import Choice, Table, frontier
from neuralfuse.memory.perturbation import QuantizedBase
from neuralfuse.training.streams import TEST_CHIPS, check_test_chips

CHOOSING_CHIPS = tuple(range(60_000, 60_010))
"""Chips to choose on; none of `TEST_CHIPS`."""

CHECKING_CHIPS = tuple(range(70_000, 70_010))
"""Chips on which a choice is checked and repaired: the best of many choices is a lucky one on its own."""

FURTHER = 4
"""Guesses beyond the first that fails which are measured as well: accuracy is not quite monotone in them."""

SMALL_LOSS_POINTS = 0.1
"""Points of accuracy that a measured loss of none may stand for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Checked:
    """A choice and the accuracies measured with it, one a chip, in percent."""

    choice: Choice
    chosen_on: tuple[float, ...]
    held_out: tuple[float, ...] = ()

    @property
    def held_out_mean(self) -> float:
        return fmean(self.held_out)

    @property
    def held_out_interval(self) -> float | None:
        """Half of the 95 % interval of that mean."""
        return half_width(self.held_out)


@dataclass(frozen=True, slots=True, kw_only=True)
class Assigned:
    """What was found.

    Attributes:
        best: the cheapest choice found that keeps the floor on the chips checked on; no worse than `uniform`.
        uniform: the lowest voltage for all that does.
        losses: of each group alone at each point, points of accuracy, shape (groups, points).
        clean_percent: accuracy without bit errors.
        guess: what `losses` alone lead to, before single voltages are tried; None where not asked for.
        controls: likewise, each with the losses of the groups shuffled.
    """

    best: Checked
    uniform: Checked
    losses: Table
    clean_percent: float
    guess: Checked | None = None
    controls: tuple[Checked, ...] = ()


def search(bench: Bench, losses: Table, chips: Sequence[int]) -> Choice:
    """The cheapest of the guesses that `losses` lead to which keeps the floor on the chips.

    Raises:
        NfEnergyError: not even the highest voltage for all does.
    """
    safest = bench.problem.uniform(len(bench.problem.rates) - 1)
    guesses = [safest, *(guess for guess in frontier(losses, bench.problem.costs) if guess != safest)]
    if not bench.keeps(guesses[0], chips):
        raise bench.nothing_keeps()
    low, high = 0, len(guesses)
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if bench.keeps(guesses[middle], chips) else (low, middle)
    tried = guesses[low : low + 2 + FURTHER]
    return min((guess for guess in tried if bench.keeps(guess, chips)), key=bench.problem.cost)


def refined(bench: Bench, start: Choice, losses: Table, chips: Sequence[int]) -> Choice:
    """Single voltages of `start` lowered point by point while the whole keeps the floor, measured each time.

    First comes what saves most for the accuracy that `losses` say it takes; a group that failed stays.
    """
    costs, choice, failed = bench.problem.costs, start, set[int]()

    def worth(group: int) -> float:
        point = choice[group]
        taken = losses[group, point - 1] - losses[group, point]
        return float((costs[group, point] - costs[group, point - 1]) / (taken + SMALL_LOSS_POINTS))

    while open_groups := [group for group, point in enumerate(choice) if point and group not in failed]:
        group = max(open_groups, key=worth)
        lower = (*choice[:group], choice[group] - 1, *choice[group + 1 :])
        if bench.keeps(lower, chips):
            choice = lower
        else:
            failed.add(group)
    return choice


def repaired(bench: Bench, choice: Choice, losses: Table, chips: Sequence[int]) -> Choice:
    """`choice` with single voltages raised point by point until the whole keeps the floor on the chips.

    First comes what costs least for the accuracy that `losses` say it gives back.

    Raises:
        NfEnergyError: not even the highest voltage for all does.
    """
    costs, highest = bench.problem.costs, len(bench.problem.rates) - 1

    def price(group: int) -> float:
        point = choice[group]
        given = losses[group, point] - losses[group, point + 1]
        return float((costs[group, point + 1] - costs[group, point]) / (given + SMALL_LOSS_POINTS))

    while not bench.keeps(choice, chips):
        lower = [group for group, point in enumerate(choice) if point < highest]
        if not lower:
            raise bench.nothing_keeps()
        group = min(lower, key=price)
        choice = (*choice[:group], choice[group] + 1, *choice[group + 1 :])
    return choice


def shuffled(
    bench: Bench, losses: Table, chips: Sequence[int], checking: Sequence[int], *, count: int, seed: int = 0
) -> list[Choice]:
    """What is found where each group has another one's losses: the control of `losses`."""
    rng = np.random.default_rng(seed)
    found = []
    for _ in range(count):
        mixed = losses[rng.permutation(len(losses))]
        found.append(repaired(bench, search(bench, mixed, chips), mixed, checking))
    return found


def best_uniform(bench: Bench, *chips: Sequence[int]) -> Choice:
    """The lowest voltage for all groups that keeps the floor on each of these sets of chips.

    Raises:
        NfEnergyError: not even the highest does.
    """
    for point in range(len(bench.problem.rates)):
        choice = bench.problem.uniform(point)
        if all(bench.keeps(choice, some) for some in chips):
            return choice
    raise bench.nothing_keeps()


def assign(
    base: QuantizedBase,
    images: LabelledImages,
    problem: Problem,
    *,
    chips: tuple[int, ...] = CHOOSING_CHIPS,
    checking: tuple[int, ...] = CHECKING_CHIPS,
    held_out: tuple[int, ...] = TEST_CHIPS,
    shuffles: int = 0,
    on_done: Callable[[str], None] | None = None,
) -> Assigned:
    """The cheapest voltages for the groups that keep the floor, beside the best uniform voltage.

    Args:
        base: frozen; it is as before afterwards.
        images: to test with.
        problem: what is to be decided.
        chips: seeds to choose on.
        checking: others, on which what was chosen is checked and repaired.
        held_out: seeds that had no part in the choice, for the final figures.
        shuffles: controls: how often the losses are shuffled among the groups, to see that they matter.
        on_done: told what was measured.

    Raises:
        InputError: a chip is given twice, or stands in two of the sets.
        NfEnergyError: nothing keeps the floor.
    """
    check_test_chips((*chips, *checking, *held_out))
    bench = Bench(base, images, problem, on_done)
    uniform = best_uniform(bench, chips, checking)
    losses = bench.losses(chips)
    guess = search(bench, losses, chips)
    start = min(uniform, guess, key=problem.cost)
    found = repaired(bench, refined(bench, start, losses, chips), losses, checking)
    guess = repaired(bench, guess, losses, checking)
    best = min(uniform, guess, found, key=problem.cost)

    def checked(choice: Choice) -> Checked:
        return Checked(
            choice=choice,
            chosen_on=bench.accuracies(choice, chips),
            held_out=bench.accuracies(choice, held_out),
        )

    return Assigned(
        best=checked(best),
        uniform=checked(uniform),
        losses=losses,
        clean_percent=bench.clean_percent,
        guess=checked(guess) if shuffles else None,
        controls=tuple(map(checked, shuffled(bench, losses, chips, checking, count=shuffles))),
    )
