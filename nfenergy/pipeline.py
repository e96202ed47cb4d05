"""The stages composed: what the command line calls, and what a notebook calls.

>>> report = simulate(base="resnet18", generator="convs")  # doctest: +SKIP
>>> round(report.saving.twma_percent, 1)  # doctest: +SKIP
29.1
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from energy import counts as count
from energy.array import PRESETS, SystolicArray
from energy.counts import LayerCounts
from energy.curve import OperatingPoint, VoltageCurve, load_curve
from energy.engines import get_engine
from energy.engines import simulate as run_engine
from energy.savings import EnergySaving, Latency, energy_saving, latency
from energy.scalesim import ProgressCallback
from neuralfuse.registry import Dataset, get_dataset, get_network
from nfenergy.errors import InputError
from nfenergy.networks import NetworkModel, network_model
from nfenergy.provenance import versions
from topologies import table
from topologies.convention import Convention, get_convention
from topologies.layers import Topology

DEFAULT_BIT_ERROR_RATE = 0.01
DEFAULT_CURVE = "stutz2021-14nm"


@dataclass(frozen=True, slots=True, kw_only=True)
class NetworkResult:
    """One network's share of a simulation.

    Attributes:
        model: the network with its parameters, MACs and topology.
        counts: the engine's records, one a layer.
        twma: T.W.M.A. in 64-bit SRAM words.
    """

    model: NetworkModel
    counts: tuple[LayerCounts, ...]
    twma: float

    @property
    def sram_filter_reads(self) -> int:
        return count.filter_reads(self.counts)

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


def simulate(
    base: str,
    generator: str | None = None,
    *,
    dataset: str = "cifar10",
    base_width: float = 1.0,
    bit_error_rate: float | None = None,
    voltage_norm: float | None = None,
    curve: str | VoltageCurve = DEFAULT_CURVE,
    array: SystolicArray = PRESETS["scale"],
    convention: str = "paper",
    deconvolution: str | None = None,
    weight_bits: int = 8,
    clock_ghz: float = 1.0,
    engine: str = "scalesim",
    jobs: int | None = None,
    on_progress: ProgressCallback | None = None,
) -> SimulationReport:
    """From two names to the energy saved.

    Args:
        base: a base model that `neuralfuse.registry` knows.
        generator: a generator that it knows, or None for the unprotected base model.
        dataset: decides the networks' form and input.
        base_width: factor on the base model's channels.
        bit_error_rate: operating point by bit error rate, a fraction; 0.01 where neither is given.
        voltage_norm: operating point by voltage relative to Vmin.
        curve: a voltage curve, its name, or a file.
        array: the accelerator.
        convention: ``paper`` or ``exact``, see `topologies.convention`.
        deconvolution: a mapping that the convention allows; None for its default.
        weight_bits: bits a stored weight.
        clock_ghz: clock that turns cycles into latency.
        engine: see `energy.engines.ENGINES`.
        jobs, on_progress: see `energy.scalesim.simulate`.

    Raises:
        InputError: an argument that cannot be used.
        NfEnergyError: the engine failed.
    """
    if bit_error_rate is not None and voltage_norm is not None:
        raise InputError("give the operating point by bit error rate or by voltage, not by both")
    if not 0 < clock_ghz < 1000:
        raise InputError(f"clock is {clock_ghz:g} GHz, expected more than 0 and less than 1000")
    if not 0 < base_width <= 4:
        raise InputError(f"width is {base_width:g}, expected more than 0 and at most 4")
    engine = get_engine(engine)
    count.weights_per_word(weight_bits)
    voltage_curve = curve if isinstance(curve, VoltageCurve) else load_curve(curve)
    if voltage_norm is not None:
        point = voltage_curve.at_voltage(voltage_norm)
    else:
        point = voltage_curve.at_bit_error_rate(
            DEFAULT_BIT_ERROR_RATE if bit_error_rate is None else bit_error_rate
        )
    rules = get_convention(convention)
    data = get_dataset(dataset)
    networks = [get_network(base, "base")]
    if generator is not None:
        networks.append(get_network(generator, "generator"))
    models = [network_model(network, data, rules, deconvolution, width=base_width) for network in networks]
    counts = simulate_together(
        [model.topology for model in models], array, engine=engine, jobs=jobs, on_progress=on_progress
    )
    results = [
        NetworkResult(model=model, counts=records, twma=count.twma(records, weight_bits=weight_bits))
        for model, records in zip(models, counts, strict=True)
    ]
    base_result, generator_result = results[0], results[1] if generator is not None else None
    return SimulationReport(
        convention=rules,
        deconvolution=rules.deconvolution(deconvolution),
        engine=engine,
        dataset=data,
        array=array,
        weight_bits=weight_bits,
        curve=voltage_curve,
        operating_point=point,
        chosen_by_voltage=voltage_norm is not None,
        base=base_result,
        base_width=base_width,
        generator=generator_result,
        saving=energy_saving(
            base_twma=base_result.twma,
            base_macs=base_result.model.size.macs,
            generator_twma=generator_result.twma if generator_result else 0.0,
            generator_macs=generator_result.model.size.macs if generator_result else 0,
            point=point,
            curve=voltage_curve,
        ),
        latency=latency(
            base_cycles=base_result.total_cycles,
            generator_cycles=generator_result.total_cycles if generator_result else 0,
            clock_ghz=clock_ghz,
        ),
        versions=versions(),
    )


def layers(
    topology_file: str | Path,
    *,
    array: SystolicArray = PRESETS["scale"],
    engine: str = "scalesim",
    jobs: int | None = None,
    on_progress: ProgressCallback | None = None,
) -> tuple[LayerCounts, ...]:
    """One record for each layer of a SCALE-Sim topology file; arguments as in `simulate`.

    Raises:
        InputError: the file cannot be read as a topology; the message has its line.
        NfEnergyError: the engine failed.
    """
    topology = table.read(Path(topology_file))
    return run_engine(topology, array, engine=get_engine(engine), jobs=jobs, on_progress=on_progress)


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
