"""DRAM writes of the ofmap operand: SCALE-Sim's ``write_buffer`` drained half a buffer at a time.

Outputs are packed into lines of as many words as the array has columns. As soon as more than half of
the buffer is held and the drain before has ended, the line being packed is closed as it is, and as many
lines as make half a buffer leave, one a cycle. SCALE-Sim counts a closed line as full unless it is the
last of its drain, so it reports more writes than there are, and more free space.

The drain before has always ended when more than half is held, in CALC mode, where a drained line is as
wide as the array. Let a drain of L lines of C words begin when half the buffer and one word is held. It
lasts until L - 1 cycles later, in which fewer than (L - 1)C outputs come, and frees all that is held, or
at least (L - 1)C + 1 words. Either way half the buffer and one word is held later than that. So the array
never stalls, and what a drain leaves behind depends only on what the drain before left behind: drains
repeat themselves, after one or two as a rule.
"""

from __future__ import annotations

from dataclasses import dataclass

from energy.closed_form.folding import Folding, skewed_diagonal, skewed_requests
from energy.closed_form.read_phases import Transfer


def ofmap_transfer(folding: Folding) -> Transfer:
    """DRAM writes of one layer's ofmap; mirrors ``service_writes`` and ``empty_all_buffers``."""
    half = 512 * folding.array.ofmap_sram_kb
    total = outputs_of(folding)
    buffer = WriteBuffer(line_words=folding.array.cols, drain_lines=-(-half // folding.array.cols))
    stop = buffer.follow(half, total)
    start = folding.last_cycle
    if buffer.closed:
        start, stop = cycle_of(folding, half + 1), cycle_of(folding, buffer.closed) + stop - 1
    buffer.close(total)
    cycle = folding.last_cycle
    while buffer.lines:
        end = cycle + buffer.drain() - 1
        stop, cycle = max(stop, end), end + 1
    return Transfer(buffer.drained, start, stop)


@dataclass(slots=True)
class WriteBuffer:
    """Packed lines that wait for a drain.

    Attributes:
        line_words: words of a full line.
        drain_lines: lines of a full drain.
        drained: words written to DRAM, as SCALE-Sim counts them.
        closed: outputs packed.
        lines: waiting lines.
        partial: waiting lines that are not full: how many lines wait before, and their words.
    """

    line_words: int
    drain_lines: int
    drained: int = 0
    closed: int = 0
    lines: int = 0
    partial: tuple[tuple[int, int], ...] = ()

    def follow(self, half: int, total: int) -> int:
        """Drain whenever more than `half` is held of `total` outputs; returns the lines of the last drain."""
        seen: dict[object, int] = {}
        lines = 0
        while (output := self.drained + half + 1) <= total:
            self.close(output)
            lines = self.drain()
            state = self.closed - self.drained, self.lines, self.partial
            if state in seen:
                outputs = self.closed - seen[state]
                repeated = max(0, total - half - 1 - self.drained) // outputs * outputs
                self.closed, self.drained = self.closed + repeated, self.drained + repeated
            seen[state] = self.closed
        return lines

    def close(self, output: int) -> None:
        """Pack all outputs up to that one into lines, the last of which may stay partial."""
        full, rest = divmod(output - self.closed, self.line_words)
        self.closed = output
        self.lines += full
        if rest:
            self.partial += ((self.lines, rest),)
            self.lines += 1

    def drain(self) -> int:
        """Write a drain's lines to DRAM; returns how many there were."""
        lines = min(self.drain_lines, self.lines)
        missing = sum(self.line_words - words for place, words in self.partial if place == lines - 1)
        self.drained += lines * self.line_words - missing
        self.partial = tuple((place - lines, words) for place, words in self.partial if place >= lines)
        self.lines -= lines
        return lines


def outputs_of(folding: Folding) -> int:
    partial_sums = 1 if folding.array.dataflow == "os" else folding.row_folds
    return folding.px * folding.filters * partial_sums


def cycle_of(folding: Folding, output: int) -> int:
    """Cycle in which the `output`-th output, counted from 1, leaves the array."""
    per_column = outputs_of(folding) // folding.col_extent
    col_fold, within = divmod(output - 1, folding.array.cols * per_column)
    lines, width = _fold_outputs(folding, col_fold, 0)
    row_fold, within = divmod(within, lines * width)
    lines, width = _fold_outputs(folding, col_fold, row_fold)
    diagonal = skewed_diagonal(lines, width, within + 1)
    return folding.fold_start(col_fold, row_fold) + first_output(folding, row_fold) + diagonal


def outputs_before(folding: Folding, cycle: int) -> int:
    """Outputs that leave the array before a cycle; the inverse of `cycle_of`."""
    if cycle > folding.last_cycle:
        return outputs_of(folding)
    fold, within = divmod(max(0, cycle), folding.fold_cycles)
    col_fold, row_fold = divmod(fold, folding.row_folds)
    lines, width = _fold_outputs(folding, col_fold, row_fold)
    full_lines, _ = _fold_outputs(folding, col_fold, 0)
    before = col_fold * folding.array.cols * (outputs_of(folding) // folding.col_extent)
    diagonal = within - first_output(folding, row_fold) - 1
    return before + row_fold * full_lines * width + skewed_requests(lines, width, diagonal)


def _fold_outputs(folding: Folding, col_fold: int, row_fold: int) -> tuple[int, int]:
    """Lines and columns of a fold's outputs (``create_ofmap_demand_mat``)."""
    lines = folding.rows_used(row_fold) if folding.array.dataflow == "os" else folding.stream
    return lines, folding.cols_used(col_fold)


def first_output(folding: Folding, row_fold: int) -> int:
    """Cycle of a fold's first output, counted from the fold's beginning."""
    if folding.array.dataflow == "os":
        return folding.stream - 1 + folding.array.rows - folding.rows_used(row_fold)
    return 2 * folding.array.rows - 1
