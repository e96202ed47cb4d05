"""What spare rows leave of a cell error rate."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray


def clean_row_probability(row_cells: int, rate: float) -> float:
    """Probability that no cell of a row misreads.

    >>> round(clean_row_probability(64, 0.01), 4)
    0.5256
    """
    return (1 - rate) ** row_cells


def unrepaired_rate(rate: float, *, spares: int, row_cells: int, bank_rows: int) -> float:
    """Cell error rate after repair of a full bank, a fraction: faulty rows beyond the usable spares stay.

    A row is repaired whether it has one faulty cell or many, so an unrepaired one has as many as any
    faulty row. Spare rows are of the same cells, and only those without a faulty one are used.
    """
    if rate <= 0.0:
        return 0.0
    clean = clean_row_probability(row_cells, rate)
    faulty_rows = _binomial(bank_rows, 1 - clean)
    usable = _binomial(spares, clean)
    at_least = np.cumsum(faulty_rows[::-1])[::-1]
    beyond = np.append(np.cumsum(at_least[:0:-1])[::-1], 0.0)
    left = sum(
        float(chance) * float(beyond[count]) for count, chance in enumerate(usable) if count <= bank_rows
    )
    return rate * left / (bank_rows * (1 - clean))


def _binomial(trials: int, chance: float) -> NDArray[np.float64]:
    """Probability of each number of successes, shape (trials + 1,)."""
    if chance in (0.0, 1.0):
        certain = np.zeros(trials + 1)
        certain[round(trials * chance)] = 1.0
        return certain
    log_factorial = np.cumsum(np.log(np.maximum(np.arange(trials + 1), 1)))
    done = np.arange(trials + 1)
    log_ways = log_factorial[trials] - log_factorial - log_factorial[::-1]
    found: NDArray[np.float64] = np.exp(
        log_ways + done * math.log(chance) + (trials - done) * math.log1p(-chance)
    )
    return found
