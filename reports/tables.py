"""Tables for people: columns aligned, numbers to the right, never wrapped or cut."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence


def render(header: Sequence[str], rows: Sequence[Sequence[str]], *, left: Sequence[int] = (0,)) -> str:
    """A plain-text table without trailing newline; the columns in `left` are flush left, others right.

    Where a terminal, or ``COLUMNS``, is too narrow for it, every row stands as a block of its own.
    """
    text = _aligned(header, rows, left)
    return _blocks(header, rows) if _width(text) > _room() else text


def _room() -> float:
    """Characters a line; a file or pipe takes any number."""
    if (columns := os.environ.get("COLUMNS", "")).isdigit():
        return int(columns)
    return os.get_terminal_size().columns if sys.stdout.isatty() else float("inf")


def _width(text: str) -> int:
    return max(map(len, text.splitlines()), default=0)


def _blocks(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    titles = [" ".join(title.split()) for title in header]
    width = max(map(len, titles), default=0)
    lines = [
        [f"{title:<{width}}  {cell}".rstrip() for title, cell in zip(titles, row, strict=True)]
        for row in rows
    ]
    return "\n\n".join("\n".join(block) for block in lines)


def _aligned(header: Sequence[str], rows: Sequence[Sequence[str]], left: Sequence[int]) -> str:
    from rich.box import SIMPLE_HEAD
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=SIMPLE_HEAD, pad_edge=False, show_edge=False)
    for index, title in enumerate(header):
        table.add_column(Text(title), justify="left" if index in left else "right", no_wrap=True)
    for row in rows:
        table.add_row(*(Text(cell) for cell in row))
    console = Console(width=10_000, color_system=None, legacy_windows=False)
    with console.capture() as capture:
        console.print(table)
    return "\n".join(line.rstrip() for line in capture.get().splitlines())
