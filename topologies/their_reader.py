"""What SCALE-Sim 3.0.0's own reader (``topology_utils``) makes of a row, so that ours agrees with it.

It reads what stands before a row's last comma, by position. A convolution has a name and seven numbers,
a matrix product a name and M, N, K; what comes behind them must be a sparsity ratio N:M.
"""

from __future__ import annotations

from collections.abc import Sequence

from topologies.header import CONVOLUTION, GEMM

OTHER_ORDER = (
    "its columns are read by their names; SCALE-Sim, which skips the header, takes them in its own order"
)

NOT_FIRST = "SCALE-Sim skips the first line only, takes this header for a layer and fails"


def in_their_order(header: Sequence[str]) -> bool:
    """Whether the columns that SCALE-Sim demands stand where it looks for them."""
    return tuple(header[: len(_demanded(header))]) == _demanded(header)


def their_fault(line: str, header: Sequence[str]) -> str:
    """Why SCALE-Sim fails on a line below the header, in words; empty where it reads it.

    Columns in another order than its own are not its files: nothing is said of their rows.
    """
    text, demanded = line.strip(), _demanded(header)
    if not text or not in_their_order(header):
        return ""
    fields = text.split(",")[:-1]
    if len(fields) < len(demanded):
        return f"SCALE-Sim reads {len(fields)} fields, each before a comma, expects {len(demanded)} and fails"
    numbers, ratio = fields[1:], "1:1"
    if len(fields) > len(demanded):
        ratio = numbers[len(demanded) - 1] if "m" in header else numbers.pop()
    if "m" in header:
        numbers = numbers[: len(GEMM)]
    if ":" not in ratio:
        return f"SCALE-Sim takes {ratio.strip()!r} for the sparsity ratio N:M and fails"
    wrong = next((field for field in (*numbers, *ratio.split(":")[:2]) if not _is_whole(field)), None)
    return "" if wrong is None else f"SCALE-Sim takes {wrong.strip()!r} for a whole number and fails"


def _demanded(header: Sequence[str]) -> tuple[str, ...]:
    return ("name", *(GEMM if "m" in header else CONVOLUTION))


def _is_whole(field: str) -> bool:
    try:
        int(field.strip())
    except ValueError:
        return False
    return True
