"""Where a generator pays: saving of a measure, and the voltage and the DRAM at which it is zero."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from energy.curve import VoltageCurve
from energy.energy_tables import Amount

Scales = Callable[[float, float], Mapping[str, Amount]]
"""Scales of the base model's domains, from voltage and energy per access, both relative to nominal."""

HALVINGS = 60


def net_saving(
    base: Mapping[str, Amount], generator: Mapping[str, Amount], scales: Mapping[str, Amount]
) -> Amount:
    """What the low voltage saves less what the generator costs, in the unit of the energies."""
    saved = sum(energy * (1.0 - scales[domain]) for domain, energy in base.items())
    return saved - sum(generator.values())


def measure_saving_percent(
    base: Mapping[str, Amount], generator: Mapping[str, Amount], scales: Mapping[str, Amount]
) -> Amount:
    """`net_saving` in percent of the base model's energy at nominal voltage.

    Args:
        base, generator: nominal energies by domain of one measure; none of the generator if there is none.
        scales: of the base model's domains at its operating point.

    >>> measure_saving_percent({"a": 150.0, "b": 50.0}, {"a": 10.0}, {"a": 0.5, "b": 1.0})
    32.5
    """
    return 100.0 * net_saving(base, generator, scales) / sum(base.values())


def break_even_voltage(
    base: Mapping[str, float], generator: Mapping[str, float], scales: Scales, curve: VoltageCurve
) -> float | None:
    """The highest voltage, relative to nominal, at which the generator costs no more than is saved.

    None if it costs more at the curve's lowest voltage already. The saving only falls with rising voltage.
    """

    def pays(voltage: float) -> bool:
        energy = curve.at_voltage(voltage).energy_per_access_norm
        return float(net_saving(base, generator, scales(voltage, energy))) >= 0

    low, high = curve.points[0].voltage_norm, curve.points[-1].voltage_norm
    if pays(high):
        return high
    if not pays(low):
        return None
    for _ in range(HALVINGS):
        middle = (low + high) / 2
        low, high = (middle, high) if pays(middle) else (low, middle)
    return low


def break_even_dram_per_bit(
    base: Mapping[str, float],
    generator: Mapping[str, float],
    scales: Mapping[str, float],
    *,
    generator_dram_bits: float,
) -> float | None:
    """The highest energy of a bit from DRAM at which the generator costs no more than is saved.

    The base model's DRAM traffic is the same at either voltage and plays no part. None if the generator
    does not pay without DRAM either, infinite if it moves nothing through DRAM.
    """
    without = net_saving(
        {domain: energy for domain, energy in base.items() if domain != "dram"},
        {domain: energy for domain, energy in generator.items() if domain != "dram"},
        scales,
    )
    if without < 0:
        return None
    return float(without) / generator_dram_bits if generator_dram_bits else float("inf")
