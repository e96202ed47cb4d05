"""What the low voltage saves, what the generator costs, and where the two are equal."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Annotated

from energy.curve import VoltageCurve
from energy.measures import MEASURES, Amount, Counted, Measure
from nfenergy.ground.columns import Column

SIMULATED = "counts of the engine named in `engine`"


@dataclass(frozen=True, slots=True, kw_only=True)
class SavingBy:
    """Energy of one inference by one measure, and what the low voltage saves of it.

    Attributes:
        base: the base model at nominal voltage.
        base_lowered: the part of `base` that the base model runs at the operating point.
        base_low: the base model there, in energy at nominal voltage.
        generator: at nominal voltage; 0 where there is none.
        saving_percent: energy saved, in percent of `base` (Sun et al., Eq. 6).
        break_even_voltage_norm: highest voltage that saves it; None where the curve does not reach it.
    """

    base: Annotated[
        int | float,
        Column(
            "{row.title} of the base model at nominal voltage", "{row.unit}", SIMULATED, "base_{row.quantity}"
        ),
    ]
    base_lowered: Annotated[
        float,
        Column(
            "the part of it that runs at the operating point",
            "{row.unit}",
            SIMULATED,
            "base_lowered_{row.quantity}",
        ),
    ]
    base_low: Annotated[
        float,
        Column(
            "the same at the operating point, in accesses of nominal energy",
            "{row.unit}",
            SIMULATED,
            "base_low_{row.quantity}",
        ),
    ]
    generator: Annotated[
        int | float,
        Column("{row.title} of the generator", "{row.unit}", SIMULATED, "generator_{row.quantity}"),
    ]
    saving_percent: Annotated[
        float,
        Column(
            "energy saved by {row.title}, of the base model's at nominal voltage",
            "%",
            "calculated",
            "{row.name}_saving_percent",
            high=100.0,
        ),
    ]
    break_even_voltage_norm: Annotated[
        float | None,
        Column(
            "highest voltage at which the generator pays for itself by {row.title}; empty: none measured",
            "Vmin",
            "calculated",
            "{row.name}_break_even_voltage_norm",
        ),
    ]

    @property
    def break_even_percent(self) -> float:
        """Smallest share of its lowered energy that the low voltage must save, in percent."""
        return 100.0 * self.generator / self.base_lowered

    def at(self, energy_per_access_norm: float) -> SavingBy:
        """The same at another operating point."""
        base_low = self.base_lowered * energy_per_access_norm + (self.base - self.base_lowered)
        saved = 100.0 * (self.base - (base_low + self.generator)) / self.base
        return replace(self, base_low=base_low, saving_percent=saved)


@dataclass(frozen=True, slots=True, kw_only=True)
class Costs:
    """The energies of a `SavingBy`, numbers or arrays over accelerators and operating points."""

    base: Amount
    base_low: Amount
    generator: Amount
    lowered: Amount

    @property
    def saving_percent(self) -> Amount:
        return 100.0 * (self.base - (self.base_low + self.generator)) / self.base

    @property
    def break_even_share(self) -> Amount:
        """Smallest share of its lowered energy that the low voltage must save."""
        return self.generator / self.lowered


@dataclass(frozen=True, slots=True, kw_only=True)
class Latency:
    """Time of one inference, batch 1; the generator runs before the base model."""

    clock_ghz: float
    base_ms: float
    generator_ms: float
    total_ms: float
    overhead_percent: float


def costs(
    measure: Measure, base: Counted, generator: Counted | None, energy_per_access_norm: Amount
) -> Costs:
    """What base model and generator cost by `measure`.

    The base model's lowered domains run at the operating point, with so much of the energy per access;
    all else, and the generator, runs at nominal voltage.
    """
    by_domain = measure.costs(base)
    lowered: Amount = sum(by_domain[domain] for domain in measure.lowered)
    nominal: Amount = sum(by_domain.values())
    return Costs(
        base=nominal,
        base_low=lowered * energy_per_access_norm + (nominal - lowered),
        generator=sum(measure.costs(generator).values()) if generator else 0,
        lowered=lowered,
    )


def savings(
    base: Counted, generator: Counted | None, energy_per_access_norm: float, curve: VoltageCurve
) -> dict[str, SavingBy]:
    """The saving by every measure at an operating point of `curve`."""
    found = {}
    for name, measure in MEASURES.items():
        spent = costs(measure, base, generator, energy_per_access_norm)
        share = float(spent.break_even_share)
        found[name] = SavingBy(
            base=_plain(spent.base, measure),
            base_lowered=float(spent.lowered),
            base_low=float(spent.base_low),
            generator=_plain(spent.generator, measure),
            saving_percent=float(spent.saving_percent),
            break_even_voltage_norm=curve.voltage_at_energy(1.0 - share),
        )
    return found


def _plain(amount: Amount, measure: Measure) -> int | float:
    return int(amount) if measure.kind == "integer" else float(amount)


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
