"""Trade-offs between two measured bit error rates: only made on request, and marked as such."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import pairwise
from math import log10

from energy.curve import VoltageCurve
from energy.savings import saving_percent
from reports.merge import percent
from reports.records import Accuracy, Saving, Tradeoff, configuration

STEPS = 32


def interpolated(tradeoffs: Sequence[Tradeoff], curve: VoltageCurve) -> list[Tradeoff]:
    """`STEPS` - 1 trade-offs between each two neighbouring bit error rates of a combination.

    The accuracy and its deviation are linear in the logarithm of the bit error rate, which nobody
    measured; the saving is calculated at the rate's own voltage. `accuracy.source` says what was done.
    """
    by_combination: dict[object, list[Tradeoff]] = defaultdict(list)
    for tradeoff in tradeoffs:
        saving, accuracy = tradeoff.saving, tradeoff.accuracy
        if saving.bit_error_rate > 0:
            key = (saving.dataset, saving.base, saving.base_width, saving.generator)
            by_combination[key, configuration(saving), accuracy.fault_model, accuracy.source].append(tradeoff)
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
    twma, mac = (
        saving_percent(
            base_accesses=base,
            generator_accesses=generator,
            energy_per_access_norm=point.energy_per_access_norm,
        )
        for base, generator in (saving.accesses("twma"), saving.accesses("mac"))
    )
    return replace(
        saving,
        bit_error_rate=rate,
        voltage_norm=point.voltage_norm,
        energy_per_access_norm=point.energy_per_access_norm,
        twma_saving_percent=twma,
        mac_saving_percent=mac,
    )


def _accuracy_between(low: Accuracy, high: Accuracy, rate: float, share: float) -> Accuracy:
    def mix(start: float, end: float) -> float:
        return start + share * (end - start)

    return replace(
        low,
        bit_error_rate=rate,
        source=f"{low.source}, interpolated between {percent(low.bit_error_rate)} and "
        f"{percent(high.bit_error_rate)}",
        base_perturbed_percent=mix(low.base_perturbed_percent, high.base_perturbed_percent),
        base_perturbed_std_percent=mix(low.base_perturbed_std_percent, high.base_perturbed_std_percent),
        clean_percent=mix(low.clean_percent, high.clean_percent),
        perturbed_percent=mix(low.perturbed_percent, high.perturbed_percent),
        perturbed_std_percent=mix(low.perturbed_std_percent, high.perturbed_std_percent),
    )
