"""DRAM writes of the ofmap operand: SCALE-Sim's ``write_buffer`` drained half a buffer at a time.

Outputs are packed into lines of as many words as the array has columns. As soon as more than half of
the buffer is held and the drain before has ended, the line being packed is closed as it is, and as many
lines as make half a buffer leave, one a cycle. SCALE-Sim counts a closed line as full unless it is the
last of its drain, so it reports more writes than there are, and more free space.

The buffer never stalls the array in CALC mode, where a drained line is as wide as the array. Let a
drain have L lines of C words; it lasts until the first output of the L-1st cycle after it began, so at
most (L-1)C outputs come between two decisions to drain. It frees all that is held, or at least
(L-1)C + 1 words. Hence the amount held at such decisions never grows beyond that of the first one,
which is half the buffer and one word.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field

from energy.closed_form.folding import Folding, skewed_diagonal, skewed_requests
from energy.closed_form.read_phases import Transfer


def ofmap_transfer(folding: Folding) -> Transfer:
    """DRAM writes of one layer's ofmap; mirrors ``service_writes`` and ``empty_all_buffers``."""
    half = 512 * folding.array.ofmap_sram_kb
    total = _outputs(folding)
    buffer = _WriteBuffer(line_words=folding.array.cols, drain_lines=-(-half // folding.array.cols))
    start = stop = drain_end = closed = 0
    while True:
        # The first output that is one too many and does not find the drain before still at work.
        output = max(buffer.drained + half + 1, closed + 1, _outputs_before(folding, drain_end) + 1)
        if output > total:
            break
        buffer.close(output - closed)
        cycle = _cycle_of(folding, output)
        start = start if closed else cycle
        closed = output
        stop = drain_end = cycle + buffer.drain() - 1
    buffer.close(total - closed)
    cycle = folding.last_cycle
    start = start if closed else cycle
    while buffer.lines:
        drain_end = cycle + buffer.drain() - 1
        stop = max(stop, drain_end)
        cycle = drain_end + 1
    return Transfer(buffer.drained, start, stop)


@dataclass(slots=True)
class _WriteBuffer:
    """Packed lines that wait for a drain.

    Attributes:
        line_words: words of a full line.
        drain_lines: lines of a full drain.
        drained: words written to DRAM, as SCALE-Sim counts them.
        lines: waiting lines.
        partial: waiting lines that are not full: their place in the order of packing, and their words.
        packed, gone: lines packed and drained so far.
    """

    line_words: int
    drain_lines: int
    drained: int = 0
    packed: int = 0
    gone: int = 0
    partial: deque[tuple[int, int]] = field(default_factory=deque)

    @property
    def lines(self) -> int:
        return self.packed - self.gone

    def close(self, words: int) -> None:
        """Pack `words` into lines, the last of which may stay partial."""
        full, rest = divmod(words, self.line_words)
        self.packed += full
        if rest:
            self.partial.append((self.packed, rest))
            self.packed += 1

    def drain(self) -> int:
        """Write a drain's lines to DRAM; returns how many there were."""
        lines = min(self.drain_lines, self.lines)
        self.gone += lines
        missing = 0
        while self.partial and self.partial[0][0] < self.gone:
            place, words = self.partial.popleft()
            if place == self.gone - 1:
                missing = self.line_words - words
        self.drained += lines * self.line_words - missing
        return lines


def _outputs(folding: Folding) -> int:
    partial_sums = 1 if folding.array.dataflow == "os" else folding.row_folds
    return folding.px * folding.filters * partial_sums


def _outputs_before(folding: Folding, cycle: int) -> int:
    """Outputs that leave the array in the cycles before `cycle`."""
    if cycle <= 0:
        return 0
    fold, within = divmod(cycle - 1, folding.fold_cycles)
    if fold >= folding.folds:
        return _outputs(folding)
    col_fold, row_fold = divmod(fold, folding.row_folds)
    lines, width = _fold_outputs(folding, col_fold, row_fold)
    earlier_cols = col_fold * folding.array.cols * (_outputs(folding) // folding.col_extent)
    earlier_rows = row_fold * _fold_outputs(folding, col_fold, 0)[0] * width
    diagonal = within - _first_output(folding, row_fold)
    return earlier_cols + earlier_rows + skewed_requests(lines, width, diagonal)


def _cycle_of(folding: Folding, output: int) -> int:
    """Cycle in which the `output`-th output, counted from 1, leaves the array."""
    per_column = _outputs(folding) // folding.col_extent
    col_fold, within = divmod(output - 1, folding.array.cols * per_column)
    lines, width = _fold_outputs(folding, col_fold, 0)
    row_fold, within = divmod(within, lines * width)
    lines, width = _fold_outputs(folding, col_fold, row_fold)
    diagonal = skewed_diagonal(lines, width, within + 1)
    return folding.fold_start(col_fold, row_fold) + _first_output(folding, row_fold) + diagonal


def _fold_outputs(folding: Folding, col_fold: int, row_fold: int) -> tuple[int, int]:
    """Lines and columns of a fold's outputs (``create_ofmap_demand_mat``)."""
    lines = folding.rows_used(row_fold) if folding.array.dataflow == "os" else folding.stream
    return lines, folding.cols_used(col_fold)


def _first_output(folding: Folding, row_fold: int) -> int:
    """Cycle of a fold's first output, counted from the fold's beginning."""
    if folding.array.dataflow == "os":
        return folding.stream - 1 + folding.array.rows - folding.rows_used(row_fold)
    return 2 * folding.array.rows - 1
