"""Whatever a model does with its weights is seen; what no rule lowers is refused by its layer's name."""

from __future__ import annotations

import re
import warnings
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.utils import parametrizations
from torch.utils.flop_counter import FlopCounterMode

from nfenergy.ground.errors import InputError
from tests.topologies.models import Calls, weight
from topologies.operations import Convolution
from topologies.trace import trace

pytestmark = pytest.mark.usefixtures("one_torch_thread")


def shared_convolution() -> nn.Module:
    conv = nn.Conv2d(3, 3, 3, padding=1)
    return nn.Sequential(conv, nn.ReLU(), conv)


def tied_linear() -> nn.Module:
    first, second = nn.Linear(4, 4), nn.Linear(4, 4)
    second.weight = first.weight
    return nn.Sequential(first, second)


def scripted(module: nn.Module) -> nn.Module:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        return torch.jit.script(module)


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
        (nn.Sequential(nn.utils.spectral_norm(nn.Conv2d(3, 4, 3))), (3, 8, 8), ["0"]),
        (nn.Sequential(nn.Linear(4, 4), Calls(lambda m, x: x[:0] @ m.w, w=weight(4, 4))), (4,), ["0"]),
        (nn.Sequential(scripted(nn.Linear(4, 4))), (4,), ["0"]),
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
            ["self_attn", "self_attn", "self_attn", "self_attn.out_proj", "linear1", "linear2"],
        ),
    ],
)
def test_every_use_of_weights_is_seen(model: nn.Module, shape: tuple[int, ...], expected: list[str]) -> None:
    assert [op.module for op in trace(model, shape).ops] == expected


@pytest.mark.parametrize(
    ("model", "shape", "layer", "operation"),
    [
        (
            nn.Sequential(nn.Linear(4, 4), Calls(lambda m, x: torch.cdist(x, m.rows), rows=weight(7, 4))),
            (4,),
            "1",
            "aten._cdist_forward",
        ),
        (
            nn.Sequential(Calls(lambda m, x: F.grid_sample(m.table, x), table=weight(1, 3, 4, 4))),
            (5, 5, 2),
            "0",
            "aten.grid_sampler_2d",
        ),
        (
            nn.Sequential(Calls(lambda m, x: m.rows.cummax(0)[0].scatter_reduce(0, x.long(), x, "sum"),
                                rows=weight(7, 4))),
            (4,),
            "0",
            "aten.scatter_reduce",
        ),
    ],
)  # fmt: skip
def test_what_no_rule_lowers_is_refused_with_layer_operation_and_remedy(
    model: nn.Module, shape: tuple[int, ...], layer: str, operation: str
) -> None:
    with pytest.raises(InputError) as error:
        trace(model, shape)
    assert str(error.value).startswith(
        f"layer {layer!r}: no rule lowers {operation}, which reads its weights"
    )
    assert "write it with convolutions or matrix products, or export the network without" in str(error.value)


def flexible(m: Any, x: Tensor) -> Tensor:
    from torch.nn.attention.flex_attention import flex_attention

    heads = m.linear(x)[None]
    return flex_attention(heads, heads, heads)  # type: ignore[return-value]


@pytest.mark.parametrize(
    ("hide", "operation"),
    [
        (lambda m, x: torch.linalg.inv(m.linear(x)), "aten.linalg_inv_ex"),
        (lambda m, x: torch.linalg.solve(m.linear(x), x), "aten._linalg_solve_ex"),
        (flexible, "flex_attention"),
    ],
)
def test_operations_that_hide_products_are_refused(
    hide: Callable[[Any, Tensor], Tensor], operation: str
) -> None:
    model = nn.Sequential(Calls(hide, linear=nn.Linear(16, 16)))
    with pytest.raises(InputError, match=f"layer '0': no rule lowers {operation}; write it with"):
        trace(model, (16, 16))
    norm = Calls(lambda m, x: torch.linalg.norm(m.linear(x)), linear=nn.Linear(16, 16))
    assert trace(norm, (16,)).macs == 256


@pytest.mark.parametrize(
    ("multiply", "multiplications"),
    [
        (lambda m, x: (x[:, None, :] * m.matrix).sum(-1), 20),
        (lambda m, x: torch.outer(x[0], m.matrix[0]), 25),
        (lambda m, x: torch.kron(x, m.matrix), 100),
        (lambda m, x: torch.addcmul(x, x, m.matrix[0]), 5),
        (lambda m, x: x * x.sigmoid() * 2.0, 5),
        (lambda m, x: x * torch.tensor(3.0), 0),
    ],
)
def test_products_value_by_value_are_listed(
    multiply: Callable[[nn.Module, Tensor], Tensor], multiplications: int
) -> None:
    """Broadcasting multiplies every activation with many weights without naming a matrix product."""
    model = nn.Sequential(nn.Linear(5, 5), Calls(multiply, matrix=weight(4, 5)))
    traced = trace(model, (5,))
    assert traced.macs == 25
    assert sum(work.multiplications for work in traced.vector_work) == multiplications
    assert {work.operation for work in traced.vector_work} <= {"mul", "addcmul"}


def test_a_filter_in_the_frequency_domain_is_listed_with_its_transforms() -> None:
    model = Calls(
        lambda m, x: torch.fft.irfft2(torch.fft.rfft2(x) * torch.view_as_complex(m.filter), s=(8, 8)),
        filter=weight(3, 8, 5, 2),
    )
    listed = dict(trace(model, (3, 8, 8)).vector_work)
    assert listed["mul"] == 4 * 3 * 8 * 5
    # 3 * 64 real values, once there and once back.
    assert listed["fft_r2c"] == 3 * 64 * 6
    assert {"fft_r2c", "mul"} < set(listed)


@pytest.mark.parametrize(
    ("function", "second"),
    [
        (torch.lerp, lambda m: (m.row, 0.5)),
        (torch.pow, lambda m: (m.row,)),
        (torch.maximum, lambda m: (m.row,)),
        (torch.minimum, lambda m: (m.row,)),
        (torch.gt, lambda m: (m.row,)),
        (torch.sub, lambda m: (m.row,)),
        (torch.Tensor.sub_, lambda m: (m.row,)),
        (torch.addcdiv, lambda m: (m.row, m.row)),
        (torch.clamp, lambda m: (m.row,)),
        (torch.atan2, lambda m: (m.row,)),
        (lambda x, row: torch.stack([x, row.expand_as(x)]), lambda m: (m.row,)),
        (lambda x, row: torch.where(x > 0, x, row), lambda m: (m.row,)),
    ],
)
def test_elementwise_operations_pass(function: Callable[..., Tensor], second: Callable[..., Any]) -> None:
    model = Calls(lambda m, x: function(m.linear(x), *second(m)), linear=nn.Linear(5, 5), row=weight(5))
    traced = trace(model, (5,))
    assert [op.module for op in traced.ops] == ["linear"]
    assert not traced.vector_work


def test_the_record_of_a_convolution() -> None:
    model = nn.Conv2d(6, 8, (3, 5), stride=(2, 1), padding=(1, 2), dilation=(1, 2), groups=2)
    (op,) = trace(model, (6, 20, 21)).ops
    assert op == Convolution(
        module="model",
        operation="conv2d",
        in_extent=(20, 21),
        out_extent=(10, 17),
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
    model = nn.Sequential(Calls(lambda m, x: torch.cdist(x, m.rows), rows=weight(7, 4))).train()
    with pytest.raises(InputError):
        trace(model, (4,))
    assert all(module.training for module in model.modules())


def test_a_model_on_the_meta_device_needs_no_weights() -> None:
    with torch.device("meta"):
        model = nn.Sequential(nn.Conv2d(3, 2048, 3), nn.Conv2d(2048, 65536, 3))
    assert len(trace(model, (3, 8, 8)).ops) == 2


@pytest.mark.parametrize(
    ("model", "shape", "reason"),
    [
        (nn.Sequential(nn.Conv2d(3, 4, 3)), (5, 8, 8), "cannot trace Sequential on input (5, 8, 8)"),
        (
            nn.Sequential(nn.ReLU(), nn.Conv2d(3, 4, 30)),
            (3, 8, 8),
            "input (3, 8, 8): layer '1': Calculated padded",
        ),
        (nn.Sequential(nn.Embedding(9, 4)), (3,), "or write example_inputs() beside the network"),
        (nn.Sequential(nn.Linear(3, 4)), (8,), "cannot trace Sequential on input (8,)"),
        (nn.Conv2d(3, 4, 3), (3, 0, 8), "input shape is '3x0x8', expected positive extents"),
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
