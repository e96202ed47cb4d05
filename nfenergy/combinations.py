"""Many combinations at several operating points, every network simulated once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from energy.array import PRESETS, SystolicArray
from energy.counts import twma, weights_per_word
from energy.curve import OperatingPoint, VoltageCurve, load_curve
from energy.engines import get_engine
from energy.savings import energy_saving, latency
from energy.scalesim import ProgressCallback
from neuralfuse.registry import Dataset, Network, get_dataset, get_network
from nfenergy.errors import InputError
from nfenergy.networks import network_model
from nfenergy.pipeline import DEFAULT_CURVE, NetworkResult, SimulationReport, simulate_together
from nfenergy.provenance import versions
from topologies.convention import get_convention


@dataclass(frozen=True, slots=True, kw_only=True)
class Machine:
    """The accelerator and the way of counting; fields as in `nfenergy.pipeline.simulate`."""

    array: SystolicArray = PRESETS["scale"]
    curve: VoltageCurve = field(default_factory=lambda: load_curve(DEFAULT_CURVE))
    convention: str = "paper"
    weight_bits: int = 8
    clock_ghz: float = 1.0
    engine: str = "closed-form"
    jobs: int | None = None


def simulate_combinations(
    bases: Sequence[str],
    generators: Sequence[str | None],
    dataset: str,
    machine: Machine,
    *,
    bit_error_rates: Sequence[float],
    base_width: float = 1.0,
    on_progress: ProgressCallback | None = None,
) -> list[SimulationReport]:
    """The cross product as `nfenergy.pipeline.simulate` would report each of its members.

    Args:
        bases: names of base models.
        generators: names of generators; None is the base model alone.
        dataset: decides the networks' form.
        machine: what to simulate for.
        bit_error_rates: operating points, fractions.
        base_width: factor on the base models' channels.
        on_progress: see `energy.scalesim.simulate`.

    Raises:
        InputError: a name, a rate or a setting that cannot be used.
        NfEnergyError: the engine failed.
    """
    if not 0 < machine.clock_ghz < 1000:
        raise InputError(f"clock is {machine.clock_ghz:g} GHz, expected more than 0 and less than 1000")
    data = get_dataset(dataset)
    base_networks = [get_network(name, "base") for name in bases]
    generator_networks = [None if name is None else get_network(name, "generator") for name in generators]
    points = [machine.curve.at_bit_error_rate(rate) for rate in bit_error_rates]
    wanted = [*base_networks, *(network for network in generator_networks if network is not None)]
    results = _simulate_networks(wanted, data, machine, base_width, on_progress)
    return [
        _report(
            results[base.name],
            None if generator is None else results[generator.name],
            data,
            machine,
            point=point,
            base_width=base_width,
        )
        for base in base_networks
        for generator in generator_networks
        for point in points
    ]


def _simulate_networks(
    networks: Sequence[Network],
    dataset: Dataset,
    machine: Machine,
    base_width: float,
    on_progress: ProgressCallback | None,
) -> dict[str, NetworkResult]:
    weights_per_word(machine.weight_bits)
    convention = get_convention(machine.convention)
    models = [
        network_model(network, dataset, convention, width=base_width) for network in dict.fromkeys(networks)
    ]
    counts = simulate_together(
        [model.topology for model in models],
        machine.array,
        engine=get_engine(machine.engine),
        jobs=machine.jobs,
        on_progress=on_progress,
    )
    return {
        model.network.name: NetworkResult(
            model=model, counts=records, twma=twma(records, weight_bits=machine.weight_bits)
        )
        for model, records in zip(models, counts, strict=True)
    }


def _report(
    base: NetworkResult,
    generator: NetworkResult | None,
    dataset: Dataset,
    machine: Machine,
    *,
    point: OperatingPoint,
    base_width: float,
) -> SimulationReport:
    convention = get_convention(machine.convention)
    return SimulationReport(
        convention=convention,
        deconvolution=convention.deconvolution(None),
        engine=get_engine(machine.engine),
        dataset=dataset,
        array=machine.array,
        weight_bits=machine.weight_bits,
        curve=machine.curve,
        operating_point=point,
        chosen_by_voltage=False,
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
