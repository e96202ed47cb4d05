"""What the low voltage saves, what the generator costs, and where the two are equal."""

from __future__ import annotations

from dataclasses import dataclass

from energy.curve import OperatingPoint, VoltageCurve


@dataclass(frozen=True, slots=True, kw_only=True)
class BreakEven:
    """Where the generator costs as much as the low voltage saves.

    Attributes:
        saving_per_access_percent: smallest energy that the low voltage must save per access.
        voltage_norm: highest voltage that saves it; None where the curve does not reach that far.
    """

    saving_per_access_percent: float
    voltage_norm: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class EnergySaving:
    """Energy saved in percent of the base model's at nominal voltage, by weight accesses and by MACs."""

    twma_percent: float
    mac_percent: float
    twma_break_even: BreakEven
    mac_break_even: BreakEven


@dataclass(frozen=True, slots=True, kw_only=True)
class Latency:
    """Time of one inference, batch 1; the generator runs before the base model."""

    clock_ghz: float
    base_ms: float
    generator_ms: float
    total_ms: float
    overhead_percent: float


def saving_percent(
    *, base_accesses: float, generator_accesses: float, energy_per_access_norm: float
) -> float:
    """Energy saved, in percent of the base model's energy at nominal voltage.

    The base model runs at the low voltage, the generator at the nominal one. Accesses are SRAM words
    (T.W.M.A.) or MACs. Source: Sun et al. (NeuralFuse), Eq. 6.

    >>> saving_percent(base_accesses=200.0, generator_accesses=10.0, energy_per_access_norm=0.75)
    20.0
    """
    spent = base_accesses * energy_per_access_norm + generator_accesses
    return 100.0 * (base_accesses - spent) / base_accesses


def energy_saving(
    *,
    base_twma: float,
    base_macs: int,
    generator_twma: float,
    generator_macs: int,
    point: OperatingPoint,
    curve: VoltageCurve,
) -> EnergySaving:
    """Both savings at an operating point, with their break-even; a missing generator has zero counts."""
    return EnergySaving(
        twma_percent=saving_percent(
            base_accesses=base_twma,
            generator_accesses=generator_twma,
            energy_per_access_norm=point.energy_per_access_norm,
        ),
        mac_percent=saving_percent(
            base_accesses=base_macs,
            generator_accesses=generator_macs,
            energy_per_access_norm=point.energy_per_access_norm,
        ),
        twma_break_even=break_even(base_accesses=base_twma, generator_accesses=generator_twma, curve=curve),
        mac_break_even=break_even(base_accesses=base_macs, generator_accesses=generator_macs, curve=curve),
    )


def break_even(*, base_accesses: float, generator_accesses: float, curve: VoltageCurve) -> BreakEven:
    """The saving per access at which `saving_percent` is zero, and the voltage that reaches it."""
    ratio = generator_accesses / base_accesses
    return BreakEven(
        saving_per_access_percent=100.0 * ratio, voltage_norm=curve.voltage_at_energy(1.0 - ratio)
    )


def latency(*, base_cycles: int, generator_cycles: int, clock_ghz: float) -> Latency:
    """Latency from SCALE-Sim's total cycles.

    >>> latency(base_cycles=2_000_000, generator_cycles=500_000, clock_ghz=1.0).overhead_percent
    25.0
    """
    base_ms = base_cycles / clock_ghz / 1e6
    generator_ms = generator_cycles / clock_ghz / 1e6
    return Latency(
        clock_ghz=clock_ghz,
        base_ms=base_ms,
        generator_ms=generator_ms,
        total_ms=base_ms + generator_ms,
        overhead_percent=100.0 * generator_cycles / base_cycles,
    )
