"""Pieces of the sentences that say what a figure shows, and places of names in a column."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import takewhile

MANY = 8


def extent(values: Iterable[float], unit: str = "%", digits: int = 1) -> str:
    """From the least to the most.

    >>> extent([3.0, -2.04]), extent([5.0])
    ('-2.0 to 3.0 %', '5.0 %')
    """
    found = list(values)
    low, high = (f"{value:.{digits}f}" for value in (min(found), max(found)))
    return f"{low} {unit}" if low == high else f"{low} to {high} {unit}"


def listed(names: Sequence[str], most: int = MANY) -> str:
    """Names in a row; of many the first, and how many follow.

    >>> listed(["a"]), listed(["a", "b", "c"]), listed(["a", "b", "c"], most=1)
    ('a', 'a, b and c', 'a and 2 more')
    """
    if len(names) > most + 1:
        return f"{', '.join(names[:most])} and {len(names) - most} more"
    return f"{', '.join(names[:-1])} and {names[-1]}" if len(names) > 1 else "".join(names)


def common_start(names: Sequence[str]) -> str:
    """What all names begin with, up to a comma and a space.

    >>> common_start(["VGG11 x 0.5, RandBET 1 %", "VGG11 x 0.5, clip 0.1"]), common_start(["VGG11", "VGG19"])
    ('VGG11 x 0.5, ', '')
    """
    parts = (name.split(", ")[:-1] for name in names)
    same = takewhile(lambda found: len(set(found)) == 1, zip(*parts, strict=False))
    return "".join(f"{found[0]}, " for found in same)


def spread(values: Sequence[float], pitch: float) -> list[float]:
    """Places near rising values and at least `pitch` apart, moved as little as that takes.

    >>> spread([0.0, 0.0, 5.0], 1.0)
    [-0.5, 0.5, 5.0]
    """
    groups: list[list[float]] = []
    for value in values:
        groups.append([value])
        while len(groups) > 1 and _top(groups[-2], pitch) + pitch > _bottom(groups[-1], pitch) + 1e-12:
            last = groups.pop()
            groups[-1] += last
    return [_bottom(group, pitch) + index * pitch for group in groups for index in range(len(group))]


def _bottom(group: Sequence[float], pitch: float) -> float:
    return sum(group) / len(group) - pitch * (len(group) - 1) / 2


def _top(group: Sequence[float], pitch: float) -> float:
    return sum(group) / len(group) + pitch * (len(group) - 1) / 2
