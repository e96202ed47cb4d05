"""Test data: savings calculated from the published T.W.M.A. and MACs, so that no simulator has to run.

Cycles are not published; here they follow the MACs.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from energy.array import SystolicArray
from energy.curve_files import load_curve
from energy.measures import Counted
from energy.savings import latency
from energy.savings import savings as savings_by_measure
from neuralfuse.accuracy import with_baselines
from neuralfuse.registry import NO_GENERATOR, paper_networks
from reports.fronts import with_standings
from reports.merge import Consent, Merged, merge
from reports.published import published_accuracies, published_params_macs, published_twma
from reports.records import Saving

CURVE = load_curve("stutz2021-14nm")

BASES = tuple(network.name for network in paper_networks() if network.role == "base")
GENERATORS = tuple(network.name for network in paper_networks() if network.role == "generator")
WEIGHTS_PER_WORD = 8


def saving(base: str, generator: str = NO_GENERATOR, *, rate: float = 0.01, weight_bits: int = 8) -> Saving:
    """One saving on CIFAR-10, 32 x 32 os."""
    twma = published_twma()
    sizes = {row.network: row for row in published_params_macs() if row.dataset == "cifar10"}
    point = CURVE.at_bit_error_rate(rate)
    has_generator = generator != NO_GENERATOR
    generator_macs = sizes[generator].macs if has_generator else 0
    counted = {
        name: Counted(
            macs=sizes[name].macs,
            filter_reads=WEIGHTS_PER_WORD * twma[name],
            weights_per_word=WEIGHTS_PER_WORD,
        )
        for name in (base, generator)
        if name != NO_GENERATOR
    }
    cycles, generator_cycles = sizes[base].macs // 500, generator_macs // 400
    time = latency(base_cycles=cycles, generator_cycles=generator_cycles, clock_ghz=1.0)
    array = SystolicArray()
    return Saving(
        base=base,
        generator=generator,
        dataset="cifar10",
        convention="paper",
        engine="closed-form",
        array_rows=array.rows,
        array_cols=array.cols,
        dataflow=array.dataflow,
        ifmap_sram_kb=array.ifmap_sram_kb,
        filter_sram_kb=array.filter_sram_kb,
        ofmap_sram_kb=array.ofmap_sram_kb,
        weight_bits=weight_bits,
        curve=CURVE.name,
        voltage_norm=point.voltage_norm,
        bit_error_rate=rate,
        energy_per_access_norm=point.energy_per_access_norm,
        base_params=sizes[base].params,
        base_cycles=cycles,
        generator_params=sizes[generator].params if has_generator else 0,
        generator_cycles=generator_cycles,
        measures=savings_by_measure(
            counted[base], counted.get(generator), point.energy_per_access_norm, CURVE
        ),
        clock_ghz=1.0,
        base_latency_ms=time.base_ms,
        total_latency_ms=time.total_ms,
        latency_overhead_percent=time.overhead_percent,
    )


def savings(
    bases: Sequence[str] = BASES,
    generators: Sequence[str] = GENERATORS,
    rates: Sequence[float] = (0.01,),
    *,
    alone: bool = True,
) -> list[Saving]:
    """Savings of the combinations and, on request, of the base models alone, nominal voltage included."""
    found = [
        saving(base, generator, rate=rate) for base in bases for generator in generators for rate in rates
    ]
    if alone:
        found += [saving(base, rate=rate) for base in bases for rate in (0.0, *rates)]
    return found


def merged(
    bases: Sequence[str] = BASES,
    generators: Sequence[str] = GENERATORS,
    rates: Sequence[float] = (0.01,),
) -> Merged:
    """The savings above joined with the published CIFAR-10 accuracies."""
    accuracies = [
        row
        for row in with_baselines(published_accuracies())
        if row.dataset == "cifar10"
        and row.base in bases
        and row.generator in (*generators, NO_GENERATOR)
        and row.bit_error_rate in (0.0, *rates)
    ]
    found = merge(savings(bases, generators, rates), accuracies, consent=Consent(published=True))
    return replace(found, tradeoffs=with_standings(found.tradeoffs))
