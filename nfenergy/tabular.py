"""A simulation report as the records that reports and their CSV files are made of."""

from __future__ import annotations

from neuralfuse.registry import NO_GENERATOR
from nfenergy.machine import bandwidths_text, low_voltage_text
from nfenergy.simulation import NetworkResult, SimulationReport, layer_energies
from reports.layer_records import LayerRow
from reports.layer_rows import CountedNetwork, layer_rows
from reports.records import Saving
from topologies.layers import Topology


def saving_of(report: SimulationReport) -> Saving:
    """The report's row of a summary, sweep or trade-off."""
    machine, array, point = report.machine, report.machine.array, report.operating_point
    base, generator, setting = report.base, report.generator, machine.energy
    return Saving(
        base=network_of(base),
        base_width=report.base_width,
        generator=network_of(generator) if generator else NO_GENERATOR,
        dataset=report.dataset.name,
        input_shape=report.input_text,
        batch=report.inputs.batch,
        convention=machine.convention.name,
        deconvolution=machine.mapping,
        engine=machine.engine,
        array_rows=array.rows,
        array_cols=array.cols,
        dataflow=array.dataflow,
        ifmap_sram_kb=array.ifmap_sram_kb,
        filter_sram_kb=array.filter_sram_kb,
        ofmap_sram_kb=array.ofmap_sram_kb,
        bandwidths=bandwidths_text(array),
        weight_bits=machine.weight_bits,
        curve=point.curve,
        voltage_norm=point.voltage_norm,
        bit_error_rate=point.bit_error_rate,
        bit_error_rate_is_bound=point.bit_error_rate_is_bound,
        energy_per_access_norm=point.energy_per_access_norm,
        base_params=base.model.size.params,
        base_cycles=base.total_cycles,
        generator_params=generator.model.size.params if generator else 0,
        generator_cycles=generator.total_cycles if generator else 0,
        base_coverage=coverage_of(base.model.topology),
        base_left_out=left_out_of(base.model.topology),
        generator_coverage=coverage_of(generator.model.topology) if generator else None,
        generator_left_out=left_out_of(generator.model.topology) if generator else "",
        energy_table=setting.table.name,
        energy_unit=setting.table.unit,
        dram=setting.dram_kind,
        residency=setting.residency,
        access=setting.access,
        low_voltage=low_voltage_text(setting),
        leakage=setting.leakage,
        activation_bits=setting.activation_bits,
        measures=report.measures,
        domains=report.domains,
        clock_ghz=report.latency.clock_ghz,
        base_latency_ms=report.latency.base_ms,
        total_latency_ms=report.latency.total_ms,
        latency_overhead_percent=report.latency.overhead_percent,
    )


def network_of(result: NetworkResult) -> str:
    """What names the network in a table: as the user named it."""
    return result.model.network.given


def coverage_of(topology: Topology) -> float | None:
    """The share of the network's multiplications that the topology holds; None where it is not known."""
    return topology.coverage.share if topology.coverage else None


def left_out_of(topology: Topology) -> str:
    """What it leaves out, in words; empty for nothing."""
    return topology.coverage.left_out_text if topology.coverage else ""


def layer_rows_of(report: SimulationReport) -> list[LayerRow]:
    """One row for each layer of the base model and the generator."""
    return layer_rows(
        [
            CountedNetwork(
                name=network_of(result),
                role=result.model.network.role,
                topology=result.model.topology,
                counts=result.counts,
                energies=layer_energies(result.model.topology, result.counts, report.machine),
            )
            for result in report.networks
        ],
        dataset=report.dataset.name,
        batch=report.inputs.batch,
        array=report.machine.array,
        weight_bits=report.machine.weight_bits,
        energy_per_access_norm=report.operating_point.energy_per_access_norm,
        energy_unit=report.machine.energy.table.unit,
    )
