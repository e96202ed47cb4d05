"""Matrices of a fault map in text files and ``.npy`` files."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from neuralfuse.memory.map_text import Matrix, check_numbers, parse_matrix
from nfenergy.ground.errors import InputError
from nfenergy.ground.files import check_regular, read_text

NPY = b"\x93NUMPY"


def read_matrix(path: Path, what: str, *, flags: bool) -> Matrix:
    """A matrix in text or ``.npy``; `flags` asks for 0 and 1. Raises InputError: it is no such matrix."""
    if not is_npy(path, what):
        return parse_matrix(read_text(path, what), str(path), what, flags=flags)
    matrix = load_npy(path, what)
    if matrix.ndim != 2 or not matrix.size:
        raise InputError(f"{path} is an array of shape {matrix.shape}; expected {what}")
    check_numbers(matrix, str(path), flags=flags)
    return matrix


def is_npy(path: Path, what: str) -> bool:
    """Whether a file begins like a ``.npy`` file. Raises InputError: it cannot be read."""
    try:
        if path.is_fifo():
            return False
        check_regular(path, what)
        with path.open("rb") as file:
            return file.read(len(NPY)) == NPY
    except OSError as error:
        raise InputError(f"cannot read {what} {path}: {error.strerror or error}") from error


def load_npy(path: Path, what: str) -> Matrix:
    """The array of a ``.npy`` file. Raises InputError: it is broken, or not of numbers."""
    check_regular(path, what)
    try:
        # Mapped, a file that promises more numbers than it holds is refused before memory is asked for.
        found: Matrix = np.load(path, allow_pickle=False, mmap_mode="r")
    except OSError as error:
        raise InputError(f"cannot read {what} {path}: {error.strerror or error}") from error
    except Exception as error:  # numpy reads the header as Python, and fails in many ways
        raise InputError(f"{path} is a broken .npy file, or one of objects; expected {what}") from error
    if found.dtype.kind not in "biuf":
        raise InputError(f"{path} holds values of type {found.dtype}; expected {what}")
    return found
