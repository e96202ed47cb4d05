"""Watches a model run, one ATen operation after another, and records what it multiplies."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import replace
from typing import Any, NoReturn

import torch
from torch import Tensor, nn
from torch._ops import HigherOrderOperator
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves
from torch.utils.flop_counter import flop_registry

from nfenergy.ground.errors import InputError
from topologies.hidden_products import hides_products, remedy
from topologies.layers import Lookup, VectorWork
from topologies.module_stack import ModuleStack
from topologies.operations import Operation, Product, Trace
from topologies.products import RULES, Call, Recorded, module_of
from topologies.roles import Roles, Weights, storage
from topologies.vector_work import is_vector_work, operators, vector_multiplications

aten = torch.ops.aten


class ValueNeeded(Exception):
    """The model reads a value of a tensor that has none: it must run on real tensors."""


class Recorder(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Follows what depends on the input and records where it meets what does not: stored weights.

    Args:
        roles: the activations and weights at the start.
        stack: the modules that run, kept by the model's hooks.
        any_values: whether the model may read values of its activations: the user gave the inputs.
    """

    supports_higher_order_operators = True

    def __init__(self, roles: Roles, stack: ModuleStack, *, any_values: bool) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._roles = roles
        self._stack = stack
        self._any_values = any_values
        self._ops: list[Operation] = []
        self._lookups: list[Lookup] = []
        self._vector_work: Counter[str] = Counter()
        self._projections: dict[tuple[int, Any, Any], int] = {}
        self._recurrent = (0, "")

    def trace(self) -> Trace:
        """What was recorded so far."""
        return Trace(
            ops=tuple(self._ops),
            macs=sum(op.macs for op in self._ops),
            lookups=tuple(self._lookups),
            vector_work=tuple(VectorWork(*entry) for entry in self._vector_work.most_common()),
        )

    def __torch_dispatch__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        kwargs = kwargs or {}
        packet = getattr(func, "overloadpacket", func)
        if isinstance(func, HigherOrderOperator):
            self._refuse(func, [])
        if packet not in RULES and func.namespace != "prim":
            with self:  # inference mode hands composite operations over whole
                whole = func.decompose(*args, **kwargs)
            if whole is not NotImplemented:
                return whole
        self._check_values(packet, args)
        self._check_numbers(packet, (args, kwargs))
        active = any(map(self._roles.is_activation, _tensors((args, kwargs))))
        if active and hides_products(func):
            self._refuse(func, [found for found in map(self._roles.weights_of, _tensors(args)) if found])
        out = func(*args, **kwargs)
        self._check_numbers(packet, out)
        # A product of weights with a vector of weights makes a norm, once and for all.
        counts = packet in flop_registry or active
        if packet in RULES and counts and not self._stack.in_parametrization:
            recorded = RULES[packet](
                Call(
                    packet=packet, args=args, kwargs=kwargs, out=out, roles=self._roles,
                    running=self._stack.running,
                )
            )  # fmt: skip
            if recorded is not None:
                self._record(recorded, out)
                self._count_vector_work(packet, args, out)
                return out
        self._follow(func, args, kwargs, out, active=active)
        return out

    def _check_values(self, packet: Any, args: tuple[Any, ...]) -> None:
        if packet is aten.index:
            masks = (tensor for tensor in _tensors(args[1]) if tensor.dtype in (torch.bool, torch.uint8))
        else:
            masks = (tensor for tensor in args[:1] if packet in _VALUE_READERS)
        for tensor in masks:
            self.check_read(tensor, str(packet))

    def check_read(self, tensor: Tensor, reader: str) -> None:
        """Refuse to read values that do not exist, or that hang on an input which nobody gave.

        Raises:
            ValueNeeded: the tensor has no values.
            InputError: it is an activation, and the input is a made-up one.
        """
        if tensor.is_meta:
            raise ValueNeeded
        if self._roles.is_activation(tensor) and not self._any_values:
            raise InputError(
                f"layer {self._stack.running!r} reads values of its own activations ({reader}), on which "
                "its operations depend; give example inputs (a function example_inputs() beside the "
                "network), or export the backbone without this layer"
            )

    def _record(self, recorded: Recorded, out: Tensor) -> None:
        op = recorded.op
        roles = self._roles
        filters, data = roles.weights_of(recorded.filters), roles.weights_of(recorded.data)
        if op.macs == 0:
            pass
        elif isinstance(op, Product) and isinstance(self._stack.module, nn.RNNBase):
            self._record_recurrent(op, recorded, filters.name if filters else "")
        else:
            self._ops.append(op)
        if data is None:
            # State made in forward, such as an LSTM's first hidden state, is data like the input.
            roles.set_activations([recorded.data])
        if data is None or (filters is None and roles.is_activation(recorded.filters)):
            roles.set_activations([out])
        else:
            roles.set_weights(out, Weights(name=data.name, values=out.numel(), computed=True))

    def _record_recurrent(self, op: Product, recorded: Recorded, parameter: str) -> None:
        """The input projection is one product over all steps, before the first of them.

        On the meta device PyTorch runs it a step at a time, in an LSTM after the recurrent product.
        """
        key = (self._stack.call, storage(recorded.filters), storage(recorded.data))
        if key in self._projections:
            place = self._projections[key]
            earlier = self._ops[place]
            assert isinstance(earlier, Product)
            self._ops[place] = replace(earlier, rows=earlier.rows + op.rows, macs=earlier.macs + op.macs)
            return
        recurrent_first = self._recurrent == (self._stack.call, parameter.replace("weight_ih", "weight_hh"))
        place = len(self._ops) - ("weight_ih" in parameter and recurrent_first)
        self._ops.insert(place, op)
        self._projections[key] = place
        self._recurrent = (self._stack.call, parameter)

    def _follow(self, func: Any, args: tuple[Any, ...], kwargs: Any, out: Any, *, active: bool) -> None:
        """Roles of what an operation returns that multiplies no matrices."""
        roles, packet = self._roles, func.overloadpacket
        operands, outputs = _tensors((args, kwargs)), _tensors(out)
        weights = [found for found in map(roles.weights_of, operands) if found]
        if packet in _LOOKUPS and weights and self._looks_up(packet, args, outputs[0], active=active):
            return
        if not active:
            self._derive(packet, operands, outputs, weights)
            return
        # The second result of packing hangs on the lengths alone.
        roles.set_activations(outputs[:1] if packet is aten._pack_padded_sequence else outputs)
        self._count_vector_work(packet, args, out)
        if packet in flop_registry or (weights and not is_vector_work(func)):
            self._refuse(func, weights)

    def _refuse(self, func: Any, weights: list[Weights]) -> NoReturn:
        layer = module_of(weights[0].name) if weights else self._stack.running
        reads = f", which reads its weights {weights[0].name!r}" if weights else ""
        raise InputError(
            f"layer {layer!r}: no rule lowers {getattr(func, 'overloadpacket', func)}{reads}; "
            f"{remedy(func)}, or export the network without this layer"
        )

    def _check_numbers(self, packet: Any, tensors: Any) -> None:
        """Refuse what is no dense tensor, and matrix products of complex numbers."""
        for tensor in _tensors(tensors):
            if tensor.is_nested or tensor.layout is not torch.strided:
                reason = (
                    "works on sparse or nested tensors ({}), whose extents hang on values; use dense ones"
                )
            elif tensor.is_complex() and packet in RULES:
                reason = "multiplies matrices of complex numbers ({}); write it with real and imaginary parts"
            else:
                continue
            raise InputError(f"layer {self._stack.running!r} {reason.format(packet)}")

    def _derive(
        self, packet: Any, operands: list[Tensor], outputs: list[Tensor], weights: list[Weights]
    ) -> None:
        if not weights:
            return
        computed = any(found.computed for found in weights)
        for output in outputs:
            values = output.numel()
            if packet in _COPIES:
                values = min(values, self._roles.distinct_values(operands[0]))
            self._roles.set_weights(output, replace(weights[0], values=values, computed=computed))

    def _looks_up(self, packet: Any, args: tuple[Any, ...], out: Tensor, *, active: bool) -> bool:
        """Record rows read from a stored table; False where nothing of the kind is done."""
        table = args[0]
        weights = self._roles.weights_of(table)
        if weights is None or not (active or packet in _EMBEDDINGS):
            return False
        if packet is aten.index and table.dim() > 2:
            # Whole matrices, chosen by the input: the experts of a mixture. The product reads them.
            self._roles.set_weights(out, Weights(name=weights.name, values=out.numel()))
            return True
        indices = [tensor for tensor in _tensors(args[1:]) if not tensor.is_floating_point()]
        rows = max(indices[0].numel(), 1)
        if packet is aten.index:
            rows = math.prod(torch.broadcast_shapes(*(i.shape for i in indices)))  # type: ignore[no-untyped-call]
        values = table.shape[-1] if packet in _EMBEDDINGS else max(1, out.numel() // max(1, rows))
        self._lookups.append(Lookup(module_of(weights.name), rows, values))
        if active:
            self._roles.set_activations([out])
        else:
            self._roles.set_weights(out, replace(weights, values=out.numel()))
        return True

    def _count_vector_work(self, packet: Any, args: tuple[Any, ...], out: Any) -> None:
        multiplications = vector_multiplications(packet, args, out)
        if multiplications:
            self._vector_work[str(packet).removeprefix("aten.").strip("_")] += multiplications


def _tensors(tree: Any) -> list[Tensor]:
    return [leaf for leaf in tree_leaves(tree) if isinstance(leaf, Tensor)]


class ReadGuard(TorchFunctionMode):
    """Reports what reads a tensor's memory without an ATen operation."""

    def __init__(self, recorder: Recorder) -> None:
        super().__init__()
        self._recorder = recorder

    def __torch_function__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        if func in (Tensor.tolist, Tensor.numpy, Tensor.__array__):
            self._recorder.check_read(args[0], f"Tensor.{func.__name__}")
        return func(*args, **(kwargs or {}))


_COPIES = operators("clone", "_to_copy", "contiguous", "copy")
_EMBEDDINGS = operators("embedding", "_embedding_bag", "_embedding_bag_forward_only")
_LOOKUPS = _EMBEDDINGS | operators("index", "index_select", "gather")

_VALUE_READERS = operators(
    "_local_scalar_dense",
    "is_nonzero",
    "nonzero",
    "masked_select",
    "repeat_interleave",
    "_unique",
    "_unique2",
    "unique_dim",
    "unique_consecutive",
    "bincount",
    "equal",
)
"""Operations whose result, or its shape, hangs on the values of their first argument."""
