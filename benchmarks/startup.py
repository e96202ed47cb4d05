"""Start-up time of the command line, as multiples of a bare Python: ``python -m benchmarks.startup``."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from statistics import median

CLI = "import sys; from nfenergy.cli import main; main()"
REPEATS = 9
COMMANDS = {
    "help": ["--help"],
    "list": ["list"],
    "simulate, closed form, networks cached": [
        "simulate", "--base", "resnet18", "--gen", "convs", "--engine", "closed-form",
    ],
    "reproduce table6, closed form": ["reproduce", "table6", "--engine", "closed-form"],
}  # fmt: skip


def measure() -> list[dict[str, object]]:
    """Median wall time of each command after one warm-up, and of ``python -c pass``."""
    bare = _median_seconds([sys.executable, "-c", "pass"])
    rows: list[dict[str, object]] = [{"command": "python -c pass", "seconds": bare, "times_bare_python": 1.0}]
    programs = {"import nfenergy": ["import nfenergy"]}
    programs |= {name: [CLI, *arguments] for name, arguments in COMMANDS.items()}
    for name, program in programs.items():
        seconds = _median_seconds([sys.executable, "-c", *program])
        rows.append({"command": name, "seconds": seconds, "times_bare_python": seconds / bare})
    return rows


def _median_seconds(command: list[str]) -> float:
    taken = []
    for _ in range(REPEATS + 1):
        begin = time.perf_counter()
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        taken.append(time.perf_counter() - begin)
    return median(taken[1:])


if __name__ == "__main__":
    print(json.dumps(measure(), indent=2))
