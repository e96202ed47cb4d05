"""Matrix products in every spelling: with weights, of two activations, in recurrent layers, from tables."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils.flop_counter import FlopCounterMode

from nfenergy.ground.errors import InputError
from tests.topologies.models import Calls, weight
from topologies.convention import CONVENTIONS
from topologies.inputs import ModelInputs
from topologies.layers import ACTIVATIONS, WEIGHTS, Lookup
from topologies.lowering import lower
from topologies.operations import Convolution, Product, Trace
from topologies.trace import trace

pytestmark = pytest.mark.usefixtures("one_torch_thread")

Forward = Callable[[Any, Tensor], Tensor]


def products(traced: Trace) -> list[tuple[int, int, int, int]]:
    """Count, rows, depth and columns of each."""
    assert all(isinstance(op, Product) for op in traced.ops)
    return [(op.count, op.rows, op.depth, op.columns) for op in traced.ops if isinstance(op, Product)]


@pytest.mark.parametrize(
    ("forward", "shape", "stored", "expected"),
    [
        (lambda m, x: F.linear(x.mT, m.w), (4, 3), (5, 4), (1, 3, 4, 5)),
        (lambda m, x: F.linear(torch.stack([x, x], -1).mT[..., :4], m.w), (4, 4), (5, 4), (1, 8, 4, 5)),
        (lambda m, x: x @ m.w, (7, 6, 4), (4, 5), (1, 42, 4, 5)),
        (lambda m, x: m.w @ x, (7, 4, 6), (5, 4), (1, 42, 4, 5)),
        (lambda m, x: m.w @ x[0], (4, 6), (5, 4), (1, 6, 4, 5)),
        (lambda m, x: torch.einsum("bi,oi->bo", x, m.w), (4,), (5, 4), (1, 1, 4, 5)),
        (lambda m, x: torch.einsum("bhtc,hkc->bhtk", x, m.w), (3, 7, 4), (3, 5, 4), (3, 7, 4, 5)),
        (lambda m, x: torch.bmm(x, m.w), (6, 4), (1, 4, 5), (1, 6, 4, 5)),
        (lambda m, x: torch.baddbmm(x[..., :5], x, m.w), (6, 6), (1, 6, 5), (1, 6, 6, 5)),
        (lambda m, x: torch.matmul(m.w, x), (2, 3, 4, 6), (3, 5, 4), (3, 12, 4, 5)),
        (lambda m, x: torch.matmul(x[:, :, None], m.w), (2, 3, 4), (2, 1, 4, 5), (2, 3, 4, 5)),
        (lambda m, x: m.w @ x[0], (4,), (5, 4), (1, 1, 4, 5)),
        (lambda m, x: x[0] @ m.w, (6, 4), (4,), (1, 6, 4, 1)),
        (lambda m, x: m.w @ x[0], (4,), (4,), (1, 1, 4, 1)),
        (lambda m, x: torch.addmv(x[0, :5, 0], m.w, x[0, 0]), (5, 4), (5, 4), (1, 1, 4, 5)),
        (lambda m, x: F.unfold(x, 2).mT @ m.w, (3, 8, 8), (1, 12, 5), (1, 49, 12, 5)),
    ],
)  # fmt: skip
def test_a_product_with_weights_in_any_spelling(
    forward: Forward, shape: tuple[int, ...], stored: tuple[int, ...], expected: tuple[int, ...]
) -> None:
    traced = trace(nn.Sequential(Calls(forward, w=weight(*stored))), shape)
    assert products(traced) == [expected]
    assert traced.ops[0].operands == WEIGHTS
    assert traced.ops[0].module == "0"
    count, rows, depth, columns = expected
    assert traced.macs == count * rows * depth * columns


@given(st.integers(1, 3), st.integers(1, 3), st.integers(1, 4), st.integers(1, 5), st.integers(1, 5))
@settings(max_examples=40, deadline=None)
def test_weights_are_counted_once_however_they_are_expanded(
    samples: int, heads: int, rows: int, depth: int, columns: int
) -> None:
    """One product for each true matrix of weights, whose samples are rows."""
    model = Calls(lambda m, x: torch.matmul(x, m.w), w=weight(heads, depth, columns))
    (op,) = trace(model, (samples, heads, rows, depth)).ops
    assert isinstance(op, Product)
    assert op.count * op.depth * op.columns == heads * depth * columns
    assert op.macs == op.count * op.rows * op.depth * op.columns == samples * heads * rows * depth * columns


@pytest.mark.parametrize(
    ("forward", "expected"),
    [
        (lambda m, x: x @ x.mT, (3, 6, 4, 6)),
        (lambda m, x: F.scaled_dot_product_attention(x, x, x), (3, 6, 4, 6)),
        (lambda m, x: torch.einsum("bhic,bhjc->bhij", x, x), (3, 6, 4, 6)),
        (lambda m, x: x[0, 0] @ x[0, 1, 0], (1, 6, 4, 1)),
        (lambda m, x: x[0, 0] @ x[0, 1].mT, (1, 6, 4, 6)),
    ],
)
def test_products_of_two_activations_are_of_their_own_kind(
    forward: Forward, expected: tuple[int, ...]
) -> None:
    model = nn.Sequential(nn.Linear(4, 4), Calls(forward))
    traced = trace(model, (3, 6, 4))
    linear, *others = traced.ops
    assert products(traced)[1] == expected
    assert linear.operands == WEIGHTS
    assert {op.operands for op in others} == {ACTIVATIONS}
    assert {(op.module, op.operation) for op in others} == {("1", "matmul")}


def test_attention_has_one_product_a_head_and_sample() -> None:
    model = Calls(
        lambda m, x: m.attention(x, x, x)[0], attention=nn.MultiheadAttention(8, 2, batch_first=True)
    )
    traced = trace(model, (5, 8), batch=3)
    assert products(traced) == [(1, 15, 8, 24), (6, 5, 4, 5), (6, 5, 5, 4), (1, 15, 8, 8)]
    with FlopCounterMode(display=False) as counter, torch.device("meta"):
        model.to("meta")(torch.empty(3, 5, 8))
    assert 2 * traced.macs == counter.get_total_flops()


def test_filters_computed_from_the_input_are_activations() -> None:
    model = Calls(
        lambda m, x: F.conv2d(x, m.kernels(x.mean((2, 3))).view(4, 3, 3, 3)), kernels=nn.Linear(3, 108)
    )
    linear, convolution = trace(model, (3, 8, 8)).ops
    assert (linear.operands, convolution.operands) == (WEIGHTS, ACTIVATIONS)
    assert isinstance(convolution, Convolution)
    assert convolution.module == "model"


def test_queries_that_do_not_depend_on_the_input_attend_as_activations() -> None:
    """Learned queries pass through linear layers at each inference; their products are no weights."""
    model = Calls(
        lambda m, x: m.attention(m.queries, x, x)[0],
        attention=nn.MultiheadAttention(8, 2, batch_first=True),
        queries=weight(1, 3, 8),
    )
    kinds = [(op.rows, op.operands) for op in trace(model, (5, 8)).ops if isinstance(op, Product)]
    assert kinds == [(3, WEIGHTS), (5, WEIGHTS), (3, ACTIVATIONS), (3, ACTIVATIONS), (3, WEIGHTS)]


def test_weights_made_from_weights_stay_weights() -> None:
    model = Calls(lambda m, x: F.linear(x, m.up @ m.down), up=weight(6, 2), down=weight(2, 4))
    made, used = trace(model, (4,)).ops
    assert (made.operands, used.operands) == (WEIGHTS, WEIGHTS)
    assert (used.module, used.macs) == ("model", 24)


# Recurrent layers


@pytest.mark.parametrize(("kind", "gates"), [(nn.LSTM, 4), (nn.GRU, 3), (nn.RNN, 1)])
@pytest.mark.parametrize(("steps", "batch"), [(1, 1), (4, 1), (4, 3)])
@pytest.mark.parametrize("device", ["meta", "cpu"])
def test_a_recurrent_layer_projects_all_inputs_at_once(
    kind: type[nn.RNNBase], gates: int, steps: int, batch: int, device: Any
) -> None:
    """The state before the first step is no activation, but the array multiplies with it."""
    model = Calls(lambda m, x: m.cell(x)[0], cell=kind(5, 6, batch_first=True))
    found = products(trace(model, (steps, 5), batch=batch, device=device))
    assert found == [(1, steps * batch, 5, gates * 6)] + [(1, batch, 6, gates * 6)] * steps


def test_layers_and_directions_of_a_recurrent_layer() -> None:
    model = Calls(
        lambda m, x: m.cell(m.cell(x)[0][..., :5])[0],
        cell=nn.LSTM(5, 6, num_layers=2, bidirectional=True, batch_first=True),
    )
    found = products(trace(model, (3, 5)))
    assert found.count((1, 3, 5, 24)) == 4  # two calls, two directions
    assert found.count((1, 3, 12, 24)) == 4
    assert found.count((1, 1, 6, 24)) == 2 * 2 * 2 * 3
    assert len(found) == 32


# Tables


def test_an_embedding_is_reported_and_multiplies_nothing() -> None:
    model = nn.Sequential(nn.Embedding(9, 4), nn.Linear(4, 2))
    tokens = ModelInputs(args=(torch.zeros(2, 3, dtype=torch.long),))
    traced = trace(model, tokens)
    assert traced.lookups == (Lookup("0", rows=6, row_values=4),)
    assert (products(traced), traced.macs) == ([(1, 6, 4, 2)], 48)
    coverage = lower(traced, name="t", convention=CONVENTIONS["exact"]).coverage
    assert coverage is not None
    assert coverage.lookup_reads == 24
    assert str(coverage) == "1 of 1 weighted layers, 100 % of MACs; embeddings read 24 weights"


@pytest.mark.parametrize(
    "look_up",
    [
        lambda m, i: m.table[i],
        lambda m, i: torch.index_select(m.table, 0, i.flatten()).view(2, 3, 4),
        lambda m, i: F.embedding(i, m.table),
        lambda m, i: torch.gather(m.table, 0, i.flatten()[:, None].expand(-1, 4)).view(2, 3, 4),
    ],
)
def test_rows_chosen_by_the_input_in_any_spelling(look_up: Callable[[Any, Tensor], Tensor]) -> None:
    model = nn.Sequential(Calls(look_up, table=weight(9, 4)), nn.Linear(4, 2))
    (lookup,) = trace(model, ModelInputs(args=(torch.zeros(2, 3, dtype=torch.long),))).lookups
    assert (lookup.layer, lookup.weight_reads) == ("0", 24)


def test_a_bag_of_embeddings() -> None:
    model = nn.Sequential(nn.EmbeddingBag(9, 4), nn.Linear(4, 2))
    traced = trace(model, ModelInputs(args=(torch.zeros(2, 3, dtype=torch.long),)))
    assert traced.lookups == (Lookup("0", rows=6, row_values=4),)


def test_positions_that_do_not_depend_on_the_input_are_read_all_the_same() -> None:
    def forward(m: Any, ids: Tensor) -> Tensor:
        return m.head(m.tokens(ids) + m.positions(torch.arange(ids.shape[1])))  # type: ignore[no-any-return]

    model = Calls(forward, tokens=nn.Embedding(9, 4), positions=nn.Embedding(5, 4), head=nn.Linear(4, 2))
    traced = trace(model, ModelInputs(args=(torch.zeros(1, 3, dtype=torch.long),)))
    assert traced.lookups == (Lookup("tokens", 3, 4), Lookup("positions", 3, 4))


def test_experts_chosen_by_the_input_are_weights_of_the_product() -> None:
    def forward(m: Any, x: Tensor) -> Tensor:
        chosen = m.router(x).topk(2).indices.flatten()
        return torch.bmm(m.experts[chosen], x.repeat_interleave(2, 0)[..., None])

    model = Calls(forward, router=nn.Linear(4, 8), experts=weight(8, 5, 4))
    router, experts = trace(model, ModelInputs(args=(torch.zeros(3, 4),))).ops
    assert isinstance(experts, Product)
    assert (experts.count, experts.rows, experts.depth, experts.columns) == (6, 1, 4, 5)
    assert (router.module, experts.module, experts.operands) == ("router", "model", WEIGHTS)


def test_a_bilinear_layer_is_a_product_and_vector_work() -> None:
    traced = trace(Calls(lambda m, x: m.mix(x, x), mix=nn.Bilinear(4, 4, 5)), (4,))
    assert products(traced) == [(1, 1, 4, 20)]
    assert traced.vector_work == (("trilinear", 20),)


def test_a_sum_that_hides_rows_in_values_is_refused_with_its_remedy() -> None:
    model = nn.Sequential(Calls(lambda m, x: torch.cdist(x, m.rows), rows=weight(7, 4)))
    with pytest.raises(InputError, match="write it with convolutions or matrix products"):
        trace(model, (4,))
