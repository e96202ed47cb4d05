"""Closed form against SCALE-Sim itself, on random layers: ``python -m benchmarks.closed_form_scalesim``.

Half of the layers are of all kinds, half are convolutions that fill small read buffers of uneven sizes many
times. Prints every figure that differs in a single bit, then how many layers and figures were compared, as
JSON. Options: ``--layers 1000``, ``--seed 0``, ``--seconds 0.1`` (a layer's estimated cost in SCALE-Sim).
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Iterator
from dataclasses import fields
from random import Random

from energy.array import DATAFLOWS, SystolicArray
from energy.closed_form import engine as closed_form
from energy.closed_form.read_phases import ReadBuffer
from energy.counts import LayerCounts
from energy.engines import compare
from energy.scalesim import engine as scalesim
from tests.energy.sampling import draw_array, draw_overlapping_shape, draw_shape, draw_uneven_array
from topologies.layers import Layer, LayerShape, Topology

LAYERS_OF_ARRAY = 20


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--layers", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--seconds", type=float, default=0.1)
    options = parser.parse_args()
    layers = differing = phases = 0
    seconds = {"scalesim": 0.0, "closed_form": 0.0}
    for topology, array in drawn(options.seed, options.seconds):
        if layers >= options.layers:
            break
        begin = time.perf_counter()
        computed = closed_form.simulate(topology, array)
        middle = time.perf_counter()
        simulated = scalesim.simulate(topology, array, jobs=1)
        seconds["closed_form"] += middle - begin
        seconds["scalesim"] += time.perf_counter() - middle
        for found in compare(simulated, computed):
            differing += 1
            print(f"{array} {found.layer} {found.column}: {found.scalesim!r} {found.closed_form!r}")
        layers += len(topology.layers)
        phases += sum(
            counts.dram_ifmap_reads // ReadBuffer(array.ifmap_sram_kb).phase_words for counts in simulated
        )
        sys.stderr.write(f"{layers} layers, {differing} figures differ\n")
    report = {
        "layers": layers,
        "figures": layers * (len(fields(LayerCounts)) - 1),
        "differing_figures": differing,
        "ifmap_phases": phases,
        "seconds": seconds,
        "python": sys.version.split()[0],
    }
    print(json.dumps(report, indent=2))


def drawn(seed: int, seconds: float) -> Iterator[tuple[Topology, SystolicArray]]:
    """Arrays in turn of each dataflow and of both kinds, with their layers, without end."""
    random, number = Random(seed), 0
    while True:
        uneven, dataflow = number % 2, DATAFLOWS[number % len(DATAFLOWS)]
        array = (draw_uneven_array if uneven else draw_array)(random, dataflow)
        draw = draw_overlapping_shape if uneven else draw_shape
        shapes: dict[LayerShape, None] = {}
        while len(shapes) < LAYERS_OF_ARRAY:
            shapes[draw(random, array, seconds=max(seconds, 0.2) if uneven else seconds)] = None
        layers = (Layer(name="x".join(map(str, shape)), **shape._asdict()) for shape in shapes)
        yield Topology(name="drawn", layers=tuple(layers)), array
        number += 1


if __name__ == "__main__":
    main()
