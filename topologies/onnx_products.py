"""ONNX's matrix products, recurrent layers and attention as `topologies.operations`."""

from __future__ import annotations

import math
from collections.abc import Callable

from topologies.layers import ACTIVATIONS, WEIGHTS, Operands
from topologies.onnx_calls import Call
from topologies.onnx_convolutions import convolution, transposed_convolution
from topologies.onnx_file import Shape
from topologies.operations import Operation, Product

RECURRENT = {"LSTM": 4, "GRU": 3, "RNN": 1}
"""Recurrent operators and their gates: matrices of weights beside each other."""


def _matmul(call: Call, left: int = 0, right: int = 1) -> list[Product]:
    """One matrix product where one operand is a single matrix, else one a matrix of the stack."""
    first, second = call.shape(left), call.shape(right)
    depth = first[-1]
    rows, columns = _rows(first), 1 if len(second) == 1 else second[-1]
    stacks = math.prod(_broadcast(first[:-2], second[:-2]))
    if math.prod(second[:-2]) == 1:
        filters_first, operands = call.of_two(left, right)
        return _product(call, (1, rows * stacks, depth, columns), (left, right), filters_first, operands)
    if math.prod(first[:-2]) == 1:
        # The one matrix stands still: of two activations it is the filters.
        filters_first, operands = call.of_two(left, right)
        if operands == ACTIVATIONS:
            return _product(call, (1, columns * stacks, depth, rows), (right, left), False, operands)
        if filters_first:
            return _product(call, (1, rows, depth, columns * stacks), (left, right), True, operands)
    return _stacked(call, (stacks, rows, depth, columns), (left, right))


def _rows(shape: Shape) -> int:
    return 1 if len(shape) == 1 else shape[-2]


def _broadcast(first: Shape, second: Shape) -> Shape:
    length = max(len(first), len(second))
    padded = [(1,) * (length - len(shape)) + shape for shape in (first, second)]
    return tuple(b if a == 1 else a for a, b in zip(*padded, strict=True))


def _stacked(call: Call, extents: tuple[int, int, int, int], places: tuple[int, int]) -> list[Product]:
    """Stacks of matrices: one product a distinct matrix of weights, or a pair of activations."""
    stacks, rows, depth, columns = extents
    filters_first, operands = call.of_two(*places, by_batch=True)
    count = stacks
    if operands == WEIGHTS:
        held = call.stored_at(places[0] if filters_first else places[1])
        matrix = depth * (rows if filters_first else columns)
        distinct = min(stacks, max(1, held.values // max(1, matrix))) if held else stacks
        count = distinct if stacks % distinct == 0 else stacks
    shared = stacks // max(1, count)
    rows, columns = (rows, columns * shared) if filters_first else (rows * shared, columns)
    return _product(call, (count, rows, depth, columns), places, filters_first, operands)


def _product(
    call: Call,
    extents: tuple[int, int, int, int],
    places: tuple[int, int],
    filters_first: bool,
    operands: Operands,
) -> list[Product]:
    count, rows, depth, columns = extents
    filters = places[0] if filters_first else places[1]
    product = Product(
        module=call.module_of(filters) if operands == WEIGHTS else call.path,
        count=count,
        rows=columns if filters_first else rows,
        depth=depth,
        columns=rows if filters_first else columns,
        operands=operands,
        macs=count * rows * depth * columns,
    )
    return [product]


def _gemm(call: Call) -> list[Product]:
    first, second = call.shape(0), call.shape(1)
    rows, depth = first[::-1] if call.attributes.get("transA", 0) else first
    columns = second[0] if call.attributes.get("transB", 0) else second[1]
    filters_first, operands = call.of_two(0, 1)
    return _product(call, (1, rows, depth, columns), (0, 1), filters_first, operands)


def _recurrent(call: Call) -> list[Product]:
    """A direction after the other: its input projection over all steps, then one product a step."""
    steps, batch, features = call.shape(0)
    if call.attributes.get("layout", 0):
        steps, batch = batch, steps
    directions, _, hidden = call.shape(2)
    columns = RECURRENT[call.node.op_type] * hidden
    products: list[Product] = []
    for _ in range(directions):
        for filters, rows, depth, times in ((1, steps * batch, features, 1), (2, batch, hidden, steps)):
            operands = ACTIVATIONS if call.is_activation(filters) else WEIGHTS
            products += _product(call, (1, rows, depth, columns), (0, filters), False, operands) * times
    return products


def _einsum(call: Call) -> list[Product]:
    """A sum over products of two operands; letters that only one of them has are summed up before."""
    inputs, output = _letters(call)
    if len(inputs) != 2:
        return []
    first, second = ({letter for letter in term if letter in output + inputs[1 - place]} for place, term in
                     enumerate(inputs))  # fmt: skip
    extents: dict[str, int] = {}
    for place, term in enumerate(inputs):
        for letter, extent in zip(term, call.shape(place), strict=True):
            extents[letter] = max(extent, extents.get(letter, 1))

    def size(letters: set[str]) -> int:
        return math.prod(extents[letter] for letter in letters)

    both = first & second
    summed = both - set(output)
    if not summed:
        return []
    sizes = (size(both - summed), size(first - both), size(summed), size(second - both))
    if sizes[0] == 1:
        filters_first, operands = call.of_two(0, 1)
        return _product(call, sizes, (0, 1), filters_first, operands)
    return _stacked(call, sizes, (0, 1))


def _letters(call: Call) -> tuple[list[str], str]:
    """One letter an axis of each operand and of the result, an ellipsis written out."""
    equation = call.attributes["equation"].decode(errors="replace").replace(" ", "")
    terms, arrow, result = equation.partition("->")
    inputs = terms.split(",")
    if len(inputs) > 2:
        raise call.refusal(f"it multiplies {len(inputs)} operands; write it as products of two")
    free = [chr(code) for code in range(0x3B1, 0x3C9)]
    hidden = ""
    for place, term in enumerate(inputs):
        if "..." in term:
            letters = "".join(free[: len(call.shape(place)) - len(term) + 3][::-1])
            hidden = max(hidden, letters, key=len)
            inputs[place] = term.replace("...", letters)
    if not arrow:
        joined = "".join(inputs)
        result = "..." + "".join(sorted(c for c in set(joined) - set(hidden) if joined.count(c) == 1))
    return inputs, result.replace("...", hidden)


def _attention(call: Call) -> list[Product]:
    """Queries by keys, then probabilities by values, for every head and sample."""
    query, key, value = (call.shape(place) for place in range(3))
    if len(query) == 3:
        heads, kv_heads = (call.attributes[name] for name in ("q_num_heads", "kv_num_heads"))
        query = (query[0], heads, query[1], query[2] // heads)
        key, value = ((s[0], kv_heads, s[1], s[2] // kv_heads) for s in (key, value))
    past = call.shape(4)[2] if call.name(4) else 0
    count, keys = query[0] * query[1], key[2] + past
    scores = _product(call, (count, query[2], query[3], keys), (0, 1), False, ACTIVATIONS)
    return scores + _product(call, (count, query[2], keys, value[3]), (0, 2), False, ACTIVATIONS)


RULES: dict[str, Callable[[Call], list[Operation]]] = {
    "Attention": lambda call: [*_attention(call)],
    "Conv": lambda call: [*convolution(call)],
    "ConvInteger": lambda call: [*convolution(call)],
    "ConvTranspose": lambda call: [*transposed_convolution(call)],
    "Einsum": lambda call: [*_einsum(call)],
    "Gemm": lambda call: [*_gemm(call)],
    "MatMul": lambda call: [*_matmul(call)],
    "MatMulInteger": lambda call: [*_matmul(call)],
    "QLinearConv": lambda call: [*convolution(call, 0, 3)],
    "QLinearMatMul": lambda call: [*_matmul(call, 0, 3)],
    **dict.fromkeys(RECURRENT, lambda call: [*_recurrent(call)]),
}
"""Operators that multiply matrices."""
