"""The points nothing dominates: front, hypervolume, and how sure the front is given the spread over chips.

All objectives are maximised; turn one that is to be small (latency) by its sign.
"""

from __future__ import annotations

from collections.abc import Sequence
from statistics import NormalDist

Point = Sequence[float]

QUADRATURE_NODES = 512


def dominates(a: Point, b: Point) -> bool:
    """Whether `a` is at least as good as `b` in every objective and better in one.

    >>> dominates((2.0, 1.0), (1.0, 1.0)), dominates((1.0, 1.0), (1.0, 1.0))
    (True, False)
    """
    return all(x >= y for x, y in zip(a, b, strict=True)) and any(x > y for x, y in zip(a, b, strict=True))


def front(points: Sequence[Point]) -> list[int]:
    """Indices of the points that no other dominates, ascending; equal points stand together.

    >>> front([(1.0, 3.0), (2.0, 2.0), (1.0, 2.0)])
    [0, 1]
    """
    return [
        index for index, point in enumerate(points) if not any(dominates(other, point) for other in points)
    ]


def hypervolume(points: Sequence[Point], reference: Point) -> float:
    """Volume that `points` dominate above `reference`, in the product of the objectives' units.

    Points that do not exceed the reference in every objective add nothing. Slices along the last
    objective; each slice is a hypervolume of one objective less.

    >>> hypervolume([(1.0, 3.0), (2.0, 2.0)], (0.0, 0.0))
    5.0
    """
    inside = [tuple(point) for point in points if all(x > r for x, r in zip(point, reference, strict=True))]
    if not inside:
        return 0.0
    if len(reference) == 1:
        return max(point[0] for point in inside) - reference[0]
    inside.sort(key=lambda point: point[-1], reverse=True)
    volume = 0.0
    for count, point in enumerate(inside, start=1):
        floor = inside[count][-1] if count < len(inside) else reference[-1]
        if point[-1] > floor:
            area = hypervolume([other[:-1] for other in inside[:count]], reference[:-1])
            volume += area * (point[-1] - floor)
    return volume


def front_probabilities(
    certain: Sequence[Point], means: Sequence[float], stds: Sequence[float]
) -> list[float]:
    """Probability of each point to stand on the front when one objective varies from chip to chip.

    The varying objective is taken as normal and independent between points; every other objective is
    certain. A point is on the front unless a point at least as good in all certain objectives has the
    higher value, so that its probability is the expectation, over its own value, of the product of the
    others' distribution functions. That integral is computed at `QUADRATURE_NODES` quantiles, without
    random numbers.

    Args:
        certain: the certain objectives of each point.
        means, stds: of the varying one, each point; a standard deviation of 0 makes it certain.
    """
    spreads = [NormalDist(mean, std) if std > 0 else None for mean, std in zip(means, stds, strict=True)]

    def below(index: int, value: float) -> float:
        spread = spreads[index]
        if spread is not None:
            return spread.cdf(value)
        return 1.0 if means[index] <= value else 0.0

    probabilities = []
    for own, objectives in enumerate(certain):
        rivals = [
            index
            for index, other in enumerate(certain)
            if index != own and all(x >= y for x, y in zip(other, objectives, strict=True))
        ]
        spread = spreads[own]
        values = (
            [means[own]]
            if spread is None
            else [spread.inv_cdf((node + 0.5) / QUADRATURE_NODES) for node in range(QUADRATURE_NODES)]
        )
        total = 0.0
        for value in values:
            product = 1.0
            for rival in rivals:
                product *= below(rival, value)
                if product == 0.0:
                    break
            total += product
        probabilities.append(total / len(values))
    return probabilities
