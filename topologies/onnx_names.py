"""What the parts of an ONNX graph are called: as close to PyTorch's module paths as the file has them."""

from __future__ import annotations

import ast
from typing import Any

SCOPES = "pkg.torch.onnx.name_scopes"
"""Under this key PyTorch's newer exporter writes the paths of the modules around a node."""


def node_path(node: Any) -> str:
    """The path of the module that a node was exported from, or the node's own name.

    PyTorch's older exporter names a node ``/layer1/layer1.0/conv1/Conv``: the module ``layer1.0.conv1``.
    """
    scopes = _scopes(node)
    if scopes is not None:
        return scopes
    if not node.name.startswith("/"):
        return node.name or next(iter(node.output), "") or node.op_type
    path: list[str] = []
    for part in node.name.split("/")[1:-1]:
        if path and part.startswith(f"{path[-1]}."):
            path.pop()
        path.append(part)
    return ".".join(path) or "model"


def parameter_module(name: str) -> str | None:
    """The path of the module that holds a parameter; None where the exporter made up its name."""
    module, _, last = name.rpartition(".")
    return module if module and last and not last.isdigit() and not set(name) & set("/:") else None


def _scopes(node: Any) -> str | None:
    text = next((entry.value for entry in node.metadata_props if entry.key == SCOPES), None)
    if text is None:
        return None
    try:
        paths = ast.literal_eval(text)
    except (ValueError, SyntaxError):
        return None
    if not isinstance(paths, list) or not all(isinstance(path, str) for path in paths):
        return None
    return next((path for path in reversed(paths[:-1]) if path), "model")
