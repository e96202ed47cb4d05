"""Every format that the campaign draws from: one module and one row each."""

from __future__ import annotations

from tests.fuzz.case import Format
from tests.fuzz.formats import (
    accuracies,
    cache_files,
    cfgs,
    checkpoints,
    curves,
    energy_tables,
    experiments,
    fault_maps,
    lines,
    onnx_files,
    own_networks,
    savings,
    specs,
    state_dicts,
    topologies,
    unfinished,
)

FORMATS: tuple[Format, ...] = (
    topologies.FORMAT,
    cfgs.FORMAT,
    curves.YAML_FORMAT,
    curves.CSV_FORMAT,
    energy_tables.FORMAT,
    specs.FORMAT,
    experiments.FORMAT,
    accuracies.FORMAT,
    savings.FORMAT,
    fault_maps.FORMAT,
    onnx_files.FORMAT,
    checkpoints.FORMAT,
    state_dicts.FORMAT,
    unfinished.TRAINING_FORMAT,
    unfinished.SWEEP_FORMAT,
    cache_files.FORMAT,
    own_networks.FORMAT,
    lines.FORMAT,
)
"""A format that is added here is drawn by the campaign of the tests and by the long one."""
