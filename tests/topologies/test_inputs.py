"""What a model is traced on: shapes, several arguments, token ids, batches, and real values where needed."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, nn

from nfenergy.ground.errors import InputError
from tests.topologies.models import Calls, weight
from topologies.inputs import ModelInputs, check_input_shape
from topologies.trace import NeedsValues, trace

pytestmark = pytest.mark.usefixtures("one_torch_thread")


class TwoInputs(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.image, self.text = nn.Conv2d(3, 4, 3), nn.Embedding(9, 4)

    def forward(self, image: Tensor, text: Tensor, *, scale: float = 1.0) -> Tensor:
        return self.image(image).mean((2, 3)) * scale + self.text(text).mean(1)  # type: ignore[no-any-return]


IMAGE, TEXT = torch.zeros(1, 3, 8, 8), torch.zeros(1, 5, dtype=torch.long)


@pytest.mark.parametrize(
    "example", [(IMAGE, TEXT), [IMAGE, TEXT], {"image": IMAGE, "text": TEXT, "scale": 2.0}]
)
def test_several_inputs(example: Any) -> None:
    traced = trace(TwoInputs(), ModelInputs.of(example))
    assert [op.module for op in traced.ops] == ["image"]
    assert [lookup.layer for lookup in traced.lookups] == ["text"]


def test_one_tensor_is_one_argument() -> None:
    assert trace(nn.Linear(4, 5), ModelInputs.of(torch.zeros(7, 4))).macs == 7 * 20


@pytest.mark.parametrize("example", [None, 3, [], {"size": 3}, "text"])
def test_inputs_without_a_tensor_are_refused(example: Any) -> None:
    with pytest.raises(
        InputError, match="without a tensor; expected a tensor, a tuple of the forward pass's"
    ):
        ModelInputs.of(example)


@pytest.mark.parametrize("shape", [(), (0,), (3, -1, 3)])
def test_shapes_that_are_none_are_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(InputError, match="expected positive extents"):
        check_input_shape(shape)
    with pytest.raises(InputError, match="expected positive extents"):
        trace(nn.Linear(4, 5), shape)


def test_an_empty_batch_is_refused() -> None:
    with pytest.raises(InputError, match="the batch is 0, expected at least 1"):
        trace(nn.Linear(4, 5), (4,), batch=0)


def test_half_precision_models_get_an_input_of_their_own_type() -> None:
    assert trace(nn.Linear(4, 5).half(), (4,)).macs == 20


# Values


def test_constants_may_be_read_on_real_tensors() -> None:
    """A buffer decides how often a layer runs: the same figures for every input."""
    model = Calls(
        lambda m, x: [x := m.linear(x) for _ in range(int(m.times))][-1],
        linear=nn.Linear(4, 4),
        times=torch.tensor(3),
    )
    assert len(trace(model, (4,)).ops) == 3
    with pytest.raises(NeedsValues, match="reads values of its own tensors; export its backbone"):
        trace(model.to("meta"), (4,))


def test_values_of_activations_need_example_inputs() -> None:
    model = nn.Sequential(
        nn.Linear(4, 4), Calls(lambda m, x: m.linear(x[x > -100.0].view(-1, 4)), linear=nn.Linear(4, 4))
    )
    with pytest.raises(InputError) as error:
        trace(model, (4,))
    assert str(error.value) == (
        "layer '1' reads values of its own activations (aten.index), on which its operations depend; give "
        "example inputs (a function example_inputs() beside the network), or export the backbone without "
        "this layer"
    )
    assert len(trace(model, ModelInputs.of(torch.zeros(1, 4))).ops) == 2


@pytest.mark.parametrize(
    "read",
    [
        lambda x: x if x.sum() > 0 else -x,
        lambda x: x[x.nonzero()[:, 0]],
        lambda x: x.unique(),
        lambda x: x.masked_select(x > 0),
        lambda x: x * x.max().item(),
        lambda x: x * float(x.tolist()[0][0]),
    ],
)
def test_every_way_to_read_an_activation_is_refused(read: Any) -> None:
    model = Calls(lambda m, x: read(m.linear(x)), linear=nn.Linear(4, 4))
    with pytest.raises(InputError, match="layer 'model' reads values of its own activations"):
        trace(model, (4,))


def test_fused_kernels_of_the_cpu_hide_nothing() -> None:
    layer = nn.TransformerEncoderLayer(8, 2, 16, batch_first=True).eval()
    model = Calls(lambda m, x: m.layer(x) if int(m.flag) else x, layer=layer, flag=torch.tensor(1))
    assert trace(model, (5, 8)).ops == tuple(
        op for op in trace(Calls(lambda m, x: m.layer(x), layer=layer), (5, 8)).ops
    )


def test_inference_mode_hides_nothing() -> None:
    def forward(m: Any, x: Tensor) -> Tensor:
        with torch.inference_mode():
            return m.attention(x, x, x)[0] @ m.w  # type: ignore[no-any-return]

    attention = nn.MultiheadAttention(8, 2, batch_first=True)
    model = Calls(forward, attention=attention, w=weight(8, 3))
    plain = Calls(lambda m, x: m.attention(x, x, x)[0] @ m.w, attention=attention, w=weight(8, 3))
    assert trace(model, (5, 8)) == trace(plain, (5, 8))


def test_a_real_run_leaves_buffers_alone() -> None:
    def forward(m: Any, x: Tensor) -> Tensor:
        m.seen += 1
        return m.linear(x) * float(m.seen)  # type: ignore[no-any-return]

    model = Calls(forward, linear=nn.Linear(4, 4), seen=torch.zeros(()))
    trace(model, (4,))
    assert float(model.seen) == 0.0  # type: ignore[arg-type]


def test_lengths_of_a_packed_sequence_are_no_values_of_activations() -> None:
    def forward(m: Any, x: Tensor) -> Tensor:
        packed = nn.utils.rnn.pack_padded_sequence(x, torch.tensor([3, 2]), batch_first=True)
        return nn.utils.rnn.pad_packed_sequence(m.cell(packed)[0], batch_first=True)[0]

    traced = trace(Calls(forward, cell=nn.LSTM(4, 5, batch_first=True)), (3, 4), batch=2)
    assert traced.macs == (3 + 2) * 20 * (4 + 5)
