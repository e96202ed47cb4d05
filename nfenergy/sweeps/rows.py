"""A sweep's rows, whole columns at a time: the formulas of `nfenergy.pipeline.simulate` on arrays."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pyarrow as pa

from energy.counts import weights_per_word
from energy.savings import break_even, saving_percent
from energy.totals import NetworkTotals
from nfenergy.sweeps.space import DesignSpace, ModelKey, Part
from reports.columns import SAVING_COLUMNS, Kind
from reports.names import NO_GENERATOR

ARROW_TYPES: dict[Kind, pa.DataType] = {
    "text": pa.string(),
    "integer": pa.int64(),
    "number": pa.float64(),
    "boolean": pa.bool_(),
}

SCHEMA = pa.schema([(column.name, ARROW_TYPES[column.kind]) for column in SAVING_COLUMNS])

Columns = dict[str, Any]


def rows_of(part: Part, space: DesignSpace, totals: Mapping[ModelKey, NetworkTotals]) -> pa.Table:
    """The rows of a part in `SCHEMA`: accelerators, then weight bits, then operating points.

    Args:
        part: which networks and accelerators.
        space: the sweep.
        totals: filter reads and cycles of every network on every accelerator of the sweep.
    """
    bits, points = space.spec.weight_bits, space.points
    shape = (part.last - part.first, len(bits), len(points))
    at_array, at_bits, at_point = (axis.ravel() for axis in np.indices(shape))
    columns: Columns = _of_part(part, space)
    columns |= _spread(_of_accelerators(part, space, totals), at_array)
    columns |= {"weight_bits": np.asarray(bits)[at_bits]}
    columns |= _spread(_of_points(space), at_point)
    words = np.asarray([weights_per_word(value) for value in bits])[at_bits]
    columns["base_twma"] = columns.pop("base_reads") / words
    columns["generator_twma"] = columns.pop("generator_reads") / words
    columns |= _savings(columns)
    columns |= _break_even_voltages(columns, space)
    return pa.table([_arrow(columns[field.name], field, at_array.size) for field in SCHEMA], schema=SCHEMA)


def _of_part(part: Part, space: DesignSpace) -> Columns:
    base = space.models[part.base, part.dataset, part.convention].size
    columns: Columns = {
        "base": part.base,
        "base_width": space.spec.base_width,
        "generator": part.generator,
        "dataset": part.dataset,
        "convention": part.convention,
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
    return {
        "array_rows": [array.rows for array in arrays],
        "array_cols": [array.cols for array in arrays],
        "dataflow": [array.dataflow for array in arrays],
        "ifmap_sram_kb": [array.ifmap_sram_kb for array in arrays],
        "filter_sram_kb": [array.filter_sram_kb for array in arrays],
        "ofmap_sram_kb": [array.ofmap_sram_kb for array in arrays],
        "base_reads": base.filter_reads[chosen],
        "base_cycles": base.total_cycles[chosen],
        "generator_reads": none if generator is None else generator.filter_reads[chosen],
        "generator_cycles": none if generator is None else generator.total_cycles[chosen],
    }


def _of_points(space: DesignSpace) -> Columns:
    points = [point for _, point in space.points]
    return {
        "curve": [point.curve for point in points],
        "voltage_norm": [point.voltage_norm for point in points],
        "bit_error_rate": [point.bit_error_rate for point in points],
        "energy_per_access_norm": [point.energy_per_access_norm for point in points],
    }


def _savings(columns: Columns) -> Columns:
    energy = columns["energy_per_access_norm"]
    base_ms, generator_ms = (
        columns[f"{role}_cycles"] / columns["clock_ghz"] / 1e6 for role in ("base", "generator")
    )
    return {
        "twma_saving_percent": saving_percent(
            base_accesses=columns["base_twma"],
            generator_accesses=columns["generator_twma"],
            energy_per_access_norm=energy,
        ),
        "mac_saving_percent": saving_percent(
            base_accesses=columns["base_macs"],
            generator_accesses=columns["generator_macs"],
            energy_per_access_norm=energy,
        ),
        "base_latency_ms": base_ms,
        "total_latency_ms": base_ms + generator_ms,
        "latency_overhead_percent": 100.0 * columns["generator_cycles"] / columns["base_cycles"],
    }


def _break_even_voltages(columns: Columns, space: DesignSpace) -> Columns:
    curves = {curve.name: curve for curve, _ in space.points}

    def voltage(base_accesses: float, generator_accesses: float, curve: str) -> float | None:
        point = break_even(
            base_accesses=base_accesses, generator_accesses=generator_accesses, curve=curves[curve]
        )
        return point.voltage_norm

    known: dict[tuple[float, float, str], float | None] = {}
    found = []
    for key in zip(
        columns["base_twma"].tolist(), columns["generator_twma"].tolist(), columns["curve"], strict=True
    ):
        if key not in known:
            known[key] = voltage(*key)
        found.append(known[key])
    macs = {name: voltage(columns["base_macs"], columns["generator_macs"], name) for name in curves}
    return {
        "twma_break_even_voltage_norm": found,
        "mac_break_even_voltage_norm": [macs[name] for name in columns["curve"]],
    }


def _spread(table: Columns, index: np.ndarray[Any, Any]) -> Columns:
    return {name: np.asarray(values)[index] for name, values in table.items()}


def _arrow(values: Any, field: pa.Field, rows: int) -> pa.Array:
    if np.ndim(values) == 0:
        return pa.repeat(pa.scalar(values, type=field.type), rows)
    return pa.array(values, type=field.type)
