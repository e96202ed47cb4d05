"""The stages composed, from names to reports: what the API, the commands and the reports call."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from energy.counts import LayerCounts
from energy.curve import OperatingPoint, VoltageCurve
from energy.engines import simulate as run_engine
from energy.scalesim.engine import ProgressCallback
from neuralfuse.registry import DATASETS, Dataset
from neuralfuse.user_networks import find_network
from nfenergy.ground.errors import InputError
from nfenergy.machine import Machine
from nfenergy.simulation import InputSize, SimulationReport, count_networks, report_of
from topologies.layers import DENSE, Topology

DEFAULT_BIT_ERROR_RATE = 0.01
RATIOS_UNUSED = (
    "its sparsity ratios are ignored and its layers counted dense, as SCALE-Sim does; "
    "a cfg with SparsitySupport = true (--config) counts them sparse"
)


def simulate(
    base: str,
    generator: str | None = None,
    *,
    dataset: str = "cifar10",
    base_width: float = 1.0,
    input_shape: tuple[int, ...] | None = None,
    batch: int = 1,
    bit_error_rate: float | None = None,
    voltage_norm: float | None = None,
    machine: Machine | None = None,
    on_progress: ProgressCallback | None = None,
) -> SimulationReport:
    """From two names to the energy saved.

    Args:
        base: a base model that `neuralfuse.registry` knows, or ``file.py:function`` for one's own, see
            `neuralfuse.user_networks`.
        generator: a generator likewise, or None for the unprotected base model.
        dataset: decides the networks' form and input.
        base_width: factor on the base model's channels.
        input_shape: of the networks' input in place of the data set's, without the batch.
        batch: samples at a time.
        bit_error_rate: operating point by bit error rate, a fraction; 0.01 where neither is given.
        voltage_norm: operating point by voltage relative to Vmin.
        machine: the accelerator and the way of counting; the papers' by default.
        on_progress: see `energy.scalesim.engine.simulate`.

    Raises:
        InputError: an argument that cannot be used.
        NfEnergyError: the engine failed.
    """
    machine = machine or Machine()
    point = operating_point(machine.curve, bit_error_rate=bit_error_rate, voltage_norm=voltage_norm)
    data, base_network = DATASETS.find(dataset), find_network(base, "base")
    networks = [base_network]
    if generator is not None:
        networks.append(find_network(generator, "generator"))
    inputs = InputSize(shape=input_shape, batch=batch)
    results = count_networks(
        networks, data, machine, base_width=base_width, inputs=inputs, on_progress=on_progress
    )
    return report_of(
        results[base_network],
        results[networks[-1]] if generator is not None else None,
        data,
        machine,
        point,
        base_width=base_width,
        inputs=inputs,
        chosen_by_voltage=voltage_norm is not None,
    )


def operating_point(
    curve: VoltageCurve, *, bit_error_rate: float | None, voltage_norm: float | None
) -> OperatingPoint:
    """The point by bit error rate, a fraction, or by voltage; at `DEFAULT_BIT_ERROR_RATE` without either.

    Raises:
        InputError: both are given, or the curve does not have it.
    """
    if bit_error_rate is not None and voltage_norm is not None:
        raise InputError("give the operating point by bit error rate or by voltage, not by both")
    if voltage_norm is not None:
        return curve.at_voltage(voltage_norm)
    return curve.at_bit_error_rate(DEFAULT_BIT_ERROR_RATE if bit_error_rate is None else bit_error_rate)


def simulate_combinations(
    bases: Sequence[str],
    generators: Sequence[str | None],
    dataset: str | Dataset,
    machine: Machine,
    *,
    bit_error_rates: Sequence[float],
    base_width: float = 1.0,
    on_progress: ProgressCallback | None = None,
) -> list[SimulationReport]:
    """The cross product as `simulate` would report each of its members, every network counted once.

    Args:
        bases: base models, as in `simulate`.
        generators: generators; None is the base model alone.
        dataset: decides the networks' form; by name, or one of one's own.
        machine: what to simulate for.
        bit_error_rates: operating points, fractions.
        base_width: factor on the base models' channels.
        on_progress: see `energy.scalesim.engine.simulate`.

    Raises:
        InputError: a name, a rate or a setting that cannot be used.
        NfEnergyError: the engine failed.
    """
    data = DATASETS.find(dataset) if isinstance(dataset, str) else dataset
    base_networks = [find_network(name, "base") for name in bases]
    generator_networks = [None if name is None else find_network(name, "generator") for name in generators]
    points = [machine.curve.at_bit_error_rate(rate) for rate in bit_error_rates]
    wanted = [*base_networks, *(network for network in generator_networks if network is not None)]
    results = count_networks(wanted, data, machine, base_width=base_width, on_progress=on_progress)
    return [
        report_of(
            results[base],
            None if generator is None else results[generator],
            data,
            machine,
            point,
            base_width=base_width,
        )
        for base in base_networks
        for generator in generator_networks
        for point in points
    ]


def layers(
    topology: Topology, machine: Machine, *, on_progress: ProgressCallback | None = None
) -> tuple[LayerCounts, ...]:
    """One record for each layer of a topology, as `topologies.table.read` reads one.

    Sparsity ratios without a setting for them are left out with a word on stderr, as SCALE-Sim does
    without one.

    Raises:
        InputError: a layer cannot be counted on the machine.
        NfEnergyError: the engine failed.
    """
    if machine.array.sparsity is None and any(layer.sparsity != DENSE for layer in topology.layers):
        sys.stderr.write(f"nfenergy: {topology.name}: {RATIOS_UNUSED}\n")
    return run_engine(
        topology, machine.array, engine=machine.engine, jobs=machine.jobs, on_progress=on_progress
    )
