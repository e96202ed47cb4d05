"""SCALE-Sim topology files: written so that every version reads them, read as its repository ships them."""

from __future__ import annotations

import csv
import io
import re
from pathlib import Path

from nfenergy.ground.errors import InputError
from nfenergy.ground.files import read_text
from topologies.layers import Layer, Topology

HEADER = "Layer name, IFMAP Height, IFMAP Width, Filter Height, Filter Width, Channels, Num Filter, Strides,"
LAYOUT_HEADER = (
    "Layer name, IFMAP Height Intraline Factor, IFMAP Width Intraline Factor, "
    "Filter Height Intraline Factor, Filter Width Intraline Factor, Channel Intraline Factor, "
    "Num Filter Intraline Factor, IFMAP Height Intraline Order, IFMAP Width Intraline Order, "
    "Channel Intraline Order, IFMAP Height Interline Order, IFMAP Width Interline Order, "
    "Channel Interline Order, Num Filter Intraline Order, Channel Intraline Order, "
    "Filter Height Intraline Order, Filter Width Intraline Order, Num Filter Interline Order, "
    "Channel Interline Order, Filter Height Interline Order, Filter Width Interline Order,"
)
LAYOUT_FIELDS = LAYOUT_HEADER.count(",") - 1
MOST_DEPTHWISE_CHANNELS = 2**16
NAME_COLUMNS = ("row", "layer", "operation", "ofmap_height", "ofmap_width", "macs")


def row_name(index: int) -> str:
    """Name of a row: SCALE-Sim expands every name that contains ``DP``, so module paths are unsafe."""
    return f"L{index:03d}"


def dumps(topology: Topology) -> str:
    """The topology as a SCALE-Sim CSV; each row ends in the comma that SCALE-Sim needs."""
    rows = [
        f"{row_name(index)}, {', '.join(map(str, layer.shape))},"
        for index, layer in enumerate(topology.layers)
    ]
    return "\n".join([HEADER, *rows, ""])


def dumps_layout(topology: Topology) -> str:
    """The memory layout that SCALE-Sim 3 demands beside a topology: one row a layer, all ones."""
    ones = ", ".join(["1"] * LAYOUT_FIELDS)
    rows = [f"{row_name(index)}, {ones}," for index in range(len(topology.layers))]
    return "\n".join([LAYOUT_HEADER, *rows, ""])


def dumps_names(topology: Topology) -> str:
    """The side table: which module each row comes from, its ofmap and its MACs as SCALE-Sim counts them."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(NAME_COLUMNS)
    for index, layer in enumerate(topology.layers):
        writer.writerow(
            [row_name(index), layer.name, layer.operation, layer.ofmap_h, layer.ofmap_w, layer.macs]
        )
    return text.getvalue()


def read(path: Path) -> Topology:
    """The topology in a SCALE-Sim CSV, convolutional or GEMM (``Layer, M, N, K``).

    Accepted as SCALE-Sim's own repository has them: with or without a trailing comma, separated by
    commas or tabs, CR LF, blank lines, remarks after ``#``, the stride once or per direction, a dense
    sparsity ``1:1``. A name that contains ``DP`` is a depthwise convolution, as in SCALE-Sim: one
    layer a channel.

    Raises:
        InputError: a line cannot be read; the message has file and line.
    """
    lines = read_text(path, "topology file").splitlines()
    layers: list[Layer] = []
    header: list[str] | None = None
    for number, line in enumerate(lines, start=1):
        fields = _fields(line)
        if not fields:
            continue
        try:
            if header is None:
                header = _header(fields)
            elif header[1:4] == ["m", "n", "k"]:
                layers.append(_gemm_row(fields))
            else:
                layers += _convolution_rows(fields)
        except InputError as error:
            raise InputError(f"{path}, line {number}: {error}") from error
    if not layers:
        raise InputError(f"{path} holds no layers; expected a SCALE-Sim topology: {HEADER}")
    return Topology(name=path.stem, layers=tuple(layers))


def _fields(line: str) -> list[str]:
    row = line.split("#")[0].strip()
    fields = [field.strip() for field in row.split("," if "," in row else "\t")]
    while fields and not fields[-1]:
        fields.pop()
    return fields


def _header(fields: list[str]) -> list[str]:
    if len(fields) > 1 and re.fullmatch(r"-?\d+", fields[1]):
        raise InputError("a layer stands where SCALE-Sim expects the header, which it skips; add the header")
    if len(fields) < 4:
        raise InputError(f"{', '.join(fields)!r} is not the header of a SCALE-Sim topology")
    return [field.lower() for field in fields]


def _gemm_row(fields: list[str]) -> Layer:
    if len(fields) not in (4, 5):
        raise InputError(f"expected a name and M, N, K, found {len(fields)} fields")
    _check_dense(fields[4:])
    m, n, k = (_integer(field) for field in fields[1:4])
    return Layer.gemm(name=fields[0], m=m, k=k, n=n)


def _convolution_rows(fields: list[str]) -> list[Layer]:
    if not 8 <= len(fields) <= 10:
        raise InputError(f"expected a name and seven numbers, found {len(fields)} fields")
    extra = fields[8:]
    if extra and extra[0].isdigit():
        if extra[0] != fields[7]:
            raise InputError(
                f"strides {fields[7]} x {extra[0]}: SCALE-Sim has one stride for both directions; "
                "write the layer as a matrix product"
            )
        extra = extra[1:]
    _check_dense(extra)
    shape = [_integer(field) for field in fields[1:8]]
    names = [fields[0]]
    if "DP" in fields[0]:
        if not 1 <= shape[4] <= MOST_DEPTHWISE_CHANNELS:
            raise InputError(f"{shape[4]} depthwise channels, expected 1 to {MOST_DEPTHWISE_CHANNELS}")
        names = [f"{fields[0]}Channel_{channel}" for channel in range(shape[4])]
        shape[4] = 1
    return [
        Layer(
            name=name,
            ifmap_h=shape[0],
            ifmap_w=shape[1],
            filter_h=shape[2],
            filter_w=shape[3],
            channels=shape[4],
            filters=shape[5],
            stride=shape[6],
        )
        for name in names
    ]


def _check_dense(extra: list[str]) -> None:
    if len(extra) > 1:
        raise InputError(f"do not know what to do with {', '.join(extra[1:])!r} after the stride")
    if extra and extra[0].replace(" ", "") != "1:1":
        raise InputError(f"sparsity {extra[0]!r}: nfenergy simulates dense layers only (1:1)")


def _integer(field: str) -> int:
    if not re.fullmatch(r"[+-]?\d{1,18}", field):
        raise InputError(f"{field!r} is not a whole number")
    return int(field)
