"""Voltage curves: supply voltage -> bit error rate and energy per SRAM access.

Between measured points energy is linear in voltage, and so is the logarithm of the bit error rate.
Outside them nothing is known: a look-up there is an error. Curves by name or from a file:
`energy.curve_files`.
"""

from __future__ import annotations

import math
from bisect import bisect_left
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from nfenergy.ground.errors import InputError

if TYPE_CHECKING:
    from numpy.typing import NDArray


@dataclass(frozen=True, slots=True, kw_only=True)
class OperatingPoint:
    """The voltage that the base model's weight SRAM runs at, and what it costs there.

    Attributes:
        curve: name of the voltage curve.
        voltage_norm: supply voltage relative to Vmin.
        bit_error_rate: fraction of bits in error; an upper bound where `bit_error_rate_is_bound`.
        bit_error_rate_is_bound: the voltage lies above the lowest rate that was measured.
        energy_per_access_norm: energy of an SRAM access relative to that at Vmin.
    """

    curve: str
    voltage_norm: float
    bit_error_rate: float
    bit_error_rate_is_bound: bool
    energy_per_access_norm: float


@dataclass(frozen=True, slots=True, kw_only=True)
class CurvePoint:
    """One measured voltage; bit error rate in percent, voltage and energy relative to Vmin."""

    voltage_norm: float
    bit_error_rate_percent: float
    energy_per_access_norm: float


@dataclass(frozen=True, slots=True, kw_only=True)
class VoltageCurve:
    """A measured voltage curve.

    Attributes:
        name: as users type it, or the name in its file.
        title, source, normalisation, notes: what was measured, by whom, relative to what, and what to
            beware of.
        energy_model: ``measured``, or ``v2`` where energy is assumed to follow the square of the voltage.
        vmin_v: Vmin in volts, where it is known.
        points: by rising voltage; energy rises with it and the bit error rate falls. The last is Vmin:
            voltage 1, no errors, energy 1.

    Raises:
        InputError: the points are not ordered like that.
    """

    name: str
    title: str = ""
    source: str = ""
    normalisation: str = ""
    notes: tuple[str, ...] = ()
    energy_model: Literal["measured", "v2"] = "measured"
    vmin_v: float | None = None
    points: tuple[CurvePoint, ...]

    def __post_init__(self) -> None:
        pairs = zip(self.points, self.points[1:], strict=False)
        for number, (low, high) in enumerate(pairs, start=2):
            if not (
                low.voltage_norm < high.voltage_norm
                and low.energy_per_access_norm < high.energy_per_access_norm
                and low.bit_error_rate_percent > high.bit_error_rate_percent
            ):
                raise InputError(
                    f"curve {self.name!r}: point {number}, voltage {high.voltage_norm:g}, does not "
                    "follow its predecessor: with rising voltage the energy must rise and the bit error rate "
                    "fall"
                )
        last = self.points[-1]
        if (last.voltage_norm, last.bit_error_rate_percent, last.energy_per_access_norm) != (1, 0, 1):
            raise InputError(
                f"curve {self.name!r}: the last point must be Vmin: voltage 1, bit error rate 0, energy 1"
            )

    def at_voltage(self, voltage_norm: float) -> OperatingPoint:
        """The operating point at a supply voltage relative to Vmin.

        Raises:
            InputError: the voltage was not covered by the measurement.
        """
        voltages = [point.voltage_norm for point in self.points]
        if not voltages[0] <= voltage_norm <= voltages[-1]:
            raise InputError(
                f"voltage {voltage_norm:g} is outside curve {self.name!r}, "
                f"which was measured from {voltages[0]:g} to {voltages[-1]:g} of Vmin{self._volts()}"
            )
        upper = bisect_left(voltages, voltage_norm)
        above = self.points[upper]
        if above.voltage_norm == voltage_norm:
            return self._point(
                voltage_norm, above.bit_error_rate_percent / 100.0, above.energy_per_access_norm
            )
        below = self.points[upper - 1]
        share = (voltage_norm - below.voltage_norm) / (above.voltage_norm - below.voltage_norm)
        energy = _between(below.energy_per_access_norm, above.energy_per_access_norm, share)
        if above.bit_error_rate_percent == 0:
            return self._point(voltage_norm, below.bit_error_rate_percent / 100.0, energy, bound=True)
        exponent = _between(
            math.log10(below.bit_error_rate_percent), math.log10(above.bit_error_rate_percent), share
        )
        return self._point(voltage_norm, 10.0 ** (exponent - 2.0), energy)

    def at_bit_error_rate(self, bit_error_rate: float) -> OperatingPoint:
        """The operating point at a bit error rate, a fraction; 0 is Vmin.

        Raises:
            InputError: no measured voltage has this rate.
        """
        percent = 100.0 * bit_error_rate
        measured = [point for point in self.points if point.bit_error_rate_percent > 0]
        for point in self.points:
            if math.isclose(point.bit_error_rate_percent, percent, rel_tol=1e-12):
                return self._point(point.voltage_norm, bit_error_rate, point.energy_per_access_norm)
        highest, lowest = measured[0].bit_error_rate_percent, measured[-1].bit_error_rate_percent
        if not lowest <= percent <= highest:
            raise InputError(
                f"bit error rate {percent:g}% is outside curve {self.name!r}, "
                f"which was measured from {lowest:g}% to {highest:g}% (and 0)"
            )
        upper = next(i for i, point in enumerate(measured) if point.bit_error_rate_percent < percent)
        below, above = measured[upper - 1], measured[upper]
        log_below, log_above = (math.log10(point.bit_error_rate_percent) for point in (below, above))
        share = (math.log10(percent) - log_below) / (log_above - log_below)
        return self._point(
            _between(below.voltage_norm, above.voltage_norm, share),
            bit_error_rate,
            _between(below.energy_per_access_norm, above.energy_per_access_norm, share),
        )

    def voltage_at_energy(self, energy_per_access_norm: float) -> float | None:
        """The highest voltage with at most this energy per access; None below the measured range."""
        energies = [point.energy_per_access_norm for point in self.points]
        if energy_per_access_norm >= energies[-1]:
            return self.points[-1].voltage_norm
        if energy_per_access_norm < energies[0]:
            return None
        upper = next(i for i, energy in enumerate(energies) if energy > energy_per_access_norm)
        below, above = self.points[upper - 1], self.points[upper]
        share = (energy_per_access_norm - below.energy_per_access_norm) / (
            above.energy_per_access_norm - below.energy_per_access_norm
        )
        return _between(below.voltage_norm, above.voltage_norm, share)

    def voltages_at_energy(self, energies_per_access_norm: NDArray[Any]) -> NDArray[Any]:
        """`voltage_at_energy` of many; NaN below the measured range."""
        import numpy as np

        voltages = np.array([point.voltage_norm for point in self.points])
        energies = np.array([point.energy_per_access_norm for point in self.points])
        upper = np.searchsorted(energies, energies_per_access_norm, side="right").clip(1, len(energies) - 1)
        low, high = energies[upper - 1], energies[upper]
        share = (energies_per_access_norm - low) / (high - low)
        found = voltages[upper - 1] + share * (voltages[upper] - voltages[upper - 1])
        found = np.where(energies_per_access_norm >= energies[-1], voltages[-1], found)
        return np.where(energies_per_access_norm < energies[0], np.nan, found)

    def _volts(self) -> str:
        return "" if self.vmin_v is None else f", which is {self.vmin_v:g} V"

    def _point(
        self, voltage: float, bit_error_rate: float, energy: float, *, bound: bool = False
    ) -> OperatingPoint:
        return OperatingPoint(
            curve=self.name,
            voltage_norm=voltage,
            bit_error_rate=bit_error_rate,
            bit_error_rate_is_bound=bound,
            energy_per_access_norm=energy,
        )


def _between(low: float, high: float, share: float) -> float:
    return low + share * (high - low)
