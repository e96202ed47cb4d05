"""DRAM reads of the filter operand: arithmetic, since no address repeats within a pass.

The filter stream is a sequence of passes over distinct addresses, and equal passes follow each other
(``create_filter_demand_mat`` of ``systolic_compute_{os,ws,is}``):

- ``os``: a column fold's window x columns weights, once per row fold;
- ``ws``: every weight, once;
- ``is``: every weight, once per column fold.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

from energy.closed_form.folding import Folding, skewed_diagonal
from energy.closed_form.read_phases import ReadBuffer, Transfer, phases_in_one_cycle


@dataclass(frozen=True, slots=True)
class _Passes:
    """Equal passes over `words` distinct addresses each; `group` is the first column fold (``os``)."""

    group: int
    groups: int
    words: int
    repeats: int


@dataclass(slots=True)
class _Walk:
    """State of the read buffer along the stream.

    Attributes:
        folding, buffer: the layer and what it is read through.
        phases: full phases so far.
        held: distinct words since the last of them ended.
        last_cycle: cycle in which it ended.
    """

    folding: Folding
    buffer: ReadBuffer
    phases: int = 0
    held: int = 0
    last_cycle: int = -1

    def go(self, passes: _Passes) -> None:
        if passes.repeats == 1 or passes.words >= self.buffer.phase_words:
            self._all_new(passes)
        elif passes.groups > 1:
            self._equal_groups(passes)
        else:
            self._repeats_hit(passes)

    def _all_new(self, passes: _Passes) -> None:
        """Nothing requested again is still held: a pass is as long as a phase, or the only one."""
        size = self.buffer.phase_words
        ended, rest = divmod(self.held + passes.groups * passes.repeats * passes.words, size)
        first = size - self.held
        _check_cycles(self.folding, passes.group, range(first, first + ended * size, size))
        if ended:
            self._end(ended, passes.group, first + (ended - 1) * size)
        self.held = rest

    def _repeats_hit(self, passes: _Passes) -> None:
        """A pass shorter than a phase: from the third on all is held.

        A phase that ends within the first pass forgets that pass's beginning, which the second pass
        reads again: either way the group's words are held in the end, all of them once.
        """
        size = self.buffer.phase_words
        if self.held + passes.words >= size:
            self._end(1, passes.group, size - self.held)
            self.held = 0
        self.held += passes.words

    def _equal_groups(self, passes: _Passes) -> None:
        """`_repeats_hit` for groups one after another, beginning with an empty buffer.

        The group in which a phase ends is also the first that the next phase holds.
        """
        apart = -(-self.buffer.phase_words // passes.words) - 1
        ended = (passes.groups - 1) // apart
        if ended:
            before = ended * apart * passes.repeats * passes.words
            self._end(ended, passes.group, before + self.buffer.phase_words - apart * passes.words)
        self.held = passes.words * (passes.groups - ended * apart)

    def _end(self, phases: int, group: int, request: int) -> None:
        self.phases += phases
        self.last_cycle = _cycle(self.folding, group, request)


def filter_transfer(folding: Folding) -> Transfer:
    """DRAM reads of the filter operand of one layer.

    Raises:
        InputError: two phases end in one cycle, where SCALE-Sim itself fails.
    """
    walk = _Walk(folding, ReadBuffer(folding.array.filter_sram_kb))
    for passes in _stream(folding):
        walk.go(passes)
    return walk.buffer.transfer(
        phases=walk.phases,
        rest=walk.held,
        first_cycle=_cycle(folding, 0, 1),
        last_phase_cycle=walk.last_cycle,
    )


def _stream(folding: Folding) -> Iterator[_Passes]:
    whole = folding.window * folding.filters
    if folding.array.dataflow == "ws":
        yield _Passes(group=0, groups=1, words=whole, repeats=1)
    elif folding.array.dataflow == "is":
        yield _Passes(group=0, groups=1, words=whole, repeats=folding.col_folds)
    else:
        last = folding.col_folds - 1
        if last:
            words = folding.window * folding.cols_used(0)
            yield _Passes(group=0, groups=last, words=words, repeats=folding.row_folds)
        words = folding.window * folding.cols_used(last)
        yield _Passes(group=last, groups=1, words=words, repeats=folding.row_folds)


def _cycle(folding: Folding, group: int, request: int) -> int:
    """Cycle of the `request`-th request, counted from 1 at column fold `group`."""
    rows, cols = folding.array.rows, folding.array.cols
    if folding.array.dataflow == "os":
        width = folding.cols_used(group)
        fold, within = divmod(request - 1, folding.window * width)
        start = folding.fold_start(group, 0) + fold * folding.fold_cycles
        return start + skewed_diagonal(folding.window, width, within + 1)
    if folding.array.dataflow == "is":
        col_fold, within = divmod(request - 1, folding.window * folding.filters)
        row_fold, within = divmod(within, rows * folding.filters)
        diagonal = skewed_diagonal(folding.filters, folding.rows_used(row_fold), within + 1)
        return folding.fold_start(col_fold, row_fold) + rows + diagonal
    col_fold, within = divmod(request - 1, folding.window * cols)
    width = folding.cols_used(col_fold)
    row_fold, within = divmod(within, rows * width)
    unused_rows = rows - folding.rows_used(row_fold)
    return folding.fold_start(col_fold, row_fold) + unused_rows + within // width


def _check_cycles(folding: Folding, group: int, ends: range) -> None:
    """Refuse two phases that end in one cycle; only a cycle of more requests than a phase can do it."""
    array = folding.array
    width = array.rows if array.dataflow == "is" else array.cols
    if width <= ends.step:
        return
    for end, following in pairwise(ends):
        if _cycle(folding, group, end) == _cycle(folding, group, following):
            raise phases_in_one_cycle("filter", array.filter_sram_kb)
