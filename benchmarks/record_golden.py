"""Record layers from SCALE-Sim itself: ``python -m benchmarks.record_golden``, minutes on one core.

Writes `GOLDEN`, which holds every figure of `LayerCounts` for a seeded spread of layers over dataflows, array
shapes and buffer sizes; behind them convolutions whose read buffers are filled many times over. The closed
form must equal it.
"""

from __future__ import annotations

import csv
import io
import sys
from collections.abc import Iterable
from dataclasses import fields
from pathlib import Path
from random import Random

from energy.array import DATAFLOWS, SystolicArray
from energy.counts import LayerCounts
from energy.scalesim import engine as scalesim
from nfenergy.ground.files import write_text
from tests.energy.sampling import draw_array, draw_overlapping_shape, draw_shape, draw_uneven_array
from topologies.layers import Layer, LayerShape, Topology

GOLDEN = Path(__file__).parents[1] / "tests/energy/closed_form/golden/closed_form.csv"
SEED = 20230
ARRAYS, UNEVEN_ARRAYS = 66, 60
SMALL_LAYERS, LARGE_LAYERS = 9, 1
SMALL_SECONDS, LARGE_SECONDS = 0.06, 0.3
OVERLAPPING_LAYERS, OVERLAPPING_SECONDS = 6, 0.25

ARRAY_COLUMNS = ("rows", "cols", "dataflow", "ifmap_sram_kb", "filter_sram_kb", "ofmap_sram_kb")
COUNT_COLUMNS = tuple(field.name for field in fields(LayerCounts) if field.name != "layer")


def main() -> None:
    random = Random(SEED)
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow((*ARRAY_COLUMNS, *LayerShape._fields, *COUNT_COLUMNS))
    for number in range(ARRAYS + UNEVEN_ARRAYS):
        dataflow = DATAFLOWS[number % len(DATAFLOWS)]
        array = (draw_array if number < ARRAYS else draw_uneven_array)(random, dataflow)
        layers = (draw_layers if number < ARRAYS else draw_overlapping_layers)(random, array)
        for layer, counts in zip(
            layers, scalesim.simulate(Topology(name="golden", layers=layers), array), strict=True
        ):
            writer.writerow(
                (
                    *(getattr(array, column) for column in ARRAY_COLUMNS),
                    *layer.shape,
                    *(getattr(counts, column) for column in COUNT_COLUMNS),
                )
            )
        sys.stderr.write(f"{number + 1} of {ARRAYS + UNEVEN_ARRAYS} arrays: {array}\n")
    write_text(GOLDEN, text.getvalue())


def draw_layers(random: Random, array: SystolicArray) -> tuple[Layer, ...]:
    """Distinct layers, a few of them large enough to fill a buffer of 64 kB."""
    shapes: dict[LayerShape, None] = {}
    while len(shapes) < SMALL_LAYERS:
        shapes[draw_shape(random, array, seconds=SMALL_SECONDS)] = None
    while len(shapes) < SMALL_LAYERS + LARGE_LAYERS:
        shapes[draw_shape(random, array, seconds=LARGE_SECONDS)] = None
    return _named(shapes)


def draw_overlapping_layers(random: Random, array: SystolicArray) -> tuple[Layer, ...]:
    """Distinct layers whose ifmap goes through the buffer many times."""
    shapes: dict[LayerShape, None] = {}
    while len(shapes) < OVERLAPPING_LAYERS:
        shapes[draw_overlapping_shape(random, array, seconds=OVERLAPPING_SECONDS)] = None
    return _named(shapes)


def _named(shapes: Iterable[LayerShape]) -> tuple[Layer, ...]:
    return tuple(Layer(name=f"layer{index}", **shape._asdict()) for index, shape in enumerate(shapes))


if __name__ == "__main__":
    main()
