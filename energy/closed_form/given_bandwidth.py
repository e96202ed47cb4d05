"""USER mode: how long the array stalls where bandwidths are given.

SCALE-Sim's ``read_buffer`` fetches half a buffer of an operand matrix before the layer begins. A layer of
which both matrices lie in these halves never misses: no read stalls, and what is fetched follows from the
extents. A larger matrix is fetched by a window that turns round and round over it and that every miss
moves on, whatever is asked for next: its stalls have no closed form.

Writes do stall: ``write_buffer`` drains half a buffer at the given bandwidth, and the array waits for the
end of a drain whenever both halves are full.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from dataclasses import dataclass, field

from energy.closed_form.folding import Folding
from energy.closed_form.input_windows import InputWindows
from energy.closed_form.ofmap_drain import WriteBuffer, cycle_of, outputs_before, outputs_of
from energy.closed_form.read_phases import Transfer
from nfenergy.ground.errors import InputError

SETS_IN_BUFFER = 100
MOST_DRAINS = 10**5


@dataclass(frozen=True, slots=True)
class Stalls:
    """Cycles in which the array waits for a drain, in the order of time.

    Attributes:
        cycles: of the array, stalls not counted, in which it waits.
        until: the sum of all stalls up to and with each of them.
    """

    cycles: list[int] = field(default_factory=list)
    until: list[int] = field(default_factory=list)

    @property
    def total(self) -> int:
        return self._sum(len(self.until))

    def add(self, cycle: int, stalled: int) -> None:
        self.until.append(self.total + stalled)
        self.cycles.append(cycle)

    def read(self, served: int) -> int:
        """Cycle in which a read is served, a cycle after its request: what stalls then comes later."""
        return served + self._sum(bisect_left(self.cycles, served - 1))

    def written(self, cycle: int) -> int:
        """Cycle in which a write is taken, after what stalls then."""
        return cycle + self._sum(bisect_right(self.cycles, cycle))

    def _sum(self, number: int) -> int:
        return self.until[number - 1] if number else 0


def held_ifmap(folding: Folding, windows: InputWindows) -> Transfer:
    """DRAM reads of an ifmap matrix that is fetched before the layer begins.

    Raises:
        InputError: it does not lie in half of the buffer.
    """
    array, bandwidths = folding.array, folding.array.interface_bandwidths
    assert bandwidths is not None
    if array.dataflow == "is":
        slots = folding.window * folding.col_folds * array.cols
    else:
        slots = folding.stream * folding.row_folds * array.rows
    return _held("ifmap", windows.inside_before_pixel(folding.px), slots, array.ifmap_sram_kb, bandwidths[0])


def held_filter(folding: Folding) -> Transfer:
    """DRAM reads of a filter matrix that is fetched before the layer begins; raises as `held_ifmap`."""
    array, bandwidths = folding.array, folding.array.interface_bandwidths
    assert bandwidths is not None
    if array.dataflow == "is":
        slots = folding.filters * folding.row_folds * array.rows
    else:
        slots = folding.window * folding.col_folds * array.cols
    return _held("filter", folding.window * folding.filters, slots, array.filter_sram_kb, bandwidths[1])


def _held(operand: str, values: int, slots: int, size_kb: int, bandwidth: int) -> Transfer:
    """Mirrors ``prepare_hashed_buffer`` and ``prefetch_active_buffer``; null requests take slots, too."""
    half, set_words = 512 * size_kb, -(-1024 * size_kb // SETS_IN_BUFFER)
    if -(-values // set_words) > -(-half // set_words):
        raise InputError(
            f"with given bandwidths the stalls have a closed form only where half of each SRAM holds its "
            f"operand: the {operand} matrix has {values:,} values, half of its SRAM {half:,}; "
            f"use --engine scalesim, a larger {operand} SRAM or no given bandwidths"
        )
    cycles = min(-(-half // bandwidth), -(-slots // bandwidth))
    return Transfer(cycles * bandwidth, -cycles, -1)


def stalled_ofmap(folding: Folding) -> tuple[Transfer, Stalls]:
    """DRAM writes of the ofmap, and the stalls on them; mirrors ``service_writes``.

    Raises:
        InputError: the buffer drains too often to follow it.
    """
    bandwidths, half = folding.array.interface_bandwidths, 512 * folding.array.ofmap_sram_kb
    assert bandwidths is not None
    total, stalls = outputs_of(folding), Stalls()
    if total > MOST_DRAINS * half:
        raise InputError(
            f"the ofmap SRAM drains some {total // half:,} times, each of which may stall on given "
            "bandwidths; use a larger ofmap SRAM or no given bandwidths"
        )
    buffer = WriteBuffer(line_words=bandwidths[2], drain_lines=-(-half // bandwidths[2]))
    taken, drain_end = 0, 0
    first: int | None = None
    while True:
        after_drain = outputs_before(folding, drain_end - stalls.total) + 1
        full = max(taken + 1, buffer.drained + 2 * half)
        if full < after_drain:
            cycle, taken = cycle_of(folding, full), full
            stalls.add(cycle, drain_end - cycle - stalls.total)
            continue
        taken = max(taken + 1, buffer.drained + half + 1, after_drain)
        if taken > total:
            break
        buffer.close(taken)
        begin = cycle_of(folding, taken) + stalls.total
        drain_end = begin + buffer.drain() - 1
        first = begin if first is None else first
    buffer.close(total)
    cycle = folding.last_cycle + stalls.total
    start, stop = (cycle if first is None else first), drain_end
    while buffer.lines:
        end = cycle + buffer.drain() - 1
        stop, cycle = max(stop, end), end + 1
    return Transfer(buffer.drained, start, stop), stalls
