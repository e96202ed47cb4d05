"""An ONNX file as it stands on disk: read, checked, its inputs and its stored values.

Shapes are all that a topology needs. Data kept outside of the file is never looked for, large tensors are
emptied, and files that were saved without their weights are as good as whole ones.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

from nfenergy.ground.errors import InputError
from topologies.inputs import check_input_shape

Shape = tuple[int, ...]
OpenShape = tuple[int | None, ...]

LARGEST_VALUE = 4096
"""Elements of a tensor that may say a shape: lists of extents and indices, and masks made of them."""


def onnx_package(module: str = "onnx") -> Any:
    """A module of the package ``onnx``, which is an extra.

    Raises:
        InputError: it is not installed.
    """
    try:
        return import_module(module)
    except ImportError as error:
        raise InputError(
            "reading ONNX files takes the package onnx, which is not installed: pip install 'nfenergy[onnx]'"
        ) from error


def read_onnx(path: Path) -> Any:
    """The model in an ONNX file, its own functions written out, its large tensors without data.

    Raises:
        InputError: it cannot be read, is no whole ONNX file, or is of a version that onnx does not know.
    """
    onnx = onnx_package()
    try:
        content = path.read_bytes()
    except OSError as error:
        raise InputError(f"cannot read ONNX file {path}: {error.strerror or error}") from error
    if not content:
        raise InputError(f"{path} is empty; expected an ONNX model")
    try:
        model = onnx.load_model_from_string(content)
    except Exception as error:
        raise InputError(f"{path} is not an ONNX model, or is cut off: {first_line(error)}") from error
    if not model.graph.node or not model.opset_import:
        raise InputError(f"{path} holds no graph of ONNX operators; is it an ONNX model, and whole?")
    names = (*(opset.domain for opset in model.opset_import), *_names(model.graph))
    if not all(isinstance(name, str) for name in names):
        raise InputError(f"{path} is damaged: it holds names that are not text")
    _check_opset(model, onnx.defs.onnx_opset_version(), onnx.__version__)
    for tensor in model.graph.initializer:
        if any(extent < 0 for extent in tensor.dims):
            raise InputError(f"{path} is damaged: {tensor.name} has a negative extent")
        if math.prod(tensor.dims) > LARGEST_VALUE:
            _empty(tensor)
    if model.functions:
        model = onnx_package("onnx.inliner").inline_local_functions(model)
    return model


def first_line(error: BaseException) -> str:
    """What an error says, on one line."""
    lines = (line.strip() for line in str(error).splitlines())
    return next((line for line in lines if line), "") or type(error).__name__


def _check_opset(model: Any, newest: int, installed: str) -> None:
    for opset in model.opset_import:
        if opset.domain in ("", "ai.onnx") and not 1 <= opset.version <= newest:
            raise InputError(
                f"the model uses version {opset.version} of ONNX's operators; onnx {installed} knows 1 to "
                f"{newest}: install a newer onnx, or export with opset_version={newest}"
            )


def _names(graph: Any) -> Iterator[object]:
    """Every name in a graph; protobuf gives bytes where they are no UTF-8."""
    for named in (*graph.input, *graph.output, *graph.value_info, *graph.initializer):
        yield named.name
    for node in graph.node:
        yield from (node.name, node.op_type, node.domain, *node.input, *node.output)
        for attribute in node.attribute:
            yield from (attribute.name, *_names(attribute.g))


def _empty(tensor: Any) -> None:
    for field in ("raw_data", "float_data", "int32_data", "int64_data", "double_data", "uint64_data"):
        tensor.ClearField(field)


def stored_tensors(model: Any) -> dict[str, Shape]:
    """Shapes of what the file stores, or stored before its weights were left out, by name.

    A model exported without its parameters takes them as further inputs, named by their dotted paths.
    """
    stored = {tensor.name: tuple(tensor.dims) for tensor in model.graph.initializer}
    for tensor in model.graph.sparse_initializer:
        stored[tensor.values.name] = tuple(tensor.dims)
    for value in model.graph.input:
        shape = _extents(value)
        if value.name not in stored and _is_parameter(value.name) and shape and all(shape):
            stored[value.name] = tuple(extent or 0 for extent in shape)
    return stored


def input_shapes(model: Any, input_shape: Shape | None, batch: int) -> dict[str, Shape]:
    """Shapes of the inputs, batch included.

    Args:
        model: see `read_onnx`.
        input_shape: without the batch, in place of the one input's; of several, in place of those with open
            extents that it fits: the token ids, mask and token types of a language model.
        batch: samples, where the file leaves its first extent open.

    Raises:
        InputError: the file leaves other extents open, or fixes another batch.
    """
    stored = stored_tensors(model)
    inputs = {value.name: _extents(value) for value in model.graph.input if value.name not in stored}
    if not inputs:
        raise InputError("the model takes no input")
    if input_shape is not None:
        for name in _replaced(inputs, check_input_shape(input_shape)):
            fixed_batch = (inputs[name] or (None,))[0]
            inputs[name] = (fixed_batch, *input_shape)
    remedy = "export with fixed extents"
    if input_shape is None:
        remedy = f"give the input's shape, or {remedy}"
    return {name: tuple(_whole(name, extents, batch, remedy)) for name, extents in inputs.items()}


def _replaced(inputs: dict[str, OpenShape | None], given: Shape) -> list[str]:
    """Which inputs a given shape is for: the only one, or all with open extents that it fits.

    Raises:
        InputError: there are several, and it is for none of them.
    """
    if len(inputs) == 1:
        return list(inputs)
    found = [name for name, extents in inputs.items() if extents and _fits(extents[1:], given)]
    if not found:
        shown = "; ".join(f"{name}: {_shown(extents)}" for name, extents in inputs.items())
        raise InputError(
            f"it takes {len(inputs)} inputs ({shown}), and {'x'.join(map(str, given))} fills open extents of "
            "none; export with fixed extents"
        )
    return found


def _fits(extents: OpenShape, given: Shape) -> bool:
    fixed = all(extent in (None, own) for extent, own in zip(extents, given, strict=False))
    return len(extents) == len(given) and not all(extents) and fixed


def _shown(extents: OpenShape | None) -> str:
    return " x ".join("?" if extent is None else str(extent) for extent in extents or (None,))


def _whole(name: str, extents: OpenShape | None, batch: int, remedy: str) -> Iterator[int]:
    if extents is None or not all(extents[1:]):
        raise InputError(f"the file leaves extents of its input {name!r} open ({_shown(extents)}); {remedy}")
    if extents and extents[0] and batch not in (1, extents[0]):
        raise InputError(f"the file fixes the batch of {name!r} at {extents[0]}; leave out batch {batch}")
    for position, extent in enumerate(extents):
        yield extent or (batch if position == 0 else 1)


def _extents(value: Any) -> OpenShape | None:
    """Extents of a declared value, None where a letter or -1 stands; None where no shape is declared."""
    tensor = value.type.tensor_type
    if not tensor.HasField("shape"):
        return None
    extents = tensor.shape.dim
    return tuple(
        extent.dim_value if extent.HasField("dim_value") and extent.dim_value >= 0 else None
        for extent in extents
    )


def _is_parameter(name: str) -> bool:
    """Whether an input's name is a parameter's path; PyTorch's own names of inputs end in a number."""
    return "." in name and not name.rpartition(".")[2].isdigit()
