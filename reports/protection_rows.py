"""Records of a comparison of protections: at one operating point, by residual rate, and by accuracy floor."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from neuralfuse.registry import NO_GENERATOR, NO_PROTECTION
from nfenergy.ground.columns import Column

CURVE, MODEL = "voltage curve", "closed form of the protection"
RELATIVE = "of the unprotected base model's at nominal voltage"


def combined(protection: str, generator: str) -> str:
    """A protection and a generator in a word or two."""
    if generator == NO_GENERATOR:
        return protection
    return generator if protection == NO_PROTECTION else f"{protection} + {generator}"


def _voltage(meaning: str = "supply voltage of the weight SRAM") -> Column:
    return Column(meaning, unit="Vmin", source=CURVE, low=0.0, high=1.0)


def _rate(meaning: str, name: str, source: str) -> Column:
    return Column(meaning, unit="%", source=source, name=name, percent=True, low=0.0, high=50.0)


def _energy() -> Column:
    return Column(f"energy of one inference {RELATIVE}, generator included", unit="%", low=0.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class ProtectionRow:
    """One protection of one base model's weight memory at the operating point, alone or with a generator."""

    base: Annotated[str, Column("base model, and what tells it from others of its name")]
    protection: Annotated[str, Column("of the weight memory")] = NO_PROTECTION
    title: Annotated[str, Column("what the protection does")] = ""
    generator: Annotated[str, Column("in front of the base model")] = NO_GENERATOR
    measure: Annotated[str, Column("what energy is reckoned by")]
    voltage_norm: Annotated[float, _voltage()]
    bit_error_rate: Annotated[float, _rate("at which single cells misread", "cell_error_rate_percent", CURVE)]
    residual_rate: Annotated[
        float, _rate("bit error rate left, mean over a weight's bits", "residual_rate_percent", MODEL)
    ]
    residual_rate_top: Annotated[
        float, _rate("bit error rate left in a weight's highest bit", "residual_rate_top_percent", MODEL)
    ]
    energy_percent: Annotated[float, _energy()]
    extra_storage_percent: Annotated[float, Column("cells added, of the weights' cells", unit="%", low=0.0)]
    area_percent: Annotated[
        float | None, Column("area of the memory, of one without protection; empty: no source", unit="%")
    ]
    latency_overhead_percent: Annotated[
        float, Column("cycles of the generator; a decoder's delay is not in it", unit="%", low=0.0)
    ]
    perturbed_percent: Annotated[
        float | None, Column("accuracy measured there, mean over chips", unit="%", source="test images")
    ] = None
    perturbed_std_percent: Annotated[
        float | None, Column("its standard deviation over chips", unit="%", source="test images")
    ] = None
    source: Annotated[str, Column("of the costs, and what is not in them")]

    @property
    def name(self) -> str:
        """Protection and generator in a word or two."""
        return combined(self.protection, self.generator)


@dataclass(frozen=True, slots=True, kw_only=True)
class TargetRow:
    """The cheapest voltage at which one protection leaves at most a given bit error rate."""

    protection: Annotated[str, Column("of the weight memory")]
    target_rate: Annotated[float, _rate("bit error rate to be left at most", "target_rate_percent", "asked")]
    measure: Annotated[str, Column("what energy is reckoned by")]
    voltage_norm: Annotated[float, _voltage("lowest supply voltage that does")]
    bit_error_rate: Annotated[float, _rate("cell error rate there", "cell_error_rate_percent", CURVE)]
    beyond_curve: Annotated[
        bool, Column("the rate is below the lowest measured one; its slope was continued", source=CURVE)
    ]
    energy_percent: Annotated[float, _energy()]
    unprotected_energy_percent: Annotated[float, Column(f"without protection, {RELATIVE}", unit="%", low=0.0)]
    turning_read_factor: Annotated[
        float | None,
        Column("read factor of SECDED(72,64) at which both cost the same; empty: it adds no reading energy"),
    ]

    @property
    def pays(self) -> Annotated[bool, Column("cheaper than no protection at the same residual rate")]:
        return self.energy_percent < self.unprotected_energy_percent


@dataclass(frozen=True, slots=True, kw_only=True)
class FloorRow:
    """The cheapest measured voltage at which one combination keeps an accuracy."""

    base: Annotated[str, Column("base model, and what tells it from others of its name")]
    protection: Annotated[str, Column("of the weight memory")]
    generator: Annotated[str, Column("in front of the base model")]
    measure: Annotated[str, Column("what energy is reckoned by")]
    floor_percent: Annotated[float, Column("accuracy asked for", unit="%", low=0.0, high=100.0)]
    voltage_norm: Annotated[float, _voltage("lowest measured supply voltage that keeps it")]
    bit_error_rate: Annotated[float, _rate("cell error rate there", "cell_error_rate_percent", CURVE)]
    energy_percent: Annotated[float, _energy()]
    perturbed_percent: Annotated[float, Column("accuracy there, mean over chips", unit="%")]

    @property
    def name(self) -> str:
        """Protection and generator in a word or two."""
        return combined(self.protection, self.generator)
