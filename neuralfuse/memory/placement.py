"""Layers placed in the banks of a measured memory: which bit errors each then has."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from neuralfuse.memory.bit_errors import Cells, WordFaults
from neuralfuse.memory.fault_maps import FaultMap, map_faults
from nfenergy.ground.errors import InputError


def cleanest_first(found: FaultMap, bank_cells: int | None = None) -> FaultMap:
    """The map with its whole banks in another order, those with the fewest faulty cells first.

    Args:
        found: the memory.
        bank_cells: cells of a bank; None where the map says so itself.

    Raises:
        InputError: the size of a bank is neither known nor given, or no bank fits into the memory.
    """
    faults = found.statistics(bank_cells=bank_cells, word_bits=1).faults
    cells = bank_cells or found.bank_cells or found.size
    whole = found.size // cells
    order = np.argsort(faults[:whole], kind="stable")
    place = np.empty(whole, np.int64)
    place[order] = np.arange(whole)
    inside = found.cells < whole * cells
    bank, within = np.divmod(found.cells[inside], cells)
    moved: Cells = place[bank] * cells + within
    ascending = np.argsort(moved)
    return FaultMap(
        rows=whole,
        columns=cells,
        cells=moved[ascending],
        to_one=found.to_one[inside][ascending],
        to_zero=found.to_zero[inside][ascending],
        bank_cells=cells,
    )


def placed_faults(
    found: FaultMap, words: Sequence[int], bits: int, *, order: Sequence[int], offset: int = 0, seed: int = 0
) -> tuple[WordFaults, ...]:
    """Bit errors of layers that are laid into the memory in the given order, layer by layer.

    Args:
        found: the memory.
        words: words of each layer.
        bits: bits of a word.
        order: the layers by number, each once.
        offset, seed: see `map_faults`.

    Raises:
        InputError: the order does not have every layer once.
    """
    if sorted(order) != list(range(len(words))):
        raise InputError(f"an order of {len(words)} layers has each of them once, not {list(order)}")
    drawn = map_faults(found, [words[layer] for layer in order], bits, offset=offset, seed=seed)
    by_layer = dict(zip(order, drawn, strict=True))
    return tuple(by_layer[layer] for layer in range(len(words)))
