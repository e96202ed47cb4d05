"""An experiment's figure in words, for those who do not see it."""

from __future__ import annotations

from collections.abc import Sequence

from nfenergy.experiments.figure_lines import Line, Point
from reports.plots.words import extent

MOST_TOLD = 8
"""Lines that are told one by one."""


def told(lines: Sequence[Line], *, x_title: str, y_title: str) -> str:
    """What is to be seen, in sentences.

    Args:
        lines: of the figure.
        x_title, y_title: of its axes.
    """
    measured = [line for line in lines if line.ours]
    lead = f"{y_title} over {x_title}, {len(lines)} {'line' if len(lines) == 1 else 'lines'}."
    if len(lines) <= MOST_TOLD:
        return " ".join([lead, *(f"{line.title}: {_line(line)}." for line in lines)])
    said = [lead]
    if measured:
        last = max(place for line in measured for place, _, _ in line.ours)
        at_last = [(line.ours[-1][1], line.title) for line in measured if line.ours[-1][0] == last]
        (low, lowest), (high, highest) = min(at_last), max(at_last)
        values = extent(value for line in measured for _, value, _ in line.ours)
        said.append(
            f"Ours {values}; at {last:g} the lowest is {lowest} with {low:.1f} %, the highest {highest} with "
            f"{high:.1f} %."
        )
    printed = [value for line in lines for _, value, _ in line.printed]
    return " ".join([*said, f"Printed {extent(printed)}."] if printed else said)


def _line(line: Line) -> str:
    ours = f"ours {_ends(line.ours)}" if line.ours else "nothing measured here"
    return f"{ours}, printed {_ends(line.printed)}" if line.printed else ours


def _ends(points: Sequence[Point]) -> str:
    (first, start, _), (last, end, _) = points[0], points[-1]
    if len(points) == 1:
        return f"{start:.1f} % at {first:g}"
    return f"{start:.1f} % at {first:g} to {end:.1f} % at {last:g}"
