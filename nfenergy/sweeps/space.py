"""A sweep's design space: its axes spelt out, its networks built, its rows cut into parts."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import product

from energy.array import SystolicArray
from energy.curve import OperatingPoint, VoltageCurve
from energy.domains import EnergySetting
from neuralfuse.registry import DATASETS, NO_GENERATOR, Role
from neuralfuse.user_networks import find_network
from nfenergy.networks import NetworkModel, network_model
from nfenergy.sweeps.spec import SweepSpec
from topologies.convention import get_convention

ROWS_A_PART = 100_000

ModelKey = tuple[str, str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """Rows that are computed and written together: one pair of networks on consecutive accelerators."""

    dataset: str
    convention: str
    base: str
    generator: str
    first: int
    last: int


@dataclass(frozen=True)
class DesignSpace:
    """A specification with its axes spelt out and its networks built.

    Attributes:
        models: by network, data set and convention.
        accelerators: every array with every dataflow and SRAM size.
        points: every curve with every voltage or bit error rate.
        settings: every energy table with every residency; empty for no energies.
    """

    spec: SweepSpec
    models: dict[ModelKey, NetworkModel]
    accelerators: list[SystolicArray]
    points: list[tuple[VoltageCurve, OperatingPoint]]
    settings: list[EnergySetting]

    @classmethod
    def of(cls, spec: SweepSpec) -> DesignSpace:
        """Build the networks of `spec`, or recall them."""
        named: list[tuple[str, Role]] = [(name, "base") for name in spec.bases]
        named += [(name, "generator") for name in spec.generators if name != NO_GENERATOR]
        models = {
            (name, dataset, convention): network_model(
                find_network(name, role),
                DATASETS.find(dataset),
                get_convention(convention),
                spec.deconvolution,
                width=spec.base_width,
            )
            for (name, role), dataset, convention in product(named, spec.datasets, spec.conventions)
        }
        return cls(spec, models, spec.accelerators(), spec.operating_points(), spec.energy_settings())

    @cached_property
    def rows_an_accelerator(self) -> int:
        return len(self.spec.weight_bits) * max(1, len(self.settings)) * len(self.points)

    @property
    def rows(self) -> int:
        """Combinations in all."""
        spec = self.spec
        pairs = len(spec.datasets) * len(spec.conventions) * len(spec.bases) * len(spec.generators)
        return pairs * len(self.accelerators) * self.rows_an_accelerator

    def parts(self) -> Iterator[Part]:
        """The parts in the order of the result."""
        spec = self.spec
        step = max(1, ROWS_A_PART // self.rows_an_accelerator)
        for dataset, convention, base, generator in product(
            spec.datasets, spec.conventions, spec.bases, spec.generators
        ):
            for first in range(0, len(self.accelerators), step):
                yield Part(
                    dataset=dataset,
                    convention=convention,
                    base=base,
                    generator=generator,
                    first=first,
                    last=min(first + step, len(self.accelerators)),
                )
