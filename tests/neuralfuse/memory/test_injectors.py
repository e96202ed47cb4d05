"""Bit errors as they come out of protected memories, against a memory that is simulated bit by bit."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from neuralfuse.memory.bit_errors import FaultModel, WordFaults, layer_faults, word_faults
from neuralfuse.memory.fault_models import FAULT_MODELS, get_fault_model
from neuralfuse.memory.hsiao import SecdedCode, secded_code
from neuralfuse.memory.injectors import repaired_rows, secded, sound_bits, unprotected
from neuralfuse.memory.stored_words import Blocks, StoredWords, misreading, toggling, wrong_bits

every_bits = pytest.mark.parametrize("bits", [8, 16, 3])
every_fault_model = pytest.mark.parametrize(
    ("name", "bits"),
    [
        (name, bits)
        for name in sorted(FAULT_MODELS)
        for bits in (8, 16, 3)
        if (name, bits) != ("neuralfuse-map", 16)
    ],
)


def stored(counts: list[int], bits: int, seed: int = 0, zero: int = 0) -> StoredWords:
    rng = np.random.default_rng(seed)
    dtype = np.uint8 if bits <= 8 else np.int32
    layers = [rng.integers(0, 2**bits, count).astype(dtype) for count in counts]
    return StoredWords(layers=layers, bits=bits, zero=zero)


def read(words: np.ndarray, faults: WordFaults) -> np.ndarray:
    """Words as they are read back."""
    out = words.copy()
    out[faults.index] = (out[faults.index] & faults.keep) ^ faults.toggle
    return out


def bits_of(words: np.ndarray, bits: int) -> np.ndarray:
    """Bits of words one after another, lowest first."""
    return ((words.astype(np.int64)[:, None] >> np.arange(bits)) & 1).ravel()


def words_from(stream: np.ndarray, bits: int) -> list[int]:
    return (stream.reshape(-1, bits) << np.arange(bits)).sum(axis=1).tolist()


class SlowSecded:
    """A memory of SECDED words, cell by cell in Python, check bits after all data."""

    def __init__(
        self, memory: StoredWords, code: SecdedCode, model: FaultModel, rate: float, seed: int
    ) -> None:
        self.code, self.memory = code, memory
        counts = [-(-count * memory.bits // code.data_bits) for count in memory.counts]
        check_cells = sum(counts) * code.check_bits
        words = -(-check_cells // memory.bits)
        *self.layers, self.after = model.draw([*memory.counts, words], memory.bits, rate, seed)
        self.check_words = words

    def read_all(self, *, zeroed: bool) -> list[list[int]]:
        code, bits = self.code, self.memory.bits
        columns = np.array(code.columns)
        stuck_check = np.zeros(self.check_words, np.int64)
        flip_check = np.zeros(self.check_words, np.int64)
        stuck_check[self.after.index] = ((1 << bits) - 1) & ~self.after.keep.astype(np.int64)
        flip_check[self.after.index] = self.after.toggle
        stuck, toggle = bits_of(stuck_check, bits), bits_of(flip_check, bits)
        place, found = 0, []
        for words, faults in zip(self.memory.layers, self.layers, strict=True):
            true, seen = bits_of(words, bits), bits_of(read(words, faults), bits)
            zeros = bits_of(np.full(len(words), self.memory.zero), bits)
            for start in range(0, len(true), code.data_bits):
                block = slice(start, start + code.data_bits)
                syndrome = 0
                for bit in range(code.check_bits):
                    checked = (columns[: len(true[block])] >> bit) & 1
                    check = int((true[block] * checked).sum()) & 1
                    check = (check & ~int(stuck[place])) ^ int(toggle[place])
                    syndrome |= ((int((seen[block] * checked).sum()) & 1) ^ check) << bit
                    place += 1
                if syndrome in code.columns:
                    wrong = start + code.columns.index(syndrome)
                    if wrong < min(block.stop, len(seen)):
                        seen[wrong] ^= 1
                elif syndrome and zeroed:
                    seen[block] = zeros[block]
            found.append(words_from(seen, bits))
        return found


@every_fault_model
@pytest.mark.parametrize(
    ("width", "zeroed", "zero"), [(8, False, 0), (32, True, 0), (64, True, 5), (64, False, 0)]
)
def test_every_word_is_read_as_the_coded_memory_gives_it(
    bits: int, name: str, width: int, zeroed: bool, zero: int
) -> None:
    memory = stored([101, 0, 7, 230], bits, zero=zero)
    code, model = secded_code(width), get_fault_model(name)
    slow = SlowSecded(memory, code, model, 0.02, 3).read_all(zeroed=zeroed)
    fast = secded(memory, model, 0.02, 3, code=code, zeroed=zeroed)
    assert [read(*pair).tolist() for pair in zip(memory.layers, fast, strict=True)] == slow
    assert all((np.diff(faults.index) > 0).all() and faults.toggle.all() for faults in fast)


@pytest.mark.parametrize("name", ["flip", "stuck-at"])
def test_a_plane_is_coded_as_its_bits_alone_would_be_and_the_others_are_as_drawn(name: str) -> None:
    memory, code, model = stored([200, 64, 3], 8), secded_code(64), get_fault_model(name)
    found = secded(memory, model, 0.03, 5, code=code, zeroed=False, planes=range(6, 8))
    plain = unprotected(memory, model, 0.03, 5)
    low = np.uint8(0b0011_1111)
    changed = 0
    for words, coded, drawn in zip(memory.layers, found, plain, strict=True):
        before, after = read(words, drawn) ^ words, read(words, coded) ^ words
        assert (before & low == after & low).all()
        changed += int(np.count_nonzero((before ^ after) & ~low))
    assert changed > 0


def test_a_single_wrong_bit_of_a_coded_plane_is_corrected_and_two_are_not() -> None:
    memory, code = stored([128], 8), secded_code(64)

    def planted(cells: list[int]) -> FaultModel:
        def draw(words: list[int], bits: int, rate: float, seed: int) -> tuple[WordFaults, ...]:
            return layer_faults(np.array(cells), words, bits)

        return FaultModel(name="planted", title="these cells", draw=draw)

    def left(cells: list[int]) -> list[int]:
        faults = secded(memory, planted(cells), 0.01, 0, code=code, zeroed=False, planes=[7])
        return misreading(faults[0], 8).cells.tolist()

    assert left([7]) == left([63 * 8 + 7]) == left([7, 64 * 8 + 7]) == []
    assert left([7, 5 * 8 + 7]) == [7, 47]
    assert left([7, 128 * 8 + 2]) == [7]  # a check bit of the same code word
    assert left([7, 129 * 8 + 2]) == []  # and of the next
    assert left([6, 128 * 8 + 2]) == [6]


@every_bits
@settings(deadline=None, max_examples=30)
@given(seed=st.integers(0, 1000), counts=st.lists(st.integers(0, 300), min_size=1, max_size=4))
def test_protected_bits_are_right_and_all_others_as_drawn(bits: int, seed: int, counts: list[int]) -> None:
    memory, model = stored(counts, bits, seed), get_fault_model("stuck-at")
    sound = sound_bits(memory, model, 0.1, seed, planes=range(bits - 2, bits))
    high = 3 << (bits - 2)
    for words, faults, drawn in zip(memory.layers, sound, unprotected(memory, model, 0.1, seed), strict=True):
        expected = (read(words, drawn) & ~np.array(high, words.dtype)) | (words & high)
        assert (read(words, faults) == expected).all()
        assert ((faults.keep != (1 << bits) - 1) | (faults.toggle != 0)).all()


@every_fault_model
def test_spare_rows_go_to_the_first_faulty_rows_of_a_bank(bits: int, name: str) -> None:
    memory, model, rate, seed = stored([300, 5, 800], bits), get_fault_model(name), 0.004, 2
    row_cells, bank_rows, spares = 40, 10, 3
    found = repaired_rows(memory, model, rate, seed, spares=spares, row_cells=row_cells, bank_rows=bank_rows)
    cells = sum(memory.counts) * bits
    banks = math.ceil(cells / row_cells / bank_rows)
    *drawn, after = model.draw(
        [*memory.counts, math.ceil(banks * spares * row_cells / bits)], bits, rate, seed
    )
    starts = np.cumsum([0, *memory.counts[:-1]]) * bits
    faulty = [
        int(cell)
        for layer, start in zip(drawn, starts, strict=True)
        for cell in misreading(layer, bits).cells + start
    ]
    spare_cells = misreading(after, bits).cells
    left = []
    for bank in range(banks):
        usable = sum(
            not ((spare_cells // row_cells) == spare).any()
            for spare in range(bank * spares, (bank + 1) * spares)
        )
        rows = sorted({cell // row_cells for cell in faulty if cell // row_cells // bank_rows == bank})
        left += [cell for cell in faulty if cell // row_cells in rows[usable:]]
    got = [
        int(cell)
        for layer, start in zip(found, starts, strict=True)
        for cell in misreading(layer, bits).cells + start
    ]
    assert got == left
    assert 0 < len(left) < len(faulty)


@settings(deadline=None)
@given(
    bits=st.sampled_from([2, 3, 5, 8, 16]),
    words=st.integers(0, 200),
    size=st.sampled_from([8, 16, 64, 128]),
    coded=st.booleans(),
)
def test_blocks_hold_every_bit_in_its_place(bits: int, words: int, size: int, coded: bool) -> None:
    (layer,) = stored([words], bits, words).layers
    plane = bits - 1 if coded else None
    blocks = Blocks(size=size, bits=bits, plane=plane)
    data = blocks.pack(layer)
    assert data.shape == (blocks.count(words), size // 8)
    stream = bits_of(layer, bits) if plane is None else (layer >> plane) & 1
    packed = np.unpackbits(data.ravel(), bitorder="little")
    assert packed[: len(stream)].tolist() == stream.tolist()
    assert not packed[len(stream) :].any()
    expected = layer if plane is None else layer & (1 << plane)
    assert blocks.unpack(data, words).tolist() == expected.tolist()


@settings(deadline=None)
@given(bits=st.sampled_from([3, 8, 16]), seed=st.integers(0, 100))
def test_misreading_cells_make_the_same_faults_again(bits: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    cells = np.flatnonzero(rng.random(50 * bits) < 0.2)
    to_one, to_zero = rng.random((2, len(cells))) < 0.7
    some = to_one | to_zero
    cells, to_one, to_zero = cells[some], to_one[some], to_zero[some]
    faults = word_faults(cells, bits, to_one=to_one, to_zero=to_zero)
    shuffled = rng.permutation(len(faults.index))
    faults = WordFaults(
        index=faults.index[shuffled], keep=faults.keep[shuffled], toggle=faults.toggle[shuffled]
    )
    found = misreading(faults, bits)
    assert found.cells.tolist() == cells.tolist()
    assert found.to_one.tolist() == to_one.tolist()
    assert found.to_zero.tolist() == to_zero.tolist()
    (words,) = stored([50], bits, seed).layers
    again = toggling(wrong_bits(words, faults), bits)
    assert (read(words, again) == read(words, faults)).all()
