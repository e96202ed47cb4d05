"""Topologies of a SCALE-Sim checkout in closed form: ``python -m benchmarks.upstream_topologies FOLDER``.

Reads every CSV below FOLDER, the ``topologies`` folder of a checkout, once for each distinct text, with
SCALE-Sim's own reader and with nfenergy's, and says whether they agree: both refuse the file, or both read
the same numbers (a matrix product with SCALE-Sim's flag for these). Simulates each on a 32x32 array in all
dataflows, what only ``--lenient`` reads too, each file in a process of its own, and prints CSV: both
verdicts, layers, processor seconds and peak memory. Ends with status 1 where a verdict differs.
"""

from __future__ import annotations

import argparse
import csv
import json
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

from energy.array import DATAFLOWS, SystolicArray
from energy.closed_form import engine as closed_form
from nfenergy.ground.errors import NfEnergyError
from topologies import table
from topologies.layers import Topology

SECONDS = tuple(f"{dataflow}_seconds" for dataflow in DATAFLOWS)
COLUMNS = ("file", "scalesim", "nfenergy", "agree", "lenient", "layers", *SECONDS, "peak_mb", "refused")
Rows = list[tuple[int, ...]]


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
    agree: Counter[str] = Counter()
    for path in distinct_files(options.folder):
        command = [sys.executable, "-m", "benchmarks.upstream_topologies", str(path), "--one"]
        found = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
        writer.writerow({"file": path.relative_to(options.folder)} | found)
        sys.stdout.flush()
        agree[f"{found['nfenergy']}, {'as' if found['agree'] == 'yes' else 'unlike'} SCALE-Sim"] += 1
    sys.stderr.write("; ".join(f"{number} {verdict}" for verdict, number in agree.items()) + "\n")
    sys.exit(any("unlike" in verdict for verdict in agree))


def distinct_files(folder: Path) -> list[Path]:
    """The CSVs below a folder, of files with equal text the first."""
    by_text: dict[bytes, Path] = {}
    for path in sorted(folder.rglob("*.csv")):
        by_text.setdefault(path.read_bytes(), path)
    return list(by_text.values())


def measured(path: Path) -> dict[str, object]:
    """Verdicts, processor seconds of each dataflow and peak memory of this process, or why it is refused."""
    import resource

    theirs = their_rows(path)
    row: dict[str, object] = {"scalesim": "refused" if theirs is None else "read", "nfenergy": "refused"}
    ours: Rows | None = None
    try:
        topology, row["lenient"] = read(path, row)
        if row["nfenergy"] == "read":
            ours = [(*layer.shape, *map(int, layer.sparsity.split(":"))) for layer in topology.layers]
        row["layers"] = len(topology.layers)
        for dataflow in DATAFLOWS:
            begin = time.process_time()
            closed_form.simulate(topology, SystolicArray(dataflow=dataflow))
            row[f"{dataflow}_seconds"] = round(time.process_time() - begin, 3)
    except NfEnergyError as error:
        row.setdefault("refused", str(error))
    row["agree"] = "yes" if ours == theirs else "no"
    row["peak_mb"] = round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)
    return row


def read(path: Path, row: dict[str, object]) -> tuple[Topology, str]:
    """The topology, and whether it takes ``--lenient``; the verdict and its reason go into the row."""
    try:
        topology = table.read(path)
    except NfEnergyError as error:
        row["refused"] = str(error)
        return table.read(path, lenient=True), "yes"
    row["nfenergy"] = "read"
    return topology, ""


def their_rows(path: Path) -> Rows | None:
    """What SCALE-Sim's own reader makes of the file, either of its forms; None where it fails on both."""
    from scalesim.topology_utils import topologies

    for gemm in (False, True):
        theirs = topologies()
        try:
            theirs.load_arrays(str(path), mnk_inputs=gemm)
        except Exception:
            continue
        return [(*entry[1:8], *entry[9:11]) for entry in theirs.topo_arrays]
    return None


if __name__ == "__main__":
    main()
