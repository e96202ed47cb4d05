"""Closed form against SCALE-Sim, and how its cost grows: ``python -m benchmarks.closed_form``.

Prints JSON: seconds and peak memory of both engines side by side, from one run on one machine. Options:
``--networks NAME ...`` (default resnet18; SCALE-Sim takes minutes for the larger ones) and ``--no-scalesim``.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from itertools import permutations, product
from pathlib import Path

import numpy as np

from energy.array import DATAFLOWS, SystolicArray
from energy.closed_form import engine as closed_form
from energy.closed_form.sram_model import LayerSizes, sram_counts
from energy.scalesim import child as scalesim_child
from energy.scalesim.cfg import cfg_text
from topologies import table
from topologies.layers import Layer, LayerShape, Topology

TOPOLOGIES = Path(__file__).parents[1] / "topologies/csv/paper"
REPEATS = 200
LARGE_ARRAYS = ((16, 16), (32, 32), (128, 128), (1, 256))


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """What a process took."""

    seconds: float
    peak_mb: float


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--networks", nargs="+", default=["resnet18"])
    parser.add_argument("--no-scalesim", action="store_true")
    options = parser.parse_args()
    report = {
        "networks": [
            compare(TOPOLOGIES / "cifar10" / f"{name}.csv", with_scalesim=not options.no_scalesim)
            for name in options.networks
        ],
        "vgg19_at_224": [
            compare(TOPOLOGIES / "imagenet10/vgg19.csv", dataflow=dataflow) for dataflow in DATAFLOWS
        ],
        "growth_with_layers": growth_with_layers(),
        "growth_with_ofmap_pixels": growth_with_pixels(),
        "growth_with_accelerators": growth_with_accelerators(),
        "large_layers": large_layers(),
    }
    print(json.dumps(report, indent=2))


def compare(path: Path, *, dataflow: str = "os", with_scalesim: bool = False) -> dict[str, object]:
    """One network on a 32x32 array: all columns cold and warm, SRAM reads and cycles, plain SCALE-Sim."""
    topology, array = table.read(path), SystolicArray(dataflow=dataflow)
    sizes = LayerSizes.of([layer.shape for layer in topology.layers])
    all_columns = median_seconds(lambda: closed_form.simulate(topology, array), 5)
    sram = median_seconds(lambda: sram_counts(sizes, array.rows, array.cols, dataflow), REPEATS)
    row: dict[str, object] = {
        "network": path.stem,
        "layers": len(topology.layers),
        "dataflow": dataflow,
        "all_columns_warm_seconds": all_columns,
        "sram_and_cycles_warm_seconds": sram,
        "closed_form_process": asdict(closed_form_process(path, dataflow)),
    }
    if with_scalesim:
        cost = plain_scalesim(topology, array)
        row |= {
            "scalesim_process": asdict(cost),
            "times_faster_all_columns": cost.seconds / all_columns,
            "times_faster_sram_and_cycles": cost.seconds / sram,
        }
    return row


def growth_with_layers() -> list[dict[str, float]]:
    """SRAM and cycle figures of more and more layers, one array."""
    shapes = np.array([(34, 34, 3, 3, 64, 64, 1)])
    return [
        {"layers": count, "seconds": median_seconds(counting(np.repeat(shapes, count, axis=0), 1), REPEATS)}
        for count in (1, 10, 100, 1_000, 10_000)
    ]


def growth_with_accelerators() -> list[dict[str, float]]:
    """SRAM and cycle figures of ResNet18's layers on more and more arrays."""
    layers = table.read(TOPOLOGIES / "cifar10/resnet18.csv").layers
    shapes = np.array([layer.shape for layer in layers])
    return [
        {"accelerators": count, "seconds": median_seconds(counting(shapes, count), REPEATS // 10)}
        for count in (1, 10, 100, 1_000, 10_000)
    ]


def large_layers() -> list[dict[str, object]]:
    """All columns of layers that SCALE-Sim cannot hold, each in a process of its own, imports included."""
    shapes = {
        "gemm 8192 x 8192 x 8192": Layer.gemm(name="", m=8192, k=8192, n=8192).shape,
        "conv 2048 x 2048 x 64, 3 x 3": LayerShape(2048, 2048, 3, 3, 64, 64, 1),
    }
    for m, n, k in permutations((2048, 128_256, 4096)):
        shapes[f"gemm {m} x {n} x {k}"] = Layer.gemm(name="", m=m, k=k, n=n).shape
    code = (
        "import sys; from energy.closed_form import engine; from energy.array import SystolicArray; "
        "from topologies.layers import Layer, LayerShape, Topology; "
        "rows, cols, *shape = map(int, sys.argv[2:]); "
        "layer = Layer(name='one', **LayerShape(*shape)._asdict()); "
        "array = SystolicArray(rows=rows, cols=cols, dataflow=sys.argv[1]); "
        "engine.simulate(Topology(name='one', layers=(layer,)), array)"
    )
    found: list[dict[str, object]] = []
    for (name, shape), dataflow, sides in product(shapes.items(), DATAFLOWS, LARGE_ARRAYS):
        words = [dataflow, *map(str, (*sides, *shape))]
        cost = process([sys.executable, "-c", code, *words])
        found.append({"layer": name, "dataflow": dataflow, "array": "x".join(map(str, sides))} | asdict(cost))
    return found


def growth_with_pixels() -> list[dict[str, float]]:
    """All columns of a 3 x 3 convolution from 64 to 64 channels, on larger and larger ofmaps."""
    rows = []
    for extent in (14, 28, 56, 112, 224):
        shape = LayerShape(extent + 2, extent + 2, 3, 3, 64, 64, 1)
        topology = Topology(name="one", layers=(Layer(name="one", **shape._asdict()),))
        for dataflow in DATAFLOWS:
            array = SystolicArray(dataflow=dataflow)
            seconds = median_seconds(lambda t=topology, a=array: closed_form.simulate(t, a), 3)
            rows.append({"ofmap_px": extent**2, "dataflow": dataflow, "seconds": seconds})
    return rows


def counting(shapes: np.ndarray, accelerators: int) -> Callable[[], object]:
    sizes = LayerSizes.of(shapes)
    rows = np.resize(np.arange(8, 72, 8), accelerators)
    return lambda: sram_counts(sizes, rows, rows, "os")


def median_seconds(run: Callable[[], object], repeats: int) -> float:
    run()
    taken = []
    for _ in range(repeats):
        begin = time.perf_counter()
        run()
        taken.append(time.perf_counter() - begin)
    return float(np.median(taken))


def closed_form_process(path: Path, dataflow: str) -> Cost:
    """A process of its own that reads the topology and computes all columns, its imports included."""
    code = (
        "import sys; from pathlib import Path; from energy.closed_form import engine as closed_form; "
        "from energy.array import SystolicArray; from topologies import table; "
        "closed_form.simulate(table.read(Path(sys.argv[1])), SystolicArray(dataflow=sys.argv[2]))"
    )
    return process([sys.executable, "-c", code, str(path), dataflow])


def plain_scalesim(topology: Topology, array: SystolicArray) -> Cost:
    """SCALE-Sim as its users run it: all layers in one process, one after the other, without traces."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "topology.csv").write_text(table.dumps(topology), encoding="ascii")
        (folder / "layout.csv").write_text(table.dumps_layout(topology), encoding="ascii")
        (folder / "array.cfg").write_text(cfg_text(array, "report"), encoding="ascii")
        return process([sys.executable, "-P", scalesim_child.__file__, name])


def process(command: list[str]) -> Cost:
    begin = time.perf_counter()
    # The child ends when its standard input does.
    child = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(child.pid, 0)
    seconds = time.perf_counter() - begin
    child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode:
        raise RuntimeError(f"{command} failed with status {child.returncode}")
    return Cost(seconds=seconds, peak_mb=usage.ru_maxrss / 1024)


if __name__ == "__main__":
    main()
