"""A PyTorch model's convolutions and matrix products, captured while it runs once.

On meta tensors, which have a shape and no values: no weight is copied and no arithmetic is done. A model
that reads values of its tensors runs on real ones. Every ATen operation is seen, so functional calls,
parametrized weights and control flow in Python count like plain modules.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils._pytree import tree_leaves, tree_map

from nfenergy.ground.errors import InputError
from topologies.inputs import ModelInputs, check_input_shape
from topologies.module_stack import ModuleStack
from topologies.operations import Trace
from topologies.recorder import ReadGuard, Recorder, ValueNeeded
from topologies.roles import Roles


class NeedsValues(InputError):
    """The model cannot run on the meta device, where its parameters are: build it on the CPU."""


def trace(
    model: nn.Module,
    inputs: tuple[int, ...] | ModelInputs,
    *,
    batch: int = 1,
    device: Literal["meta", "cpu"] | None = None,
) -> Trace:
    """Capture what `model` multiplies in one call.

    The model itself, its mode and its parameters stay as they were.

    Args:
        model: on the meta device or on the CPU.
        inputs: the shape of one input tensor, without batch; or the arguments of the forward pass.
        batch: samples of an input that is given by its shape.
        device: where it runs; None is the meta device and, if that fails and the model has values, the CPU.

    Raises:
        NeedsValues: it cannot run on the meta device, and may not or cannot run on the CPU.
        InputError: an operation on weights that no rule lowers, or values of activations that decide what
            is computed (the message names the layer, the operation and the remedy); or a model that
            cannot run on `inputs`.
    """
    if batch < 1:
        raise InputError(f"the batch is {batch}, expected at least 1")
    if isinstance(model, torch.jit.ScriptModule | nn.DataParallel):
        raise InputError(
            f"{type(model).__name__} runs its layers out of sight; return the module that it was made from"
        )
    if not isinstance(inputs, ModelInputs):
        check_input_shape(inputs)
    has_values = not any(tensor.is_meta for tensor in _weights(model).values())
    devices = ([device] if device else ["meta", "cpu"]) if has_values else ["meta"]
    for place in devices:
        stack = ModuleStack(model)
        try:
            return _run(model, inputs, batch, place, stack)
        except InputError:
            raise
        except Exception as error:
            failure, layer = error, stack.failed
    kind = InputError if "cpu" in devices else NeedsValues
    raise kind(_refusal(model, inputs, layer, failure)) from failure


def _refusal(model: nn.Module, inputs: tuple[int, ...] | ModelInputs, layer: str, error: Exception) -> str:
    place = f"layer {layer!r}: " if layer else ""
    lines = str(error).strip().splitlines()
    reason = lines[0] if lines else type(error).__name__
    if isinstance(error, ValueNeeded):
        reason = "it reads values of its own tensors; export its backbone without that part"
    elif not isinstance(inputs, ModelInputs):
        reason += "; if it takes another input, give its shape, or write example_inputs() beside the network"
    return f"cannot trace {type(model).__name__} on input {inputs}: {place}{reason}"


def _run(
    model: nn.Module, inputs: tuple[int, ...] | ModelInputs, batch: int, device: str, stack: ModuleStack
) -> Trace:
    weights = {name: tensor.detach().to(device) for name, tensor in _weights(model).items()}
    if device == "cpu":
        buffers = dict(model.named_buffers())
        weights |= {name: tensor.clone() for name, tensor in weights.items() if name in buffers}
    given = inputs if isinstance(inputs, ModelInputs) else _random_input((batch, *inputs), weights)
    args, kwargs = tree_map(
        lambda leaf: leaf.detach().to(device) if isinstance(leaf, Tensor) else leaf,
        (given.args, given.kwargs),
    )
    activations = [leaf for leaf in tree_leaves((args, kwargs)) if isinstance(leaf, Tensor)]
    recorder = Recorder(Roles(activations, weights), stack, any_values=given is inputs)
    with (
        _evaluation(model),
        _plain_kernels(device),
        torch.no_grad(),
        torch.device(device),
        stack.watch(),
        ReadGuard(recorder),
        recorder,
    ):
        torch.func.functional_call(model, weights, args, kwargs, strict=False)
    return recorder.trace()


def _weights(model: nn.Module) -> dict[str, Tensor]:
    return dict(model.named_parameters()) | dict(model.named_buffers())


def _random_input(shape: tuple[int, ...], weights: dict[str, Tensor]) -> ModelInputs:
    floating = (tensor.dtype for tensor in weights.values() if tensor.is_floating_point())
    values = torch.randn(shape, generator=torch.Generator().manual_seed(0))
    return ModelInputs(args=(values.to(next(floating, torch.get_default_dtype())),))


@contextmanager
def _evaluation(model: nn.Module) -> Iterator[None]:
    modes = [(module, module.training) for module in model.modules()]
    with suppress(NotImplementedError):  # a program of torch.export is in no mode
        model.eval()
    try:
        yield
    finally:
        for module, training in modes:
            module.training = training


@contextmanager
def _plain_kernels(device: str) -> Iterator[None]:
    """No kernel that hides matrix products: fused attention, encoder layers and recurrent layers."""
    fast_path = torch.backends.mha.get_fastpath_enabled()
    with ExitStack() as stack:
        stack.enter_context(warnings.catch_warnings())
        warnings.simplefilter("ignore")
        stack.enter_context(sdpa_kernel(SDPBackend.MATH))
        if device == "cpu":
            stack.enter_context(torch.backends.mkldnn.flags(enabled=False))
        torch.backends.mha.set_fastpath_enabled(False)
        try:
            yield
        finally:
            torch.backends.mha.set_fastpath_enabled(fast_path)
