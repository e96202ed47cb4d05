"""Fixed-point weights: the codes of 2 to 8, or 16, bits that an accelerator's weight memory holds.

A scheme decides by four choices which numbers a code can name (Stutz et al., Sec. 4.1 and App. D):

    weight = center + step * (code - zero)      code - zero in [-limit, limit], limit = 2**(bits - 1) - 1

Only the ``weight`` of convolutions, transposed convolutions and linear layers is stored as codes.
Biases and normalisation parameters stay floating-point numbers.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import reduce
from typing import TYPE_CHECKING

from nfenergy.ground.errors import InputError, UnknownName

if TYPE_CHECKING:
    from torch import Tensor, nn

BIT_WIDTHS = (2, 3, 4, 5, 6, 7, 8, 16)

TRUNCATION_GUARD = 1 / 64
"""Steps by which a weight may lie below a grid point and still reach it when truncated.

Without it the weight of code 5, computed in floating point, could be 4.9999995 steps and become 4.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Scheme:
    """How weights become codes.

    Attributes:
        name: as users type it.
        title: as the papers write it.
        per_layer: whether each layer has its own range; otherwise one range serves the whole network.
        asymmetric: range from the least to the greatest weight, instead of +- the greatest magnitude.
        unsigned: codes 0 .. 2 * limit, instead of two's complement around zero.
        rounding: to the nearest code, instead of towards zero as a conversion to integers does.
    """

    name: str
    title: str
    per_layer: bool = True
    asymmetric: bool = False
    unsigned: bool = False
    rounding: bool = False


def _by_name(*schemes: Scheme) -> dict[str, Scheme]:
    return {scheme.name: scheme for scheme in schemes}


SCHEMES: dict[str, Scheme] = _by_name(
    Scheme(name="symmetric", title="symmetric signed per layer (NeuralFuse)", rounding=True),
    Scheme(name="global", title="Eq. (1), global", per_layer=False),
    Scheme(name="per-layer", title="Eq. (1), per layer (= Normal)"),
    Scheme(name="asymmetric", title="+ asymmetric", asymmetric=True),
    Scheme(name="unsigned", title="+ unsigned", asymmetric=True, unsigned=True),
    Scheme(name="rquant", title="+ rounding (= RQuant)", asymmetric=True, unsigned=True, rounding=True),
)


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
    """A scheme and the bits of a stored weight.

    Raises:
        InputError: `bits` is not 2 to 8 or 16.
    """

    scheme: Scheme = SCHEMES["symmetric"]
    bits: int = 8

    def __post_init__(self) -> None:
        if self.bits not in BIT_WIDTHS:
            raise InputError(f"weights of {self.bits} bits cannot be stored; choose 2 to 8, or 16")

    @property
    def limit(self) -> int:
        """Greatest distance of a code from that of the range's centre."""
        return (1 << (self.bits - 1)) - 1

    @property
    def zero(self) -> int:
        """Code of the range's centre."""
        return self.limit if self.scheme.unsigned else 0


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
            step=(high[name] - low[name]) / (2 * quantization.limit),
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
    steps = steps.round() if quantization.scheme.rounding else _truncate(steps)
    codes = steps.clamp_(-quantization.limit, quantization.limit) + quantization.zero
    if quantization.bits > 8:
        return codes.int()
    return codes.byte() if quantization.scheme.unsigned else codes.char()


def _truncate(steps: Tensor) -> Tensor:
    return (steps + TRUNCATION_GUARD * steps.sign()).trunc()


def dequantize(codes: Tensor, grid: Grid) -> Tensor:
    """Weights that `codes` stand for. `quantize` gives the same codes back, within +-limit of zero."""
    return (codes.int() - grid.quantization.zero).to(grid.step.dtype) * grid.step + grid.center


def words_of(codes: Tensor, quantization: Quantization) -> Tensor:
    """The bit patterns in which a memory holds `codes`: uint8, or for 16 bits int32; bit 0 is the lowest."""
    words = codes.int() & ((1 << quantization.bits) - 1)
    return words if quantization.bits > 8 else words.byte()


def word_weights(grid: Grid) -> Tensor:
    """Weight of every bit pattern, shape (2**bits,): what a memory word stands for, bit errors or not."""
    import torch

    bits = grid.quantization.bits
    codes = torch.arange(2**bits, device=grid.step.device)
    if not grid.quantization.scheme.unsigned:
        codes[2 ** (bits - 1) :] -= 2**bits
    return dequantize(codes, grid)


def weight_names(model: nn.Module) -> tuple[str, ...]:
    """Names of the parameters that are stored as codes, in the model's order."""
    from torch.nn import Conv2d, ConvTranspose2d, Linear

    stored = (Conv2d, ConvTranspose2d, Linear)
    modules = [name for name, module in model.named_modules() if isinstance(module, stored)]
    return tuple(f"{name}.weight" if name else "weight" for name in modules)


def stored_weights(model: nn.Module) -> dict[str, Tensor]:
    """The parameters that are stored as codes, by name, in the model's order."""
    return {name: model.get_parameter(name) for name in weight_names(model)}


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

    out: Tensor = functional_call(model, fake_quantize(stored_weights(model), quantization), (x,))
    return out
