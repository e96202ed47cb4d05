"""Front, hypervolume and probabilities, against brute force and independent implementations."""

from __future__ import annotations

import random

import moocore
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from reports import pareto

# Few distinct values, so that ties and duplicates are drawn often.
values = st.integers(min_value=-5, max_value=12).map(float)


def point_sets(dimensions: int, size: int = 12) -> st.SearchStrategy[list[tuple[float, ...]]]:
    return st.lists(st.tuples(*[values] * dimensions), min_size=1, max_size=size)


def beaten(point: tuple[float, ...], other: tuple[float, ...]) -> bool:
    return other != point and all(x <= y for x, y in zip(point, other, strict=True))


@given(st.one_of(point_sets(2), point_sets(3)))
def test_the_front_is_what_brute_force_finds(points: list[tuple[float, ...]]) -> None:
    expected = [i for i, point in enumerate(points) if not any(beaten(point, other) for other in points)]
    assert pareto.front(points) == expected


@given(st.one_of(point_sets(2), point_sets(3)))
def test_the_front_is_what_moocore_finds(points: list[tuple[float, ...]]) -> None:
    found = moocore.is_nondominated(np.array(points), maximise=True, keep_weakly=True)
    assert pareto.front(points) == list(np.flatnonzero(found))


@pytest.mark.parametrize("dimensions", [1, 2, 3, 4])
def test_hypervolume_equals_moocore(dimensions: int) -> None:
    rng = random.Random(7)
    for _ in range(60):
        points = [tuple(rng.randint(-2, 9) for _ in range(dimensions)) for _ in range(rng.randint(1, 12))]
        reference = tuple(rng.randint(-3, 3) for _ in range(dimensions))
        inside = np.maximum(np.array(points, dtype=float), reference)
        if dimensions == 1:
            expected = float(inside.max() - reference[0])
        else:
            expected = moocore.hypervolume(inside, ref=np.array(reference, dtype=float), maximise=True)
        strict = [p for p in points if all(x > r for x, r in zip(p, reference, strict=True))]
        assert pareto.hypervolume(points, reference) == pytest.approx(expected if strict else 0.0)


@given(point_sets(2), st.tuples(values, values))
def test_a_further_point_never_lessens_the_hypervolume(
    points: list[tuple[float, ...]], further: tuple[float, float]
) -> None:
    before = pareto.hypervolume(points, (0.0, 0.0))
    assert pareto.hypervolume([*points, further], (0.0, 0.0)) >= before


@given(point_sets(2))
def test_dominated_points_add_no_hypervolume(points: list[tuple[float, ...]]) -> None:
    members = [points[index] for index in pareto.front(points)]
    assert pareto.hypervolume(members, (-6.0, -6.0)) == pytest.approx(
        pareto.hypervolume(points, (-6.0, -6.0))
    )


def test_probabilities_equal_a_simulation() -> None:
    rng = np.random.default_rng(11)
    certain = [(19.0,), (29.1,), (21.2,), (27.5,), (24.0,), (24.0,)]
    means, stds = [87.8, 59.5, 88.5, 68.8, 84.6, 83.0], [1.7, 11.0, 0.8, 6.4, 0.0, 2.0]
    draws = rng.normal(means, stds, size=(20_000, len(means)))
    simulated = []
    for own, (saving,) in enumerate(certain):
        rivals = [j for j, (other,) in enumerate(certain) if j != own and other >= saving]
        simulated.append(float(np.all(draws[:, [own]] >= draws[:, rivals], axis=1).mean()))
    assert pareto.front_probabilities(certain, means, stds) == pytest.approx(simulated, abs=0.015)


@given(point_sets(2))
def test_without_spread_the_probability_is_certainty(points: list[tuple[float, ...]]) -> None:
    """Points with an equal are left out: which of two equal draws is higher has no answer."""
    distinct = list(dict.fromkeys(points))
    if len({saving for saving, _ in distinct}) < len(distinct):
        distinct = list({saving: (saving, accuracy) for saving, accuracy in distinct}.values())
    if len({accuracy for _, accuracy in distinct}) < len(distinct):
        distinct = list({accuracy: (saving, accuracy) for saving, accuracy in distinct}.values())
    found = pareto.front_probabilities(
        [(saving,) for saving, _ in distinct], [accuracy for _, accuracy in distinct], [0.0] * len(distinct)
    )
    members = set(pareto.front(distinct))
    assert found == [1.0 if index in members else 0.0 for index in range(len(distinct))]
