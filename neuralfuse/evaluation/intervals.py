"""95 % intervals of means over chips."""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable, Sequence
from functools import cache

CONFIDENCE = 0.95


def half_width(values: Sequence[float]) -> float | None:
    """Half the 95 % interval of the mean of independent values (Student's t); None for a single one.

    >>> round(half_width([1.0, 2.0, 3.0, 4.0]), 3)
    2.054
    """
    if len(values) < 2:
        return None
    return t_quantile(len(values) - 1) * statistics.stdev(values) / math.sqrt(len(values))


@cache
def t_quantile(degrees: int) -> float:
    """What Student's t with so many degrees of freedom exceeds in magnitude in 5 % of cases.

    >>> round(t_quantile(9), 4), round(t_quantile(1), 3)
    (2.2622, 12.706)
    """
    # With t = sqrt(degrees) tan(a) the density is cos(a)**(degrees - 1), up to a constant.
    whole = _integral(lambda angle: math.cos(angle) ** (degrees - 1), math.pi / 2)
    low, high = 0.0, math.pi / 2
    for _ in range(50):
        middle = (low + high) / 2
        inside = _integral(lambda angle: math.cos(angle) ** (degrees - 1), middle) < CONFIDENCE * whole
        low, high = (middle, high) if inside else (low, middle)
    return math.sqrt(degrees) * math.tan(low)


def _integral(function: Callable[[float], float], end: float, *, steps: int = 400) -> float:
    """From 0 to `end`, by Simpson's rule."""
    width = end / steps
    inner = sum((4 if step % 2 else 2) * function(step * width) for step in range(1, steps))
    return (function(0.0) + inner + function(end)) * width / 3
