"""Read-outs of the KC705-B board, hex digits without separators (Salami et al., MICRO 2018)."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from neuralfuse.memory.fault_maps import FaultMap
from nfenergy.ground.errors import InputError

HEX_DIGITS = b"0123456789ABCDEF"

BANK_ROWS, ROW_DIGITS, ROW_CELLS = 1024, 4, 8
"""A block RAM in a read-out: rows of 16 bits, the two bytes of which are equal."""


def map_of_read_out(path: Path, text: str) -> FaultMap:
    """Cells of block RAM that read 0 after ones were written.

    Args:
        path: of the file, for the error.
        text: what it holds.

    Raises:
        InputError: other characters than hex digits, no whole block RAM, or two bytes of a row that differ.
    """
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
