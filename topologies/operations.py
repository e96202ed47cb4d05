"""What a traced model does with its weights: the records between `trace` and `lowering`."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class WeightedOp:
    """One call of an operation that multiplies activations with stored weights, batch 1.

    Attributes:
        module: dotted path of the module that holds the weights.
        operation: ``conv2d``, ``conv_transpose2d`` or ``linear``.
        in_hw, out_hw: input and output extents in pixels; for ``linear`` 1 x 1, or the number of
            vectors x 1 where one call transforms several.
        in_channels, out_channels: channels or features, all groups together.
        kernel, stride, padding, dilation, output_padding: as PyTorch has them, (rows, columns).
        groups: channel groups.
        macs: useful multiplications, as torch's ``FlopCounterMode`` counts them.
    """

    module: str
    operation: str
    in_hw: tuple[int, int]
    out_hw: tuple[int, int]
    in_channels: int
    out_channels: int
    kernel: tuple[int, int] = (1, 1)
    stride: tuple[int, int] = (1, 1)
    padding: tuple[int, int] = (0, 0)
    dilation: tuple[int, int] = (1, 1)
    output_padding: tuple[int, int] = (0, 0)
    groups: int = 1
    macs: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Trace:
    """Operations on weights in the order of execution, and the MACs of the whole model, batch 1."""

    ops: tuple[WeightedOp, ...]
    macs: int
