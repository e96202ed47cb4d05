"""Layers placed in the banks of a measured memory: which bit errors each then has."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from neuralfuse.memory.bit_errors import WordFaults
from neuralfuse.memory.fault_maps import FaultMap, map_faults
from nfenergy.ground.errors import InputError


def cleanest_first(found: FaultMap, *, cells: int, bank_cells: int | None = None) -> FaultMap:
    """The map with its whole banks in another order, those with the fewest faulty cells first.

    Where the memory is smaller than what it is to hold, every bank comes as often as it is used again.

    Args:
        found: the memory.
        cells: to be held.
        bank_cells: cells of a bank; None where the map says so itself.

    Raises:
        InputError: the size of a bank is neither known nor given, or no bank fits into the memory.
    """
    statistics = found.statistics(bank_cells=bank_cells, word_bits=1)
    size = statistics.bank_cells
    banks = found.size // size
    order = np.argsort(statistics.faults[:banks], kind="stable")
    again = max(1, -(-cells // (banks * size)))
    of_bank = [found.cells // size == bank for bank in range(banks)]
    slots = [
        (place * size + found.cells[of_bank[bank]] % size, of_bank[bank])
        for place, bank in enumerate(np.repeat(order, again))
    ]
    return FaultMap(
        rows=banks * again,
        columns=size,
        cells=np.concatenate([moved for moved, _ in slots]),
        to_one=np.concatenate([found.to_one[chosen] for _, chosen in slots]),
        to_zero=np.concatenate([found.to_zero[chosen] for _, chosen in slots]),
        bank_cells=size,
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
