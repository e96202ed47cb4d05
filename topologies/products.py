"""PyTorch's convolutions and matrix products, each in every spelling, as `topologies.operations`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.utils.flop_counter import flop_registry

from topologies.layers import ACTIVATIONS, WEIGHTS, Operands
from topologies.operations import Convolution, Extent, Operation, Product
from topologies.roles import Roles

aten = torch.ops.aten


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """A call of an operation that multiplies tensors, with what is known of them."""

    packet: Any
    args: tuple[Any, ...]
    kwargs: dict[str, Any]
    out: Any
    roles: Roles
    running: str

    @property
    def macs(self) -> int:
        """Useful multiplications by torch's own formula; 0 where it has none."""
        formula = flop_registry.get(self.packet)
        return int(formula(*self.args, **self.kwargs, out_val=self.out)) // 2 if formula else 0

    def module_of(self, filters: Tensor) -> str:
        """The module that holds the filters, or that which runs where none does."""
        weights = self.roles.weights_of(filters)
        return self.running if weights is None or weights.computed else module_of(weights.name)

    def of_two(self, first: Tensor, second: Tensor, *, by_batch: bool = False) -> tuple[bool, Operands]:
        """Whether the filters are the first of two operands, and what the two are.

        `by_batch`: a product of its own for every sample; one of two computed operands is no weight then,
        as in the attention of queries that do not depend on the input.
        """
        roles = self.roles

        def data(tensor: Tensor) -> bool:
            weights = roles.weights_of(tensor)
            return roles.is_activation(tensor) or (by_batch and weights is not None and weights.computed)

        if data(first) and data(second):
            return False, ACTIVATIONS
        if data(first):
            return False, WEIGHTS
        if data(second):
            return True, WEIGHTS
        return roles.weights_of(second) is None and roles.weights_of(first) is not None, WEIGHTS


@dataclass(frozen=True, slots=True, kw_only=True)
class Recorded:
    """An operation, its filters and the tensor that meets them."""

    op: Operation
    filters: Tensor
    data: Tensor


Rule = Callable[[Call], Recorded | None]


def module_of(parameter: str) -> str:
    """The path of the module whose parameter or buffer has the dotted path `parameter`."""
    path, parametrized, _ = parameter.partition(".parametrizations.")
    return (path if parametrized else path.rpartition(".")[0]) or "model"


def _convolution(call: Call) -> Recorded:
    inputs, weight, _, stride, padding, dilation, transposed, _, groups = call.args
    filters_first, operands = call.of_two(inputs, weight)
    op = Convolution(
        module=call.module_of(weight),
        operation=f"conv{'_transpose' if transposed else ''}{weight.dim() - 2}d",
        batch=inputs.shape[0],
        in_extent=_extent(inputs.shape[2:]),
        out_extent=_extent(call.out.shape[2:]),
        in_channels=inputs.shape[1],
        out_channels=call.out.shape[1],
        kernel=_extent(weight.shape[2:]),
        stride=_along(stride, weight),
        padding=_along(padding, weight),
        dilation=_along(dilation, weight),
        groups=groups,
        # Stored images under computed kernels: the kernels stand on the filter port all the same.
        operands=ACTIVATIONS if filters_first else operands,
        macs=call.macs,
    )
    return Recorded(op=op, filters=weight, data=inputs)


def _matrix(call: Call, left: Tensor, right: Tensor) -> Recorded:
    """Two matrices, or a matrix and a vector, or two vectors, of equal inner extent."""
    transposed, operands = call.of_two(left, right)
    depth = left.shape[-1]
    rows, columns = left.numel() // max(depth, 1), right.numel() // max(depth, 1)
    return _product(call, left, right, (1, rows, depth, columns), transposed, operands)


def _batches(call: Call, left: Tensor, right: Tensor) -> Recorded:
    """Stacks of matrices: one product a distinct matrix of weights, or a pair of activations."""
    transposed, operands = call.of_two(left, right, by_batch=True)
    batch, rows, depth = left.shape
    columns = right.shape[2]
    count = batch
    if operands == WEIGHTS:
        filters = left if transposed else right
        distinct = max(1, call.roles.distinct_values(filters) // max(1, filters[0].numel()))
        count = distinct if batch % distinct == 0 else batch
    shape = (count, rows, depth, columns * (batch // count)) if transposed else (
        count, rows * (batch // count), depth, columns,
    )  # fmt: skip
    return _product(call, left, right, shape, transposed, operands)


def _product(
    call: Call,
    left: Tensor,
    right: Tensor,
    shape: tuple[int, int, int, int],
    transposed: bool,
    operands: Operands,
) -> Recorded:
    count, rows, depth, columns = shape
    filters, data = (left, right) if transposed else (right, left)
    op = Product(
        module=call.module_of(filters) if operands == WEIGHTS else call.running,
        count=count,
        rows=columns if transposed else rows,
        depth=depth,
        columns=rows if transposed else columns,
        operands=operands,
        macs=call.macs or count * rows * depth * columns,
    )
    return Recorded(op=op, filters=filters, data=data)


def _bilinear(call: Call) -> Recorded | None:
    """`nn.Bilinear`: its weights meet the first input in one product, the second value by value."""
    first, weight, _, *pattern = call.args
    if pattern[:4] != [[1, 3], [0], [1, 2], [2, 3]] or call.roles.is_activation(weight):
        return None
    features, depth, others = weight.shape
    op = Product(
        module=call.module_of(weight),
        rows=first.shape[0],
        depth=depth,
        columns=features * others,
        macs=first.shape[0] * weight.numel(),
    )
    return Recorded(op=op, filters=weight, data=first)


def _extent(values: Any) -> Extent:
    return tuple(int(value) for value in values)


def _along(values: Any, weight: Tensor) -> Extent:
    """One value an axis; PyTorch allows one for all of them."""
    extent = _extent(values)
    return extent * (weight.dim() - 2) if len(extent) == 1 else extent


def _of_first(rule: Callable[[Call, Tensor, Tensor], Recorded]) -> Rule:
    return lambda call: rule(call, *call.args[:2])


def _onto_first(rule: Callable[[Call, Tensor, Tensor], Recorded]) -> Rule:
    """The product is added to the first operand."""
    return lambda call: rule(call, *call.args[1:3])


RULES: dict[Any, Rule] = {
    aten.convolution: _convolution,
    **dict.fromkeys((aten.mm, aten.mv, aten.dot, aten.vdot), _of_first(_matrix)),
    **dict.fromkeys((aten.addmm, aten.addmm_, aten.addmv, aten.addmv_), _onto_first(_matrix)),
    aten.bmm: _of_first(_batches),
    **dict.fromkeys((aten.baddbmm, aten.baddbmm_, aten.addbmm, aten.addbmm_), _onto_first(_batches)),
    aten._trilinear: _bilinear,
}
