"""What the low voltage saves, what the generator costs, and where the two are equal."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Annotated

from energy.break_even import break_even_voltage
from energy.curve import VoltageCurve
from energy.measures import LEAKAGE_EXPONENT, MEASURES, Amount, Counted, Measure
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

    def at(
        self, energy_per_access_norm: float, *, leaking: float = 0.0, voltage_norm: float = 1.0
    ) -> SavingBy:
        """The same at another operating point; `leaking` is the part of `base` that leaks at its voltage."""
        base_low = (
            self.base_lowered * energy_per_access_norm
            + leaking * voltage_norm**LEAKAGE_EXPONENT
            + (self.base - self.base_lowered - leaking)
        )
        saved = 100.0 * (self.base - (base_low + self.generator)) / self.base
        return replace(self, base_low=base_low, saving_percent=saved)


@dataclass(frozen=True, slots=True, kw_only=True)
class DomainEnergy:
    """Energy of one inference in one domain of `energy.measures.ENERGY_DOMAINS`, at nominal voltage."""

    base: Annotated[
        float,
        Column(
            "energy of the base model in the {row.title} at nominal voltage",
            "energy_unit",
            "counts of the engine and the energy table",
            "base_{row.name}_energy",
            low=0.0,
        ),
    ]
    generator: Annotated[
        float,
        Column(
            "energy of the generator in the {row.title}",
            "energy_unit",
            "counts of the engine and the energy table",
            "generator_{row.name}_energy",
            low=0.0,
        ),
    ]


def domain_costs(base: Counted, generator: Counted | None) -> dict[str, DomainEnergy]:
    """Energies of base model and generator by domain, as far as they were counted."""
    return {
        name: DomainEnergy(
            base=float(energy), generator=float(generator.energies[name]) if generator else 0.0
        )
        for name, energy in base.energies.items()
    }


@dataclass(frozen=True, slots=True, kw_only=True)
class Costs:
    """The energies of a `SavingBy`, numbers or arrays over accelerators and operating points."""

    base: Amount
    base_low: Amount
    generator: Amount
    lowered: Amount
    leaking: Amount

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
    measure: Measure,
    base: Counted,
    generator: Counted | None,
    energy_per_access_norm: Amount,
    voltage_norm: Amount = 1.0,
) -> Costs:
    """What base model and generator cost by `measure`.

    The base model's lowered domains run at the operating point, with so much of the energy per access, and
    leak with the cube of its voltage; all else, and the generator, runs at nominal voltage.
    """
    by_domain = measure.costs(base)
    lowered: Amount = sum(by_domain[domain] for domain in measure.lowered_of(base))
    leaking: Amount = sum(by_domain.get(domain, 0.0) for domain in measure.leaking_of(base))
    nominal: Amount = sum(by_domain.values())
    return Costs(
        base=nominal,
        base_low=lowered * energy_per_access_norm
        + leaking * voltage_norm**LEAKAGE_EXPONENT
        + (nominal - lowered - leaking),
        generator=sum(measure.costs(generator).values()) if generator else 0,
        lowered=lowered,
        leaking=leaking,
    )


def savings(
    base: Counted,
    generator: Counted | None,
    energy_per_access_norm: float,
    curve: VoltageCurve,
    *,
    voltage_norm: float = 1.0,
) -> dict[str, SavingBy]:
    """The saving by every measure that was counted, at an operating point of `curve`.

    Args:
        base, generator: networks; no generator is None.
        energy_per_access_norm: at the operating point.
        curve: where the break-even voltage is looked up.
        voltage_norm: of the operating point, by which memories leak.
    """
    found = {}
    for name, measure in MEASURES.items():
        if not measure.costs(base):
            continue
        spent = costs(measure, base, generator, energy_per_access_norm, voltage_norm)
        found[name] = SavingBy(
            base=_plain(spent.base, measure),
            base_lowered=float(spent.lowered),
            base_low=float(spent.base_low),
            generator=_plain(spent.generator, measure),
            saving_percent=float(spent.saving_percent),
            break_even_voltage_norm=break_even_voltage_norm(spent, curve),
        )
    return found


def break_even_voltage_norm(spent: Costs, curve: VoltageCurve) -> float | None:
    """The highest voltage that saves what the generator costs; None where the curve does not reach it."""
    if spent.leaking == 0:
        return curve.voltage_at_energy(1.0 - float(spent.break_even_share))
    return break_even_voltage(
        {"access": spent.lowered, "leakage": spent.leaking},
        {"access": spent.generator},
        lambda voltage, energy: {"access": energy, "leakage": voltage**LEAKAGE_EXPONENT},
        curve,
    )


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
