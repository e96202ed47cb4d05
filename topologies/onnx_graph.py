"""An ONNX model -> its convolutions and matrix products, the records that `topologies.trace` gives too."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from topologies.layers import Lookup, VectorWork
from topologies.onnx_calls import Call, Stored
from topologies.onnx_file import Shape, input_shapes, onnx_package, stored_tensors
from topologies.onnx_names import parameter_module
from topologies.onnx_products import RECURRENT, RULES
from topologies.onnx_shapes import OnnxShapes
from topologies.onnx_vector_work import LOOKUPS, PASSED, Producers
from topologies.operations import Operation, Trace


def trace_onnx(model: Any, *, input_shape: Shape | None = None, batch: int = 1) -> Trace:
    """What an ONNX model multiplies in one run.

    Args:
        model: see `topologies.onnx_file.read_onnx`.
        input_shape: of its one input, without the batch, in place of the file's.
        batch: samples, where the file leaves its first extent open.

    Raises:
        InputError: an operator that no rule lowers, or shapes that hang on values (the message names the
            layer, the operator and the remedy); a damaged graph; or an open input shape.
    """
    walk = _Walk(model, OnnxShapes(model, input_shapes(model, input_shape, batch)))
    return walk.trace()


class _Walk:
    """Follows what hangs on the input through the graph, and records where it is multiplied."""

    def __init__(self, model: Any, shapes: OnnxShapes) -> None:
        self._shapes = shapes
        self._get = onnx_package().helper.get_attribute_value
        self._stored = {
            name: Stored(module=parameter_module(name) or "", values=math.prod(shape))
            for name, shape in stored_tensors(model).items()
        }
        self._producers = Producers()
        self._ops: list[Operation] = []
        self._lookups: list[Lookup] = []
        self._vector_work: Counter[str] = Counter()

    def trace(self) -> Trace:
        for node in self._shapes.nodes():
            attributes = {entry.name: self._get(entry) for entry in node.attribute}
            self._visit(Call(node=node, attributes=attributes, shapes=self._shapes, stored=self._stored))
            self._producers.add(node)
        return Trace(
            ops=tuple(self._ops),
            macs=sum(op.macs for op in self._ops),
            lookups=tuple(self._lookups),
            vector_work=tuple(VectorWork(*entry) for entry in self._vector_work.most_common()),
        )

    def _visit(self, call: Call) -> None:
        node = call.node
        known = all(name in self._shapes.values for name in node.output if name)
        active = not known and any(name not in self._stored for name in _reads(node))
        rule = RULES.get(node.op_type) if node.domain in ("", "ai.onnx") else None
        if rule and not known:
            ops = [op for op in rule(call) if op.macs]
            self._ops += ops
            if not active:
                self._derive(call, computed=bool(ops))
                return
        elif not active:
            self._derive(call)
            return
        else:
            self._check_passed(call)
            if node.op_type in LOOKUPS and self._looks_up(call):
                return
        if not (rule and ops) or node.op_type in RECURRENT:
            self._count_vector_work(call)

    def _check_passed(self, call: Call) -> None:
        node = call.node
        inner = {name for attribute in node.attribute for name in _operators(attribute)}
        if node.domain not in ("", "ai.onnx"):
            raise call.refusal(
                f"an operator of {node.domain!r}, of which nothing is known here; export the network with "
                "ONNX's own operators, before any runtime optimised it"
            )
        if inner:
            products = sorted(name for name in inner if name not in PASSED)
            if products:
                raise call.refusal(
                    f"{' and '.join(products)} within control flow; export the network "
                    "without loops and branches"
                )
        elif node.op_type not in PASSED:
            held = next((self._stored[name].module for name in node.input if name in self._stored), "")
            reads = f", which reads its weights of {held!r}" if held else ""
            raise call.refusal(
                f"no rule lowers this operator{reads}; write it with convolutions or matrix products, or "
                "export the network without this layer"
            )

    def _derive(self, call: Call, *, computed: bool = False) -> None:
        """What hangs on stored values alone is stored, too."""
        operands = [self._stored[name] for name in call.node.input if name in self._stored]
        source = next((held for held in operands if held.module), Stored(module="", values=0))
        computed = computed or any(held.computed for held in operands)
        for name in filter(None, call.node.output):
            values = self._shapes.size(name, source.values)
            if call.node.op_type in ("Expand", "Tile", "Identity", "Reshape", "Transpose") and operands:
                values = min(values, operands[0].values)
            self._stored[name] = replace(source, values=values, computed=computed)

    def _looks_up(self, call: Call) -> bool:
        """Record rows read from a stored table; False where the table is an activation."""
        table = call.stored_at(0)
        if table is None:
            return False
        shape, rows, out = call.shape(0), math.prod(call.shape(1)), math.prod(call.shape(-1))
        if call.node.op_type == "Gather" and len(shape) > 2:
            # Whole matrices, chosen by the input: the experts of a mixture. The product reads them.
            self._stored[call.name(-1)] = replace(table, values=out)
            return True
        if call.node.op_type == "GatherND":
            rows //= max(1, call.shape(1)[-1])
        self._lookups.append(Lookup(table.module or call.path, rows, out // max(1, rows)))
        return False

    def _count_vector_work(self, call: Call) -> None:
        multiplications = self._producers.vector_multiplications(call)
        if multiplications:
            self._vector_work["mul"] += multiplications


def _reads(node: Any) -> Iterator[str]:
    """Tensors that a node reads, those inside its branches and loops included."""
    yield from filter(None, node.input)
    for attribute in node.attribute:
        if attribute.HasField("g"):
            written = {name for inner in attribute.g.node for name in inner.output}
            written |= {value.name for value in attribute.g.input}
            written |= {tensor.name for tensor in attribute.g.initializer}
            for inner in attribute.g.node:
                yield from (name for name in _reads(inner) if name not in written)


def _operators(attribute: Any) -> Iterator[str]:
    """Operators inside a node's branch or loop; those of other makers by their domain, too."""
    if attribute.HasField("g"):
        for node in attribute.g.node:
            nested = [name for inner in node.attribute for name in _operators(inner)]
            yield from nested or [f"{node.domain}.{node.op_type}" if node.domain else node.op_type]
