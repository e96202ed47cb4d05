"""Fixed-point weights: the codes of 2 to 8, or 16, bits that an accelerator's weight memory holds.

A scheme decides by four choices which numbers a code can name (Stutz et al., Sec. 4.1 and App. D):

    weight = center + step * (code - zero)      code - zero in [-limit, limit], limit = 2**(bits - 1) - 1

Where the paper and the released code differ, each has a scheme of its own, so that a result that names
its scheme names the form. Which parameters are stored at all, `stored_weights` decides.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import reduce
from typing import TYPE_CHECKING, Literal

from nfenergy.ground.errors import InputError, UnknownName

if TYPE_CHECKING:
    from torch import Tensor, nn

BIT_WIDTHS = (2, 3, 4, 5, 6, 7, 8, 16)

TRUNCATION_GUARD = 2.0**-21
"""Of the limit, in steps: by so much a weight may lie below a grid point and still reach it unrounded.

Without it the weight of code 5, computed in floating point, could be 4.9999995 steps and become 4.
"""

RELEASED_MARGIN = 1e-3
"""By which the released code of Stutz et al. widens the range of its unsigned codes, a fraction."""

Rounding = Literal["nearest", "zero", "down"]
Memory = Literal["weights", "all"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Scheme:
    """How weights become codes.

    Attributes:
        name: as users type it.
        title: as the papers write it.
        per_layer: whether each layer has its own range; otherwise one range serves the whole network.
        asymmetric: range from the least to the greatest weight, instead of +- the greatest magnitude.
        unsigned: codes 0 .. 2 * limit, instead of two's complement around zero.
        rounding: to the nearest code, towards zero as a conversion to integers does, or down.
        clamped: whether a word that bit errors drive out of the range means the range's nearest end.
        offset: unsigned codes begin at 1, in a range wider by `RELEASED_MARGIN`, as in the released code.
        extended: codes of fewer than 8 bits stand in words of 8, their sign repeated in the upper bits.
    """

    name: str
    title: str
    per_layer: bool = True
    asymmetric: bool = False
    unsigned: bool = False
    rounding: Rounding = "zero"
    clamped: bool = True
    offset: bool = False
    extended: bool = False


def _by_name(*schemes: Scheme) -> dict[str, Scheme]:
    return {scheme.name: scheme for scheme in schemes}


_SYMMETRIC = Scheme(
    name="symmetric", title="symmetric signed per layer (NeuralFuse)", rounding="nearest", clamped=False
)
_GLOBAL = Scheme(name="global", title="Eq. (1), global", per_layer=False)
_PER_LAYER = Scheme(name="per-layer", title="Eq. (1), per layer (= Normal)")
_ASYMMETRIC = Scheme(name="asymmetric", title="+ asymmetric", asymmetric=True)
_UNSIGNED = Scheme(name="unsigned", title="+ unsigned", asymmetric=True, unsigned=True, rounding="down")
_RQUANT = replace(_UNSIGNED, name="rquant", title="+ rounding (= RQuant)", rounding="nearest")

SCHEMES: dict[str, Scheme] = _by_name(
    _SYMMETRIC, _GLOBAL, _PER_LAYER, _ASYMMETRIC, _UNSIGNED, _RQUANT,
    replace(_RQUANT, name="rquant-symmetric", title="RQuant, symmetric range", asymmetric=False),
    replace(_GLOBAL, name="global-floor", title="Eq. (1), global, floor", rounding="down"),
    replace(_PER_LAYER, name="per-layer-floor", title="Eq. (1), per layer, floor", rounding="down"),
    replace(_ASYMMETRIC, name="asymmetric-floor", title="+ asymmetric, floor", rounding="down"),
    replace(_UNSIGNED, name="unsigned-unclamped", title="+ unsigned, words beyond the range", clamped=False),
    replace(_RQUANT, name="rquant-unclamped", title="RQuant, words beyond the range", clamped=False),
    replace(_UNSIGNED, name="unsigned-offset", title="+ unsigned, codes of the released code", offset=True),
    replace(_RQUANT, name="rquant-offset", title="RQuant, codes of the released code", offset=True),
    replace(_SYMMETRIC, name="symmetric-int8", title="symmetric, sign-extended to int8 (NeuralFuse code)",
            extended=True),
)  # fmt: skip
"""The first six of both papers; then variants in which the printed equations and a released code differ.

Signed codes are truncated towards zero, as the released code converts them; Eq. (1) prints a floor.
"""


def get_scheme(name: str) -> Scheme:
    """The scheme called `name`, in any case.

    Raises:
        UnknownName: there is none.
    """
    try:
        return SCHEMES[name.lower()]
    except KeyError:
        raise UnknownName("quantization scheme", name, SCHEMES) from None


@dataclass(frozen=True, slots=True, kw_only=True)
class Quantization:
    """A scheme, the bits of a stored weight, and what is stored.

    Attributes:
        scheme: how weights become codes.
        bits: of a code.
        memory: ``weights`` stores what has rank 2 or more, as Sun et al.; ``all`` stores biases and the
            parameters of normalisation too, as Stutz et al. (see `stored_weights`).

    Raises:
        InputError: `bits` is not 2 to 8 or 16, or `memory` is neither of the two.
    """

    scheme: Scheme = SCHEMES["symmetric"]
    bits: int = 8
    memory: Memory = "weights"

    def __post_init__(self) -> None:
        if self.bits not in BIT_WIDTHS:
            raise InputError(f"weights of {self.bits} bits cannot be stored; choose 2 to 8, or 16")
        if self.memory not in ("weights", "all"):
            raise InputError(f"no memory named {self.memory!r}. Known: weights, all.")

    @property
    def word_bits(self) -> int:
        """Cells of the memory word that holds a code."""
        return max(8, self.bits) if self.scheme.extended else self.bits

    @property
    def limit(self) -> int:
        """Greatest distance of a code from that of the range's centre."""
        return (1 << (self.bits - 1)) - 1

    @property
    def zero(self) -> int:
        """Code of the range's centre."""
        return (self.limit + self.scheme.offset) if self.scheme.unsigned else 0

    @property
    def reach(self) -> float:
        """Distance of the range's ends from its centre, in steps."""
        return self.limit / (1.0 + RELEASED_MARGIN) if self.scheme.offset else self.limit


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Grid:
    """The evenly spaced weights that the codes of one layer name.

    Attributes:
        quantization: scheme and bits.
        center: weight of the code ``quantization.zero``, shape ().
        step: distance of neighbouring weights, shape (); zero where all weights of the layer are equal.
    """

    quantization: Quantization
    center: Tensor
    step: Tensor


def fit_grids(weights: Mapping[str, Tensor], quantization: Quantization) -> dict[str, Grid]:
    """One grid a layer, each just wide enough for its weights (or, in a global scheme, for all)."""
    low = {name: weight.detach().amin() for name, weight in weights.items()}
    high = {name: weight.detach().amax() for name, weight in weights.items()}
    if not quantization.scheme.per_layer and weights:
        least = reduce(lambda a, b: a.minimum(b), low.values())
        greatest = reduce(lambda a, b: a.maximum(b), high.values())
        low, high = dict.fromkeys(low, least), dict.fromkeys(high, greatest)
    if not quantization.scheme.asymmetric:
        high = {name: high[name].maximum(-low[name]) for name in high}
        low = {name: -greatest for name, greatest in high.items()}
    return {
        name: Grid(
            quantization=quantization,
            center=(low[name] + high[name]) / 2,
            step=(high[name] - low[name]) / (2 * quantization.reach),
        )
        for name in weights
    }


def quantize(weight: Tensor, grid: Grid) -> Tensor:
    """Codes of `weight` on its grid, shaped like it; weights outside the grid get its outermost codes.

    Returns:
        int8, uint8 (unsigned schemes) or, for 16 bits, int32.
    """
    quantization = grid.quantization
    steps = ((weight.detach() - grid.center) / grid.step).nan_to_num_(0.0)
    codes = _whole(steps, quantization).clamp_(-quantization.limit, quantization.limit) + quantization.zero
    if quantization.bits > 8:
        return codes.int()
    return codes.byte() if quantization.scheme.unsigned else codes.char()


def _whole(steps: Tensor, quantization: Quantization) -> Tensor:
    guard = TRUNCATION_GUARD * quantization.limit
    match quantization.scheme.rounding:
        case "nearest":
            return steps.round()
        case "down":
            return (steps + guard).floor()
        case "zero":
            return (steps + guard * steps.sign()).trunc()


def dequantize(codes: Tensor, grid: Grid) -> Tensor:
    """Weights that `codes` stand for. `quantize` gives the same codes back, within +-limit of zero.

    (Not the outermost code of a scheme with `offset`, which no weight becomes unless by rounding.)
    """
    quantization = grid.quantization
    steps = (codes.int() - quantization.zero).to(grid.step.dtype)
    if quantization.scheme.clamped:
        steps = steps.clamp(-quantization.reach, quantization.reach)
    return steps * grid.step + grid.center


def words_of(codes: Tensor, quantization: Quantization) -> Tensor:
    """The bit patterns in which a memory holds `codes`: uint8, or for 16 bits int32; bit 0 is the lowest."""
    words = codes.int() & ((1 << quantization.word_bits) - 1)
    return words if quantization.word_bits > 8 else words.byte()


def word_weights(grid: Grid) -> Tensor:
    """Weight of every bit pattern, shape (2**word_bits,): what a word stands for, bit errors or not."""
    import torch

    bits = grid.quantization.word_bits
    codes = torch.arange(2**bits, device=grid.step.device)
    if not grid.quantization.scheme.unsigned:
        codes[2 ** (bits - 1) :] -= 2**bits
    return dequantize(codes, grid)


def weight_names(model: nn.Module, memory: Memory = "weights") -> tuple[str, ...]:
    """Names of the parameters that are stored as codes, in the model's order; see `stored_weights`."""
    return tuple(stored_weights(model, memory))


def stored_weights(model: nn.Module, memory: Memory = "weights") -> dict[str, Tensor]:
    """The parameters that are stored as codes, by name, in the model's order, tied ones once.

    These are all of rank 2 or more: of convolutions, linear, recurrent and attention layers and embeddings.
    With `memory` ``all`` it is every parameter. Never stored is what a module names in its attribute
    ``outside_weight_memory``.
    """
    outside = {
        f"{prefix}.{name}" if prefix else name
        for prefix, module in model.named_modules()
        for name in getattr(module, "outside_weight_memory", ())
    }
    return {
        name: parameter
        for name, parameter in model.named_parameters()
        if name not in outside and (memory == "all" or parameter.dim() >= 2)
    }


def left_out(model: nn.Module, memory: Memory = "weights") -> tuple[str, ...]:
    """Names of the parameters and floating-point buffers that no bit error reaches."""
    stored = stored_weights(model, memory)
    parameters = [name for name, _ in model.named_parameters() if name not in stored]
    return (*parameters, *(name for name, buffer in model.named_buffers() if buffer.is_floating_point()))


def fake_quantize(weights: Mapping[str, Tensor], quantization: Quantization) -> dict[str, Tensor]:
    """Weights as they come back from memory; gradients pass through as if they had not been there."""
    grids = fit_grids(weights, quantization)
    return {
        name: straight_through(weight, dequantize(quantize(weight, grids[name]), grids[name]))
        for name, weight in weights.items()
    }


def straight_through(weight: Tensor, value: Tensor) -> Tensor:
    """`value`, bit for bit, with the gradient of `weight`."""
    return value.detach() + (weight - weight.detach())


def quantized_call(model: nn.Module, x: Tensor, quantization: Quantization) -> Tensor:
    """``model(x)`` with fake-quantized weights: the forward pass of quantization-aware training.

    The model keeps its floating-point weights, which receive the gradients; no copy is made of it.
    """
    from torch.func import functional_call

    weights = stored_weights(model, quantization.memory)
    out: Tensor = functional_call(model, fake_quantize(weights, quantization), (x,))
    return out
