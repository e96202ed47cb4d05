"""A sweep of 63,000 combinations beside single simulations: ``python -m benchmarks.sweep``."""

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
    "arrays": {"rows": EXTENTS, "cols": EXTENTS},
    "dataflows": ["os", "ws", "is"],
    "voltages": [0.75, 0.7917, 0.8333, 0.875, 0.9167, 0.9583, 1.0],
}
ROWS = 30 * 100 * 3 * 7
SINGLE = 10


def measure() -> dict[str, object]:
    """A whole process, networks built once before; and rows a second against single library calls."""
    with tempfile.TemporaryDirectory() as name:
        spec = Path(name) / "spec.yaml"
        spec.write_text(yaml.safe_dump(SPEC), encoding="utf-8")
        code = "import sys; from nfenergy.cli import main; main()"
        command = ["-c", code, "sweep", str(spec), "--out", str(Path(name) / "out"), "--quiet"]
        first, second = (process([sys.executable, *command]) for _ in range(2))
    begin = time.perf_counter()
    for _ in range(SINGLE):
        simulate("resnet18", "convs", engine="closed-form")
    single = (time.perf_counter() - begin) / SINGLE
    return {
        "rows": ROWS,
        "first_run_seconds": first.seconds,
        "seconds": second.seconds,
        "peak_mb": max(first.peak_mb, second.peak_mb),
        "seconds_a_single_simulation": single,
        "times_faster_than_single_simulations": single * ROWS / second.seconds,
    }


if __name__ == "__main__":
    print(json.dumps(measure(), indent=2))
