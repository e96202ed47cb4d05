"""SCALE-Sim topology files: written so that every version reads them, read as its repository ships them."""

from __future__ import annotations

import re
import sys
from pathlib import Path

from nfenergy.ground.errors import InputError
from nfenergy.ground.files import read_text
from topologies import side_table
from topologies.header import CONVOLUTION, GEMM, TITLES, columns
from topologies.layers import DENSE, WEIGHTS, Layer, Topology
from topologies.side_table import row_name
from topologies.their_reader import NOT_FIRST, OTHER_ORDER, in_their_order, their_fault

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


def dumps(topology: Topology) -> str:
    """The topology as a SCALE-Sim CSV; each row ends in the comma that SCALE-Sim needs."""
    sparse = any(layer.sparsity != DENSE for layer in topology.layers)
    rows = [
        f"{row_name(index)}, {', '.join(map(str, layer.shape))},{f' {layer.sparsity},' if sparse else ''}"
        for index, layer in enumerate(topology.layers)
    ]
    return "\n".join([f"{HEADER} Sparsity," if sparse else HEADER, *rows, ""])


def dumps_layout(topology: Topology) -> str:
    """The memory layout that SCALE-Sim 3 demands beside a topology: one row a layer, all ones."""
    ones = ", ".join(["1"] * LAYOUT_FIELDS)
    rows = [f"{row_name(index)}, {ones}," for index in range(len(topology.layers))]
    return "\n".join([LAYOUT_HEADER, *rows, ""])


def read(path: Path, *, lenient: bool = False) -> Topology:
    """The topology in a SCALE-Sim CSV, convolutional or GEMM, its columns found by their names.

    Read or refused as SCALE-Sim's own reader does, except where columns stand in another order than its
    own: it skips the header, so stderr then says that it reads the file otherwise; and except a sparsity of
    more than two numbers, which it cuts short. A name that contains ``DP`` is a depthwise convolution, as in
    SCALE-Sim: one layer a channel. Modules and operands come from the side table that ``nfenergy export``
    writes, where that lies beside the file.

    Args:
        path: the file.
        lenient: read rows, too, on which SCALE-Sim fails although they say what they mean: without the
            last comma, separated by tabs, remarks, lines of commas only, the stride once per direction,
            a batch of 1.

    Raises:
        InputError: a line cannot be read; the message has file and line. Or the side table is of other rows.
    """
    lines = read_text(path, "topology file").splitlines()
    layers: list[Layer] = []
    header: tuple[str, ...] | None = None
    for number, line in enumerate(lines, start=1):
        fields = _fields(line)
        try:
            if header is None:
                header = _header(fields) if fields else None
                fault = NOT_FIRST if header is not None and number > 1 else ""
            else:
                layers += _layers(_row(header, fields)) if fields else []
                fault = their_fault(line, header)
            if fault and not lenient:
                raise InputError(f"{fault}; --lenient reads it all the same")
        except InputError as error:
            raise InputError(f"{path}, line {number}: {error}") from error
    if not layers:
        raise InputError(f"{path} holds no layers; expected a SCALE-Sim topology: {HEADER}")
    topology = Topology(name=path.stem, layers=side_table.named(path, layers))
    if header is not None and not in_their_order(header):
        sys.stderr.write(f"nfenergy: {path}: {OTHER_ORDER}\n")
    return topology


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
    if row.get("batch", "1") not in ("1", ""):
        raise InputError(f"batch size {row['batch']!r}: nfenergy counts one input at a time (1)")
    sparsity = _ratio(row.get("sparsity") or DENSE)
    if "m" in row:
        m, n, k = (_integer(row[column]) for column in GEMM)
        return [Layer.gemm(name=row["name"], m=m, k=k, n=n, sparsity=sparsity)]
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
    return [Layer(name=name, operation="", operands=WEIGHTS, sparsity=sparsity, **shape) for name in names]


def _ratio(field: str) -> str:
    """N:M, whole numbers; SCALE-Sim reads the first two of more, which would hide a slip."""
    parts = field.split(":")
    if len(parts) != 2:
        raise InputError(f"sparsity {field!r}: expected a ratio N:M")
    return ":".join(str(_integer(part.strip())) for part in parts)


def _integer(field: str) -> int:
    if not re.fullmatch(r"[+-]?[0-9]{1,18}", field):
        raise InputError(f"{field!r} is not a whole number")
    return int(field)
