"""The arrays that a report's explorer can be switched to: its own, and those that it is compared with."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path

from energy.accesses import MemorySizes, extents_of, network_traffic
from energy.array import PRESETS, SystolicArray, parse_size
from energy.domains import EnergySetting
from energy.energy_tables import ENERGY_TABLES
from energy.measures import MEASURES
from energy.scalesim.engine import ProgressCallback
from neuralfuse.registry import Network
from nfenergy.ground.errors import InputError
from nfenergy.machine import Machine
from nfenergy.saving_files import savings_of_other_arrays
from nfenergy.scenario_savings import settings_of
from nfenergy.simulation import NetworkResult, SimulationReport, count_networks
from nfenergy.tabular import saving_of
from nfenergy.tradeoffs import Comparison
from reports.explorer_data import (
    Accesses,
    ExplorerArray,
    ExplorerData,
    ExplorerNetwork,
    array_titles,
    arrays_of_savings,
    base_key,
    generator_key,
)

MOST_ARRAYS = 12


def explorer_data(
    comparison: Comparison,
    *,
    arrays: Sequence[SystolicArray] = (),
    savings_file: Path | None = None,
    on_progress: ProgressCallback | None = None,
) -> ExplorerData:
    """The comparison's networks on its own array and on others.

    Args:
        comparison: what the report shows.
        arrays: others, counted here; for savings from a file the file's own.
        savings_file: where the comparison's savings were read.
        on_progress: see `energy.scalesim.engine.simulate`.

    Raises:
        InputError: arrays are wanted beside those of a file, or too many.
        NfEnergyError: the engine failed.
    """
    if savings_file is not None:
        if arrays:
            raise InputError(
                "--beside counts further arrays, and --savings takes those of its file; drop one"
            )
        return _of_file(comparison, savings_file)
    wanted = [array for array in dict.fromkeys(arrays) if array != comparison.machine.array]
    if len(wanted) >= MOST_ARRAYS:
        raise InputError(f"--beside names {len(wanted)} arrays; a page holds at most {MOST_ARRAYS - 1}")
    by_array = [_recounted(comparison.reports, array, on_progress) for array in wanted]
    return ExplorerData(
        arrays=tuple(_array_of(reports) for reports in (comparison.reports, *by_array)),
        settings=_settings(comparison.machine),
    )


def parse_arrays(text: str, array: SystolicArray) -> list[SystolicArray]:
    """Arrays from ``16x16,32x32 ws,google``: sizes with or without a dataflow, else as `array`; or presets.

    Raises:
        InputError: neither a size nor a preset.
    """
    found = []
    for words in filter(None, (part.strip().lower() for part in text.split(","))):
        if words in PRESETS:
            found.append(PRESETS[words])
            continue
        match = re.fullmatch(r"(\S+?)(?:\s+(\S+))?", words)
        if match is None or "x" not in match[1]:
            presets = ", ".join(PRESETS)
            raise InputError(
                f"--beside has {words!r}, expected such as 16x16, '32x32 ws', or one of {presets}"
            )
        rows, cols = parse_size(match[1])
        found.append(replace(array, rows=rows, cols=cols, dataflow=match[2] or array.dataflow))
    return found


def _settings(machine: Machine) -> tuple[EnergySetting, ...]:
    """One for each energy table."""
    return tuple(row for row in settings_of(machine.energy) if row.residency == machine.energy.residency)


def _recounted(
    reports: Sequence[SimulationReport], array: SystolicArray, on_progress: ProgressCallback | None
) -> list[SimulationReport]:
    """The same networks counted on another array; what follows from the counts stays as it was."""
    groups: dict[tuple[str, float, object], list[SimulationReport]] = {}
    for report in reports:
        groups.setdefault((report.dataset.name, report.base_width, report.inputs), []).append(report)
    found = []
    for (_, width, _), own in groups.items():
        machine = replace(own[0].machine, array=array)
        networks = [result.model.network for report in own for result in report.networks]
        counted = count_networks(
            list[Network](networks),
            own[0].dataset,
            machine,
            base_width=width,
            inputs=own[0].inputs,
            on_progress=on_progress,
        )
        found += [
            replace(
                report,
                machine=machine,
                base=counted[report.base.model.network],
                generator=report.generator and counted[report.generator.model.network],
            )
            for report in own
        ]
    return found


def _array_of(reports: Iterable[SimulationReport]) -> ExplorerArray:
    bases: dict[str, ExplorerNetwork] = {}
    generators: dict[str, ExplorerNetwork] = {}
    for report in reports:
        saving = saving_of(report)
        if base_key(saving) not in bases:
            bases[base_key(saving)] = _network(report.base)
        if report.generator and generator_key(saving) not in generators:
            generators[generator_key(saving)] = _network(report.generator)
    title, memory = array_titles(saving)
    return ExplorerArray(
        title=title,
        memory=memory,
        sizes=MemorySizes.of(report.machine.array),
        bases=bases,
        generators=generators,
    )


def _network(result: NetworkResult) -> ExplorerNetwork:
    accesses = {}
    for name, measure in MEASURES.items():
        if not measure.domains:
            costs = measure.costs(result.counted)
            lowered = sum(costs[domain] for domain in measure.lowered_of(result.counted))
            accesses[name] = Accesses(float(sum(costs.values())), float(lowered))
    return ExplorerNetwork(
        accesses=accesses,
        cycles=result.total_cycles,
        traffic=network_traffic(result.traffic),
        extents=extents_of(result.model.topology),
    )


def _of_file(comparison: Comparison, path: Path) -> ExplorerData:
    """The arrays, energy tables and residencies of a file that agree in all else with the report's."""
    own = [row.saving for row in comparison.merged.tradeoffs]
    others, left_out = savings_of_other_arrays(path, own, most=MOST_ARRAYS)
    tables = dict.fromkeys(row.energy_table for row in (*own, *others))
    setting = comparison.machine.energy
    known = [
        replace(setting, table=ENERGY_TABLES[name].load(), dram=None, leakage=False)
        for name in tables
        if name in ENERGY_TABLES and name != setting.table.name
    ]
    return ExplorerData(
        arrays=arrays_of_savings((*own, *others)), settings=(setting, *known), left_out=left_out
    )
