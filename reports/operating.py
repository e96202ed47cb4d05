"""A saving at other voltages: what of its energy follows the accesses, and what the leakage."""

from __future__ import annotations

from energy.curve import CurvePoint, OperatingPoint
from energy.measures import LEAKAGE_EXPONENT, MEASURES
from energy.savings import SavingBy
from reports.records import Saving


def lowered(saving: Saving) -> tuple[str, ...]:
    """The SRAM domains of the base model at the operating point."""
    return tuple(name.replace("-", "_") for name in saving.low_voltage.split(",") if name)


def measures_at(saving: Saving, point: OperatingPoint | CurvePoint) -> dict[str, SavingBy]:
    """The savings at another operating point of the curve."""
    leaking = {f"{name}_leakage" for name in lowered(saving)} & saving.domains.keys()
    return {
        name: by.at(
            point.energy_per_access_norm,
            leaking=sum(saving.domains[domain].base for domain in leaking & set(MEASURES[name].domains)),
            voltage_norm=point.voltage_norm,
        )
        for name, by in saving.measures.items()
    }


def low_energy(saving: Saving, domain: str) -> float:
    """Energy of the base model in a domain at the operating point."""
    energy = saving.domains[domain].base
    if domain in lowered(saving):
        return energy * saving.energy_per_access_norm
    if domain.removesuffix("_leakage") in lowered(saving):
        return float(energy * saving.voltage_norm**LEAKAGE_EXPONENT)
    return energy
