"""A PyTorch model's operations on stored weights, captured on meta tensors.

The model runs once with an input that has a shape and no values. Every ATen operation is seen, so
functional calls, parametrized weights and control flow in Python count like plain modules. No weight
is copied and no arithmetic is done.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves
from torch.utils.flop_counter import flop_registry

from nfenergy.ground.errors import InputError
from topologies.operations import Trace, WeightedOp

aten = torch.ops.aten


def trace(model: nn.Module, input_shape: tuple[int, ...]) -> Trace:
    """Capture what `model` does with its weights on one input of `input_shape` (without batch).

    The model itself, its mode and its parameters stay as they were.

    Raises:
        InputError: an operation on weights that no rule lowers (the message names its layer), or a
            model that cannot run on `input_shape` or without values.
    """
    modes = [(module, module.training) for module in model.modules()]
    try:
        tensors = dict(model.named_parameters()) | dict(model.named_buffers())
        meta = {name: tensor.detach().to("meta") for name, tensor in tensors.items()}
        model.eval()
        with torch.no_grad(), torch.device("meta"):
            inputs = torch.empty((1, *input_shape), dtype=_floating_dtype(meta))
            recorder = _Recorder(inputs, meta)
            with recorder:
                torch.func.functional_call(model, meta, (inputs,), strict=False)
    except InputError:
        raise
    except Exception as error:
        reason = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        raise InputError(f"cannot trace {type(model).__name__} on input {input_shape}: {reason}") from error
    finally:
        for module, training in modes:
            module.training = training
    return Trace(ops=tuple(recorder.ops), macs=recorder.macs)


class _Recorder(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Follows what depends on the input, and records where it meets what does not: stored weights."""

    def __init__(self, inputs: Tensor, weights: dict[str, Tensor]) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.ops: list[WeightedOp] = []
        self.macs = 0
        self._activations = {_storage(inputs)}
        self._parameters: dict[int, str] = {}
        for name, tensor in weights.items():
            self._parameters.setdefault(_storage(tensor), name)
        # A freed storage would hand its address, and so its role, to the next tensor.
        self._kept: list[Tensor] = [inputs, *weights.values()]

    def __torch_dispatch__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        kwargs = kwargs or {}
        out = func(*args, **kwargs)
        operands = _tensors((args, kwargs))
        outputs = _tensors(out)
        self._kept += outputs
        parameters = [name for name in map(self.parameter_of, operands) if name]
        if parameters and func.overloadpacket in _LOWERINGS:
            # State made in forward, such as an LSTM's first hidden state, is data like the input.
            states = [operand for operand in operands if self.parameter_of(operand) is None]
            self._activations.update(map(_storage, states))
        if not any(map(self.is_activation, operands)):
            for output in outputs if parameters else ():
                self._parameters.setdefault(_storage(output), parameters[0])
            return out
        self._activations.update(map(_storage, outputs))
        self._account(func.overloadpacket, args, kwargs, out, parameters)
        return out

    def is_activation(self, tensor: Tensor) -> bool:
        return _storage(tensor) in self._activations

    def parameter_of(self, tensor: Tensor) -> str | None:
        """The parameter or buffer that a tensor is computed from; None for activations and constants."""
        return None if self.is_activation(tensor) else self._parameters.get(_storage(tensor))

    def _account(
        self, packet: Any, args: tuple[Any, ...], kwargs: Any, out: Any, parameters: list[str]
    ) -> None:
        flops = flop_registry[packet](*args, **kwargs, out_val=out) if packet in flop_registry else 0
        macs = int(flops) // 2
        self.macs += macs
        lowering = _LOWERINGS.get(packet)
        op = lowering(self, args, out, macs) if lowering else None
        if op is not None:
            self.ops.append(op)
        elif parameters and not self._is_vector_work(packet, args, out):
            raise InputError(
                f"layer {_module_of(parameters[0])!r}: no rule lowers {packet}, which reads its weights "
                f"{parameters[0]!r}; nfenergy lowers Conv2d, ConvTranspose2d and Linear"
            )

    def _is_vector_work(self, packet: Any, args: tuple[Any, ...], out: Any) -> bool:
        """Whether parameters only scale, shift or join activations, value by value.

        A product with more values than its activations is an outer product: weights in disguise.
        """
        if packet not in _SCALING:
            return packet in _ELEMENTWISE
        largest = max(operand.numel() for operand in _tensors(args) if self.is_activation(operand))
        return all(output.numel() <= largest for output in _tensors(out))


def _floating_dtype(tensors: dict[str, Tensor]) -> torch.dtype:
    floating = (tensor.dtype for tensor in tensors.values() if tensor.is_floating_point())
    return next(floating, torch.get_default_dtype())


def _storage(tensor: Tensor) -> int:
    return int(tensor.untyped_storage()._cdata)


def _tensors(tree: Any) -> list[Tensor]:
    return [leaf for leaf in tree_leaves(tree) if isinstance(leaf, Tensor)]


def _module_of(parameter: str | None) -> str:
    if parameter is None:
        return "constant"
    path, parametrized, _ = parameter.partition(".parametrizations.")
    return (path if parametrized else path.rpartition(".")[0]) or "model"


def _convolution(recorder: _Recorder, args: tuple[Any, ...], out: Tensor, macs: int) -> WeightedOp | None:
    inputs, weight, _, stride, padding, dilation, transposed, output_padding, groups = args
    if weight.dim() != 4 or recorder.is_activation(weight):
        return None
    return WeightedOp(
        module=_module_of(recorder.parameter_of(weight)),
        operation="conv_transpose2d" if transposed else "conv2d",
        in_hw=_pair(inputs.shape[2:]),
        out_hw=_pair(out.shape[2:]),
        in_channels=inputs.shape[1],
        out_channels=out.shape[1],
        kernel=_pair(weight.shape[2:]),
        stride=_pair(stride),
        padding=_pair(padding),
        dilation=_pair(dilation),
        output_padding=_pair(output_padding),
        groups=groups,
        macs=macs,
    )


def _addmm(recorder: _Recorder, args: tuple[Any, ...], out: Tensor, macs: int) -> WeightedOp | None:
    return _mm(recorder, args[1:], out, macs)


def _mm(recorder: _Recorder, args: tuple[Any, ...], out: Tensor, macs: int) -> WeightedOp | None:
    left, right = args[:2]
    if recorder.is_activation(left) and recorder.is_activation(right):
        return None
    weights_left = recorder.is_activation(right)
    weight = left if weights_left else right
    vectors, features = (out.shape[1], out.shape[0]) if weights_left else (out.shape[0], out.shape[1])
    return WeightedOp(
        module=_module_of(recorder.parameter_of(weight)),
        operation="linear",
        in_hw=(vectors, 1),
        out_hw=(vectors, 1),
        in_channels=left.shape[1],
        out_channels=features,
        macs=macs,
    )


def _pair(values: Any) -> tuple[int, int]:
    return int(values[0]), int(values[-1])


_LOWERINGS: dict[Any, Callable[..., WeightedOp | None]] = {
    aten.convolution: _convolution,
    aten.addmm: _addmm,
    aten.mm: _mm,
}

_ELEMENTWISE = {
    aten.native_batch_norm,
    aten._native_batch_norm_legit,
    aten._native_batch_norm_legit_no_training,
    aten._batch_norm_with_update,
    aten.cudnn_batch_norm,
    aten.native_group_norm,
    aten.native_layer_norm,
    aten.add,
    aten.add_,
    aten.sub,
    aten.clamp,
    aten._prelu_kernel,
    aten.cat,
    aten.where,
    aten.copy_,
}
"""Operations in which parameters shift, normalise or join activations value by value: the vector unit's
work, no weight SRAM reads in SCALE-Sim's model."""

_SCALING = {aten.mul, aten.mul_, aten.div, aten.div_}
