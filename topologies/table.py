"""SCALE-Sim topology files: written so that every version reads them, read as its repository ships them."""

from __future__ import annotations

import csv
import io
import re
from pathlib import Path

from nfenergy.ground.errors import InputError
from nfenergy.ground.files import read_text
from topologies.header import CONVOLUTION, GEMM, TITLES, columns
from topologies.layers import WEIGHTS, Layer, Topology

HEADER = f"Layer name, {', '.join(TITLES.values())},"
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
NAME_COLUMNS = ("row", "layer", "operation", "ofmap_height", "ofmap_width", "macs", "operands")


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
    """The side table: which module each row comes from, ofmap and MACs as SCALE-Sim counts them, operands."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(NAME_COLUMNS)
    for index, layer in enumerate(topology.layers):
        writer.writerow(
            [
                row_name(index),
                layer.name,
                layer.operation,
                layer.ofmap_h,
                layer.ofmap_w,
                layer.macs,
                layer.operands,
            ]
        )
    return text.getvalue()


def read(path: Path) -> Topology:
    """The topology in a SCALE-Sim CSV, convolutional or GEMM, its columns found by their names.

    Accepted as SCALE-Sim's own repository has them: with or without a trailing comma, separated by
    commas or tabs, CR LF, blank lines, remarks after ``#``, the stride once or per direction, a batch of
    1, a dense sparsity ``1:1``. A name that contains ``DP`` is a depthwise convolution, as in SCALE-Sim:
    one layer a channel. Sparse rows (N:M) are refused: both engines count dense layers.

    Raises:
        InputError: a line cannot be read; the message has file and line.
    """
    lines = read_text(path, "topology file").splitlines()
    layers: list[Layer] = []
    header: tuple[str, ...] | None = None
    for number, line in enumerate(lines, start=1):
        fields = _fields(line)
        if not fields:
            continue
        try:
            if header is None:
                header = _header(fields)
            else:
                layers += _layers(_row(header, fields))
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


def _header(fields: list[str]) -> tuple[str, ...]:
    if len(fields) > 1 and re.fullmatch(r"-?[0-9]+", fields[1]):
        raise InputError("a layer stands where SCALE-Sim expects the header, which it skips; add the header")
    if len(fields) < 4:
        hint = "; its columns must be separated by commas" if ";" in fields[0] else ""
        raise InputError(f"{', '.join(fields)!r} is not the header of a SCALE-Sim topology{hint}")
    return columns(fields)


def _row(header: tuple[str, ...], fields: list[str]) -> dict[str, str]:
    """The fields by column; behind the header's may stand the stride once more and the sparsity."""
    gemm = "m" in header
    whole = {"name", *(GEMM if gemm else CONVOLUTION)} <= {*header[: len(fields)]}
    row = dict(zip(header, fields, strict=False))
    unnamed = fields[len(header) :]
    for column in ("sparsity",) if gemm else ("stride_w", "sparsity"):
        if unnamed and column not in row and unnamed[0].isdigit() == (column == "stride_w"):
            row[column] = unnamed.pop(0)
    if unnamed or not whole:
        expected = "a name and M, N, K" if gemm else "a name and seven numbers"
        raise InputError(f"expected {expected}, found {len(fields)} fields")
    return row


def _layers(row: dict[str, str]) -> list[Layer]:
    _check_dense(row)
    if "m" in row:
        m, n, k = (_integer(row[column]) for column in GEMM)
        return [Layer.gemm(name=row["name"], m=m, k=k, n=n)]
    if row.get("stride_w", row["stride"]) != row["stride"]:
        raise InputError(
            f"strides {row['stride']} x {row['stride_w']}: SCALE-Sim has one stride for both directions; "
            "write the layer as a matrix product"
        )
    shape = {column: _integer(row[column]) for column in CONVOLUTION}
    names = [row["name"]]
    if "DP" in row["name"]:
        if not 1 <= shape["channels"] <= MOST_DEPTHWISE_CHANNELS:
            raise InputError(
                f"{shape['channels']} depthwise channels, expected 1 to {MOST_DEPTHWISE_CHANNELS}"
            )
        names = [f"{row['name']}Channel_{channel}" for channel in range(shape["channels"])]
        shape["channels"] = 1
    return [Layer(name=name, operation="", operands=WEIGHTS, **shape) for name in names]


def _check_dense(row: dict[str, str]) -> None:
    if row.get("sparsity", "1:1").replace(" ", "") not in ("1:1", ""):
        raise InputError(f"sparsity {row['sparsity']!r}: nfenergy simulates dense layers only (1:1)")
    if row.get("batch", "1") not in ("1", ""):
        raise InputError(f"batch size {row['batch']!r}: nfenergy counts one input at a time (1)")


def _integer(field: str) -> int:
    if not re.fullmatch(r"[+-]?[0-9]{1,18}", field):
        raise InputError(f"{field!r} is not a whole number")
    return int(field)
