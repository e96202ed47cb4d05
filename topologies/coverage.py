"""How much of a model its topology holds, and what it leaves out, by name."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from nfenergy.ground.rates import share_text


class VectorWork(NamedTuple):
    """Multiplications of two tensors that no convolution and no matrix product does."""

    operation: str
    multiplications: int

    @property
    def kind(self) -> str:
        """What the operation computes."""
        name = self.operation.removeprefix("linalg_").partition("_")[0]
        return _KINDS.get(name, "product value by value")


_KINDS = {
    "fft": "Fourier transform",
    "cdist": "distances",
    "pdist": "distances",
    "euclidean": "distances",
    "cross": "cross product",
    "trilinear": "bilinear form",
}


class Lookup(NamedTuple):
    """Rows that a layer reads from a stored table without multiplying: an embedding.

    Attributes:
        layer: dotted path of the module that holds the table.
        rows: rows read in one inference, one a token.
        row_values: weights of one row.
    """

    layer: str
    rows: int
    row_values: int

    @property
    def weight_reads(self) -> int:
        return self.rows * self.row_values


@dataclass(frozen=True, slots=True, kw_only=True)
class Coverage:
    """How much of a model its topology holds.

    Attributes:
        weighted_layers: calls of operations that multiply activations with stored weights.
        lowered_layers: those of them that the topology holds.
        macs: all multiplications of two tensors: convolutions and matrix products, with weights and of
            two activations, and those value by value. Normalisation counts as none.
        lowered_macs: those in convolutions and matrix products, which the topology holds.
        left_out: the rest, by operation, largest first.
        lookups: table rows read; no MACs, and no rows of the topology.
    """

    weighted_layers: int
    lowered_layers: int
    macs: int
    lowered_macs: int
    left_out: tuple[VectorWork, ...] = ()
    lookups: tuple[Lookup, ...] = ()

    def __post_init__(self) -> None:
        # Read back from JSON, the records are lists.
        object.__setattr__(self, "left_out", tuple(VectorWork(*work) for work in self.left_out))
        object.__setattr__(self, "lookups", tuple(Lookup(*lookup) for lookup in self.lookups))

    @property
    def share(self) -> float:
        """The part of the multiplications that the topology holds, a fraction; 1 where there are none."""
        return self.share_of(self.lowered_macs)

    def share_of(self, multiplications: int) -> float:
        """A part of all multiplications, as a fraction."""
        return multiplications / self.macs if self.macs else 1.0

    @property
    def left_out_text(self) -> str:
        """What is left out by operation, share and kind; empty where nothing is."""
        return ", ".join(
            f"{work.operation} {share_text(work.multiplications, self.macs)} ({work.kind})"
            for work in self.left_out
        )

    @property
    def lookup_reads(self) -> int:
        """Weights read from tables in one inference; not part of T.W.M.A."""
        return sum(lookup.weight_reads for lookup in self.lookups)

    def __str__(self) -> str:
        text = f"{self.lowered_layers} of {self.weighted_layers} weighted layers, "
        text += f"{share_text(self.lowered_macs, self.macs)} of MACs"
        if self.left_out:
            named = (
                f"{work.operation} {share_text(work.multiplications, self.macs)}" for work in self.left_out
            )
            text += f" (left out: {', '.join(named)})"
        if self.lookups:
            text += f"; embeddings read {self.lookup_reads:,} weights"
        return text
