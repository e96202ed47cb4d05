"""Estimates: monotonic, grouped so that nothing is lost, largest first."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from energy.array import DATAFLOWS, SystolicArray
from energy.scalesim.cost import INTERPRETER_BYTES, Cost, Task, available_memory_bytes, batches, estimate
from topologies.layers import LayerShape

ARRAY = SystolicArray()
SHAPE = LayerShape(34, 34, 3, 3, 64, 64, 1)


@pytest.mark.parametrize("dataflow", DATAFLOWS)
@given(field=st.sampled_from(["ifmap_h", "ifmap_w", "channels", "filters"]), more=st.integers(1, 64))
def test_a_larger_layer_is_never_cheaper(dataflow: str, field: str, more: int) -> None:
    array = SystolicArray(dataflow=dataflow)
    small = estimate(SHAPE, array)
    large = estimate(SHAPE._replace(**{field: getattr(SHAPE, field) + more}), array)
    assert large.seconds >= small.seconds
    assert large.memory_bytes >= small.memory_bytes > INTERPRETER_BYTES


def test_an_extreme_layer_has_an_estimate_too() -> None:
    largest = 2**31 - 1
    cost = estimate(LayerShape(largest, largest, 1, 1, largest, largest, 1), SystolicArray(rows=1, cols=1))
    assert cost.memory_bytes > 2**100


@given(
    seconds=st.lists(st.floats(0.001, 10), min_size=1, max_size=30),
    at_least=st.floats(0, 3),
    arrays=st.integers(1, 3),
    room=st.integers(1, 12),
)
def test_batches_hold_every_task_once_the_longest_first_within_the_memory(
    seconds: list[float], at_least: float, arrays: int, room: int
) -> None:
    costs: dict[Task, Cost] = {
        (SHAPE._replace(filters=index + 1), SystolicArray(rows=1 + index % arrays)): Cost(
            seconds=value, memory_bytes=INTERPRETER_BYTES + 10
        )
        for index, value in enumerate(seconds)
    }
    at_most = INTERPRETER_BYTES + 10 * room
    grouped = batches(costs, at_least_seconds=at_least, at_most_bytes=at_most)
    held = [(shape, batch.array) for batch in grouped for shape in batch.shapes]
    assert sorted(held, key=str) == sorted(costs, key=str)
    totals = [batch.cost.seconds for batch in grouped]
    assert totals == sorted(totals, reverse=True)
    for batch in grouped:
        alone = [costs[shape, batch.array] for shape in batch.shapes]
        assert batch.cost.seconds == pytest.approx(sum(cost.seconds for cost in alone))
        assert batch.cost.memory_bytes == INTERPRETER_BYTES + 10 * len(alone) <= at_most
        assert len(alone) == 1 or sum(cost.seconds for cost in alone[:-1]) < at_least


def test_the_memory_that_may_be_used_is_a_part_of_the_machines() -> None:
    assert 2**20 < available_memory_bytes() < 2**50
