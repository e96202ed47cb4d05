"""The phases of the ifmap's read buffer, one after the other, and what repeats taken at once.

A phase ends with the request that completes `phase_words` distinct addresses since it began, so where
it ends depends on where it began only. The stream repeats itself: in the next pass, whole ofmap rows
further, and within a row pixel by pixel. Hence a phase that begins like an earlier one is as long, and
once phases return to such a beginning all that follows is known.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import count

import numpy as np

from energy.closed_form.addresses import (
    NOTHING,
    Intervals,
    addresses,
    distinct,
    inside,
    intervals,
    joined,
    merged,
    single,
)
from energy.closed_form.ifmap_stream import Stream
from energy.closed_form.input_windows import IntArray

CLOSE_REQUESTS = 512
"""Requests, on average, of a part of the stream that is short enough to look at each of them."""
CLOSE_PLACES = 2**16
"""Places of such a part at most, for requests may lie close together in it."""


@dataclass(frozen=True, slots=True)
class Phases:
    """Full phases of a stream of passes.

    Attributes:
        number: how many there are.
        rest: distinct addresses requested since the last of them ended.
        last_end: place of the last request of the last of them, counted over all passes.
    """

    number: int
    rest: int
    last_end: int


@dataclass(slots=True)
class PhaseFollower:
    """Goes from phase to phase of passes that are all equal.

    Attributes:
        stream: a pass of requests; it holds at least `phase_words` distinct addresses.
        phase_words: distinct addresses of a phase.
        on_shared_cycle: called when two phases end in one cycle.
    """

    stream: Stream
    phase_words: int
    on_shared_cycle: Callable[[], None]
    _close: int = field(init=False)
    _begin: int = 0
    _number: int = 0
    _last_length: int = 0
    _lengths: dict[tuple[str, tuple[int, ...]], int] = field(default_factory=dict)
    _lengths_at: dict[int, int] = field(default_factory=dict)
    _rows_seen: dict[tuple[int, ...], tuple[int, int]] = field(default_factory=dict)
    _passes_seen: dict[int, tuple[int, int]] = field(default_factory=dict)
    _pass: int = -1

    def __post_init__(self) -> None:
        requests = self.stream.requests_before_stretch(self.stream.stretches)
        close = min(CLOSE_REQUESTS * self.stream.pass_places // requests, CLOSE_PLACES)
        self._close = max(close, self.stream.ports)

    def follow(self, passes: int) -> Phases:
        """The phases of so many passes, no fewer than in the call before, from which it goes on."""
        stream = self.stream
        places, total = stream.pass_places, stream.pass_places * passes
        # More ports than a phase has words: phases may share a cycle, so each of them is looked at.
        jumps = stream.ports <= self.phase_words
        while True:
            if (
                jumps
                and self._begin < total
                and (self._jump_passes(total) or self._jump_rows() or self._jump_plain())
            ):
                continue
            place, left = self._begin % places, total - self._begin
            # Near the end, counting what is left is cheaper than finding out that a phase is longer.
            near = left < min(2 * self._last_length, places)
            length = 0 if near else self._length(place)
            if near or length > left:
                rest = distinct(self._intervals(place, place + left))
                if rest < self.phase_words:
                    return Phases(self._number, rest, self._begin - 1)
            end = self._begin + (length or self._length(place))
            if not jumps and self._number and (end - 1) // stream.ports == (self._begin - 1) // stream.ports:
                self.on_shared_cycle()
            self._begin, self._number = end, self._number + 1

    def _jump_passes(self, total: int) -> bool:
        """Go on by passes that are like passes before."""
        number, place = divmod(self._begin, self.stream.pass_places)
        if number == self._pass:
            return False
        self._pass = number
        self._rows_seen.clear()
        seen = self._passes_seen.get(place)
        self._passes_seen[place] = (self._begin, self._number)
        if seen is None:
            return False
        begin, phases = seen
        return self._repeat(self._begin - begin, self._number - phases, total)

    def _jump_rows(self) -> bool:
        """Go on by ofmap rows that are like rows before."""
        place = self._begin % self.stream.pass_places
        alike = self.stream.alike_by_row(place)
        if alike is None or place >= alike.limit:
            return False
        if alike.key not in self._rows_seen:
            self._rows_seen[alike.key] = (self._begin, self._number)
            return False
        begin, phases = self._rows_seen[alike.key]
        return self._repeat(self._begin - begin, self._number - phases, self._begin - place + alike.limit)

    def _jump_plain(self) -> bool:
        """Go on where no address is requested twice."""
        number, place = divmod(self._begin, self.stream.pass_places)
        plain = self.stream.plain_places(place, self.phase_words)
        if plain < self.phase_words:
            return False
        before = self.stream.requests_before(place)
        phases = (self.stream.requests_before(place + plain) - before) // self.phase_words
        if not phases:
            return False
        last = before + phases * self.phase_words
        end = self.stream.place_of(last, place // self.stream.stretch_places) + 1
        self._begin = number * self.stream.pass_places + end
        self._number += phases
        return True

    def _repeat(self, places: int, phases: int, limit: int) -> bool:
        times = (limit - self._begin) // places if places else 0
        self._begin += times * places
        self._number += times * phases
        return times > 0

    def _length(self, place: int) -> int:
        """Places of the phase that begins at a place of a pass."""
        length = self._lengths_at.get(place)
        if length is not None:
            return length
        keys = (
            ("row", self.stream.alike_by_row(place)),
            ("pixel", self.stream.alike_within_row(place)),
        )
        for kind, alike in keys:
            if alike is not None:
                length = self._lengths.get((kind, alike.key))
                if length is not None and place + length <= alike.limit:
                    return length
        length = self._end(place) - place
        for kind, alike in keys:
            if alike is not None and place + length <= alike.limit:
                self._lengths[kind, alike.key] = length
        self._last_length = self._lengths_at[place] = length
        return length

    def _intervals(self, begin: int, end: int) -> Intervals:
        passed = self.stream.pass_places
        if begin >= passed:
            begin, end = begin - passed, end - passed
        return intervals(self.stream.requested(begin, end), self.stream.windows)

    def _end(self, begin: int) -> int:
        """Place after the request that completes the phase: nearly found by counting distinct addresses."""
        low, held, found = begin, NOTHING, 0
        high, most, further = begin + self.stream.pass_places, 0, 1
        close = self._close
        guess = begin + (self._last_length or self.phase_words) - close // 2
        for tries in count(1):
            guess = min(max(guess, low + 1), high - 1)
            asked = merged(joined(held, self._intervals(low, guess)))
            words = asked.words
            if words >= self.phase_words:
                high, most = guess, words
            else:
                # Where little is new for long, such as in the overlap of two folds, steps get longer.
                further = 2 * further if 2 * (words - found) < self.phase_words - found else 1
                low, held, found = guess, asked, words
            missing = self.phase_words - found
            expected = missing * (low - begin) // max(found, 1)
            if most and expected:
                expected = missing * (high - low) // (most - found)
            if high - low <= 2 * close or (low > begin and expected <= close):
                break
            if most and tries % 3 == 0:
                guess = (low + high) // 2
            else:
                guess = low + (1 if most else further) * max(expected - close // 2, close // 2)
        return self._complete(held, low, missing)

    def _complete(self, held: Intervals, low: int, missing: int) -> int:
        """Place after the request for the last missing address, counted out request by request from `low`."""
        size = self._close
        while True:
            place, address = self._requests(low, low + size)
            new = ~inside(address, held)
            place, address = place[new], address[new]
            order = np.lexsort((place, address))
            place, address = place[order], address[order]
            first = np.concatenate((place[:1], place[1:][address[1:] != address[:-1]]))
            if len(first) >= missing:
                return int(np.partition(first, missing - 1)[missing - 1]) + 1
            held = merged(joined(held, self._intervals(low, low + size)))
            low, missing, size = low + size, missing - len(first), 2 * size

    def _requests(self, begin: int, end: int) -> tuple[IntArray, IntArray]:
        """Place and address of the requests from a place to before another."""
        passed = self.stream.pass_places
        if begin >= passed:
            place, address = self._requests(begin - passed, end - passed)
            return place + passed, address
        if end > passed:
            pairs = zip(self._requests(begin, passed), self._requests(passed, end), strict=True)
            place, address = map(np.concatenate, pairs)
            return place, address
        pixel, element = single(self.stream.requested(begin, end))
        valid, address = addresses(pixel, element, self.stream.windows)
        return self.stream.places(pixel[valid], element[valid]), address
