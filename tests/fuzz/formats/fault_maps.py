"""Fault maps: text matrices, .npy files, NeuralFuse's pair, and read-outs of the KC705-B board."""

from __future__ import annotations

import io
import random
import re
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from tests.fuzz.case import Forbidden, Sample, file_format
from tests.fuzz.formats.checkpoints import base_checkpoint
from tests.fuzz.formats.rules import demand, text_of
from tests.fuzz.mutations import damaged_bytes, damaged_text, several

ROWS, COLUMNS = 24, 16


def _flags(offset: int) -> np.ndarray:
    cells = np.zeros(ROWS * COLUMNS, np.uint8)
    cells[offset::61] = 1
    return cells.reshape(ROWS, COLUMNS)


def _text(matrix: np.ndarray, separator: str = " ") -> bytes:
    lines = [separator.join(f"{value:g}" for value in row) for row in matrix]
    return ("# a map\n" + "\n".join(lines) + "\n").encode()


def _npy(matrix: np.ndarray) -> bytes:
    out = io.BytesIO()
    np.save(out, matrix)
    return out.getvalue()


def _read_out() -> bytes:
    values = np.full(1024, 0xFF)
    values[::97] = 0xFE
    return "".join(f"{value:02X}{value:02X}" for value in values).encode()


def damaged_npy(content: bytes, rng: random.Random) -> bytes:
    """Other shape, type, order or header; or bytes."""
    if rng.random() < 0.4:
        return damaged_bytes(content, rng)
    try:
        matrix = np.load(io.BytesIO(content))
    except Exception:
        return damaged_bytes(content, rng)
    kind = rng.randrange(7)
    if kind == 0 and matrix.size:
        matrix = matrix.astype(float)
        matrix.flat[rng.randrange(matrix.size)] = rng.choice(
            (float("nan"), float("inf"), -1, 2, 0.5, 1e-300, 1 + 1e-9)
        )
    elif kind == 1:
        kind_of_number = rng.choice(
            ("bool", "int8", "float16", "complex64", "U3", "datetime64[s]", ">i4", "u8", "S2")
        )
        with np.errstate(all="ignore"), suppress(ValueError, TypeError, RuntimeError):
            matrix = matrix.astype(kind_of_number)
    elif kind == 2:
        matrix = rng.choice((matrix[:0], matrix.ravel(), matrix[None], matrix[:1], matrix.T, matrix[..., :0]))
    elif kind == 3:
        matrix = np.asfortranarray(matrix)
    elif kind == 4:
        out = io.BytesIO()
        np.save(out, np.array([{"a": 1}], dtype=object), allow_pickle=True)
        return out.getvalue()
    elif kind == 5:
        shape = rng.choice((b"(99999999999, 16)", b"(-1, 16)", b"(24,16", b"()", b"(24, 16, )  ", b"(1e9,)"))
        return re.sub(rb"\(\d[^)]*\)", shape, content, count=1)
    return _npy(matrix)


def _matrix(path: Path, *, flags: bool) -> np.ndarray:
    """Rows of equally many numbers, 0 or 1, or in 0 to 1."""
    content = path.read_bytes()
    if content.startswith(b"\x93NUMPY"):
        return _checked(_array(content), flags=flags)
    rows = []
    for line in re.split(r"\r\n|\r|\n", text_of(path)):
        entries = line.partition("#")[0].replace(",", " ").split()
        if entries:
            for entry in entries:
                demand(
                    re.fullmatch(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?", entry, re.ASCII),
                    f"entry {entry[:30]!r}",
                )
            rows.append([float(entry) for entry in entries])
    demand(rows, "no rows")
    demand(len({*map(len, rows)}) == 1, "rows of several lengths")
    return _checked(np.array(rows), flags=flags)


def _array(content: bytes) -> np.ndarray:
    try:
        found = np.load(io.BytesIO(content), allow_pickle=False)
    except Exception as error:
        raise Forbidden(f"no .npy: {type(error).__name__}") from None
    demand(found.dtype.kind in "biuf" and found.size, "no numbers")
    return found.astype(float)


def _checked(matrix: np.ndarray, *, flags: bool) -> np.ndarray:
    demand(matrix.ndim == 2, "no matrix")
    demand(((matrix >= 0) & (matrix <= 1)).all(), "a number outside of 0 to 1")
    demand(not flags or np.isin(matrix, (0, 1)).all(), "a number that is neither 0 nor 1")
    return matrix


def _pair_rules(names: tuple[str, str], flags: bool, folder: Path) -> None:
    one, other = (_matrix(folder / name, flags=flags) for name in names)
    _check_halves(one, other, flags=flags)


def _check_halves(one: np.ndarray, other: np.ndarray, *, flags: bool) -> None:
    demand(one.shape == other.shape, "two sizes")
    demand(not flags or not ((one > 0) & (other > 0)).any(), "a cell stuck at both")
    demand((one.sum() + other.sum()) / one.size <= 0.5 + 1e-12, "more than half of the cells misread")


def _stack_rules(folder: Path) -> None:
    content = (folder / "map.npy").read_bytes()
    demand(content.startswith(b"\x93NUMPY"), "no .npy")
    found = _array(content)
    demand(found.ndim == 3 and len(found) == 2, "no two matrices")
    _check_halves(_checked(found[0], flags=True), _checked(found[1], flags=True), flags=True)


def _read_out_rules(folder: Path) -> None:
    """Four hex digits a row of 1,024 rows a block RAM, the two bytes of a row equal."""
    digits = "".join(text_of(folder / "KC705B-0.53.bin").split())
    demand(re.fullmatch("[0-9a-fA-F]+", digits), "other characters than hex digits")
    demand(len(digits) % 4096 == 0, "no whole block RAM")
    rows = [digits[at : at + 4].upper() for at in range(0, len(digits), 4)]
    demand(all(row[:2] == row[2:] for row in rows), "two bytes that differ")
    faults = sum(8 - int(row[:2], 16).bit_count() for row in rows)
    demand(faults / (8 * len(rows)) <= 0.5, "more than half of the cells misread")


def _samples() -> Sequence[Sample]:
    evaluate = (
        "evaluate",
        "--base-checkpoint",
        "base.safetensors",
        "--seeds",
        "1",
        "--quiet",
        "--out",
        "out.csv",
    )
    base = {"base.safetensors": base_checkpoint()}
    ones, zeros = _flags(3), _flags(31)
    chances = np.round(np.linspace(0, 0.03, ROWS * COLUMNS), 4).reshape(ROWS, COLUMNS)
    text, arrays = several(damaged_text, damaged_text, damaged_bytes), several(damaged_npy)

    def pair(
        option: str, names: tuple[str, str], files: tuple[bytes, bytes], mutate: Callable[[bytes, Any], bytes]
    ) -> Sample:
        options = (option, *names) if option != "--fault-map" else (option, names[0], option, names[1])
        return Sample(
            files=dict(zip(names, files, strict=True)) | base,
            fixed=("base.safetensors",),
            lines=[(*evaluate, *options)],
            rules=partial(_pair_rules, names, option != "--flip-maps"),
            mutate=mutate,
        )

    return [
        pair("--stuck-at-maps", ("sa0.txt", "sa1.txt"), (_text(zeros), _text(ones, ",")), text),
        pair("--flip-maps", ("to1.txt", "to0.txt"), (_text(chances), _text(chances / 2, "\t")), text),
        pair("--stuck-at-maps", ("sa0.npy", "sa1.npy"), (_npy(zeros), _npy(ones)), arrays),
        pair("--flip-maps", ("to1.npy", "to0.npy"), (_npy(chances), _npy(chances)), arrays),
        pair("--fault-map", ("fmap_sa0_v_0.8.txt", "fmap_sa1_v_0.8.txt"), (_text(zeros), _text(ones)), text),
        Sample(
            files={"map.npy": _npy(np.stack([zeros, ones])), **base},
            fixed=("base.safetensors",),
            lines=[(*evaluate, "--fault-map", "map.npy")],
            rules=_stack_rules,
            mutate=arrays,
        ),
        Sample(
            files={"KC705B-0.53.bin": _read_out(), **base},
            fixed=("base.safetensors",),
            lines=[(*evaluate, "--fault-map", "KC705B-0.53.bin")],
            rules=_read_out_rules,
            mutate=text,
        ),
    ]


FORMAT = file_format("fault map", _samples, share=1.5)
