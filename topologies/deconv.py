"""A transposed convolution as the stride-1 convolutions that a systolic array runs instead.

``zero-insertion`` and ``subpixel`` compute the same numbers as
``torch.nn.functional.conv_transpose2d``; ``paper`` has only the cost that Sun et al. ascribe to it.
Everything here is along one axis: a mapped convolution is the product of its row and column part.
"""

from __future__ import annotations

import math
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Axis:
    """One axis of a convolution that yields every `step`-th output of a deconvolution.

    Output ``phase + step * n`` is the sum over the taps t of ``x[first + n + dilation * t]`` times
    the deconvolution's kernel element ``taps[t]``, where x is the input with `zeros` - 1 zeros
    inserted between neighbours, and zero outside.

    Attributes:
        outputs: outputs it yields.
        taps: kernel elements it uses, in the order in which they meet rising inputs.
        dilation: distance of the inputs that neighbouring taps read.
        first: input position under the first tap at its first output; negative in the padding.
        phase, step: position of its outputs among those of the deconvolution.
        zeros: distance of the deconvolution's inputs in x.
    """

    outputs: int
    taps: tuple[int, ...]
    dilation: int
    first: int
    phase: int
    step: int
    zeros: int

    @property
    def ifmap(self) -> int:
        """Input extent it reads, padding and inserted zeros included."""
        return self.outputs + self.dilation * (len(self.taps) - 1)


def zero_insertion(
    *, outputs: int, kernel: int, stride: int, padding: int, dilation: int
) -> tuple[Axis, ...]:
    """The one convolution over the input with stride - 1 zeros between its pixels."""
    return (
        Axis(
            outputs=outputs,
            taps=tuple(reversed(range(kernel))),
            dilation=dilation,
            first=padding - dilation * (kernel - 1),
            phase=0,
            step=1,
            zeros=stride,
        ),
    )


def subpixel(*, outputs: int, kernel: int, stride: int, padding: int, dilation: int) -> tuple[Axis, ...]:
    """Up to `stride` convolutions over the input itself, each yielding every stride-th output.

    Output o is the sum of ``x[i] * kernel[k]`` with ``i * stride = o + padding - k * dilation``: its
    remainder by the stride decides which k take part. A phase without any is no convolution (its
    outputs are the bias alone).
    """
    axes = []
    for phase in range(min(stride, outputs)):
        taps = [k for k in range(kernel) if (phase + padding - k * dilation) % stride == 0]
        if not taps:
            continue
        taps.reverse()
        axes.append(
            Axis(
                outputs=len(range(phase, outputs, stride)),
                taps=tuple(taps),
                dilation=dilation // math.gcd(dilation, stride),
                first=(phase + padding - taps[0] * dilation) // stride,
                phase=phase,
                step=stride,
                zeros=1,
            )
        )
    return tuple(axes)


EXACT_MAPPINGS = {"zero-insertion": zero_insertion, "subpixel": subpixel}
