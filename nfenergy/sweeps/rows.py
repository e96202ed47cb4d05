"""A sweep's rows, whole columns at a time: the formulas of `nfenergy.pipeline.simulate` on arrays."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import pyarrow as pa

from energy.accesses import MemorySizes, extents_of
from energy.counts import weights_per_word
from energy.curve import VoltageCurve
from energy.domains import domain_energies
from energy.measures import ENERGY_DOMAINS, MEASURES, Counted, Measure
from energy.savings import Costs, break_even_voltage_norm, costs
from energy.totals import NetworkTotals
from neuralfuse.registry import NO_GENERATOR
from nfenergy.ground.rates import percent_of
from nfenergy.ground.tables import arrow_schema
from nfenergy.machine import bandwidths_text, low_voltage_text
from nfenergy.networks import NetworkModel
from nfenergy.sweeps.space import DesignSpace, ModelKey, Part
from nfenergy.tabular import coverage_of, left_out_of
from reports.records import Saving
from topologies.convention import get_convention

Columns = dict[str, Any]


def rows_of(part: Part, space: DesignSpace, totals: Mapping[ModelKey, NetworkTotals]) -> pa.Table:
    """The rows of a part as `Saving`s: accelerators, weight bits, energy settings, operating points.

    Args:
        part: which networks and accelerators.
        space: the sweep.
        totals: of every network on every accelerator of the sweep.
    """
    schema = arrow_schema(Saving)
    bits, points, settings = space.spec.weight_bits, space.points, space.settings
    shape = (part.last - part.first, len(bits), max(1, len(settings)), len(points))
    at_array, at_bits, at_setting, at_point = (axis.ravel() for axis in np.indices(shape))
    columns: Columns = _of_part(part, space)
    columns |= _spread(_of_accelerators(part, space, totals), at_array)
    columns |= {"weight_bits": np.asarray(bits)[at_bits]}
    columns |= _spread(_of_settings(space), at_setting)
    columns |= _spread(_of_points(space), at_point)
    columns |= _latencies(columns)
    words = np.asarray([weights_per_word(value) for value in bits])[at_bits]
    base, generator = (
        Counted(
            macs=columns.pop(f"{role}_macs"),
            filter_reads=columns.pop(f"{role}_reads"),
            weights_per_word=words,
            energies=energies,
            low_voltage=settings[0].low_voltage if settings else (),
        )
        for role, energies in zip(("base", "generator"), _energies(part, space, totals, shape), strict=True)
    )
    for measure in MEASURES.values():
        columns |= _by_measure(measure, base, generator, columns, space)
    for domain in ENERGY_DOMAINS:
        for role, counted in (("base", base), ("generator", generator)):
            columns[f"{role}_{domain.name}_energy"] = counted.energies.get(domain.name)
    return pa.table([_arrow(columns[field.name], field, at_array.size) for field in schema], schema=schema)


def _of_part(part: Part, space: DesignSpace) -> Columns:
    base = space.models[part.base, part.dataset, part.convention]
    columns: Columns = {
        "base": part.base,
        "base_width": space.spec.base_width,
        "generator": part.generator,
        "dataset": part.dataset,
        "input_shape": "",
        "batch": 1,
        "convention": part.convention,
        "deconvolution": get_convention(part.convention).deconvolution(space.spec.deconvolution),
        "engine": space.spec.engine,
        "clock_ghz": space.spec.clock_ghz,
        "base_params": base.size.params,
        "base_macs": base.size.macs,
        "generator_params": 0,
        "generator_macs": 0,
        **_coverage("base", base),
        "generator_coverage_percent": None,
        "generator_left_out": "",
    }
    if part.generator != NO_GENERATOR:
        generator = space.models[part.generator, part.dataset, part.convention]
        columns |= {"generator_params": generator.size.params, "generator_macs": generator.size.macs}
        columns |= _coverage("generator", generator)
    return columns


def _coverage(role: str, model: NetworkModel) -> Columns:
    share = coverage_of(model.topology)
    return {
        f"{role}_coverage_percent": None if share is None else percent_of(share),
        f"{role}_left_out": left_out_of(model.topology),
    }


def _of_accelerators(part: Part, space: DesignSpace, totals: Mapping[ModelKey, NetworkTotals]) -> Columns:
    arrays = space.accelerators[part.first : part.last]
    chosen = slice(part.first, part.last)
    base = totals[part.base, part.dataset, part.convention]
    generator = totals.get((part.generator, part.dataset, part.convention))
    none = np.zeros(len(arrays), dtype=np.int64)
    same = ("dataflow", "ifmap_sram_kb", "filter_sram_kb", "ofmap_sram_kb")
    return {
        "array_rows": [array.rows for array in arrays],
        "array_cols": [array.cols for array in arrays],
        **{name: [getattr(array, name) for array in arrays] for name in same},
        "bandwidths": [bandwidths_text(array) for array in arrays],
        "base_reads": base.filter_reads[chosen],
        "base_cycles": base.total_cycles[chosen],
        "generator_reads": none if generator is None else generator.filter_reads[chosen],
        "generator_cycles": none if generator is None else generator.total_cycles[chosen],
    }


def _of_settings(space: DesignSpace) -> Columns:
    """The columns of a `Saving` that say what its energies are of."""
    settings = space.settings
    if not settings:
        names = ("energy_table", "energy_unit", "dram", "residency", "access", "low_voltage")
        return {**{name: [""] for name in names}, "leakage": [False], "activation_bits": [8]}
    return {
        "energy_table": [setting.table.name for setting in settings],
        "energy_unit": [setting.table.unit for setting in settings],
        "dram": [setting.dram_kind for setting in settings],
        "residency": [setting.residency for setting in settings],
        "access": [setting.access for setting in settings],
        "low_voltage": [low_voltage_text(setting) for setting in settings],
        "leakage": [setting.leakage for setting in settings],
        "activation_bits": [setting.activation_bits for setting in settings],
    }


def _energies(
    part: Part, space: DesignSpace, totals: Mapping[ModelKey, NetworkTotals], shape: tuple[int, ...]
) -> tuple[Columns, Columns]:
    """Energies of base model and generator by domain, a figure a row."""
    built = MemorySizes.of(space.accelerators[part.first : part.last])
    found: list[Columns] = []
    for name in (part.base, part.generator):
        key = (name, part.dataset, part.convention)
        traffic = totals[key].traffic if key in totals else None
        if traffic is None:
            found.append({})
            continue
        moved = traffic.on(slice(part.first, part.last))
        extents = extents_of(space.models[key].topology)
        by_domain: dict[str, Any] = {}
        for at_bits, bits in enumerate(space.spec.weight_bits):
            for at_setting, setting in enumerate(space.settings):
                own = replace(setting, weight_bits=bits)
                for domain, energy in domain_energies(moved, own.sizes(built, extents), own).items():
                    cells = by_domain.setdefault(domain, np.zeros((*shape[:3], 1)))
                    cells[:, at_bits, at_setting, 0] = energy
        found.append({domain: np.broadcast_to(cells, shape).ravel() for domain, cells in by_domain.items()})
    base, generator = found
    return base, generator or {domain: np.zeros_like(cells) for domain, cells in base.items()}


def _of_points(space: DesignSpace) -> Columns:
    names = ("curve", "voltage_norm", "bit_error_rate", "bit_error_rate_is_bound", "energy_per_access_norm")
    return {name: [getattr(point, name) for _, point in space.points] for name in names}


def _latencies(columns: Columns) -> Columns:
    base_ms, generator_ms = (
        columns[f"{role}_cycles"] / columns["clock_ghz"] / 1e6 for role in ("base", "generator")
    )
    return {
        "base_latency_ms": base_ms,
        "total_latency_ms": base_ms + generator_ms,
        "latency_overhead_percent": 100.0 * columns["generator_cycles"] / columns["base_cycles"],
    }


def _by_measure(
    measure: Measure, base: Counted, generator: Counted, columns: Columns, space: DesignSpace
) -> Columns:
    """The columns of `energy.savings.SavingBy`."""
    names = [f"{role}_{measure.quantity}" for role in ("base", "base_lowered", "base_low", "generator")]
    even = f"{measure.name}_break_even_voltage_norm"
    if not measure.costs(base):
        return dict.fromkeys([*names, f"{measure.name}_saving_percent", even])
    voltages = columns["voltage_norm"]
    spent = costs(measure, base, generator, columns["energy_per_access_norm"], voltages)
    figures = (spent.base, spent.lowered, spent.base_low, spent.generator)
    return {
        **dict(zip(names, figures, strict=True)),
        f"{measure.name}_saving_percent": spent.saving_percent,
        even: _break_even_voltages(spent, columns, space),
    }


def _break_even_voltages(spent: Costs, columns: Columns, space: DesignSpace) -> Any:
    """Where each row breaks even; NaN for nowhere on its curve."""
    curves = list(dict.fromkeys(curve for curve, _ in space.points))
    points = np.array([curves.index(curve) for curve, _ in space.points])
    rows = np.resize(points, np.shape(columns["voltage_norm"]))
    found = np.empty(rows.shape)
    for number, curve in enumerate(curves):
        own = rows == number
        if np.ndim(spent.leaking) == 0:
            shares = np.broadcast_to(spent.break_even_share, rows.shape)[own]
            found[own] = curve.voltages_at_energy(1.0 - shares)
            continue
        parts = np.column_stack([spent.lowered[own], spent.leaking[own], spent.generator[own]])
        alike, which = np.unique(parts, axis=0, return_inverse=True)
        voltages = [_break_even_voltage(part, curve) for part in alike.tolist()]
        found[own] = np.array(voltages, dtype=float)[which.ravel()]
    return found


def _break_even_voltage(parts: list[float], curve: VoltageCurve) -> float | None:
    lowered, leaking, generator = parts
    spent = Costs(base=lowered + leaking, base_low=0.0, generator=generator, lowered=lowered, leaking=leaking)
    return break_even_voltage_norm(spent, curve)


def _spread(table: Columns, index: np.ndarray[Any, Any]) -> Columns:
    """Each row's value; texts as arrow's, which numpy would copy letter by letter."""
    return {
        name: pa.array(values).take(pa.array(index))
        if isinstance(values[0], str)
        else np.asarray(values)[index]
        for name, values in table.items()
    }


def _arrow(values: Any, field: pa.Field, rows: int) -> pa.Array:
    if isinstance(values, pa.Array):
        return values
    if values is None:
        return pa.nulls(rows, field.type)
    if np.ndim(values) == 0:
        return pa.repeat(pa.scalar(values, type=field.type), rows)
    return pa.array(values, type=field.type, from_pandas=True)
