"""Whose energy it is, in sentences: what a saving of weight accesses is worth to the whole system."""

from __future__ import annotations

from collections.abc import Mapping

from energy.measures import DEFAULT_MEASURE, ENERGY_DOMAINS, SYSTEM_MEASURE
from energy.savings import DomainEnergy

PLACES = {
    "none": "with weights from DRAM",
    "weights": "with weights on chip",
    "all": "with weights and activations on chip",
}


def verdict(by_residency: Mapping[str, Mapping[str, float]]) -> str:
    """What the saving of weight accesses is of the whole system.

    Args:
        by_residency: savings in percent by residency and measure.
    """
    first = next(iter(by_residency.values()))
    parts = [
        f"{_percent(saved[SYSTEM_MEASURE])}{of} {PLACES[residency]}"
        + (" (a loss)" if saved[SYSTEM_MEASURE] < 0 else "")
        for (residency, saved), of in zip(by_residency.items(), (" of the system", "", ""), strict=False)
    ]
    return f"{_percent(first[DEFAULT_MEASURE])} of weight accesses are {', '.join(parts)}"


def shares(domains: Mapping[str, DomainEnergy], role: str = "base") -> dict[str, float]:
    """The domains' shares of the system energy of ``base`` or ``generator``, in percent."""
    energies = {name: float(getattr(energy, role)) for name, energy in domains.items()}
    total = sum(energies.values())
    return {name: 100.0 * energy / total for name, energy in energies.items()} if total else {}


def shares_text(found: Mapping[str, float]) -> str:
    """The shares in words, the largest first."""
    titles = {domain.name: domain.title for domain in ENERGY_DOMAINS}
    largest = sorted(found.items(), key=lambda item: -item[1])
    return ", ".join(f"{titles[name]} {_percent(share)}" for name, share in largest)


def _percent(value: float) -> str:
    return f"{value:.1f} %" if abs(value) < 99.95 else f"{value:.0f} %"
