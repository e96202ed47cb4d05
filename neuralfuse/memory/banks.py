"""How the faults of a measured memory lie over its banks and words, against independent faults."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from neuralfuse.memory.bit_errors import Cells
from neuralfuse.memory.secded_rates import broken_word_probability
from nfenergy.ground.errors import InputError


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class BankStatistics:
    """Faulty cells by bank and by word; a cell counts however often it misreads.

    Attributes:
        faults: faulty cells of each bank, shape (banks,); the last bank may be smaller.
        bank_cells: cells of a bank.
        word_bits: cells of a word.
        broken_words: words with two or more faulty cells, which SECDED cannot correct.
        independent_broken_words: how many there would be on average if as many cells were faulty
            independently of each other.
    """

    faults: NDArray[np.int64]
    bank_cells: int
    word_bits: int
    broken_words: int
    independent_broken_words: float

    @property
    def clean_banks(self) -> int:
        """Banks without a faulty cell."""
        return int(np.count_nonzero(self.faults == 0))

    @property
    def worst_bank(self) -> int:
        """Faulty cells of the bank that has most."""
        return int(self.faults.max())

    @property
    def worst_to_mean(self) -> float:
        """Faulty cells of the worst bank over those of the mean bank; 0 where there are none."""
        return float(self.worst_bank / self.faults.mean()) if self.worst_bank else 0.0

    @property
    def clustering(self) -> float:
        """Broken words over those of independent faults; 0 where there are none."""
        return self.broken_words / self.independent_broken_words if self.broken_words else 0.0


def bank_statistics(cells: Cells, *, size: int, bank_cells: int, word_bits: int = 64) -> BankStatistics:
    """How faulty cells lie over banks and words, both cut from the memory's first cell on.

    Args:
        cells: addresses of the faulty cells.
        size: cells of the memory.
        bank_cells: cells of a bank.
        word_bits: cells of a word; a part of a word at the end is left out.

    Raises:
        InputError: a bank or a word is empty or larger than the memory.
    """
    for name, given in (("bank", bank_cells), ("word", word_bits)):
        if not 1 <= given <= size:
            raise InputError(f"a {name} of {given:,} cells does not fit into a memory of {size:,} cells")
    words = size // word_bits
    by_word = np.bincount(cells // word_bits, minlength=words)[:words]
    return BankStatistics(
        faults=np.bincount(cells // bank_cells, minlength=-(-size // bank_cells)),
        bank_cells=bank_cells,
        word_bits=word_bits,
        broken_words=int(np.count_nonzero(by_word >= 2)),
        independent_broken_words=words * broken_word_probability(word_bits, len(cells) / size),
    )
