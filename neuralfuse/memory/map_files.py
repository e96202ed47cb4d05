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

from neuralfuse.memory.board_read_outs import map_of_read_out
from neuralfuse.memory.fault_maps import FaultMap
from neuralfuse.memory.map_arrays import is_npy, load_npy, read_matrix
from neuralfuse.memory.map_text import Matrix, check_numbers
from nfenergy.ground.errors import InputError
from nfenergy.ground.files import read_text

KINDS = {
    "stuck-at": ("a matrix of stuck-at-0 cells", "a matrix of stuck-at-1 cells"),
    "flip": ("a matrix of 0-to-1 flip probabilities", "a matrix of 1-to-0 flip probabilities"),
}
"""What the two files of a map are, in this order."""


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
    if is_npy(path, "a fault map"):
        return _of_stack(path, kind)
    text = read_text(path, "a fault map")
    if path.suffix.lower() == ".bin" or re.match(r"\s*[0-9A-Fa-f]{4}", text):
        return map_of_read_out(path, text)
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
        read_matrix(path, what, flags=kind == "stuck-at")
        for path, what in zip((first, second), KINDS[kind], strict=True)
    )
    if one.shape != other.shape:
        sizes = " and ".join(f"{rows} x {columns}" for rows, columns in (one.shape, other.shape))
        raise InputError(f"{first} and {second} describe one memory, but have {sizes} cells")
    return _of_halves(one, other, kind, (str(first), str(second)))


def _of_stack(path: Path, kind: str) -> FaultMap:
    both = load_npy(path, "a fault map")
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
