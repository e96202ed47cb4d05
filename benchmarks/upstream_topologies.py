"""Topologies of a SCALE-Sim checkout in closed form: ``python -m benchmarks.upstream_topologies FOLDER``.

Reads every CSV below FOLDER, the ``topologies`` folder of a checkout, once for each distinct text, as
SCALE-Sim reads it: one that it cannot read is refused, with the reason. Simulates each on a 32x32 array
in all dataflows, each file in a process of its own, and prints CSV: layers, seconds and peak memory.
"""

from __future__ import annotations

import argparse
import csv
import json
import subprocess
import sys
import time
from pathlib import Path

from energy.array import DATAFLOWS, SystolicArray
from energy.closed_form import engine as closed_form
from nfenergy.ground.errors import NfEnergyError
from topologies import table

COLUMNS = ("file", "layers", *(f"{dataflow}_seconds" for dataflow in DATAFLOWS), "peak_mb", "refused")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--one", action="store_true", help="FOLDER is a file; print its row as JSON")
    options = parser.parse_args()
    if options.one:
        print(json.dumps(measured(options.folder)))
        return
    writer = csv.DictWriter(sys.stdout, COLUMNS)
    writer.writeheader()
    for path in distinct_files(options.folder):
        command = [sys.executable, "-m", "benchmarks.upstream_topologies", str(path), "--one"]
        found = subprocess.run(command, check=True, capture_output=True, text=True)
        writer.writerow({"file": path.relative_to(options.folder)} | json.loads(found.stdout))
        sys.stdout.flush()


def distinct_files(folder: Path) -> list[Path]:
    """The CSVs below a folder, of files with equal text the first."""
    by_text: dict[bytes, Path] = {}
    for path in sorted(folder.rglob("*.csv")):
        by_text.setdefault(path.read_bytes(), path)
    return list(by_text.values())


def measured(path: Path) -> dict[str, object]:
    """Seconds of each dataflow and peak memory of this process, or why the file or a layer is refused."""
    import resource

    row: dict[str, object] = {}
    try:
        topology = table.read(path)
        row["layers"] = len(topology.layers)
        for dataflow in DATAFLOWS:
            begin = time.perf_counter()
            closed_form.simulate(topology, SystolicArray(dataflow=dataflow))
            row[f"{dataflow}_seconds"] = round(time.perf_counter() - begin, 3)
    except NfEnergyError as error:
        row["refused"] = str(error)
    row["peak_mb"] = round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)
    return row


if __name__ == "__main__":
    main()
