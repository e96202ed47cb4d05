"""MACs of a forward pass from the calls that its author wrote, by formulas of their own.

The converter sees ATen operations and takes torch's formulas; this counter sees neither: it stands where
Python calls PyTorch (``F.linear``, ``torch.einsum``, the function of ``nn.MultiheadAttention``) and reckons
from the shapes of arguments and results.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F
from torch.overrides import TorchFunctionMode


class CalledMacs(TorchFunctionMode):
    """Adds up, while it is open, what matrix products and convolutions multiply.

    Attributes:
        macs: so far.
        unknown: calls that multiply in a way of which nothing is known here.
    """

    def __init__(self) -> None:
        super().__init__()
        self.macs = 0
        self.unknown: list[str] = []

    def __torch_function__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        out = func(*args, **(kwargs or {}))
        rule = RULES.get(func)
        if rule is not None:
            try:
                self.macs += rule(out[0] if isinstance(out, tuple) else out, *args, **(kwargs or {}))
            except (TypeError, ValueError) as error:
                self.unknown.append(f"{func.__name__}: {error}")
        return out


def _convolution(out: Tensor, input: Tensor, weight: Tensor, *_: Any, **__: Any) -> int:
    return out.numel() * math.prod(weight.shape[1:])


def _transposed(out: Tensor, input: Tensor, weight: Tensor, *_: Any, **__: Any) -> int:
    return input.numel() * math.prod(weight.shape[1:])


def _linear(out: Tensor, input: Tensor, weight: Tensor, bias: Any = None) -> int:
    return out.numel() * weight.shape[-1]


def _product(out: Tensor, first: Tensor, second: Tensor, **_: Any) -> int:
    return out.numel() * first.shape[-1]


def _added_product(out: Tensor, added: Tensor, first: Tensor, second: Tensor, **_: Any) -> int:
    return out.numel() * first.shape[-1]


def _attention(out: Tensor, query: Tensor, key: Tensor, value: Tensor, *_: Any, **__: Any) -> int:
    return math.prod(query.shape[:-1]) * key.shape[-2] * (query.shape[-1] + value.shape[-1])


def _multi_head(
    out: Tensor, query: Tensor, key: Tensor, value: Tensor, width: int, heads: int, weight: Any, bias: Any,
    bias_k: Tensor | None, bias_v: Any, zero_attention: bool, *_: Any, **__: Any,
) -> int:  # fmt: skip
    targets, samples = query.shape[0], math.prod(query.shape[1:-1])
    keys = key.shape[0] + (bias_k is not None) + zero_attention
    projected = targets * query.shape[-1] + key.shape[0] * (key.shape[-1] + value.shape[-1])
    return samples * width * (projected + 2 * targets * keys + targets * width)


def _recurrent(out: Tensor, input: Tensor, *rest: Any) -> int:
    weights: Sequence[Tensor] = next(part for part in rest if isinstance(part, list) and len(part) > 2)
    return math.prod(input.shape[:-1]) * sum(tensor.numel() for tensor in weights if tensor.dim() == 2)


def _einsum(out: Tensor, equation: str, *operands: Any) -> int:
    tensors = operands[0] if isinstance(operands[0], list | tuple) else operands
    terms, _, result = equation.replace(" ", "").partition("->")
    inputs = terms.split(",")
    if len(tensors) != 2 or not result or "." in equation:
        raise ValueError(equation)
    sizes = {
        letter: extent
        for term, tensor in zip(inputs, tensors, strict=True)
        for letter, extent in zip(term, tensor.shape, strict=True)
    }
    summed = (set(inputs[0]) & set(inputs[1])) - set(result)
    return math.prod(sizes[letter] for letter in summed | set(result)) if summed else 0


def _tensordot(out: Tensor, first: Tensor, second: Tensor, dims: Any = 2) -> int:
    summed = range(-dims, 0) if isinstance(dims, int) else dims[0]
    return out.numel() * math.prod(first.shape[axis] for axis in summed)


RULES: dict[Any, Callable[..., int]] = {
    F.linear: _linear,
    F.scaled_dot_product_attention: _attention,
    F.multi_head_attention_forward: _multi_head,
    torch.einsum: _einsum,
    torch.tensordot: _tensordot,
    Tensor.__rmatmul__: lambda out, second, first: _product(out, first, second),
    **dict.fromkeys((F.conv1d, F.conv2d, F.conv3d), _convolution),
    **dict.fromkeys((F.conv_transpose1d, F.conv_transpose2d, F.conv_transpose3d), _transposed),
    **dict.fromkeys((torch.matmul, Tensor.matmul, Tensor.__matmul__), _product),
    **dict.fromkeys((torch.mm, Tensor.mm, torch.bmm, Tensor.bmm, torch.mv, Tensor.mv), _product),
    **dict.fromkeys((torch.addmm, Tensor.addmm, torch.baddbmm, Tensor.baddbmm), _added_product),
    **dict.fromkeys((torch.lstm, torch.gru), _recurrent),
}
