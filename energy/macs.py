"""Parameters and MACs of a network, counted as its convention says."""

from __future__ import annotations

import io
from dataclasses import dataclass
from typing import TYPE_CHECKING

from topologies.convention import Convention
from topologies.operations import Trace

if TYPE_CHECKING:
    from torch import nn


@dataclass(frozen=True, slots=True, kw_only=True)
class NetworkSize:
    """Trainable parameters, and MACs of one inference, batch 1."""

    params: int
    macs: int


def network_size(
    model: nn.Module, input_shape: tuple[int, ...], traced: Trace, convention: Convention
) -> NetworkSize:
    """Count `model`, which may stand on the meta device, on one input of `input_shape` without batch.

    ``ptflops`` counts convolutions (a transposed one at its output extent), biases, batch
    normalisation, activations and pooling, each as ptflops 0.7 does; it leaves its bookkeeping
    attributes on the model. ``useful`` is the traced model's multiplications of activations.
    """
    if convention.macs == "ptflops":
        return _with_ptflops(model, input_shape)
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
