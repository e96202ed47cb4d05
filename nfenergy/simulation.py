"""The parts of a simulation: the machine, the networks counted on it, and the report put together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import islice

from energy import counts as count
from energy.array import PRESETS, SystolicArray
from energy.counts import LayerCounts
from energy.curve import OperatingPoint, VoltageCurve, load_curve
from energy.engines import get_engine
from energy.engines import simulate as run_engine
from energy.savings import EnergySaving, Latency, energy_saving, latency
from energy.scalesim.engine import ProgressCallback
from neuralfuse.registry import Dataset, Network
from nfenergy.ground.errors import InputError
from nfenergy.ground.provenance import versions
from nfenergy.networks import NetworkModel, network_model
from nfenergy.user_networks import check_distinct
from topologies.convention import CONVENTIONS, Convention
from topologies.layers import Topology

DEFAULT_CURVE = "stutz2021-14nm"


@dataclass(frozen=True, slots=True, kw_only=True)
class Machine:
    """The accelerator and the way of counting.

    Attributes:
        array: the accelerator.
        curve: its voltage curve.
        convention: see `topologies.convention`.
        deconvolution: a mapping that the convention allows; None for its default.
        weight_bits: bits a stored weight.
        clock_ghz: clock that turns cycles into latency.
        engine: a name in `energy.engines.ENGINES`.
        jobs: simulator processes at a time; None takes one a core.

    Raises:
        InputError: a value that cannot be used.
    """

    array: SystolicArray = PRESETS["scale"]
    curve: VoltageCurve = field(default_factory=lambda: load_curve(DEFAULT_CURVE))
    convention: Convention = CONVENTIONS["paper"]
    deconvolution: str | None = None
    weight_bits: int = 8
    clock_ghz: float = 1.0
    engine: str = "scalesim"
    jobs: int | None = None

    def __post_init__(self) -> None:
        if not 0 < self.clock_ghz < 1000:
            raise InputError(f"clock is {self.clock_ghz:g} GHz, expected more than 0 and less than 1000")
        get_engine(self.engine)
        count.weights_per_word(self.weight_bits)
        self.convention.deconvolution(self.deconvolution)


@dataclass(frozen=True, slots=True, kw_only=True)
class NetworkResult:
    """One network's share of a simulation.

    Attributes:
        model: the network with its parameters, MACs and topology.
        counts: the engine's records, one a layer.
        twma: T.W.M.A. in 64-bit SRAM words, summed over the layers that read stored weights.
    """

    model: NetworkModel
    counts: tuple[LayerCounts, ...]
    twma: float

    @property
    def sram_filter_reads(self) -> int:
        """Reads of stored weights; what products of two activations read on the filter port is left out."""
        return count.filter_reads(self.model.topology.of_weights(self.counts))

    @property
    def total_cycles(self) -> int:
        return count.total_cycles(self.counts)


@dataclass(frozen=True, slots=True, kw_only=True)
class SimulationReport:
    """A base model at low voltage behind a generator at nominal voltage, on one accelerator."""

    convention: Convention
    deconvolution: str
    engine: str
    dataset: Dataset
    array: SystolicArray
    weight_bits: int
    curve: VoltageCurve
    operating_point: OperatingPoint
    chosen_by_voltage: bool
    base: NetworkResult
    base_width: float
    generator: NetworkResult | None
    saving: EnergySaving
    latency: Latency
    versions: dict[str, str]

    @property
    def networks(self) -> tuple[NetworkResult, ...]:
        """The base model and, where there is one, the generator."""
        return (self.base,) if self.generator is None else (self.base, self.generator)


def count_networks(
    networks: Sequence[Network],
    dataset: Dataset,
    machine: Machine,
    *,
    base_width: float = 1.0,
    on_progress: ProgressCallback | None = None,
) -> dict[Network, NetworkResult]:
    """Each network once on `machine`; `base_width` scales a base model's channels.

    Raises:
        InputError: the width is out of range, a layer cannot be counted, or two networks share a name.
        NfEnergyError: the engine failed.
    """
    if not 0 < base_width <= 4:
        raise InputError(f"width is {base_width:g}, expected more than 0 and at most 4")
    check_distinct(networks)
    models = [
        network_model(network, dataset, machine.convention, machine.deconvolution, width=base_width)
        for network in dict.fromkeys(networks)
    ]
    counts = simulate_together(
        [model.topology for model in models],
        machine.array,
        engine=get_engine(machine.engine),
        jobs=machine.jobs,
        on_progress=on_progress,
    )
    return {
        network: NetworkResult(
            model=model,
            counts=records,
            twma=count.twma(model.topology.of_weights(records), weight_bits=machine.weight_bits),
        )
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
    chosen_by_voltage: bool = False,
) -> SimulationReport:
    """What follows from the counts of a base model and, where there is one, its generator."""
    return SimulationReport(
        convention=machine.convention,
        deconvolution=machine.convention.deconvolution(machine.deconvolution),
        engine=get_engine(machine.engine),
        dataset=dataset,
        array=machine.array,
        weight_bits=machine.weight_bits,
        curve=machine.curve,
        operating_point=point,
        chosen_by_voltage=chosen_by_voltage,
        base=base,
        base_width=base_width,
        generator=generator,
        saving=energy_saving(
            base_twma=base.twma,
            base_macs=base.model.size.macs,
            generator_twma=generator.twma if generator else 0.0,
            generator_macs=generator.model.size.macs if generator else 0,
            point=point,
            curve=machine.curve,
        ),
        latency=latency(
            base_cycles=base.total_cycles,
            generator_cycles=generator.total_cycles if generator else 0,
            clock_ghz=machine.clock_ghz,
        ),
        versions=versions(),
    )


def simulate_together(
    topologies: Sequence[Topology],
    array: SystolicArray,
    *,
    engine: str,
    jobs: int | None = None,
    on_progress: ProgressCallback | None = None,
) -> list[tuple[LayerCounts, ...]]:
    """Records by topology, from one call of the engine: they share its cores and its progress."""
    layers = tuple(layer for topology in topologies for layer in topology.layers)
    name = "+".join(topology.name for topology in topologies)
    records = iter(
        run_engine(
            Topology(name=name, layers=layers), array, engine=engine, jobs=jobs, on_progress=on_progress
        )
    )
    return [tuple(islice(records, len(topology.layers))) for topology in topologies]
