"""A voltage for each group of layers: the least energy that keeps an accuracy, found and checked on chips.

Losses of single groups are added up for a first guess (`knapsack`); every guess that counts is measured
whole. What was chosen on some chips is measured on others, which had no part in the choice.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import fmean

import numpy as np

from neuralfuse.datasets.images import LabelledImages
from neuralfuse.evaluation.intervals import half_width
from neuralfuse.evaluation.knapsack import Choice, Table, frontier
from neuralfuse.evaluation.sensitivity import Faults, accuracy_with, no_faults, only
from neuralfuse.evaluation.uniform_voltage import keeps_floor
from neuralfuse.memory.perturbation import QuantizedBase
from neuralfuse.training.base_training import accuracy_percent
from neuralfuse.training.streams import TEST_CHIPS, check_test_chips
from nfenergy.ground.errors import InputError, NfEnergyError

CHOOSING_CHIPS = tuple(range(60_000, 60_010))
"""Chips to choose on; none of `TEST_CHIPS`."""

FURTHER = 4
"""Guesses beyond the first that fails which are measured as well: accuracy is not quite monotone in them."""

SMALL_LOSS_POINTS = 0.1
"""Points of accuracy that a measured loss of none may stand for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """What is to be decided.

    Attributes:
        groups: layers by number that share a voltage.
        rates: bit error rate of each point, fractions; the last is 0.
        costs: energy of each group at each point, shape (groups, points).
        floor_percent: smallest mean accuracy over chips.
        fault_model: what the rates count.

    Raises:
        InputError: the floor is no percentage, or the shapes do not fit.
    """

    groups: tuple[tuple[int, ...], ...]
    rates: tuple[float, ...]
    costs: Table
    floor_percent: float
    fault_model: str = "flip"

    def __post_init__(self) -> None:
        if not 0.0 < self.floor_percent <= 100.0:
            raise InputError(f"an accuracy floor of {self.floor_percent:g} % is not within 0 and 100 %")
        if self.costs.shape != (len(self.groups), len(self.rates)) or self.rates[-1] != 0.0:
            raise InputError("costs are needed for every group at every rate, the last of which is 0")

    def cost(self, choice: Choice) -> float:
        """Energy of one inference."""
        return float(self.costs[np.arange(len(self.groups)), list(choice)].sum())

    def uniform(self, point: int) -> Choice:
        """The same point for all groups."""
        return (point,) * len(self.groups)


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
        best: the cheapest choice that keeps the floor on the chips chosen on; no worse than `uniform`.
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


class Bench:
    """A base on chips: accuracies of choices, each measured once."""

    def __init__(
        self,
        base: QuantizedBase,
        images: LabelledImages,
        problem: Problem,
        on_done: Callable[[str], None] | None = None,
    ) -> None:
        self.problem = problem
        self._base, self._images = base, images
        self._on_done = on_done or (lambda message: None)
        self._known: dict[tuple[Choice, int], float] = {}

    @property
    def clean_percent(self) -> float:
        return accuracy_percent(self._base.model, self._images)

    def accuracies(self, choice: Choice, chips: Sequence[int]) -> tuple[float, ...]:
        """Of the whole choice, one a chip."""
        for chip in chips:
            if (choice, chip) not in self._known:
                faults = self._faults(choice, chip)
                self._known[choice, chip] = accuracy_with(self._base, faults, self._images)
                self._on_done(f"{len(self._known)} assignments measured on a chip")
        return tuple(self._known[choice, chip] for chip in chips)

    def keeps(self, choice: Choice, chips: Sequence[int]) -> bool:
        """Whether the 95 % interval of the mean lies above the floor: what was chosen must hold elsewhere."""
        return keeps_floor(self.accuracies(choice, chips), self.problem.floor_percent)

    def losses(self, chips: Sequence[int]) -> Table:
        """Points lost with errors in one group only, mean over chips, made to fall with rising voltage."""
        clean, problem = self.clean_percent, self.problem
        found = np.zeros(problem.costs.shape)
        for chip in chips:
            for point, rate in enumerate(problem.rates):
                if rate == 0.0:
                    continue
                drawn = self._draw(rate, chip)
                for group, layers in enumerate(problem.groups):
                    accuracy = accuracy_with(self._base, only(drawn, layers), self._images)
                    found[group, point] += (clean - accuracy) / len(chips)
                self._on_done(f"chip {chip}: sensitivity at {100 * rate:.3g} % bit errors")
        return np.maximum.accumulate(np.maximum(found, 0.0)[:, ::-1], axis=1)[:, ::-1]

    def _faults(self, choice: Choice, chip: int) -> Faults:
        """Each group's bit errors at its own rate; those of a lower one are among those of a higher one."""
        found: dict[int, object] = {}
        for point in sorted(set(choice)):
            drawn = self._draw(self.problem.rates[point], chip)
            for group, layers in enumerate(self.problem.groups):
                if choice[group] == point:
                    found |= {layer: drawn[layer] for layer in layers}
        return tuple(found[layer] for layer in range(len(self._base.layers)))  # type: ignore[misc]

    def _draw(self, rate: float, chip: int) -> Faults:
        faults = self._base.draw(seed=chip, rate=rate, fault_model=self.problem.fault_model)
        return tuple(map(no_faults, faults)) if rate == 0.0 else faults


def search(bench: Bench, losses: Table, chips: Sequence[int]) -> Choice:
    """The cheapest of the guesses that `losses` lead to which keeps the floor on the chips.

    Raises:
        NfEnergyError: not even the highest voltage for all does.
    """
    safest = bench.problem.uniform(len(bench.problem.rates) - 1)
    guesses = [safest, *(guess for guess in frontier(losses, bench.problem.costs) if guess != safest)]
    if not bench.keeps(guesses[0], chips):
        raise NfEnergyError(_nothing_keeps(bench))
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


def shuffled(bench: Bench, losses: Table, chips: Sequence[int], *, count: int, seed: int = 0) -> list[Choice]:
    """What `search` finds where each group has another one's losses: the control of `losses`."""
    rng = np.random.default_rng(seed)
    return [search(bench, losses[rng.permutation(len(losses))], chips) for _ in range(count)]


def best_uniform(bench: Bench, chips: Sequence[int]) -> Choice:
    """The lowest voltage for all groups that keeps the floor on the chips.

    Raises:
        NfEnergyError: not even the highest does.
    """
    for point in range(len(bench.problem.rates)):
        choice = bench.problem.uniform(point)
        if bench.keeps(choice, chips):
            return choice
    raise NfEnergyError(_nothing_keeps(bench))


def assign(
    base: QuantizedBase,
    images: LabelledImages,
    problem: Problem,
    *,
    chips: tuple[int, ...] = CHOOSING_CHIPS,
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
        held_out: seeds that had no part in the choice, for the final figures.
        shuffles: controls: how often the losses are shuffled among the groups, to see that they matter.
        on_done: told what was measured.

    Raises:
        InputError: a chip is given twice, or both chosen on and held out.
        NfEnergyError: nothing keeps the floor.
    """
    check_test_chips((*chips, *held_out))
    bench = Bench(base, images, problem, on_done)
    uniform = best_uniform(bench, chips)
    losses = bench.losses(chips)
    guess = search(bench, losses, chips)
    start = min(uniform, guess, key=problem.cost)
    best = refined(bench, start, losses, chips)

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
        controls=tuple(map(checked, shuffled(bench, losses, chips, count=shuffles))),
    )


def _nothing_keeps(bench: Bench) -> str:
    return (
        f"nothing keeps {bench.problem.floor_percent:g} % accuracy: without bit errors the base model has "
        f"{bench.clean_percent:.2f} %; lower --min-accuracy"
    )
