"""Parameters and MACs of a network, counted as its convention says."""

from __future__ import annotations

import io
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from nfenergy.ground.errors import InputError
from topologies.convention import Convention
from topologies.operations import Trace

if TYPE_CHECKING:
    from torch import nn

    from topologies.inputs import ModelInputs


@dataclass(frozen=True, slots=True, kw_only=True)
class NetworkSize:
    """Trainable parameters, and MACs of one inference."""

    params: int
    macs: int


def network_size(
    model: nn.Module,
    inputs: tuple[int, ...] | ModelInputs,
    traced: Trace,
    convention: Convention,
    *,
    batch: int = 1,
) -> NetworkSize:
    """Count `model`, which may stand on the meta device.

    ``ptflops`` counts convolutions (a transposed one at its output extent), biases, batch
    normalisation, activations and pooling, each as ptflops 0.7 does; it leaves its bookkeeping
    attributes on the model; a batch has so many times one sample's. ``useful`` is what the traced model
    multiplies in convolutions and matrix products, those of two activations (attention) included.

    Args:
        model: the traced model.
        inputs: the shape of its one input, without batch; or the arguments of its forward pass.
        traced: see `topologies.trace`.
        convention: decides the counter.
        batch: samples of an input that is given by its shape.

    Raises:
        InputError: ptflops takes one input, given by its shape.
    """
    if convention.macs == "ptflops":
        if not isinstance(inputs, tuple):
            raise InputError("it takes one input")
        size = _with_ptflops(model, inputs)
        return replace(size, macs=batch * size.macs)
    params = sum(parameter.numel() for parameter in model.parameters() if parameter.requires_grad)
    return NetworkSize(params=params, macs=traced.macs)


def _with_ptflops(model: nn.Module, input_shape: tuple[int, ...]) -> NetworkSize:
    import torch
    from ptflops import get_model_complexity_info

    with torch.no_grad():
        macs, params = get_model_complexity_info(
            model, tuple(input_shape), print_per_layer_stat=False, as_strings=False, ost=io.StringIO()
        )
    return NetworkSize(params=int(params), macs=int(macs))
