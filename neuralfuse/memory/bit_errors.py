"""Bit errors in a weight memory: which bits of which words read wrongly on one chip.

A seed is a chip. The words of all layers lie in its memory one after another, and the cells that are
faulty at a low bit error rate stay so at every higher one. Drawing them costs as much as there are
faulty cells, not as there are cells: the gaps between them are drawn, not the cells.

The three models differ in what a rate means and are never to be mixed in one table:
``flip`` counts flipped bits (Stutz et al., Sec. 3); ``stuck-at`` and ``neuralfuse-map`` count faulty
cells, about half of which hold the very bit they are stuck at. Maps of real memories are further fault
models, each with a rate of its own (see `neuralfuse.memory.fault_maps`).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nfenergy.ground.errors import InputError

Cells = NDArray[np.int64]
Words = NDArray[np.integer[Any]]

FIRST_TRAINING_CHIP = 2**32
"""Chips for training have seeds from here on, chips for testing below: no chip serves both."""

LEVELS = 48
"""Rates 1, 2**-0.5, 2**-1, ... 2**-24 at which the drawing of faulty cells is divided."""

DEFAULT_RATE = 0.01
"""Bit error rate of a fault model where none is given; a map has its own."""

MAP_ROWS, MAP_BYTES, MAP_REPEATS = 8192, 16, 16
"""The NeuralFuse code's fault map: rows of 16 bytes, each row repeated 16 times in the memory."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class WordFaults:
    """Bit errors of one layer. Word ``index[i]`` reads ``(word & keep[i]) ^ toggle[i]``.

    Attributes:
        index: places of the words that have faulty cells, each once, shape (k,), int64.
        keep: bits that are not stuck, shape (k,), uint8 (int32 for words of more than 8 bits).
        toggle: bits that flip, and bits stuck at 1, shape and type of `keep`.
    """

    index: Cells
    keep: Words
    toggle: Words


def faulty_cells(cells: int, *, rate: float, seed: int, field: int = 0) -> Cells:
    """Cells of a memory that are faulty at `rate`: each with that probability, independently.

    The cells of a smaller rate are among those of a greater one, and those of a smaller memory are
    the first of those of a greater one. A cell turns faulty at its own rate u, uniform in (0, 1). The
    cells with u between two neighbouring levels are drawn as one sparse Bernoulli field a level; from
    the level that contains `rate` a share is taken by a second draw.

    Args:
        cells: size of the memory.
        rate: fraction of faulty cells, in [0, 1].
        seed: the chip.
        field: independent fields of the same chip.

    Returns:
        addresses in [0, cells), ascending, each once.

    Raises:
        InputError: the rate is no fraction, or the seed is negative.
    """
    _check(rate, seed)
    if rate == 0.0 or cells == 0:
        return np.empty(0, np.int64)
    last = max(level for level in range(LEVELS + 1) if _level_rate(level) >= rate)
    runs = [
        _bernoulli(_stream(seed, field, level, 0), cells, _hazard(level, _level_rate(level)))
        for level in range(LEVELS, last, -1)
    ]
    full = _hazard(last, _level_rate(last))
    partial = _bernoulli(_stream(seed, field, last, 0), cells, full)
    taken = _stream(seed, field, last, 1).random(len(partial)) < _hazard(last, rate) / full
    small = np.int32 if cells <= np.iinfo(np.int32).max else np.int64  # twice as fast to sort
    found: Words = np.concatenate([*runs, partial[taken]], dtype=small, casting="same_kind")
    found.sort()
    return _distinct(found).astype(np.int64)


def flip(words: Sequence[int], bits: int, rate: float, seed: int) -> tuple[WordFaults, ...]:
    """Each bit flips with probability `rate`, independently (Stutz et al., Sec. 3)."""
    return layer_faults(faulty_cells(sum(words) * bits, rate=rate, seed=seed), words, bits)


def stuck_at(words: Sequence[int], bits: int, rate: float, seed: int) -> tuple[WordFaults, ...]:
    """Each cell is stuck with probability `rate`, at 0 or 1 with equal chance; the cells of `flip`."""
    cells = faulty_cells(sum(words) * bits, rate=rate, seed=seed)
    at_one = _coins(cells, seed)
    return layer_faults(cells, words, bits, to_one=at_one, to_zero=~at_one)


def neuralfuse_map(words: Sequence[int], bits: int, rate: float, seed: int) -> tuple[WordFaults, ...]:
    """The stuck-at map of the authors' code: 8192 x 128 cells, tiled 16-fold, for every layer anew.

    Word 256 r + 16 t + c of a layer (t = 0 .. 15) lies in byte c of row r, and so on again after
    2,097,152 words. Words of fewer than 8 bits use the low cells of their byte. Unlike in that code,
    where one chip's polarities are the next chip's faults, chips are independent of each other.

    Raises:
        InputError: words of more than 8 bits.
    """
    if bits > 8:
        raise InputError(f"neuralfuse-map has 8 cells for a word, not {bits}; use flip or stuck-at")
    cells = faulty_cells(MAP_ROWS * MAP_BYTES * 8, rate=rate, seed=seed, field=1)
    cells = cells[(cells & 7) < bits]
    at_one = _coins(cells, seed)
    tile = word_faults(cells, 8, to_one=at_one, to_zero=~at_one)
    return tuple(_tiled(tile, count) for count in words)


@dataclass(frozen=True, slots=True, kw_only=True)
class FaultModel:
    """A fault model by name.

    Attributes:
        name: as users type it.
        title: what a bit error rate counts.
        draw: words of each layer, bits of a word, rate, seed -> bit errors of each layer.
        own_rate: the one bit error rate, a fraction, of a map; None where any can be asked for.
        record: what the records of results say of a map, JSON values; empty for the others.
    """

    name: str
    title: str
    draw: Callable[[Sequence[int], int, float, int], tuple[WordFaults, ...]]
    own_rate: float | None = None
    record: dict[str, Any] = field(default_factory=dict)

    def rate(self, given: float | None = None) -> float:
        """The bit error rate, a fraction: as given, else that of the map, else 1 %.

        Raises:
            InputError: the map has another rate, by more than 1 % of it.
        """
        own = self.own_rate
        if given is None:
            return DEFAULT_RATE if own is None else own
        if own is not None and not math.isclose(given, own, rel_tol=0.01):
            raise InputError(
                f"{self.name} has a bit error rate of {100 * own:.4g} %, not {100 * given:.4g} %"
            )
        return given


def layer_faults(
    cells: Cells,
    words: Sequence[int],
    bits: int,
    *,
    to_one: NDArray[np.bool_] | None = None,
    to_zero: NDArray[np.bool_] | None = None,
) -> tuple[WordFaults, ...]:
    """Faulty cells of a memory that holds layers of so many `words` one after another, layer by layer."""
    faults = word_faults(cells, bits, to_one=to_one, to_zero=to_zero)
    ends = np.cumsum(words)
    cuts = np.searchsorted(faults.index, ends)
    return tuple(
        WordFaults(
            index=faults.index[start:stop] - (end - count),
            keep=faults.keep[start:stop],
            toggle=faults.toggle[start:stop],
        )
        for start, stop, end, count in zip([0, *cuts[:-1]], cuts, ends, words, strict=True)
    )


def word_faults(
    cells: Cells,
    bits: int,
    *,
    to_one: NDArray[np.bool_] | None = None,
    to_zero: NDArray[np.bool_] | None = None,
) -> WordFaults:
    """Faulty cells put together by the word they belong to.

    Args:
        cells: ascending addresses, each once; cell a is bit a % bits of word a // bits.
        bits: cells of a word.
        to_one: which cells read 1 where 0 is stored; None stands for all.
        to_zero: which cells read 0 where 1 is stored; None stands for all. A cell in both flips.
    """
    dtype = np.uint8 if bits <= 8 else np.int32
    index = cells >> 3 if bits == 8 else cells // bits
    bit = cells & 7 if bits == 8 else cells - index * bits
    masks: Words = (1 << np.arange(bits)).astype(dtype)[bit]
    first = np.ones(len(cells), bool)
    np.not_equal(index[1:], index[:-1], out=first[1:])
    starts = np.flatnonzero(first)
    toggle: Words
    stuck: Words
    if to_one is None and to_zero is None:
        toggle, stuck = _union(masks, starts), np.zeros(len(starts), dtype)
    else:
        ones = np.True_ if to_one is None else to_one
        zeros = np.True_ if to_zero is None else to_zero
        toggle, stuck = _union(masks * ones, starts), _union(masks * (ones != zeros), starts)
    return WordFaults(index=index[starts], keep=~stuck & ((1 << bits) - 1), toggle=toggle)


def _union(masks: Words, starts: NDArray[np.intp]) -> Words:
    return np.bitwise_or.reduceat(masks, starts) if len(masks) else masks


def _tiled(tile: WordFaults, count: int) -> WordFaults:
    row, byte = np.divmod(tile.index, MAP_BYTES)
    period = MAP_ROWS * MAP_BYTES * MAP_REPEATS
    first = row * MAP_BYTES * MAP_REPEATS + byte
    repeats = np.arange(MAP_REPEATS) * MAP_BYTES
    banks = np.arange(-(-count // period)) * period
    index = (banks[:, None, None] + first[:, None] + repeats).ravel()
    source = np.broadcast_to(np.arange(len(first))[:, None], (len(banks), len(first), MAP_REPEATS)).ravel()
    inside = index < count
    source = source[inside]
    return WordFaults(index=index[inside], keep=tile.keep[source], toggle=tile.toggle[source])


def _check(rate: float, seed: int) -> None:
    if not 0.0 <= rate <= 1.0:
        raise InputError(f"bit error rate {rate} is no fraction; 1 % is 0.01")
    if seed < 0:
        raise InputError(f"the seed of a chip is 0 or more, not {seed}")


def _level_rate(level: int) -> float:
    return 2.0 ** (-level / 2) if level <= LEVELS else 0.0


def _hazard(level: int, rate: float) -> float:
    """Probability of turning faulty by `rate` for a cell that is sound at the next lower level."""
    sound = 1.0 - _level_rate(level + 1)
    return 1.0 - (1.0 - rate) / sound


def _bernoulli(rng: np.random.Generator, cells: int, probability: float) -> Cells:
    """Cells drawn independently with `probability`, ascending, by the geometric gaps between them."""
    if probability >= 1.0:
        return np.arange(cells)
    mean_gap = -1.0 / math.log1p(-probability)
    expected = cells * probability
    batch = int(expected + 6.0 * math.sqrt(expected)) + 16
    drawn: list[Cells] = []
    end = -1
    while end < cells - 1:
        gaps = rng.standard_exponential(batch)
        gaps *= mean_gap
        places = gaps.astype(np.int64)
        places += 1
        places[0] += end
        np.cumsum(places, out=places)
        drawn.append(places)
        end = int(places[-1])
    places = drawn[0] if len(drawn) == 1 else np.concatenate(drawn)
    return places[: np.searchsorted(places, cells)]


def _distinct(ascending: Words) -> Words:
    first = np.ones(len(ascending), bool)
    np.not_equal(ascending[1:], ascending[:-1], out=first[1:])
    return ascending[first]


def _stream(seed: int, *key: int) -> np.random.Generator:
    return np.random.Generator(np.random.PCG64(np.random.SeedSequence(seed, spawn_key=key)))


def _coins(cells: Cells, seed: int) -> NDArray[np.bool_]:
    """A fair coin for each cell. It depends on chip and address alone, so it is the same at any rate.

    Source: the finaliser of SplitMix64 (Steele, Lea and Flood, "Fast splittable pseudorandom number
    generators", OOPSLA 2014).
    """
    key = np.random.SeedSequence(seed, spawn_key=(2,)).generate_state(1, np.uint64)[0]
    state = cells.astype(np.uint64) * np.uint64(0x9E3779B97F4A7C15) + key
    state = (state ^ (state >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    state = (state ^ (state >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    coins: NDArray[np.bool_] = (state >> np.uint64(63)).astype(bool)
    return coins
