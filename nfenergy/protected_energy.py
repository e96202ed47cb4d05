"""Energy of a base model whose weights lie in a protected memory, alone or behind generators."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from energy.curve import OperatingPoint
from energy.measures import Counted, Measure
from energy.savings import costs
from neuralfuse.memory.protection_costs import Costs
from neuralfuse.memory.protections import Protection
from neuralfuse.registry import NO_GENERATOR
from nfenergy.simulation import NetworkResult


@dataclass(frozen=True, slots=True, kw_only=True)
class Reckoning:
    """Energies of a base model behind one of several generators, relative to it alone at nominal voltage."""

    measure: Measure
    base: NetworkResult
    generators: Mapping[str, NetworkResult]
    read_factor: float
    bits: int

    def memory(self, protection: Protection) -> Costs:
        return protection.costs(self.bits).with_code_read(self.read_factor)

    def percent(self, memory: Costs, point: OperatingPoint, generator: str = NO_GENERATOR) -> float:
        """Energy of one inference in percent; the generator's weights lie in the same protected memory."""
        before = None if generator == NO_GENERATOR else self.generators[generator].counted
        spent = costs(
            self.measure,
            in_memory(self.base.counted, memory),
            None if before is None else in_memory(before, memory),
            point.energy_per_access_norm,
            point.voltage_norm,
        )
        nominal = costs(self.measure, self.base.counted, None, 1.0).base
        return float(100.0 * (spent.base_low + spent.generator) / nominal)

    def latency_percent(self, generator: str) -> float:
        """Cycles that a generator adds to the base model's."""
        if generator == NO_GENERATOR:
            return 0.0
        return 100.0 * self.generators[generator].total_cycles / self.base.total_cycles


def in_memory(counted: Counted, memory: Costs) -> Counted:
    """What measures are calculated from where the weight memory costs so much more to read.

    A multiply-accumulate counts as one access of that memory (see `MEASURES`). Where energies are counted,
    those of filling the memory grow with those of reading it.
    """
    factors = {"weight_sram": memory.read, "weight_sram_leakage": memory.leakage}
    return replace(
        counted,
        macs=counted.macs * memory.read,
        filter_reads=counted.filter_reads * memory.read,
        energies={name: energy * factors.get(name, 1.0) for name, energy in counted.energies.items()},
    )
