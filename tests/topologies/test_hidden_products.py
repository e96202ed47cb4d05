"""No product escapes: unusual spellings are counted, and what multiplies out of sight is refused."""

from __future__ import annotations

import re
import warnings
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Literal

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.attention import SDPBackend, sdpa_kernel

from nfenergy.ground.errors import InputError
from tests.topologies.models import Calls, weight
from topologies.convention import CONVENTIONS
from topologies.layers import ACTIVATIONS
from topologies.lowering import topology_of
from topologies.trace import trace

pytestmark = pytest.mark.usefixtures("one_torch_thread")

Forward = Callable[[Any, Tensor], Tensor]
LINEAR = nn.Linear(4, 5, bias=False)


@pytest.fixture(scope="module", autouse=True)
def own_operator() -> Iterator[None]:
    """An operator that somebody's extension adds to PyTorch; it lives as long as the library."""
    library = torch.library.Library("somebodys", "FRAGMENT")
    library.define("attend(Tensor q, Tensor k) -> Tensor")
    library.impl("attend", lambda q, k: q @ k.mT, "CompositeExplicitAutograd")
    yield
    del library


def in_a_thread(m: Any, x: Tensor) -> Tensor:
    with ThreadPoolExecutor(1) as pool:
        return m.linear(x) + pool.submit(m.other, x).result()  # type: ignore[no-any-return]


def fused(m: Any, x: Tensor) -> Tensor:
    with sdpa_kernel(SDPBackend.FLASH_ATTENTION):
        return F.scaled_dot_product_attention(m.linear(x)[None], x[None], x[None])


@pytest.mark.parametrize(
    ("forward", "message"),
    [
        (
            lambda m, x: torch.ops.somebodys.attend(m.linear(x), x),
            "no rule lowers somebodys.attend; write it with PyTorch's own operations, or export",
        ),
        (lambda m, x: m.linear(x).to_sparse().to_dense(), "sparse or nested tensors (aten._to_sparse)"),
        (
            lambda m, x: torch.nested.nested_tensor([*m.linear(x)]).to_padded_tensor(0.0),
            "sparse or nested tensors (aten._nested_tensor_from_tensor_list), whose extents hang on values",
        ),
        (
            lambda m, x: (m.linear(x).cfloat() @ m.other.weight.cfloat()).real,
            "complex numbers (aten.mm); write it with real and imaginary parts",
        ),
        (lambda m, x: torch.ormqr(m.linear(x), x[..., 0], x), "no rule lowers aten.ormqr; write it with"),
        (in_a_thread, "layer '0.other' runs in a thread of its own, where no operation is seen"),
    ],
)
def test_what_multiplies_out_of_sight_is_refused(forward: Forward, message: str) -> None:
    model = nn.Sequential(Calls(forward, linear=nn.Linear(6, 6), other=nn.Linear(6, 6)))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # nested tensors are called a prototype
        with pytest.raises(InputError, match=re.escape(message)) as refusal:
            trace(model, (5, 6))
    assert "layer '0" in str(refusal.value)


def test_fused_attention_that_the_model_demands() -> None:
    """It runs unfused on the meta device; on real tensors it would hide its products."""
    model = nn.Sequential(Calls(fused, linear=nn.Linear(8, 8)))
    assert trace(model, (5, 8)).macs == 5 * 8 * 8 + 2 * 5 * 8 * 5
    with pytest.raises(InputError, match=r"flash_attention_for_cpu; let PyTorch choose the kernel"):
        trace(model, (5, 8), device="cpu")


def quantized(*, trained: bool) -> nn.Module:
    """Trained with rounded weights, as PyTorch's own tools do it; or converted to integers."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        if trained:
            model = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.ReLU(), nn.Conv2d(4, 2, 1))
            model.qconfig = torch.ao.quantization.get_default_qat_qconfig("fbgemm")  # type: ignore[assignment]
            fused_layers = torch.ao.quantization.fuse_modules_qat(model.train(), [["0", "1", "2"]])
            return torch.ao.quantization.prepare_qat(fused_layers)
        return torch.ao.quantization.quantize_dynamic(
            nn.Sequential(nn.Conv1d(3, 3, 1), nn.Linear(5, 4)), {nn.Linear}
        )


def test_layers_with_packed_weights_are_not_dropped() -> None:
    with pytest.raises(
        InputError, match=r"layer '1': no rule lowers quantized.linear_dynamic; build the network as it was"
    ):
        trace(quantized(trained=False), (3, 5))


def test_rounding_in_the_forward_pass_is_no_obstacle() -> None:
    traced = trace(quantized(trained=True), (3, 8, 8))
    assert [(op.module, op.macs) for op in traced.ops] == [("0", 36 * 4 * 27), ("3", 36 * 2 * 4)]


@pytest.mark.parametrize(
    "wrap", [nn.DataParallel, lambda module: torch.jit.trace(module, torch.zeros(1, 3, 8, 8))]
)
def test_wrappers_that_hide_their_layers_are_refused(wrap: Callable[[nn.Module], nn.Module]) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        wrapped = wrap(nn.Conv2d(3, 4, 3))
    with pytest.raises(InputError, match="runs its layers out of sight; return the module that it was made"):
        trace(wrapped, (3, 8, 8))


def test_an_exported_program_is_traced_like_its_module() -> None:
    module = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.Flatten(), nn.Linear(144, 2)).eval()
    program = torch.export.export(module, (torch.zeros(1, 3, 8, 8),)).module()
    assert trace(program, (3, 8, 8)) == trace(module, (3, 8, 8))


@pytest.mark.parametrize(
    ("forward", "stored", "macs"),
    [
        (lambda m, x: torch.zeros(3, 5).addmm_(x[0], m.w), (4, 5), 60),
        (lambda m, x: torch.zeros(3).addmv_(x[0], m.w), (4,), 12),
        (lambda m, x: torch.zeros(2, 3, 5).baddbmm_(x, m.w.expand(2, -1, -1)), (1, 4, 5), 120),
        (lambda m, x: torch.zeros(3, 5).addbmm_(x, m.w.expand(2, -1, -1)), (1, 4, 5), 120),
        (lambda m, x: torch.mm(x[0], m.w, out=torch.empty(3, 5)), (4, 5), 60),
        (lambda m, x: torch.tensordot(x, m.w, dims=([1, 2], [0, 1])), (3, 4, 5), 120),
        (lambda m, x: torch.einsum("bij,jk,kl->bil", x, m.w, m.w.mT), (4, 5), 240),
        (lambda m, x: torch.vmap(lambda row: m.w @ row.mT)(x), (5, 4), 120),
        (lambda m, x: F.linear(x, m.w.flatten()[:20].view(5, 4)), (6, 4), 120),
        (lambda m, x: torch.func.functional_call(LINEAR, {"weight": m.w}, x), (5, 4), 120),
    ],
)  # fmt: skip
def test_unusual_spellings_of_a_product_with_weights(
    forward: Forward, stored: tuple[int, ...], macs: int
) -> None:
    topology = topology_of(
        Calls(forward, w=weight(*stored)), (3, 4), name="t", convention=CONVENTIONS["exact"], batch=2
    )
    assert sum(layer.macs for layer in topology.layers) == macs
    assert all(layer.reads_weights for layer in topology.layers)


def test_a_product_of_activations_in_place() -> None:
    model = Calls(lambda m, x: torch.zeros(2, 3, 3).baddbmm_(m.linear(x), x.mT), linear=nn.Linear(4, 4))
    _, scores = trace(model, (3, 4), batch=2).ops
    assert (scores.operands, scores.macs) == (ACTIVATIONS, 2 * 3 * 4 * 3)


def test_a_buffer_that_is_filled_from_the_input_holds_activations() -> None:
    """The keys of earlier tokens, kept from step to step."""

    def forward(m: Any, x: Tensor) -> Tensor:
        m.keys[:, :3].copy_(x)
        return m.linear(x) @ m.keys.mT  # type: ignore[no-any-return]

    model = Calls(forward, linear=nn.Linear(4, 4), keys=torch.zeros(1, 7, 4))
    assert [op.operands == ACTIVATIONS for op in trace(model, (3, 4)).ops] == [False, True]


@pytest.mark.parametrize("need_weights", [False, True])
@pytest.mark.parametrize("average", [False, True])
def test_attention_that_returns_its_weights_multiplies_the_same(need_weights: bool, average: bool) -> None:
    model = Calls(
        lambda m, x: m.attend(x, x, x, need_weights=need_weights, average_attn_weights=average)[0],
        attend=nn.MultiheadAttention(8, 2, batch_first=True),
    )
    assert trace(model, (5, 8), batch=2).macs == 2 * (4 * 5 * 8 * 8 + 2 * 5 * 8 * 5)


@pytest.mark.parametrize("device", ["meta", "cpu"])
def test_a_projected_state_is_a_product_of_its_own(device: Literal["meta", "cpu"]) -> None:
    """The long short-term memory of Sak et al. (2014): a smaller state, projected at each step."""
    model = Calls(lambda m, x: m.cell(x)[0], cell=nn.LSTM(5, 6, proj_size=3, batch_first=True))
    assert trace(model, (7, 5), batch=2, device=device).macs == 2 * 7 * (24 * 5 + 24 * 3 + 3 * 6)


@pytest.mark.parametrize(
    ("function", "multiplications"),
    [
        (lambda m, x: F.pdist(m.linear(x)[0]), 15 * 4),
        (lambda m, x: torch.linalg.cross(m.linear(x)[..., :3], x[..., :3]), 2 * 6 * 3),
        (lambda m, x: torch.addr(m.linear(x)[0, :, :3], x[0, :, 0], m.row), 6 * 3),
    ],
)
def test_multiplications_value_by_value_in_rare_operations(function: Forward, multiplications: int) -> None:
    model = Calls(function, linear=nn.Linear(4, 4), row=weight(3))
    assert sum(work.multiplications for work in trace(model, (6, 4)).vector_work) == multiplications
