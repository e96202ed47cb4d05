"""The side table beside an exported topology: which module each row comes from, and its operands.

SCALE-Sim's CSV has room for neither: ``NAME.layers.csv`` lies beside ``NAME.csv``.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from nfenergy.ground.errors import InputError
from nfenergy.ground.files import is_file, read_text
from topologies.layers import ACTIVATIONS, WEIGHTS, Layer, Operands, Topology

SUFFIX = ".layers.csv"
COLUMNS = ("row", "layer", "operation", "ofmap_height", "ofmap_width", "macs", "operands")
OPERANDS: dict[str, Operands] = {WEIGHTS: WEIGHTS, ACTIVATIONS: ACTIVATIONS}


def row_name(index: int) -> str:
    """Name of a row: SCALE-Sim expands every name that contains ``DP``, so module paths are unsafe."""
    return f"L{index:03d}"


def dumps(topology: Topology) -> str:
    """The side table of a topology; ofmap and MACs are as SCALE-Sim counts them."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    for index, layer in enumerate(topology.layers):
        writer.writerow([row_name(index), layer.name, layer.operation, *_computed(layer), layer.operands])
    return text.getvalue()


def named(topology_file: Path, layers: Sequence[Layer]) -> tuple[Layer, ...]:
    """A topology file's layers with the module, operation and operands of their rows, where these are known.

    Raises:
        InputError: the side table beside the file is of other rows, or has no such column.
    """
    path = topology_file.with_suffix(SUFFIX)
    if not is_file(path):
        return tuple(layers)
    rows = list(csv.DictReader(io.StringIO(read_text(path, "side table"))))
    if len(rows) != len(layers):
        raise InputError(f"{path} has {len(rows)} rows for {len(layers)} layers; {REMEDY}")
    return tuple(
        _named(path, index, row, layer) for index, (row, layer) in enumerate(zip(rows, layers, strict=True))
    )


REMEDY = "export the topology anew, or remove that file: products of activations then count as weights"


def _named(path: Path, index: int, row: dict[str, str], layer: Layer) -> Layer:
    found = tuple(row.get(column) for column in COLUMNS[:1] + COLUMNS[3:6])
    if found != (layer.name, *map(str, _computed(layer))) or row.get("operands") not in OPERANDS:
        raise InputError(f"{path}, row {index + 1} is not that of layer {layer.name!r}; {REMEDY}")
    return replace(
        layer,
        name=row.get("layer") or layer.name,
        operation=row.get("operation") or "",
        operands=OPERANDS[row["operands"]],
    )


def _computed(layer: Layer) -> tuple[int, int, int]:
    return layer.ofmap_h, layer.ofmap_w, layer.macs
