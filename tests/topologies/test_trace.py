"""Whatever a model does with its weights is seen; what no rule lowers is refused by its layer's name."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.utils import parametrizations
from torch.utils.flop_counter import FlopCounterMode

from nfenergy.ground.errors import InputError
from tests.topologies.models import Calls, weight
from topologies.operations import WeightedOp
from topologies.trace import trace

pytestmark = pytest.mark.usefixtures("one_torch_thread")


def shared_convolution() -> nn.Module:
    conv = nn.Conv2d(3, 3, 3, padding=1)
    return nn.Sequential(conv, nn.ReLU(), conv)


def tied_linear() -> nn.Module:
    first, second = nn.Linear(4, 4), nn.Linear(4, 4)
    second.weight = first.weight
    return nn.Sequential(first, second)


class BranchInPython(nn.Module):
    """Control flow that depends on shapes and on the mode."""

    def __init__(self) -> None:
        super().__init__()
        self.blocks = nn.ModuleList(nn.Conv2d(3, 3, 3, padding=1) for _ in range(3))
        self.auxiliary = nn.Conv2d(3, 7, 1)

    def forward(self, x: Tensor) -> Tensor:
        for block in self.blocks:
            x = block(x)
            if x.shape[-1] > 4:
                x = F.max_pool2d(x, 2)
        if self.training:
            raise AssertionError("traced in training mode")
        return x


@pytest.mark.parametrize(
    ("model", "shape", "expected"),
    [
        (nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU(), nn.BatchNorm2d(4)), (3, 8, 8), ["0"]),
        (nn.Sequential(nn.Linear(4, 5), nn.Linear(5, 2, bias=False)), (4,), ["0", "1"]),
        (Calls(lambda m, x: F.conv2d(x, m.kernel), kernel=weight(4, 3, 3, 3)), (3, 8, 8), ["model"]),
        (
            nn.Sequential(Calls(lambda m, x: F.conv2d(x, m.kernel), kernel=weight(4, 3, 3, 3))),
            (3, 8, 8),
            ["0"],
        ),
        (
            nn.Sequential(Calls(lambda m, x: F.conv2d(x, m.kernel), kernel=torch.zeros(4, 3, 3, 3))),
            (3, 8, 8),
            ["0"],
        ),
        (nn.Sequential(parametrizations.weight_norm(nn.Conv2d(3, 4, 3))), (3, 8, 8), ["0"]),
        (nn.Sequential(parametrizations.spectral_norm(nn.Conv2d(3, 4, 3))), (3, 8, 8), ["0"]),
        (nn.Sequential(parametrizations.orthogonal(nn.Linear(4, 4))), (4,), ["0"]),
        (shared_convolution(), (3, 8, 8), ["0", "0"]),
        (tied_linear(), (4,), ["0", "0"]),
        (BranchInPython(), (3, 16, 16), ["blocks.0", "blocks.1", "blocks.2"]),
        (nn.Sequential(Calls(lambda m, x: m.matrix @ x[0], matrix=weight(4, 5))), (5, 3), ["0"]),
        (nn.Sequential(Calls(lambda m, x: x @ m.matrix, matrix=weight(5, 4))), (3, 5), ["0"]),
        (nn.Sequential(nn.Conv2d(3, 4, 3), nn.PReLU(4), nn.GroupNorm(2, 4)), (3, 8, 8), ["0"]),
        (nn.Sequential(nn.Linear(4, 4), nn.LayerNorm(4), nn.RMSNorm(4)), (4,), ["0"]),
        (
            Calls(lambda m, x: m.conv(x).add_(m.shift), conv=nn.Conv2d(3, 4, 3), shift=weight(1, 4, 1, 1)),
            (3, 8, 8),
            ["conv"],
        ),
        (
            Calls(
                lambda m, x: m.out(torch.cat([m.token.expand(1, -1, -1), x], 1)),
                out=nn.Linear(4, 4),
                token=weight(1, 1, 4),
            ),
            (5, 4),
            ["out"],
        ),
        (nn.Sequential(nn.ConvTranspose2d(3, 4, 2, stride=2), nn.Upsample(scale_factor=2)), (3, 8, 8), ["0"]),
        (
            nn.TransformerEncoderLayer(8, 2, 16, batch_first=True),
            (5, 8),
            ["self_attn", "self_attn.out_proj", "linear1", "linear2"],
        ),
    ],
)
def test_every_use_of_weights_is_seen(model: nn.Module, shape: tuple[int, ...], expected: list[str]) -> None:
    assert [op.module for op in trace(model, shape).ops] == expected


@pytest.mark.parametrize(
    ("model", "shape", "layer"),
    [
        (nn.Sequential(nn.Conv1d(3, 4, 3)), (3, 16), "0"),
        (nn.Sequential(nn.ConvTranspose1d(3, 4, 3)), (3, 16), "0"),
        (nn.Sequential(nn.Conv3d(3, 4, 3)), (3, 8, 8, 8), "0"),
        (Calls(lambda m, x: m.table((x > 0).long()), table=nn.Embedding(9, 4)), (3,), "table"),
        (Calls(lambda m, x: m.mix(x, x), mix=nn.Bilinear(4, 4, 5)), (4,), "mix"),
        (
            nn.Sequential(Calls(lambda m, x: torch.einsum("bi,oi->bo", x, m.matrix), matrix=weight(5, 4))),
            (4,),
            "0",
        ),
        (nn.Sequential(Calls(lambda m, x: torch.bmm(x, m.matrix), matrix=weight(1, 5, 4))), (3, 5), "0"),
        (nn.Sequential(Calls(lambda m, x: m.matrix @ x[0], matrix=weight(4, 5))), (5,), "0"),
        (nn.Sequential(Calls(lambda m, x: m.row @ x[0], row=weight(5))), (5,), "0"),
        (nn.Sequential(Calls(lambda m, x: torch.addcmul(x, x, m.row), row=weight(5))), (5,), "0"),
        (nn.Sequential(Calls(lambda m, x: torch.cdist(x, m.rows), rows=weight(7, 4))), (4,), "0"),
        (nn.Sequential(Calls(lambda m, x: m.rows[(x[0] > 0).long()], rows=weight(4, 4))), (4,), "0"),
        (
            nn.Sequential(
                nn.Conv2d(3, 4, 3), Calls(lambda m, x: F.unfold(x, 2).mT @ m.w, w=weight(1, 16, 5))
            ),
            (3, 8, 8),
            "1",
        ),
    ],
)
def test_what_no_rule_lowers_is_refused_with_its_layer(
    model: nn.Module, shape: tuple[int, ...], layer: str
) -> None:
    with pytest.raises(InputError) as error:
        trace(model, shape)
    assert str(error.value).startswith(f"layer {layer!r}: no rule lowers aten.")


@pytest.mark.parametrize(
    "product",
    [
        lambda m, x: (x[:, None, :] * m.matrix).sum(-1),
        lambda m, x: torch.outer(x[0], m.matrix[0]),
        lambda m, x: torch.kron(x, m.matrix),
    ],
)
def test_a_product_in_disguise_is_not_dropped(product: Callable[[nn.Module, Tensor], Tensor]) -> None:
    """Broadcasting multiplies every activation with many weights without naming a matrix product."""
    model = nn.Sequential(nn.Linear(5, 5), Calls(product, matrix=weight(4, 5)))
    with pytest.raises(InputError, match="layer '1'"):
        trace(model, (5,))


@pytest.mark.parametrize("kind", [nn.LSTM, nn.GRU, nn.RNN])
@pytest.mark.parametrize("steps", [1, 3])
def test_a_recurrent_layer_is_lowered_with_its_first_step(kind: type[nn.RNNBase], steps: int) -> None:
    """The state before the first step is no activation, but the array multiplies with it."""
    model = Calls(lambda m, x: m.cell(x)[0], cell=kind(4, 5, batch_first=True))
    ops = trace(model, (steps, 4)).ops
    weights = sum(p.numel() for p in model.parameters() if p.dim() == 2)
    assert sum(op.in_channels * op.out_channels * op.in_hw[0] for op in ops) == steps * weights


def test_attention_between_activations_holds_no_weights_but_counts_as_macs() -> None:
    model = Calls(
        lambda m, x: m.attention(x, x, x)[0], attention=nn.MultiheadAttention(8, 2, batch_first=True)
    )
    traced = trace(model, (5, 8))
    assert [(op.module, op.in_channels, op.out_channels) for op in traced.ops] == [
        ("attention", 8, 24),
        ("attention.out_proj", 8, 8),
    ]
    assert traced.macs - sum(op.macs for op in traced.ops) == 2 * 5 * 5 * 8


def test_the_record_of_a_convolution() -> None:
    model = nn.Conv2d(6, 8, (3, 5), stride=(2, 1), padding=(1, 2), dilation=(1, 2), groups=2)
    (op,) = trace(model, (6, 20, 21)).ops
    assert op == WeightedOp(
        module="model",
        operation="conv2d",
        in_hw=(20, 21),
        out_hw=(10, 17),
        in_channels=6,
        out_channels=8,
        kernel=(3, 5),
        stride=(2, 1),
        padding=(1, 2),
        dilation=(1, 2),
        groups=2,
        macs=10 * 17 * 8 * 3 * 3 * 5,
    )


def test_macs_are_those_of_the_flop_counter() -> None:
    model = nn.Sequential(
        nn.Conv2d(3, 8, 3, padding=1), nn.ConvTranspose2d(8, 4, 4, stride=2), nn.Flatten(), nn.Linear(1296, 7)
    )
    with FlopCounterMode(display=False) as counter:
        model(torch.zeros(1, 3, 8, 8))
    assert 2 * trace(model, (3, 8, 8)).macs == counter.get_total_flops()


def test_the_model_stays_as_it_was() -> None:
    model = nn.Sequential(
        nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.Dropout(), nn.Flatten(), nn.Linear(144, 2)
    )
    model[1].eval()
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    kept = {name: id(parameter) for name, parameter in model.named_parameters()}
    modes = [module.training for module in model.modules()]
    trace(model, (3, 8, 8))
    assert [module.training for module in model.modules()] == modes
    assert {name: id(parameter) for name, parameter in model.named_parameters()} == kept
    assert all(torch.equal(before[name], tensor) for name, tensor in model.state_dict().items())
    assert all(parameter.device.type == "cpu" for parameter in model.parameters())


def test_the_mode_is_restored_after_a_refusal_too() -> None:
    model = nn.Sequential(nn.Conv1d(3, 4, 3)).train()
    with pytest.raises(InputError):
        trace(model, (3, 16))
    assert all(module.training for module in model.modules())


def test_a_model_on_the_meta_device_needs_no_weights() -> None:
    with torch.device("meta"):
        model = nn.Sequential(nn.Conv2d(3, 2048, 3), nn.Conv2d(2048, 65536, 3))
    assert len(trace(model, (3, 8, 8)).ops) == 2


@pytest.mark.parametrize(
    ("model", "shape", "reason"),
    [
        (nn.Sequential(nn.Conv2d(3, 4, 3)), (5, 8, 8), "cannot trace Sequential on input (5, 8, 8)"),
        (nn.Sequential(nn.Conv2d(3, 4, 30)), (3, 8, 8), "Kernel size"),
        (nn.Sequential(nn.Linear(3, 4)), (8,), "cannot trace Sequential on input (8,)"),
        (Calls(lambda m, x: x if x.sum() > 0 else -x), (3,), "meta tensors"),
        (Calls(lambda m, x: m.absent(x)), (3,), "absent"),
        (nn.Sequential(nn.LazyConv2d(4, 3)), (3, 8, 8), "uninitialized parameter"),
    ],
)
def test_a_model_that_cannot_run_is_refused_in_one_line(
    model: nn.Module, shape: tuple[int, ...], reason: str
) -> None:
    with pytest.raises(InputError, match=re.escape(reason)) as error:
        trace(model, shape)
    assert "\n" not in str(error.value)
