"""What tests of a user's own networks share."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest


@pytest.fixture
def write(tmp_path: Path) -> Callable[..., Path]:
    """Writes a file of networks and returns its path."""
    from tests.nfenergy.own_networks import HEAD, NETWORKS

    def written(source: str = NETWORKS, name: str = "my_net.py") -> Path:
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(HEAD + source, encoding="utf-8")
        return path

    return written
