"""Protections at work: a chip's bit errors as they come out of a protected memory, word by word.

The weights lie in the very cells in which they lie without protection, so that both are compared on the
same chips; check bits and spare rows take the cells after the last weight, as one more layer. Each layer
begins a new code word. What a code makes of several errors in a word depends on all bits of the word, and
with stuck cells, or a decoder that gives zero, on what is stored. So the bit errors that come out hold for
these stored words, and are given as bits that toggle.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from neuralfuse.memory.bit_errors import FaultModel, WordFaults, layer_faults
from neuralfuse.memory.hsiao import SecdedCode
from neuralfuse.memory.stored_words import (
    Blocks,
    Bytes,
    Misreading,
    StoredWords,
    misreading,
    toggling,
    wrong_bits,
)

Faults = tuple[WordFaults, ...]


def unprotected(memory: StoredWords, fault_model: FaultModel, rate: float, seed: int) -> Faults:
    """Bit errors of a memory without protection: the fault model's own, whatever is stored."""
    return fault_model.draw(memory.counts, memory.bits, rate, seed)


def secded(
    memory: StoredWords,
    fault_model: FaultModel,
    rate: float,
    seed: int,
    *,
    code: SecdedCode,
    zeroed: bool,
    planes: Sequence[int] | None = None,
) -> Faults:
    """Bit errors that a SECDED decoder leaves in every word it hands on.

    Args:
        memory: the stored words.
        fault_model: draws the cells, check bits included.
        rate: of the fault model.
        seed: the chip.
        code: of the data words.
        zeroed: a data word with detected errors is read as zeros (`StoredWords.zero`), not as it is.
        planes: bits that are coded, each over as many weights as the code has data bits; None codes all.
    """
    size, bits = code.data_bits, memory.bits
    blocks = [Blocks(size=size, bits=bits, plane=plane) for plane in (planes or (None,))]
    counts = [block.count(words) for words in memory.counts for block in blocks]
    *drawn, after = _draw(memory, fault_model, rate, seed, cells=sum(counts) * code.check_bits)
    checks = iter(
        layer_faults(after.cells, counts, code.check_bits, to_one=after.to_one, to_zero=after.to_zero)
    )
    coded = sum(1 << plane for plane in planes) if planes else (1 << bits) - 1
    found = []
    for words, faults in zip(memory.layers, drawn, strict=True):
        wrong = wrong_bits(words, faults)
        left = wrong & ~np.array(coded, wrong.dtype)
        for block in blocks:
            data = block.pack(words)
            zeros = block.pack(np.full_like(words, memory.zero)) if zeroed else None
            decoded = _wrong_after(code, data, block.pack(wrong), next(checks), zeros)
            left |= block.unpack(decoded, len(words))
        found.append(toggling(left, bits))
    return tuple(found)


def sound_bits(
    memory: StoredWords, fault_model: FaultModel, rate: float, seed: int, *, planes: Sequence[int]
) -> Faults:
    """Bit errors where some bits of every weight lie in cells that do not fail."""
    sound = sum(1 << plane for plane in planes)
    found = []
    for faults in fault_model.draw(memory.counts, memory.bits, rate, seed):
        mask = np.array(sound, faults.keep.dtype)
        keep, toggle = faults.keep | mask, faults.toggle & ~mask
        hit = np.flatnonzero((keep != (1 << memory.bits) - 1) | (toggle != 0))
        found.append(WordFaults(index=faults.index[hit], keep=keep[hit], toggle=toggle[hit]))
    return tuple(found)


def repaired_rows(
    memory: StoredWords,
    fault_model: FaultModel,
    rate: float,
    seed: int,
    *,
    spares: int,
    row_cells: int,
    bank_rows: int,
) -> Faults:
    """Bit errors of the rows for which their bank has no spare row left.

    A self-test finds the faulty rows in the order of their addresses; each takes the next spare row of its
    bank in which no cell is faulty. Spare rows are of the same cells as all others.
    """
    counts, bits = memory.counts, memory.bits
    rows = -(-sum(counts) * bits // row_cells)
    banks = -(-rows // bank_rows)
    *drawn, after = _draw(memory, fault_model, rate, seed, cells=banks * spares * row_cells)
    sound = np.ones(banks * spares, bool)
    sound[after.cells // row_cells] = False
    usable = sound.reshape(banks, spares).sum(axis=1)
    starts = np.cumsum([0, *counts[:-1]])
    layers = [misreading(faults, bits) for faults in drawn]
    cells = np.concatenate([layer.cells + start * bits for layer, start in zip(layers, starts, strict=True)])
    row = cells // row_cells
    begins = np.diff(row, prepend=-1) > 0
    bank = row[begins] // bank_rows
    nth = np.arange(len(bank)) - np.searchsorted(bank, bank)
    unrepaired = (nth >= usable[bank])[np.cumsum(begins) - 1]
    left = Misreading(
        cells,
        np.concatenate([layer.to_one for layer in layers]),
        np.concatenate([layer.to_zero for layer in layers]),
    ).only(unrepaired)
    return layer_faults(left.cells, counts, bits, to_one=left.to_one, to_zero=left.to_zero)


def _draw(
    memory: StoredWords, fault_model: FaultModel, rate: float, seed: int, *, cells: int
) -> tuple[*tuple[WordFaults, ...], Misreading]:
    """Bit errors of each layer, and the misreading ones of so many cells after them."""
    words = -(-cells // memory.bits)
    *layers, after = fault_model.draw([*memory.counts, words], memory.bits, rate, seed)
    found = misreading(after, memory.bits)
    return (*layers, found.only(found.cells < cells))


def _wrong_after(
    code: SecdedCode, data: Bytes, wrong: Bytes, checks: WordFaults, zeros: Bytes | None
) -> Bytes:
    """Wrong bits of every data word after decoding: encode what is stored, misread it, decode it.

    Words without a misreading cell come back as they were stored, so only the others are looked at.
    """
    touched = np.zeros(len(wrong), np.bool_)
    wrong.any(axis=1, out=touched)
    touched[checks.index] = True
    at = np.flatnonzero(touched)
    stored = data[at]
    parity = code.encode(stored)
    place = np.searchsorted(at, checks.index)
    parity[place] = (parity[place] & checks.keep) ^ checks.toggle
    read, detected = code.decode(stored ^ wrong[at], parity)
    if zeros is not None:
        read[detected] = zeros[at[detected]]
    left = np.zeros_like(data)
    left[at] = read ^ stored
    return left
