"""A node of an ONNX graph with what is known of its operands: the rules' only argument."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from nfenergy.ground.errors import InputError
from topologies.layers import ACTIVATIONS, WEIGHTS, Operands
from topologies.onnx_file import Shape
from topologies.onnx_names import node_path
from topologies.onnx_shapes import OnnxShapes


@dataclass(frozen=True, slots=True, kw_only=True)
class Stored:
    """A tensor that does not hang on the input.

    Attributes:
        module: path of the module that holds it; empty where the file has no such name.
        values: distinct values in it; an expanded tensor has fewer than its elements.
        computed: whether a matrix product made it, at every inference, from stored tensors.
    """

    module: str
    values: int
    computed: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One node while the graph is walked; operands are named by their position, -1 is the first output."""

    node: Any
    attributes: dict[str, Any]
    shapes: OnnxShapes
    stored: dict[str, Stored]

    @property
    def path(self) -> str:
        return node_path(self.node)

    def name(self, position: int) -> str:
        """The tensor at a position, empty where an optional one is left out."""
        if position < 0:
            return str(self.node.output[0])
        return str(self.node.input[position]) if position < len(self.node.input) else ""

    def shape(self, position: int) -> Shape:
        """Its extents.

        Raises:
            InputError: they hang on values, or on an operator that onnx does not know.
        """
        shape = self.shapes.shape(self.name(position))
        if shape is None:
            what = "its output" if position < 0 else f"its operand {self.name(position)!r}"
            raise self.refusal(
                f"the shape of {what} is not known: it hangs on values of the input, on values that the "
                "file does not hold or on an operator that onnx does not know; export the backbone without "
                "that part"
            )
        return shape

    def is_activation(self, position: int) -> bool:
        return self.name(position) not in self.stored

    def stored_at(self, position: int) -> Stored | None:
        return self.stored.get(self.name(position))

    def module_of(self, filters: int) -> str:
        """The module that holds the filters, or that which runs where the file has no such name."""
        held = self.stored_at(filters)
        return self.path if held is None or held.computed or not held.module else held.module

    def of_two(self, first: int, second: int, *, by_batch: bool = False) -> tuple[bool, Operands]:
        """Whether the filters are the first of two operands, and what the two are.

        `by_batch`: a product of its own for every sample; one of two computed operands is no weight then.
        """

        def data(position: int) -> bool:
            held = self.stored_at(position)
            return held is None or (by_batch and held.computed)

        if data(second):
            return (False, ACTIVATIONS) if data(first) else (True, WEIGHTS)
        return False, WEIGHTS

    def refusal(self, reason: str) -> InputError:
        return InputError(f"layer {self.path!r} ({self.node.op_type}): {reason}")
