"""What made a result: versions and sources, recorded with every result file."""

from __future__ import annotations

import hashlib
import platform
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path

PACKAGES = ("nfenergy", "scalesim", "ptflops", "torch", "numpy")


@cache
def versions() -> dict[str, str]:
    """Versions of Python and of the packages that decide figures."""
    found = {"python": platform.python_version()}
    for package in PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            found[package] = "not installed"
    return found


def versions_text() -> str:
    """What decides accuracies, besides seeds and settings, in one cell."""
    return "; ".join(f"{package} {versions()[package]}" for package in ("nfenergy", "torch", "numpy"))


def source_digest(*modules: str) -> str:
    """SHA-256 over the Python sources of modules and packages: changes whenever one of them does."""
    digest = hashlib.sha256()
    for module in modules:
        spec = find_spec(module)
        if spec is None or spec.origin is None:
            raise ModuleNotFoundError(module)
        origin = Path(spec.origin)
        sources = sorted(origin.parent.glob("*.py")) if origin.name == "__init__.py" else [origin]
        for source in sources:
            digest.update(source.name.encode() + b"\0" + source.read_bytes() + b"\0")
    return digest.hexdigest()
