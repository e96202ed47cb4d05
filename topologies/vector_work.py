"""What the vector unit does beside the systolic array: values scaled, shifted, joined, one by one."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor

aten = torch.ops.aten


def operators(*names: str) -> frozenset[Any]:
    """PyTorch's operations of these names, those that the installed version has."""
    return frozenset(getattr(aten, name) for name in names if hasattr(aten, name))


def is_vector_work(func: Any) -> bool:
    """Whether parameters only scale, shift, normalise or join activations, value by value."""
    return torch.Tag.pointwise in func.tags or func.overloadpacket in _JOINING


def vector_multiplications(packet: Any, args: tuple[Any, ...], out: Any) -> int:
    """Real multiplications of two tensors that an operation does value by value; 0 for all others.

    A complex product is four. A Fourier transform of n values is n * log2(n) of them, twice that for
    complex input: the radix-2 algorithm. A distance is one multiplication for each pair of values.
    """
    if packet in _VALUE_BY_VALUE:
        first = _VALUE_BY_VALUE[packet]
        factors = [arg for arg in args[first : first + 2] if isinstance(arg, Tensor) and arg.numel() > 1]
        complex_factors = sum(factor.is_complex() for factor in factors)
        return int(out.numel()) * 2**complex_factors if len(factors) == 2 else 0
    if packet in _FOURIER:
        signal = args[0] if args[0].numel() > out.numel() else out
        length = math.prod(signal.shape[dim] for dim in args[1])
        factor = 1 if packet is not aten._fft_c2c else 2
        return int(factor * signal.numel() * max(0, math.ceil(math.log2(max(1, length)))))
    if packet in _DISTANCES:
        return int(out.numel()) * int(args[0].shape[-1])
    if packet is aten.linalg_cross:
        return 2 * int(out.numel())
    if packet is aten._trilinear:
        return int(args[0].shape[0]) * int(args[1].shape[0]) * int(args[2].shape[-1])
    return 0


_VALUE_BY_VALUE = {aten.mul: 0, aten.mul_: 0} | dict.fromkeys(
    (aten.addcmul, aten.addcmul_, aten.addr, aten.addr_, aten.lerp, aten.lerp_), 1
)
"""Operation -> position of the first of its two factors; `lerp` scales a difference by its third argument."""

_FOURIER = operators("_fft_r2c", "_fft_c2r", "_fft_c2c")
_DISTANCES = operators("_cdist_forward", "_euclidean_dist", "_pdist_forward")

_JOINING = operators(
    "native_batch_norm",
    "_native_batch_norm_legit",
    "_native_batch_norm_legit_no_training",
    "_batch_norm_with_update",
    "cudnn_batch_norm",
    "native_group_norm",
    "native_layer_norm",
    "_fused_rms_norm",
    "_prelu_kernel",
    "rsub",
    "cat",
    "stack",
    "where",
    "copy_",
    "copy",
    "masked_fill",
    "masked_fill_",
    "index_put",
    "index_put_",
    "scatter",
    "scatter_",
    "slice_scatter",
    "select_scatter",
    "index_copy",
    "index_copy_",
    "polar",
    "complex",
    "addr",
    "addr_",
    "_fused_moving_avg_obs_fq_helper",
    "_fake_quantize_learnable_per_channel_affine",
    "_fake_quantize_learnable_per_tensor_affine",
    "_fake_quantize_per_tensor_affine_cachemask_tensor_qparams",
    "fake_quantize_per_channel_affine_cachemask",
    "fake_quantize_per_tensor_affine_cachemask",
)
"""Operations without the tag ``pointwise`` in which parameters normalise, shift or join activations: the
vector unit's work, no weight SRAM reads in SCALE-Sim's model."""
