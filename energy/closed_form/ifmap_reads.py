"""DRAM reads of the ifmap operand."""

from __future__ import annotations

from collections.abc import Callable, Collection

from energy.closed_form.folding import Folding
from energy.closed_form.ifmap_dataflows import stream_of
from energy.closed_form.ifmap_phases import PhaseFollower, Phases
from energy.closed_form.ifmap_stream import Stream
from energy.closed_form.input_windows import InputWindows
from energy.closed_form.read_phases import ReadBuffer, Transfer, phases_in_one_cycle
from energy.closed_form.sram_spans import first_ifmap_request
from nfenergy.ground.errors import InputError
from topologies.layers import LayerShape

MOST_PHASES = 2**18
"""Of a pass with overlapping windows: with more, which no layer in use has, they take minutes to follow."""


def ifmap_transfer(shape: LayerShape, folding: Folding) -> Transfer:
    """DRAM reads of the ifmap operand of one layer.

    Raises:
        InputError: two phases end in one cycle, where SCALE-Sim itself fails, or there are too many.
    """
    buffer = ReadBuffer(folding.array.ifmap_sram_kb)
    windows = InputWindows.of(shape)
    if windows.touched < buffer.phase_words:
        return buffer.transfer(phases=0, rest=windows.touched, first_cycle=0, last_phase_cycle=-1)
    stream = stream_of(windows, folding)
    phases = ifmap_phases(stream, buffer.phase_words, buffer.size_kb)
    return buffer.transfer(
        phases=phases.number,
        rest=phases.rest,
        first_cycle=first_ifmap_request(folding),
        last_phase_cycle=phases.last_end // stream.ports,
    )


def ifmap_words_by_passes(shape: LayerShape, folding: Folding, passes: Collection[int]) -> dict[int, int]:
    """Values read from DRAM where the same requests are passed over that many times, by number of passes.

    In ``os`` and ``ws`` a column fold is a pass, and an array's columns decide how many there are and when
    a request comes, but not the order of the requests.

    Args:
        folding: of a machine of these rows, no wider than a phase; the passes it has itself play no part.
        passes: numbers of passes, from 1.

    Raises:
        InputError: the layer is too large.
    """
    buffer = ReadBuffer(folding.array.ifmap_sram_kb)
    windows = InputWindows.of(shape)
    if windows.touched < buffer.phase_words:
        return dict.fromkeys(passes, windows.touched)
    stream = stream_of(windows, folding)
    if not windows.overlap:
        return {number: windows.touched * number for number in passes}
    follower = _follower(stream, buffer.phase_words, buffer.size_kb)
    words = {}
    for number in sorted(passes):
        phases = follower.follow(number)
        words[number] = phases.number * buffer.phase_words + phases.rest
    return words


def ifmap_phases(stream: Stream, phase_words: int, size_kb: int) -> Phases:
    """The phases of a pass that requests no fewer distinct addresses than a phase has.

    Raises:
        InputError: two of them end in one cycle, or there are too many to follow.
    """
    if stream.windows.overlap:
        return _follower(stream, phase_words, size_kb).follow(stream.passes)
    refuse = _refusal(size_kb)
    number, rest = divmod(stream.windows.touched * stream.passes, phase_words)
    if stream.ports > phase_words:
        cycle = -1
        for phase in range(1, number + 1):
            before, cycle = cycle, _place(stream, phase * phase_words) // stream.ports
            if cycle == before:
                refuse()
    return Phases(number, rest, _place(stream, number * phase_words))


def _follower(stream: Stream, phase_words: int, size_kb: int) -> PhaseFollower:
    """Raises InputError: a pass has more phases than can be followed."""
    if stream.windows.touched > MOST_PHASES * phase_words:
        raise InputError(
            f"a layer reads {stream.windows.touched:,} ifmap values in overlapping windows, more than "
            f"{MOST_PHASES:,} times what half of the ifmap SRAM of {size_kb} kB holds; check the layer's "
            "sizes, or use a larger --sram-kb"
        )
    return PhaseFollower(stream, phase_words, _refusal(size_kb))


def _refusal(size_kb: int) -> Callable[[], None]:
    def refuse() -> None:
        raise phases_in_one_cycle("ifmap", size_kb)

    return refuse


def _place(stream: Stream, request: int) -> int:
    """Place of the n-th request over all passes, each of which requests every address once."""
    passes, within = divmod(request - 1, stream.windows.touched)
    return passes * stream.pass_places + stream.place_of(within + 1)
