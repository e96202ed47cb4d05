"""The savings of a run or a sweep in a file: those of one machine, chosen by the options that name it."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from energy.array import SystolicArray
from energy.curve import VoltageCurve
from energy.curve_files import CURVES, load_curve
from energy.domains import EnergySetting
from energy.energy_tables import ENERGY_TABLES
from neuralfuse.accuracy import Accuracy
from neuralfuse.registry import NO_GENERATOR
from nfenergy.ground.errors import InputError
from nfenergy.ground.table_files import read
from nfenergy.machine import (
    Machine,
    MachineArguments,
    array_of,
    bandwidths_text,
    energy_setting,
    low_voltage_text,
    machine_of,
)
from reports.explorer_data import ARRAY
from reports.records import CONFIGURATION, Saving
from topologies.convention import get_convention

WHAT = "a summary or sweep of nfenergy"
ENERGY_TOLERANCE = 1e-6
NETWORKS = ("base", "generator", "dataset")
FLAGS = {
    "array_rows": "--array",
    "array_cols": "--array",
    "ifmap_sram_kb": "--sram-kb",
    "filter_sram_kb": "--sram-kb",
    "ofmap_sram_kb": "--sram-kb",
    "bandwidths": "--bandwidth",
    "deconvolution": "--deconv",
    "residency": "--resident",
}
"""The option that chooses a column of a `Saving`, where it is not called like the column."""

SCENARIO = ("energy_table", "dram", "residency")
"""What decides energies, and neither counts nor accuracies."""

Columns = dict[str, str | int | float]


def chosen_savings(
    path: Path, accuracies: Sequence[Accuracy], arguments: MachineArguments
) -> tuple[list[Saving], Machine]:
    """The savings that may have an accuracy, all of one machine, and that machine.

    Args:
        path: ``summary.csv``, or a sweep's CSV or parquet file.
        accuracies: what is to be joined with them.
        arguments: what is given of the machine keeps the savings of such machines.

    Raises:
        InputError: see `nfenergy.ground.table_files.read`; nothing is left; several machines are left, where
            the message names the options that choose one; or the savings' curve is not at hand.
    """
    chosen = _chosen_columns(arguments)
    found = [saving for _, saving in read(Saving, path, WHAT, where=_keeps(accuracies, chosen))]
    if not found:
        words = ", ".join(f"{column} {value}" for column, value in chosen.items())
        raise InputError(
            f"{path} has no saving for these accuracies{' with ' + words if words else ''}; "
            "check --base, --gen, --dataset and the options of the machine"
        )
    _check_one_machine(found)
    curve = _curve_of(found[0], arguments)
    for saving in found:
        own = curve.at_voltage(saving.voltage_norm).energy_per_access_norm
        if not math.isclose(own, saving.energy_per_access_norm, rel_tol=ENERGY_TOLERANCE):
            raise InputError(
                f"{path}: energy_per_access_norm is {saving.energy_per_access_norm:g} at voltage "
                f"{saving.voltage_norm:g}, curve {curve.name!r} has {own:g}"
            )
    return found, _machine_of(found[0], curve, arguments)


def savings_of_other_arrays(path: Path, own: Sequence[Saving], *, most: int) -> tuple[list[Saving], int]:
    """The file's savings of the same networks on other arrays, or by other energy tables and residencies.

    Args:
        path: the file that `own` was read from.
        own: savings of one machine; the others agree with it in all that is neither array nor energy.
        most: arrays to take, `own`'s among them.

    Returns:
        The savings, and how many further arrays the file has.
    """
    fixed = {name: getattr(own[0], name) for name in CONFIGURATION if name not in (*ARRAY, *SCENARIO)}
    networks = {(saving.base, saving.generator, saving.dataset) for saving in own}
    voltages = {saving.voltage_norm for saving in own}
    taken = {_cells({name: getattr(own[0], name) for name in ARRAY}, ARRAY)}
    left_out = set()

    def keep(raw: Mapping[str, Any]) -> bool:
        base, generator, dataset = _cells(raw, NETWORKS)
        network = (base, generator or NO_GENERATOR, dataset)
        alike = all(_same(raw[name], _plain(value)) for name, value in fixed.items() if name in raw)
        if network not in networks or _number(raw.get("voltage_norm")) not in voltages or not alike:
            return False
        array = _cells(raw, ARRAY)
        if array not in taken and len(taken) >= most:
            left_out.add(array)
            return False
        taken.add(array)
        return True

    found = [saving for _, saving in read(Saving, path, WHAT, where=keep)]
    return found, len(left_out)


def _cells(raw: Mapping[str, Any], columns: Sequence[str]) -> tuple[str, ...]:
    """Cells as text, the same from CSV, parquet and a record."""
    return tuple(str(raw.get(name) or "") for name in columns)


def _plain(value: object) -> str | int | float:
    return str(value).lower() if isinstance(value, bool) else value  # type: ignore[return-value]


def _keeps(accuracies: Sequence[Accuracy], chosen: Columns) -> Callable[[Mapping[str, Any]], bool]:
    bases, datasets = {row.base for row in accuracies}, {row.dataset for row in accuracies}
    generators = {NO_GENERATOR, "", *(row.generator for row in accuracies)}
    bits = {row.weight_bits for row in accuracies}

    def keep(raw: Mapping[str, Any]) -> bool:
        base, generator, dataset = _cells(raw, NETWORKS)
        return (
            base in bases
            and dataset in datasets
            and generator in generators
            and _number(raw.get("weight_bits")) in {*bits, None}
            and all(_same(raw[name], value) for name, value in chosen.items() if name in raw)
        )

    return keep


def _same(found: object, value: str | int | float) -> bool:
    if isinstance(found, bool):
        found = str(found).lower()
    return str(found or "") == value if isinstance(value, str) else _number(found) in (value, None)


def _number(found: object) -> float | None:
    """A cell as a number; None for one that is none, which the table's own check will name."""
    try:
        return float(str(found))
    except ValueError:
        return None


def _chosen_columns(arguments: MachineArguments) -> Columns:
    """The columns of a `Saving` that the arguments decide."""
    given = {name for name, value in arguments.items() if value is not None}
    array, whole = array_of(arguments), "config" in given
    found: Columns = {}
    if whole or "array" in given:
        found |= {"array_rows": array.rows, "array_cols": array.cols}
    if whole or "dataflow" in given:
        found["dataflow"] = array.dataflow
    if whole or "sram_kb" in given:
        found |= {name: getattr(array, name) for name in ("ifmap_sram_kb", "filter_sram_kb", "ofmap_sram_kb")}
    if whole or "bandwidth" in given:
        found["bandwidths"] = bandwidths_text(array)
    machine = machine_of({**arguments, "config": None, "array": None}, engine="closed-form")
    direct: dict[str, tuple[str, str | int | float]] = {
        "curve": ("curve", machine.curve.name),
        "convention": ("convention", machine.convention.name),
        "deconv": ("deconvolution", machine.mapping),
        "weight_bits": ("weight_bits", machine.weight_bits),
        "clock_ghz": ("clock_ghz", machine.clock_ghz),
        "engine": ("engine", machine.engine),
        "energy_table": ("energy_table", machine.energy.table.name),
        "dram": ("dram", machine.energy.dram_kind),
        "resident": ("residency", machine.energy.residency),
        "access": ("access", machine.energy.access),
        "low_voltage": ("low_voltage", low_voltage_text(machine.energy)),
        "leakage": ("leakage", str(machine.energy.leakage).lower()),
        "activation_bits": ("activation_bits", machine.energy.activation_bits),
    }
    return found | dict(direct[name] for name in direct if name in given)


def _check_one_machine(savings: Sequence[Saving]) -> None:
    by_flag: dict[str, list[str]] = {}
    for column in CONFIGURATION:
        by_flag.setdefault(FLAGS.get(column, "--" + column.replace("_", "-")), []).append(column)
    found = {flag: _values(savings, columns) for flag, columns in by_flag.items()}
    differing = {flag: values for flag, values in found.items() if len(values) > 1}
    if differing:
        listed = "; ".join(f"{flag} ({', '.join(values[:6])})" for flag, values in differing.items())
        raise InputError(f"the savings are of several machines; choose one with {listed}")


def _values(savings: Sequence[Saving], columns: Sequence[str]) -> list[str]:
    """What the savings have in `columns`, as the option that decides them takes it."""
    mark = "x" if "array_rows" in columns else "/"
    return sorted({mark.join(str(getattr(saving, name)) for name in columns) or "none" for saving in savings})


def _curve_of(saving: Saving, arguments: MachineArguments) -> VoltageCurve:
    given = arguments.get("curve")
    if given is not None:
        assume_v2 = bool(arguments.get("assume_v2"))
        return given if isinstance(given, VoltageCurve) else load_curve(given, assume_v2=assume_v2)
    if saving.curve not in CURVES:
        raise InputError(f"the savings were made with voltage curve {saving.curve!r}; give it with --curve")
    return load_curve(saving.curve)


def _energy_of(saving: Saving, arguments: MachineArguments) -> EnergySetting:
    """The setting of a saving's energies; the default one where a file has none."""
    if not saving.energy_table:
        return EnergySetting()
    given = arguments.get("energy_table")
    if given is None and saving.energy_table not in ENERGY_TABLES:
        raise InputError(
            f"the savings were made with energy table {saving.energy_table!r}; give it with --energy-table"
        )
    return energy_setting(
        {
            "energy_table": given or saving.energy_table,
            "dram": _told(saving.dram, arguments.get("dram"), "--dram"),
            "resident": _told(saving.residency, arguments.get("resident"), "--resident"),
            "access": _told(saving.access, arguments.get("access"), "--access"),
            "low_voltage": saving.low_voltage,
            "leakage": saving.leakage,
            "activation_bits": saving.activation_bits,
        }
    )


def _told(recorded: str, given: str | None, option: str) -> str:
    """What the savings record of a setting, or what the user says of it."""
    if not (recorded or given):
        raise InputError(f"the savings have energies and do not say of which {option}; give it")
    return recorded or given or ""


def _machine_of(saving: Saving, curve: VoltageCurve, arguments: MachineArguments) -> Machine:
    array = SystolicArray(
        rows=saving.array_rows,
        cols=saving.array_cols,
        dataflow=saving.dataflow,
        ifmap_sram_kb=saving.ifmap_sram_kb,
        filter_sram_kb=saving.filter_sram_kb,
        ofmap_sram_kb=saving.ofmap_sram_kb,
    )
    try:
        array = array_of({"array": array, "bandwidth": saving.bandwidths or None})
    except InputError as error:
        raise InputError(f"the savings' bandwidths: {error}") from error
    return Machine(
        array=array,
        curve=curve,
        convention=get_convention(saving.convention),
        deconvolution=saving.deconvolution or None,
        weight_bits=saving.weight_bits,
        clock_ghz=saving.clock_ghz,
        engine=saving.engine,
        energy=_energy_of(saving, arguments),
    )
