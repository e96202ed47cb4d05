"""A sweep's rows, whole columns at a time: the formulas of `nfenergy.pipeline.simulate` on arrays."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pyarrow as pa

from energy.counts import weights_per_word
from energy.measures import MEASURES, Counted, Measure
from energy.savings import costs
from energy.totals import NetworkTotals
from neuralfuse.registry import NO_GENERATOR
from nfenergy.ground.tables import arrow_schema
from nfenergy.machine import bandwidths_text
from nfenergy.sweeps.space import DesignSpace, ModelKey, Part
from reports.records import Saving
from topologies.convention import get_convention

Columns = dict[str, Any]


def rows_of(part: Part, space: DesignSpace, totals: Mapping[ModelKey, NetworkTotals]) -> pa.Table:
    """The rows of a part as `Saving`s: accelerators, then weight bits, then operating points.

    Args:
        part: which networks and accelerators.
        space: the sweep.
        totals: filter reads and cycles of every network on every accelerator of the sweep.
    """
    schema = arrow_schema(Saving)
    bits, points = space.spec.weight_bits, space.points
    shape = (part.last - part.first, len(bits), len(points))
    at_array, at_bits, at_point = (axis.ravel() for axis in np.indices(shape))
    columns: Columns = _of_part(part, space)
    columns |= _spread(_of_accelerators(part, space, totals), at_array)
    columns |= {"weight_bits": np.asarray(bits)[at_bits]}
    columns |= _spread(_of_points(space), at_point)
    columns |= _latencies(columns)
    words = np.asarray([weights_per_word(value) for value in bits])[at_bits]
    base, generator = (
        Counted(
            macs=columns.pop(f"{role}_macs"),
            filter_reads=columns.pop(f"{role}_reads"),
            weights_per_word=words,
        )
        for role in ("base", "generator")
    )
    for measure in MEASURES.values():
        columns |= _by_measure(measure, base, generator, columns, space)
    return pa.table([_arrow(columns[field.name], field, at_array.size) for field in schema], schema=schema)


def _of_part(part: Part, space: DesignSpace) -> Columns:
    base = space.models[part.base, part.dataset, part.convention].size
    columns: Columns = {
        "base": part.base,
        "base_width": space.spec.base_width,
        "generator": part.generator,
        "dataset": part.dataset,
        "convention": part.convention,
        "deconvolution": get_convention(part.convention).deconvolution(space.spec.deconvolution),
        "engine": space.spec.engine,
        "clock_ghz": space.spec.clock_ghz,
        "base_params": base.params,
        "base_macs": base.macs,
        "generator_params": 0,
        "generator_macs": 0,
    }
    if part.generator != NO_GENERATOR:
        generator = space.models[part.generator, part.dataset, part.convention].size
        columns |= {"generator_params": generator.params, "generator_macs": generator.macs}
    return columns


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
    spent = costs(measure, base, generator, columns["energy_per_access_norm"])
    return {
        f"base_{measure.quantity}": spent.base,
        f"base_lowered_{measure.quantity}": spent.lowered,
        f"base_low_{measure.quantity}": spent.base_low,
        f"generator_{measure.quantity}": spent.generator,
        f"{measure.name}_saving_percent": spent.saving_percent,
        f"{measure.name}_break_even_voltage_norm": _voltages(spent.break_even_share, columns, space),
    }


def _voltages(shares: Any, columns: Columns, space: DesignSpace) -> list[float | None]:
    """Where each row breaks even; rows of one share and curve are looked up once."""
    curves = {curve.name: curve for curve, _ in space.points}
    known: dict[tuple[float, str], float | None] = {}
    found = []
    rows = np.broadcast_to(shares, np.shape(columns["curve"])).tolist()
    for key in zip(rows, columns["curve"].tolist(), strict=True):
        if key not in known:
            known[key] = curves[key[1]].voltage_at_energy(1.0 - key[0])
        found.append(known[key])
    return found


def _spread(table: Columns, index: np.ndarray[Any, Any]) -> Columns:
    return {name: np.asarray(values)[index] for name, values in table.items()}


def _arrow(values: Any, field: pa.Field, rows: int) -> pa.Array:
    if np.ndim(values) == 0:
        return pa.repeat(pa.scalar(values, type=field.type), rows)
    return pa.array(values, type=field.type)
