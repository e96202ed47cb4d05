"""What a model is traced on: one image by its shape, or whatever its forward pass takes."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from nfenergy.ground.errors import InputError


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelInputs:
    """Arguments of a forward pass; tensors stand anywhere in them."""

    args: tuple[Any, ...] = ()
    kwargs: dict[str, Any] = field(default_factory=dict)

    @classmethod
    def of(cls, example: Any) -> ModelInputs:
        """What a user's ``example_inputs()`` returned: a tensor, a tuple or list of arguments, or a dict.

        Raises:
            InputError: there is no tensor in it.
        """
        import torch
        from torch.utils._pytree import tree_leaves

        if not any(isinstance(leaf, torch.Tensor) for leaf in tree_leaves(example)):
            raise InputError(
                f"the example inputs are {type(example).__name__} without a tensor; expected a tensor, a "
                "tuple of the forward pass's arguments, or a dict of them by name"
            )
        if isinstance(example, dict):
            return cls(kwargs=dict(example))
        return cls(args=tuple(example) if isinstance(example, tuple | list) else (example,))

    def __str__(self) -> str:
        import torch
        from torch.utils._pytree import tree_leaves

        tensors = [leaf for leaf in tree_leaves((self.args, self.kwargs)) if isinstance(leaf, torch.Tensor)]
        return ", ".join(str(tuple(tensor.shape)) for tensor in tensors)


def check_input_shape(shape: tuple[int, ...]) -> tuple[int, ...]:
    """An input's extents without the batch, each at least 1.

    Raises:
        InputError: there are none, or one is not positive.
    """
    if not shape or any(extent < 1 for extent in shape):
        raise InputError(
            f"input shape is {'x'.join(map(str, shape))!r}, expected positive extents: 3x224x224"
        )
    return shape
