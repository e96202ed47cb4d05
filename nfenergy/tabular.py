"""A simulation report as the records that reports and their CSV files are made of."""

from __future__ import annotations

from nfenergy.simulation import SimulationReport
from reports.layer_rows import CountedNetwork, layer_rows
from reports.names import NO_GENERATOR
from reports.records import LayerRow, Saving


def saving_of(report: SimulationReport) -> Saving:
    """The report's row of a summary, sweep or trade-off."""
    array, point = report.array, report.operating_point
    base, generator = report.base, report.generator
    return Saving(
        base=base.model.network.name,
        base_width=report.base_width,
        generator=generator.model.network.name if generator else NO_GENERATOR,
        dataset=report.dataset.name,
        convention=report.convention.name,
        engine=report.engine,
        array_rows=array.rows,
        array_cols=array.cols,
        dataflow=array.dataflow,
        ifmap_sram_kb=array.ifmap_sram_kb,
        filter_sram_kb=array.filter_sram_kb,
        ofmap_sram_kb=array.ofmap_sram_kb,
        weight_bits=report.weight_bits,
        curve=point.curve,
        voltage_norm=point.voltage_norm,
        bit_error_rate=point.bit_error_rate,
        energy_per_access_norm=point.energy_per_access_norm,
        base_params=base.model.size.params,
        base_macs=base.model.size.macs,
        base_twma=base.twma,
        base_cycles=base.total_cycles,
        generator_params=generator.model.size.params if generator else 0,
        generator_macs=generator.model.size.macs if generator else 0,
        generator_twma=generator.twma if generator else 0.0,
        generator_cycles=generator.total_cycles if generator else 0,
        twma_saving_percent=report.saving.twma_percent,
        mac_saving_percent=report.saving.mac_percent,
        twma_break_even_voltage_norm=report.saving.twma_break_even.voltage_norm,
        mac_break_even_voltage_norm=report.saving.mac_break_even.voltage_norm,
        clock_ghz=report.latency.clock_ghz,
        base_latency_ms=report.latency.base_ms,
        total_latency_ms=report.latency.total_ms,
        latency_overhead_percent=report.latency.overhead_percent,
    )


def layer_rows_of(report: SimulationReport) -> list[LayerRow]:
    """One row for each layer of the base model and the generator."""
    return layer_rows(
        [
            CountedNetwork(
                role=result.model.network.role, topology=result.model.topology, counts=result.counts
            )
            for result in report.networks
        ],
        dataset=report.dataset.name,
        array=report.array,
        weight_bits=report.weight_bits,
        energy_per_access_norm=report.operating_point.energy_per_access_norm,
    )
