"""What is to be decided of the voltages of layers, and accuracies of choices, each measured once."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from neuralfuse.datasets.images import LabelledImages
from neuralfuse.evaluation.knapsack import Choice, Table
from neuralfuse.evaluation.sensitivity import Faults, accuracy_with, no_faults, only
from neuralfuse.evaluation.uniform_voltage import keeps_floor
from neuralfuse.memory.perturbation import QuantizedBase
from neuralfuse.training.base_training import accuracy_percent
from nfenergy.ground.errors import InputError, NfEnergyError


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
            for point, rate in enumerate(problem.rates[:-1]):
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

    def nothing_keeps(self) -> NfEnergyError:
        """What to raise where not even the highest voltage for all keeps the floor."""
        return NfEnergyError(
            f"nothing keeps {self.problem.floor_percent:g} % accuracy: without bit errors the base model has "
            f"{self.clean_percent:.2f} %; lower --min-accuracy"
        )
