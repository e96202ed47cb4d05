"""Operations that multiply matrices inside, of shapes that nobody sees, and what to write in their place."""

from __future__ import annotations

import re
from typing import Any

from topologies.products import RULES


def hides_products(func: Any) -> bool:
    """Whether an operation on activations, which PyTorch does not break down, multiplies matrices unseen."""
    name = _name(func)
    if func.namespace not in _PYTORCHS_OWN:
        return not name.startswith(_HARMLESS_OF_OTHERS)
    if name.startswith(_DECOMPOSITIONS):
        return not name.endswith(_HARMLESS_DECOMPOSITIONS)
    return func.overloadpacket not in RULES and bool(_PRODUCTS.search(name))


def remedy(func: Any) -> str:
    """What to write in place of an operation that no rule lowers."""
    name = _name(func)
    namespace = getattr(func, "namespace", "aten")
    if namespace in ("quantized", "onednn", "prepacked"):
        return "build the network as it was before its weights were quantized or packed"
    if namespace not in _PYTORCHS_OWN:
        return "write it with PyTorch's own operations"
    if "grouped_mm" in name:
        return "how many rows each matrix gets hangs on values; write it with torch.bmm"
    if name.startswith(("scaled_dot_product", "flash_attention", "efficient_attention")):
        return "let PyTorch choose the kernel (no sdpa_kernel in the forward pass)"
    return "write it with convolutions or matrix products"


def _name(func: Any) -> str:
    return str(getattr(func, "overloadpacket", func)).removeprefix("aten.").lstrip("_")


_PYTORCHS_OWN = ("aten", "prim", "prims", "profiler", "higher_order")
_HARMLESS_OF_OTHERS = (
    *(f"torchvision.{name}" for name in ("nms", "roi_", "ps_roi_")),
    *(f"quantized_decomposed.{name}" for name in ("quantize", "dequantize", "choose_qparams", "fake_quant")),
)
_DECOMPOSITIONS = ("linalg_", "cholesky", "triangular_solve", "ormqr", "lobpcg")
_HARMLESS_DECOMPOSITIONS = ("norm", "cross", "diagonal", "check_errors")
_PRODUCTS = re.compile(r"mm(_|$)|matmul|conv(_|\d|olution)|(^|_)linear$|lstm|gru|rnn|attention|multi_head")
