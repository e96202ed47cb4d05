"""How SCALE-Sim's read buffers turn SRAM requests into DRAM reads (``read_buffer_estimate_bw``).

The buffer holds the distinct addresses requested so far. SCALE-Sim fills it in sets of a hundredth of
its size; with fifty sets full it forgets them all and starts again. What was read between two such
moments is a phase here. A phase's addresses are fetched while the phase before it is in use, the first
one before the layer begins.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from nfenergy.ground.errors import InputError

SETS_IN_PHASE = 50
PREFETCH_WORDS_PER_CYCLE = 10
"""Fixed in ``single_layer_sim.run`` ("arbitrary" by its comment); a cfg's Bandwidth plays no part."""


class Transfer(NamedTuple):
    """DRAM traffic of one operand: words moved, and the first and last cycle of moving them."""

    words: int
    start_cycle: int
    stop_cycle: int

    @property
    def words_per_cycle(self) -> float:
        return self.words / (self.stop_cycle - self.start_cycle + 1)


@dataclass(frozen=True, slots=True)
class ReadBuffer:
    """A double-buffered operand SRAM in SCALE-Sim's CALC mode.

    Attributes:
        size_kb: its size in units of 1,024 words.
    """

    size_kb: int

    @property
    def set_words(self) -> int:
        return 1024 * self.size_kb // 100

    @property
    def phase_words(self) -> int:
        """Distinct addresses of a full phase."""
        return SETS_IN_PHASE * self.set_words

    def transfer(self, *, phases: int, rest: int, first_cycle: int, last_phase_cycle: int) -> Transfer:
        """The reads of a stream of requests; mirrors ``prefetch`` and ``complete_all_prefetches``.

        Args:
            phases: full phases.
            rest: distinct addresses requested since the last of them ended.
            first_cycle: cycle of the first request.
            last_phase_cycle: cycle in which the last full phase ended; unused without one.
        """
        words = phases * self.phase_words + rest
        if phases == 0:
            fetched = -(-rest // self.set_words) * self.set_words
            return Transfer(words, -_prefetch_cycles(fetched), -1)
        return Transfer(words, first_cycle - _prefetch_cycles(self.phase_words), last_phase_cycle + 1)


def _prefetch_cycles(words: int) -> int:
    return -(-words // PREFETCH_WORDS_PER_CYCLE)


def phases_in_one_cycle(operand: str, size_kb: int) -> InputError:
    """The error for two phases that end in the same cycle, where SCALE-Sim divides by zero cycles."""
    return InputError(
        f"the array requests more {operand} values in a cycle than half of the {operand} SRAM of "
        f"{size_kb} kB holds; SCALE-Sim fails on this (ZeroDivisionError), so there is nothing to equal. "
        f"Use a larger {operand} SRAM or a smaller array"
    )
