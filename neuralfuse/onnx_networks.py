"""Networks in ONNX files: ``model.onnx`` stands where the name of a network does.

They are counted and simulated; what runs a network takes a PyTorch module, which such a file is not.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from neuralfuse.registry import ONNX, Dataset, FileNetwork, Role
from nfenergy.ground.errors import InputError
from nfenergy.ground.files import check_regular

if TYPE_CHECKING:
    from torch import nn

FORM = f"model{ONNX}"


@dataclass(frozen=True, slots=True, kw_only=True)
class OnnxNetwork(FileNetwork):
    """A network in an ONNX file; `name` and `title` are the file's name."""

    def build(self, dataset: Dataset, *, width: float = 1.0) -> nn.Module:
        """Raises InputError: there is no PyTorch module in an ONNX file."""
        raise self.no_module()

    def no_module(self) -> InputError:
        """The refusal of whatever runs or trains networks."""
        return InputError(
            f"{self.name} is an ONNX file, which can be counted and simulated, not trained or run: it holds "
            "no PyTorch module; name a network of nfenergy, or write file.py:function"
        )


def is_onnx_file(name: str) -> bool:
    """Whether a network is named by an ONNX file."""
    return name.lower().endswith(ONNX)


def onnx_network(name: str, role: Role) -> OnnxNetwork:
    """The network in the file `name`, which is not looked into yet.

    Raises:
        InputError: the file cannot be read.
    """
    path = Path(name)
    check_regular(path, "network file")
    try:
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise InputError(f"cannot read network file {path}: {error.strerror or error}") from error
    return OnnxNetwork(name=path.name, title=path.name, role=role, factory="", path=path, sha256=digest)
