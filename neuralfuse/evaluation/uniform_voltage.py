"""One voltage for all layers: the lowest that keeps an accuracy, between the points of a curve, too."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from statistics import fmean

from neuralfuse.datasets.images import LabelledImages
from neuralfuse.evaluation.intervals import half_width
from neuralfuse.evaluation.sensitivity import accuracy_with
from neuralfuse.memory.perturbation import QuantizedBase

VOLTAGE_STEP = 0.001
"""Of Vmin: how finely the voltage is sought."""


def lowest_between(
    keeps: Callable[[float], bool], voltages: Sequence[float], *, step: float = VOLTAGE_STEP
) -> float | None:
    """The lowest voltage that keeps what is asked for, sought down from the first of `voltages` that does.

    Args:
        keeps: whether a voltage does; taken to go on doing so as the voltage rises.
        voltages: rising; those between which it is sought.
        step: how near the next one tried, which does not, may lie.

    Returns:
        None where none of `voltages` keeps it.

    >>> round(lowest_between(lambda voltage: voltage >= 0.87, (0.8, 0.9, 1.0), step=0.01), 3)
    0.875
    """
    first = next((place for place, voltage in enumerate(voltages) if keeps(voltage)), None)
    if first is None:
        return None
    low, high = voltages[max(first - 1, 0)], voltages[first]
    while high - low > step:
        middle = (low + high) / 2
        low, high = (low, middle) if keeps(middle) else (middle, high)
    return high


def keeps_everywhere(
    base: QuantizedBase,
    images: LabelledImages,
    rate: float,
    chips: Sequence[int],
    *,
    floor_percent: float,
    fault_model: str = "flip",
) -> bool:
    """Whether bit errors at one rate in all layers leave an accuracy, as `keeps_floor` judges it.

    Args:
        base: frozen; it is as before afterwards.
        images: to test with.
        rate: bit error rate, a fraction.
        chips: seeds.
        floor_percent: accuracy asked for.
        fault_model: what the rate counts.
    """
    drawn = (base.draw(seed=chip, rate=rate, fault_model=fault_model) for chip in chips)
    return keeps_floor([accuracy_with(base, faults, images) for faults in drawn], floor_percent)


def keeps_floor(accuracies_percent: Sequence[float], floor_percent: float) -> bool:
    """Whether the 95 % interval of the mean over chips lies above a floor, so that it holds on others."""
    return fmean(accuracies_percent) - (half_width(accuracies_percent) or 0.0) >= floor_percent
