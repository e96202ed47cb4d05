"""What a weight memory holds, and the ways in which codes and rows cut it up."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from neuralfuse.memory.bit_errors import Cells, WordFaults, Words

Bytes = NDArray[np.uint8]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class StoredWords:
    """The words of a network's layers, in the order in which a memory holds them.

    Attributes:
        layers: bit patterns of each layer, shape (n,), uint8 or, for more than 8 bits, int32.
        bits: of a word.
        zero: word that a decoder hands on in place of one it gave up: `Quantization.zero`, the centre of
            the weights' range. Two's complement has it at 0.
    """

    layers: Sequence[Words]
    bits: int
    zero: int = 0

    @property
    def counts(self) -> list[int]:
        """Words of each layer."""
        return [len(words) for words in self.layers]


class Misreading(NamedTuple):
    """Cells that misread, by address.

    Attributes:
        cells: ascending, shape (k,).
        to_one: which read 1 for a stored 0.
        to_zero: which read 0 for a stored 1; a cell in both flips.
    """

    cells: Cells
    to_one: NDArray[np.bool_]
    to_zero: NDArray[np.bool_]

    def only(self, kept: NDArray[np.bool_]) -> Misreading:
        """Those of the cells."""
        return Misreading(self.cells[kept], self.to_one[kept], self.to_zero[kept])


def misreading(faults: WordFaults, bits: int) -> Misreading:
    """The cells behind the bit errors of words of so many bits; bit j of word i is cell i * bits + j."""
    order = np.argsort(faults.index, kind="stable")
    stuck = ~faults.keep[order]
    toggle = faults.toggle[order]
    places = np.arange(bits, dtype=stuck.dtype)
    word, bit = np.nonzero(((stuck | toggle)[:, None] >> places) & 1)
    one = (toggle[word] >> bit.astype(stuck.dtype)) & 1 == 1
    held = (stuck[word] >> bit.astype(stuck.dtype)) & 1 == 1
    return Misreading(faults.index[order][word] * bits + bit, one, ~(held & one))


def wrong_bits(words: Words, faults: WordFaults) -> Words:
    """Bits of every word that read wrongly, shaped like `words`."""
    stored = words[faults.index]
    wrong = np.zeros(len(words), faults.keep.dtype)
    wrong[faults.index] = ((stored & faults.keep) ^ faults.toggle) ^ stored
    return wrong


def toggling(wrong: Words, bits: int) -> WordFaults:
    """Words with wrong bits as bit errors; they hold for the words for which the bits are wrong."""
    index = np.flatnonzero(wrong)
    toggle = wrong[index]
    return WordFaults(index=index, keep=np.full_like(toggle, (1 << bits) - 1), toggle=toggle)


@dataclass(frozen=True, slots=True, kw_only=True)
class Blocks:
    """How a layer's bits fill the data words of a code.

    Attributes:
        size: bits of a data word, a multiple of 8.
        bits: of a weight's word.
        plane: the one bit of each weight that is coded; None codes all, weight after weight.
    """

    size: int
    bits: int
    plane: int | None = None

    def count(self, words: int) -> int:
        """Data words that a layer of so many weights fills; the last may be filled in part."""
        return -(-words * (self.bits if self.plane is None else 1) // self.size)

    def pack(self, words: Words) -> Bytes:
        """The data words of a layer, shape (count, size / 8); what it does not fill is zero."""
        flat = self._stream(words)
        data = np.zeros(self.count(len(words)) * self.size // 8, np.uint8)
        data[: len(flat)] = flat
        return data.reshape(-1, self.size // 8)

    def unpack(self, data: Bytes, words: int) -> Words:
        """The bits of so many weights from their data words; bits that are not coded are zero."""
        flat = data.ravel()
        dtype = np.uint8 if self.bits <= 8 else np.int32
        if self.plane is not None:
            ones: Words = np.unpackbits(flat, count=words, bitorder="little").astype(dtype)
            return np.left_shift(ones, self.plane)
        if self.bits == 8:
            return flat[:words]
        if self.bits == 16:
            return flat[: 2 * words].view("<u2").astype(dtype)
        by_word = np.unpackbits(flat, count=words * self.bits, bitorder="little").reshape(-1, self.bits)
        return np.packbits(by_word, axis=1, bitorder="little").ravel()

    def _stream(self, words: Words) -> Bytes:
        if self.plane is not None:
            return np.packbits(((words >> self.plane) & 1).astype(np.uint8), bitorder="little")
        if self.bits == 8:
            return words.view(np.uint8)
        if self.bits == 16:
            return words.astype("<u2").view(np.uint8)
        by_word = np.unpackbits(words.astype(np.uint8)[:, None], axis=1, count=self.bits, bitorder="little")
        return np.packbits(by_word, bitorder="little")
