"""The shapes of everything in an ONNX graph, node by node, as ONNX's own shape inference finds them.

What nodes make of known values alone (mostly the extents of shapes) is computed, so that the shapes that
hang on it are known as well.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from typing import Any

from nfenergy.ground.errors import InputError
from topologies.onnx_file import LARGEST_VALUE, Shape, first_line, onnx_package, stored_tensors
from topologies.onnx_names import node_path

RANDOM = ("Bernoulli", "Multinomial", "Random")


class OnnxShapes:
    """What is known of the tensors of a model once its inputs have shapes.

    Attributes:
        values: small tensors that hang on no value of the input, as arrays.
    """

    def __init__(self, model: Any, inputs: dict[str, Shape]) -> None:
        self._onnx = onnx_package()
        self._inference = onnx_package("onnx.shape_inference")
        self._model = model
        self._opsets = {_domain(opset.domain): opset.version for opset in model.opset_import}
        self._declared = {value.name: value.type for value in model.graph.value_info}
        self.values: dict[str, Any] = {}
        kinds = {value.name: value.type.tensor_type.elem_type for value in model.graph.input}
        for tensor in model.graph.initializer:
            kinds[tensor.name] = tensor.data_type
            self._keep_value(tensor)
        self._types = {
            name: self._onnx.helper.make_tensor_type_proto(
                kinds.get(name, self._onnx.TensorProto.FLOAT), shape
            )
            for name, shape in (stored_tensors(model) | inputs).items()
        }

    def shape(self, name: str) -> Shape | None:
        """A tensor's shape, batch included; None where it hangs on values of the input."""
        found = self._types.get(name)
        if found is None or not found.tensor_type.HasField("shape"):
            return None
        extents = found.tensor_type.shape.dim
        if not all(extent.HasField("dim_value") for extent in extents):
            return None
        return tuple(int(extent.dim_value) for extent in extents)

    def size(self, name: str, unknown: int) -> int:
        """Elements of a tensor; `unknown` where its shape is not known."""
        shape = self.shape(name)
        return unknown if shape is None else math.prod(shape)

    def nodes(self, nodes: Iterable[Any] | None = None) -> Iterator[Any]:
        """The nodes in the order of the file, the shapes of each known; decided branches in line.

        Raises:
            InputError: a node reads what nothing writes, or does not fit its inputs.
        """
        for node in self._model.graph.node if nodes is None else nodes:
            unwritten = [name for name in node.input if name and name not in self._types]
            if unwritten:
                raise InputError(
                    f"layer {node_path(node)!r} ({node.op_type}) reads {unwritten[0]!r}, which nothing in "
                    "the file writes; is the file whole?"
                )
            if not node.output:
                raise InputError(
                    f"layer {node_path(node)!r} ({node.op_type}) writes nothing; is the file whole?"
                )
            branch = self._branch(node)
            if branch is None:
                self._infer(node)
                yield node
                continue
            yield from self.nodes(branch.node)
            copies = zip(branch.output, node.output, strict=True)
            yield from self.nodes(
                self._onnx.helper.make_node("Identity", [inner.name], [outer]) for inner, outer in copies
            )

    def _keep_value(self, tensor: Any, name: str = "") -> None:
        outside = tensor.data_location == self._onnx.TensorProto.EXTERNAL
        if not outside and math.prod(tensor.dims) <= LARGEST_VALUE:
            try:
                self.values[name or tensor.name] = self._onnx.numpy_helper.to_array(tensor)
            except Exception:
                return  # saved without its data

    def _branch(self, node: Any) -> Any:
        """The branch that an `If` on a known value takes."""
        if node.op_type != "If" or node.input[0] not in self.values:
            return None
        taken = "then_branch" if self.values[node.input[0]].all() else "else_branch"
        return next(attribute.g for attribute in node.attribute if attribute.name == taken)

    def _infer(self, node: Any) -> None:
        types = self._inferred(node)
        for name in filter(None, node.output):
            declared = self._declared.get(name, self._onnx.TypeProto())
            self._types[name] = types.get(name, declared)
        if node.op_type == "Constant":
            for attribute in node.attribute:
                if attribute.name == "value":
                    self._keep_value(attribute.t, node.output[0])
        if node.op_type in ("Shape", "Size"):
            known = self.shape(node.input[0]) is not None
        else:
            known = all(name in self.values for name in node.input if name)
        sizes = [self.shape(name) for name in node.output if name]
        small = all(size is not None and math.prod(size) <= LARGEST_VALUE for size in sizes)
        if known and small and node.output[0] not in self.values and not _is_opaque(node):
            self._compute(node)

    def _inferred(self, node: Any) -> dict[str, Any]:
        """Types of a node's outputs, none of an operator that onnx does not know."""
        domain = _domain(node.domain)
        given = {name: self._types[name] for name in node.input if name}
        incomplete = any(kind.WhichOneof("value") is None for kind in given.values())
        if domain not in self._opsets or incomplete or not self._onnx.defs.has(node.op_type, domain):
            return {}
        data = {
            name: self._onnx.numpy_helper.from_array(self.values[name], name)
            for name in given
            if name in self.values
        }
        try:
            schema = self._onnx.defs.get_schema(node.op_type, self._opsets[domain], domain)
            found: dict[str, Any] = self._inference.infer_node_outputs(
                schema,
                node,
                given,
                data,
                opset_imports=list(self._model.opset_import),
                ir_version=self._model.ir_version,
            )
        except Exception as error:
            raise InputError(
                f"layer {node_path(node)!r}: {node.op_type} does not fit its inputs: {first_line(error)}"
            ) from error
        return found

    def _compute(self, node: Any) -> None:
        """The values that a node makes of known ones, by ONNX's reference evaluator."""
        import numpy as np

        helper, reference = self._onnx.helper, onnx_package("onnx.reference")
        of_shape = node.op_type in ("Shape", "Size")
        outputs = [helper.make_empty_tensor_value_info(name) for name in node.output if name]
        try:
            inputs = {
                name: np.broadcast_to(np.float32(0), self.shape(name) or ())
                if of_shape
                else self.values[name]
                for name in node.input
                if name
            }
            known = [helper.make_empty_tensor_value_info(name) for name in inputs]
            graph = helper.make_graph([node], "values", known, outputs)
            alone = helper.make_model(graph, opset_imports=list(self._model.opset_import))
            found = reference.ReferenceEvaluator(alone).run(None, inputs)
        except Exception:
            return  # then its values are unknown, and so are the shapes that hang on them
        self.values |= {
            value.name: array for value, array in zip(outputs, found, strict=True) if hasattr(array, "shape")
        }


def _domain(name: str) -> str:
    return "" if name == "ai.onnx" else name


def _is_opaque(node: Any) -> bool:
    return node.op_type.startswith(RANDOM) or any(attribute.HasField("g") for attribute in node.attribute)
