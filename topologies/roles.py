"""Which tensors of a running model are activations, and which are stored weights."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

from torch import Tensor
from torch.multiprocessing.reductions import StorageWeakRef


@dataclass(frozen=True, slots=True, kw_only=True)
class Weights:
    """What stands in a storage that does not depend on the input.

    Attributes:
        name: the parameter or buffer that it comes from.
        values: distinct weights in it; a copy of an expanded tensor has fewer than its elements.
        computed: whether a matrix product made it, at every inference, from weights alone.
    """

    name: str
    values: int
    computed: bool = False


class Roles:
    """The role of every storage: views of one tensor share it.

    A storage is known by a weak reference, which keeps its address from being given to another tensor
    but not its values in memory.
    """

    def __init__(self, activations: Iterable[Tensor], weights: dict[str, Tensor]) -> None:
        self._activations = {storage(tensor) for tensor in activations}
        self._weights: dict[StorageWeakRef, Weights] = {}
        for name, tensor in weights.items():
            self.set_weights(tensor, Weights(name=name, values=tensor.numel()))

    def is_activation(self, tensor: Tensor) -> bool:
        return storage(tensor) in self._activations

    def weights_of(self, tensor: Tensor) -> Weights | None:
        """What a tensor that is no activation is computed from; None for constants."""
        key = storage(tensor)
        return None if key in self._activations else self._weights.get(key)

    def set_activations(self, tensors: Iterable[Tensor]) -> None:
        self._activations.update(map(storage, tensors))

    def set_weights(self, tensor: Tensor, weights: Weights) -> None:
        """Its first role stands: a view or an in-place operation keeps the storage's name."""
        self._weights.setdefault(storage(tensor), weights)

    def distinct_values(self, tensor: Tensor) -> int:
        """Weights in `tensor`, each counted once however often it is expanded."""
        values = math.prod(size for size, stride in zip(tensor.shape, tensor.stride(), strict=True) if stride)
        weights = self.weights_of(tensor)
        return min(values, weights.values) if weights else values


def storage(tensor: Tensor) -> StorageWeakRef:
    """Names the memory of a tensor, for as long as the reference lives."""
    return StorageWeakRef(tensor.untyped_storage())  # type: ignore[no-untyped-call]
