"""One choice for each group, so that the costs are least and the losses stay within a budget."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

UNITS = 2000
"""Steps in which losses are counted; each is rounded up to a whole one."""

Table = NDArray[np.float64]
Choice = tuple[int, ...]


def frontier(losses: Table, costs: Table) -> list[Choice]:
    """The cheapest choices for every budget of losses, the smallest budget first, each once.

    Losses below zero count as none. Exact but for the rounding of the losses: dynamic programming over
    the groups and `UNITS` budgets up to the sum of the largest losses.

    Args:
        losses: of each group at each of its points, shape (groups, points).
        costs: likewise.
    """
    most = float(losses.max(axis=1).sum())
    unit = most / UNITS if most > 0 else 1.0
    steps = np.ceil(np.maximum(losses, 0.0) / unit - 1e-9).astype(int)
    size = min(int(steps.max(axis=1).sum()), UNITS + len(losses)) + 1
    best = np.zeros(size)
    chosen = np.zeros((len(losses), size), int)
    for group, (loss, cost) in enumerate(zip(steps, costs, strict=True)):
        reached = np.full((len(loss), size), np.inf)
        for point, (taken, price) in enumerate(zip(loss, cost, strict=True)):
            if taken < size:
                reached[point, taken:] = best[: size - taken] + price
        chosen[group] = reached.argmin(axis=0)
        best = reached.min(axis=0)
    found = dict.fromkeys(
        _choice(chosen, steps, budget) for budget in range(size) if np.isfinite(best[budget])
    )
    return list(found)


def _choice(chosen: NDArray[np.int64], steps: NDArray[np.int64], budget: int) -> Choice:
    points = []
    for group in range(len(chosen) - 1, -1, -1):
        point = int(chosen[group, budget])
        points.append(point)
        budget -= int(steps[group, point])
    return tuple(reversed(points))
