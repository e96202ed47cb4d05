"""A sweep of 63,000 combinations with and without energies: ``python -m benchmarks.sweep``."""

from __future__ import annotations

import json
import sys
import tempfile
import time
from pathlib import Path

import yaml

from benchmarks.closed_form import process
from neuralfuse.registry import paper_networks
from nfenergy.api import simulate

EXTENTS = [8, 16, 24, 32, 48, 64, 96, 128, 192, 256]
SPEC = {
    "bases": [network.name for network in paper_networks() if network.role == "base"],
    "generators": [network.name for network in paper_networks() if network.role == "generator"],
    "arrays": {"rows": EXTENTS, "cols": list(EXTENTS)},
    "dataflows": ["os", "ws", "is"],
    "voltages": [0.75, 0.7917, 0.8333, 0.875, 0.9167, 0.9583, 1.0],
}
ROWS = 30 * 100 * 3 * 7
SINGLE = 10


ROUNDS = 3


def measure() -> dict[str, object]:
    """Whole processes, networks and DRAM counted once before, by turns; and single library calls."""
    with tempfile.TemporaryDirectory() as name:
        commands = {}
        for kind, tables in (("accesses", []), ("energies", ["horowitz2014-45nm"])):
            spec = Path(name) / f"{kind}.yaml"
            spec.write_text(yaml.safe_dump({**SPEC, "energy_tables": tables}), encoding="utf-8")
            code = "import sys; from nfenergy.cli import main; main()"
            out = str(Path(name) / kind)
            commands[kind] = [sys.executable, "-c", code, "sweep", str(spec), "--out", out, "--quiet"]
        first = {kind: process(command) for kind, command in commands.items()}
        rounds = [{kind: process(command) for kind, command in commands.items()} for _ in range(ROUNDS)]
    accesses, energies = (
        min((costs[kind] for costs in rounds), key=lambda cost: cost.seconds) for kind in commands
    )
    begin = time.perf_counter()
    for _ in range(SINGLE):
        simulate("resnet18", "convs", engine="closed-form")
    single = (time.perf_counter() - begin) / SINGLE
    return {
        "rows": ROWS,
        "first_run_seconds": first["accesses"].seconds,
        "first_run_seconds_with_energies_more": first["energies"].seconds,
        "seconds": accesses.seconds,
        "peak_mb": accesses.peak_mb,
        "seconds_with_energies": energies.seconds,
        "peak_mb_with_energies": max(energies.peak_mb, first["energies"].peak_mb),
        "times_as_long_with_energies": energies.seconds / accesses.seconds,
        "seconds_a_single_simulation": single,
        "times_faster_than_single_simulations": single * ROWS / energies.seconds,
    }


if __name__ == "__main__":
    print(json.dumps(measure(), indent=2))
