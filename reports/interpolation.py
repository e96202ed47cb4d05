"""Trade-offs between two measured bit error rates: only made on request, and marked as such."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import pairwise
from math import log10
from typing import Any

from energy.curve import VoltageCurve
from neuralfuse.accuracy import Accuracy
from nfenergy.ground.rates import percent_text
from reports.operating import measures_at
from reports.records import Saving, Tradeoff

STEPS = 32
MIXED = (
    "base_perturbed_percent",
    "base_perturbed_std_percent",
    "nf_clean_percent",
    "nf_perturbed_percent",
    "nf_perturbed_std_percent",
)


def interpolated(tradeoffs: Sequence[Tradeoff], curve: VoltageCurve) -> list[Tradeoff]:
    """`STEPS` - 1 trade-offs between each two neighbouring bit error rates of a combination.

    The accuracy and its deviation are linear in the logarithm of the bit error rate, which nobody
    measured; the saving is calculated at the rate's own voltage. `accuracy.source` says what was done.
    """
    by_combination: dict[object, list[Tradeoff]] = defaultdict(list)
    for tradeoff in tradeoffs:
        saving, accuracy = tradeoff.saving, tradeoff.accuracy
        if saving.bit_error_rate > 0:
            same = replace(accuracy, bit_error_rate=0.0).identity
            by_combination[saving.configuration, same].append(tradeoff)
    return [
        between
        for group in by_combination.values()
        for low, high in pairwise(sorted(group, key=lambda tradeoff: tradeoff.saving.bit_error_rate))
        for between in _between(low, high, curve)
    ]


def _between(low: Tradeoff, high: Tradeoff, curve: VoltageCurve) -> Iterator[Tradeoff]:
    start, end = low.saving.bit_error_rate, high.saving.bit_error_rate
    for step in range(1, STEPS):
        share = step / STEPS
        rate = float(10.0 ** (log10(start) + share * (log10(end) - log10(start))))
        yield replace(
            low,
            saving=_saving_at(low.saving, rate, curve),
            accuracy=_accuracy_between(low.accuracy, high.accuracy, rate, share),
        )


def _saving_at(saving: Saving, rate: float, curve: VoltageCurve) -> Saving:
    point = curve.at_bit_error_rate(rate)
    return replace(
        saving,
        bit_error_rate=rate,
        voltage_norm=point.voltage_norm,
        energy_per_access_norm=point.energy_per_access_norm,
        measures=measures_at(saving, point),
    )


def _accuracy_between(low: Accuracy, high: Accuracy, rate: float, share: float) -> Accuracy:
    def mix(start: float | None, end: float | None) -> float | None:
        return None if start is None or end is None else start + share * (end - start)

    mixed: dict[str, Any] = {name: mix(getattr(low, name), getattr(high, name)) for name in MIXED}
    return replace(
        low,
        bit_error_rate=rate,
        source=f"{low.source}, interpolated between {percent_text(low.bit_error_rate)} and "
        f"{percent_text(high.bit_error_rate)}",
        **mixed,
    )
