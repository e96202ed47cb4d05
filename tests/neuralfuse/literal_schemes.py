"""The quantization schemes once more, straight from the papers' equations, in NumPy and Python integers."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class LiteralScheme:
    """Stutz et al., Eqs. (1), (3) and (4), and the released codes' forms of them, for one layer.

    A weight is first mapped to [-1, 1] by Eq. (3), whose range is [-max |w|, max |w|] where a scheme is
    symmetric; Eq. (1) then divides by delta, which is 1 / (2**(m - 1) - 1), or 1.001 of that as released.
    """

    name: str
    bits: int
    low: float
    high: float

    @classmethod
    def of(cls, name: str, weights: Floats, bits: int) -> LiteralScheme:
        asymmetric = name.startswith(("asymmetric", "unsigned", "rquant")) and name != "rquant-symmetric"
        most = float(np.abs(weights).max())
        low, high = (float(weights.min()), float(weights.max())) if asymmetric else (-most, most)
        return cls(name, bits, low, high)

    @property
    def delta(self) -> float:
        return (1.001 if self.name.endswith("offset") else 1.0) / (2 ** (self.bits - 1) - 1)

    @property
    def unsigned(self) -> bool:
        return self.name.startswith(("unsigned", "rquant"))

    @property
    def added(self) -> int:
        if not self.unsigned:
            return 0
        return 2 ** (self.bits - 1) - (0 if self.name.endswith("offset") else 1)

    def codes(self, weights: Floats) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
        """Codes, and which of them no rounding error of 32-bit numbers can change."""
        mapped = (weights - self.low) / (self.high - self.low) * 2 - 1
        v = mapped / self.delta
        if self.name.startswith(("rquant", "symmetric")):
            found, edge = np.round(v), v + 0.5
        elif self.name.startswith("unsigned") or self.name.endswith("floor"):
            found, edge = np.floor(v), v
        else:
            found, edge = np.trunc(v), v
        clear = np.abs(edge - np.round(edge)) > 2e-4
        return found.astype(np.int64) + self.added, clear

    def meaning(self, word: int) -> float:
        """Weight that a memory word stands for."""
        cells = 8 if self.name == "symmetric-int8" else self.bits
        signed = word - 2**cells if not self.unsigned and word >= 2 ** (cells - 1) else word
        mapped = self.delta * (signed - self.added)
        weight = (mapped + 1) / 2 * (self.high - self.low) + self.low
        if self.name.startswith("symmetric") or self.name.endswith("unclamped"):
            return weight
        return min(max(weight, self.low), self.high)
