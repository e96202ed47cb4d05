"""The networks counted on a machine, and the report put together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING

from energy import counts as count
from energy.accesses import MemorySizes, Traffic, extents_of, layer_traffic, network_traffic
from energy.counts import LayerCounts, weights_per_word
from energy.curve import OperatingPoint
from energy.domains import EnergySetting, domain_accesses, domain_energies, domain_scales
from energy.engines import simulate as run_engine
from energy.measures import Counted
from energy.savings import DomainEnergy, Latency, SavingBy, domain_costs, latency, savings
from energy.scalesim.engine import ProgressCallback
from neuralfuse.registry import Dataset, Network
from neuralfuse.user_networks import check_distinct
from nfenergy.ground.errors import InputError
from nfenergy.ground.provenance import versions
from nfenergy.machine import Machine
from nfenergy.networks import NetworkModel, network_model
from topologies.layers import Topology

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, slots=True, kw_only=True)
class InputSize:
    """What one run of the networks takes: the data set's shape unless another is given, without the batch."""

    shape: tuple[int, ...] | None = None
    batch: int = 1

    def __post_init__(self) -> None:
        if self.batch < 1:
            raise InputError(f"the batch is {self.batch}, expected at least 1")


ONE_OF_THE_DATASET = InputSize()


@dataclass(frozen=True, slots=True, kw_only=True)
class NetworkResult:
    """One network's share of a simulation.

    Attributes:
        model: the network with its parameters, MACs and topology.
        counts: the engine's records, one a layer.
        weight_bits: bits a stored weight.
        traffic: what the layers move through every memory.
        built: the machine's buffers.
        counted: what measures are calculated from.
    """

    model: NetworkModel
    counts: tuple[LayerCounts, ...]
    weight_bits: int
    traffic: tuple[Traffic, ...]
    built: MemorySizes
    counted: Counted

    @classmethod
    def of(cls, model: NetworkModel, counts: tuple[LayerCounts, ...], machine: Machine) -> NetworkResult:
        """From an engine's records."""
        traffic, built = layer_traffic(model.topology, counts), MemorySizes.of(machine.array)
        setting = machine.energy
        sizes = setting.sizes(built, extents_of(model.topology))
        return cls(
            model=model,
            counts=counts,
            weight_bits=machine.weight_bits,
            traffic=traffic,
            built=built,
            counted=Counted(
                macs=model.size.macs,
                filter_reads=count.filter_reads(counts),
                weights_per_word=weights_per_word(machine.weight_bits),
                energies=domain_energies(network_traffic(traffic), sizes, setting),
                low_voltage=setting.low_voltage,
            ),
        )

    def energies(self, setting: EnergySetting) -> dict[str, float]:
        """Energy of one inference by domain at nominal voltage, in another setting than the machine's."""
        sizes = setting.sizes(self.built, extents_of(self.model.topology))
        found = domain_energies(network_traffic(self.traffic), sizes, setting)
        return {name: float(energy) for name, energy in found.items()}

    def accesses(self, setting: EnergySetting) -> dict[str, float]:
        """What the energies are made of; see `energy.domains.domain_accesses`."""
        found = domain_accesses(network_traffic(self.traffic), setting)
        return {name: float(accesses) for name, accesses in found.items()}

    @property
    def twma(self) -> float:
        """T.W.M.A. in 64-bit SRAM words, summed over the layers that read stored weights."""
        return count.twma(self.model.topology.of_weights(self.counts), weight_bits=self.weight_bits)

    @property
    def sram_filter_reads(self) -> int:
        """Reads of stored weights; what products of two activations read on the filter port is left out."""
        return count.filter_reads(self.model.topology.of_weights(self.counts))

    @property
    def total_cycles(self) -> int:
        return count.total_cycles(self.counts)


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class SimulationReport:
    """A base model at low voltage behind a generator at nominal voltage, on one machine.

    Attributes:
        measures: the saving by every measure.
        domains: energies by domain, at nominal voltage.
        inputs: what one run takes; all figures are of that many samples.
    """

    dataset: Dataset
    machine: Machine
    operating_point: OperatingPoint
    chosen_by_voltage: bool
    base: NetworkResult
    base_width: float
    inputs: InputSize
    generator: NetworkResult | None
    measures: Mapping[str, SavingBy]
    domains: Mapping[str, DomainEnergy]
    latency: Latency
    versions: dict[str, str]

    def __repr__(self) -> str:
        from nfenergy.text import headline

        return headline(self)

    def _repr_html_(self) -> str:
        return f"<p>{self!r}</p>{self.to_frame().T.to_html(header=False)}"

    def to_frame(self) -> pd.DataFrame:
        """The report as a table of one row, with the columns of ``summary.csv``."""
        from nfenergy.ground.tables import to_frame
        from nfenergy.tabular import saving_of
        from reports.records import Saving

        return to_frame(Saving, [saving_of(self)])

    @property
    def input_text(self) -> str:
        """The input's extents as ``--input-shape`` takes them; empty for the data set's."""
        return "x".join(map(str, self.inputs.shape or ()))

    @property
    def scales(self) -> dict[str, float]:
        """Energy of every domain of the base model at the operating point, relative to nominal voltage."""
        return scales_at(self.machine.energy, self.operating_point)

    @property
    def networks(self) -> tuple[NetworkResult, ...]:
        """The base model and, where there is one, the generator."""
        return (self.base,) if self.generator is None else (self.base, self.generator)


def layer_energies(
    topology: Topology, counts: Sequence[LayerCounts], machine: Machine
) -> list[dict[str, float]]:
    """Energy of one inference by layer and domain at nominal voltage, in the unit of the machine's table."""
    setting, traffic = machine.energy, layer_traffic(topology, counts)
    sizes = setting.sizes(MemorySizes.of(machine.array), extents_of(topology))
    found = (domain_energies(layer, sizes, setting) for layer in traffic)
    return [{name: float(energy) for name, energy in layer.items()} for layer in found]


def scales_at(setting: EnergySetting, point: OperatingPoint) -> dict[str, float]:
    """See `energy.domains.domain_scales`."""
    found = domain_scales(
        setting, voltage_norm=point.voltage_norm, energy_per_access_norm=point.energy_per_access_norm
    )
    return {name: float(scale) for name, scale in found.items()}


def count_networks(
    networks: Sequence[Network],
    dataset: Dataset,
    machine: Machine,
    *,
    base_width: float = 1.0,
    inputs: InputSize = ONE_OF_THE_DATASET,
    on_progress: ProgressCallback | None = None,
) -> dict[Network, NetworkResult]:
    """Each network once on `machine`; `base_width` scales a base model's channels.

    Raises:
        InputError: the width is out of range, a layer cannot be counted, or two networks share a name.
        NfEnergyError: the engine failed.
    """
    if inputs.batch != 1 and machine.energy.residency != "none":
        raise InputError(
            f"--resident {machine.energy.residency} is of one sample at a time; leave it out or --batch "
            f"{inputs.batch}, whose convolutions are rows of the topology sample by sample"
        )
    if not 0 < base_width <= 4:
        raise InputError(f"width is {base_width:g}, expected more than 0 and at most 4")
    check_distinct(networks)
    models = [
        network_model(
            network,
            dataset,
            machine.convention,
            machine.deconvolution,
            width=base_width,
            input_shape=inputs.shape,
            batch=inputs.batch,
        )
        for network in dict.fromkeys(networks)
    ]
    counts = simulate_together([model.topology for model in models], machine, on_progress=on_progress)
    return {
        network: NetworkResult.of(model, records, machine)
        for network, model, records in zip(dict.fromkeys(networks), models, counts, strict=True)
    }


def report_of(
    base: NetworkResult,
    generator: NetworkResult | None,
    dataset: Dataset,
    machine: Machine,
    point: OperatingPoint,
    *,
    base_width: float = 1.0,
    inputs: InputSize = ONE_OF_THE_DATASET,
    chosen_by_voltage: bool = False,
) -> SimulationReport:
    """What follows from the counts of a base model and, where there is one, its generator."""
    return SimulationReport(
        dataset=dataset,
        machine=machine,
        operating_point=point,
        chosen_by_voltage=chosen_by_voltage,
        base=base,
        base_width=base_width,
        inputs=inputs,
        generator=generator,
        measures=savings(
            base.counted,
            generator.counted if generator else None,
            point.energy_per_access_norm,
            machine.curve,
            voltage_norm=point.voltage_norm,
        ),
        domains=domain_costs(base.counted, generator.counted if generator else None),
        latency=latency(
            base_cycles=base.total_cycles,
            generator_cycles=generator.total_cycles if generator else 0,
            clock_ghz=machine.clock_ghz,
        ),
        versions=versions(),
    )


def simulate_together(
    topologies: Sequence[Topology], machine: Machine, *, on_progress: ProgressCallback | None = None
) -> list[tuple[LayerCounts, ...]]:
    """Records by topology, from one call of the engine: they share its cores and its progress."""
    layers = tuple(layer for topology in topologies for layer in topology.layers)
    name = "+".join(topology.name for topology in topologies)
    records = iter(
        run_engine(
            Topology(name=name, layers=layers),
            machine.array,
            engine=machine.engine,
            jobs=machine.jobs,
            on_progress=on_progress,
        )
    )
    return [tuple(islice(records, len(topology.layers))) for topology in topologies]
