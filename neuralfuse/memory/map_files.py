"""Files of measured fault maps, told apart by what is in them.

- Two text matrices, numbers between spaces, tabs or commas: cells stuck at 0 and cells stuck at 1, or the
  probabilities to read 1 for 0 and 0 for 1.
- The two matrices that the NeuralFuse code reads, ``fmap_sa0_v_0.8.txt`` and ``fmap_sa1_v_0.8.txt``; one of
  them names both. That code sets the bits of the first to one, against its name; here they are stuck at 0.
- Two ``.npy`` matrices, or one array of shape (2, rows, columns), known by their first bytes: the same.
- A read-out of the KC705-B board (``KC705B-0.53.bin``, Salami et al., MICRO 2018), hex digits without
  separators: after ones were written, cells that read 0. It holds both bytes of every memory row, which are
  equal; one is taken, its lowest bit as the first cell.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from neuralfuse.memory.fault_maps import FaultMap
from neuralfuse.memory.map_text import Matrix, check_numbers, parse_matrix
from nfenergy.ground.errors import InputError
from nfenergy.ground.files import read_text

KINDS = {
    "stuck-at": ("a matrix of stuck-at-0 cells", "a matrix of stuck-at-1 cells"),
    "flip": ("a matrix of 0-to-1 flip probabilities", "a matrix of 1-to-0 flip probabilities"),
}
"""What the two files of a map are, in this order."""

NPY = b"\x93NUMPY"

HEX_DIGITS = b"0123456789ABCDEF"

BANK_ROWS, ROW_DIGITS, ROW_CELLS = 1024, 4, 8
"""A block RAM in a read-out: rows of 16 bits, the two bytes of which are equal."""


def read_fault_map(paths: Sequence[Path], *, kind: str = "stuck-at") -> FaultMap:
    """A measured map from its one or two files; see the module for the formats.

    Args:
        paths: the files, a pair in the order of `KINDS`; NeuralFuse's may be given in any order.
        kind: of the matrices, ``stuck-at`` or ``flip``; a read-out in hex digits is always stuck-at.

    Raises:
        InputError: not one or two files, an unreadable or unknown one, one that lacks its other half,
            values or sizes that do not fit, or a cell stuck at both.
    """
    paths = _pair_by_name(paths)
    if len(paths) == 2:
        return _of_pair(paths[0], paths[1], kind)
    if len(paths) != 1:
        raise InputError(f"a fault map is one file or a pair of files, not {len(paths)}")
    (path,) = paths
    if _is_npy(path, "a fault map"):
        return _of_stack(path, kind)
    text = read_text(path, "a fault map")
    if path.suffix.lower() == ".bin" or re.match(r"\s*[0-9A-Fa-f]{4}", text):
        return _of_read_out(path, text)
    first, second = KINDS[kind]
    raise InputError(f"{path} is half of a map; give two files, {first} and {second}")


def read_stuck_at_maps(stuck_at_zero: Path, stuck_at_one: Path) -> FaultMap:
    """A measured map from two matrices of 0 and 1, where 1 marks a stuck cell; errors of `read_fault_map`."""
    return _of_pair(stuck_at_zero, stuck_at_one, "stuck-at")


def read_flip_maps(to_one: Path, to_zero: Path) -> FaultMap:
    """A measured map from two matrices of probabilities: 0 read as 1, and 1 read as 0."""
    return _of_pair(to_one, to_zero, "flip")


def _pair_by_name(paths: Sequence[Path]) -> Sequence[Path]:
    """NeuralFuse's two files in order, though one be given or the second first; others as they are."""
    named = [re.fullmatch(r"(fmap_sa)([01])(_.*)", path.name) for path in paths]
    if len(paths) == 1 and named[0]:
        name = named[0]
        return [paths[0].with_name(f"{name[1]}{value}{name[3]}") for value in "01"]
    values = [name[2] for name in named if name]
    if values == ["1", "0"]:
        return paths[::-1]
    if len(values) == 2 and values[0] == values[1]:
        raise InputError(
            f"{paths[0]} and {paths[1]} are both of cells stuck at {values[0]}; give one of each"
        )
    return paths


def _of_pair(first: Path, second: Path, kind: str) -> FaultMap:
    one, other = (
        _read_matrix(path, what, flags=kind == "stuck-at")
        for path, what in zip((first, second), KINDS[kind], strict=True)
    )
    if one.shape != other.shape:
        sizes = " and ".join(f"{rows} x {columns}" for rows, columns in (one.shape, other.shape))
        raise InputError(f"{first} and {second} describe one memory, but have {sizes} cells")
    return _of_halves(one, other, kind, (str(first), str(second)))


def _of_stack(path: Path, kind: str) -> FaultMap:
    both = _load_npy(path, "a fault map")
    if both.ndim != 3 or len(both) != 2 or not both.size:
        raise InputError(
            f"{path} is an array of shape {both.shape}; expected (2, rows, columns), or two such files"
        )
    for half in both:
        check_numbers(half, str(path), flags=kind == "stuck-at")
    return _of_halves(both[0], both[1], kind, (f"{path}[0]", f"{path}[1]"))


def _of_halves(one: Matrix, other: Matrix, kind: str, names: tuple[str, str]) -> FaultMap:
    if kind == "flip":
        return FaultMap.of_matrices(one, other)
    both = np.argwhere((one > 0) & (other > 0))
    if len(both):
        row, column = both[0] + 1
        raise InputError(
            f"row {row}, column {column} is stuck at 0 in {names[0]} and stuck at 1 in {names[1]}"
        )
    return FaultMap.of_matrices(other, one)


def _of_read_out(path: Path, text: str) -> FaultMap:
    """Cells of block RAM that read 0 after ones were written."""
    digits = "".join(text.split()).upper().encode("ascii", "replace")
    table = np.full(256, 255, np.uint8)
    table[list(HEX_DIGITS)] = np.arange(16)
    values = table[np.frombuffer(digits, np.uint8)]
    if (values > 15).any():
        place = int((values > 15).argmax())
        raise InputError(f"{path}, digit {place + 1} is {chr(digits[place])!r}, not one of 0 to F")
    if len(values) == 0 or len(values) % (BANK_ROWS * ROW_DIGITS):
        raise InputError(
            f"{path} has {len(values):,} hex digits; a KC705-B read-out has {BANK_ROWS * ROW_DIGITS:,} for "
            "every block RAM"
        )
    rows = values.reshape(-1, 2, 2)
    differing = (rows[:, 0] != rows[:, 1]).any(axis=1)
    if differing.any():
        bank, row = divmod(int(differing.argmax()), BANK_ROWS)
        raise InputError(
            f"{path}, row {row + 1} of block RAM {bank + 1} has two bytes that differ; no KC705-B read-out"
        )
    read = (rows[:, 0, 0] << 4 | rows[:, 0, 1]).astype(np.uint8)
    cells = np.flatnonzero(np.unpackbits(read, bitorder="little") == 0)
    return FaultMap(
        rows=len(rows),
        columns=ROW_CELLS,
        cells=cells,
        to_one=np.zeros(len(cells)),
        to_zero=np.ones(len(cells)),
        bank_cells=BANK_ROWS * ROW_CELLS,
    )


def _read_matrix(path: Path, what: str, *, flags: bool) -> Matrix:
    if not _is_npy(path, what):
        return parse_matrix(read_text(path, what), str(path), what, flags=flags)
    matrix = _load_npy(path, what)
    if matrix.ndim != 2 or not matrix.size:
        raise InputError(f"{path} is an array of shape {matrix.shape}; expected {what}")
    check_numbers(matrix, str(path), flags=flags)
    return matrix


def _is_npy(path: Path, what: str) -> bool:
    try:
        with path.open("rb") as file:
            return file.read(len(NPY)) == NPY
    except OSError as error:
        raise InputError(f"cannot read {what} {path}: {error.strerror or error}") from error


def _load_npy(path: Path, what: str) -> Matrix:
    try:
        found: Matrix = np.load(path, allow_pickle=False)
    except (ValueError, EOFError) as error:
        raise InputError(f"{path} is a broken .npy file, or one of objects; expected {what}") from error
    if found.dtype.kind not in "biuf":
        raise InputError(f"{path} holds values of type {found.dtype}; expected {what}")
    return found
