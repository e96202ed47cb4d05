"""The lowest voltage at which a protection leaves at most a given bit error rate."""

from __future__ import annotations

import math
from dataclasses import replace

from energy.curve import OperatingPoint, VoltageCurve
from neuralfuse.memory.protections import Protection

PRECISION = 1e-6
"""Of a cell error rate that is searched, relative."""

LOWEST_RATE = 1e-15
"""A cell error rate below which nothing is told from none."""


def cheapest_point(
    protection: Protection, target: float, curve: VoltageCurve, *, bits: int
) -> tuple[OperatingPoint, bool]:
    """The lowest voltage at which a protection leaves at most the bit error rate `target`, a fraction.

    Below the lowest rate that was measured the curve's last slope is continued, up to Vmin, where there
    are no errors; the energy lies between two measured ones all the same.

    Returns:
        the point, with the cell error rate that it stands for, and whether the rate was so continued.
    """
    measured = [point for point in curve.points if point.bit_error_rate_percent > 0]
    highest = measured[0].bit_error_rate_percent / 100.0
    rate = _largest_rate(protection, target, highest, bits=bits)
    lowest = measured[-1].bit_error_rate_percent / 100.0
    if rate >= lowest:
        return curve.at_bit_error_rate(rate), False
    if len(measured) < 2 or rate <= LOWEST_RATE:
        return curve.at_bit_error_rate(0.0), False
    before, last = measured[-2:]
    steps = math.log(before.bit_error_rate_percent / last.bit_error_rate_percent)
    volts = (last.voltage_norm - before.voltage_norm) / steps
    voltage = last.voltage_norm + volts * math.log(lowest / rate)
    if voltage >= 1.0:
        return curve.at_bit_error_rate(0.0), False
    return replace(curve.at_voltage(voltage), bit_error_rate=rate), True


def _largest_rate(protection: Protection, target: float, highest: float, *, bits: int) -> float:
    """The largest cell error rate up to `highest` that leaves at most `target`.

    Both are close to straight lines of each other's logarithms, so that false position (Illinois) is fast.
    """

    def excess(log_rate: float) -> float:
        left = float(protection.residual(math.exp(log_rate), bits).mean())
        return math.log(max(left, LOWEST_RATE**3) / target)

    low, high = math.log(LOWEST_RATE), math.log(highest)
    above = excess(high)
    if above <= 0:
        return highest
    below, kept = excess(low), 0
    while high - low > PRECISION:
        middle = high - above * (high - low) / (above - below)
        middle = min(max(middle, low + PRECISION / 2), high - PRECISION / 2)
        found = excess(middle)
        if found <= 0:
            low, below = middle, found
            above, kept = (above / 2, 1) if kept == 1 else (above, 1)
        else:
            high, above = middle, found
            below, kept = (below / 2, -1) if kept == -1 else (below, -1)
    return math.exp(low)
