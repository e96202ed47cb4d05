"""The reviewed topologies that nfenergy ships: read without PyTorch, written by ``make topologies``.

They stand for the networks only while the sources that made them are the installed ones; whoever edits
a network gets it traced anew.
"""

from __future__ import annotations

import json
from dataclasses import asdict, replace
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

from nfenergy.ground.provenance import source_digest
from topologies import table
from topologies.layers import Coverage, Topology

SOURCES = ("neuralfuse.registry", "neuralfuse.networks", "topologies")
FOLDER = Path(str(files("topologies"))) / "csv"
INDEX = "index.json"


def shipped_topology(network: str, dataset: str, convention: str) -> Topology | None:
    """The reviewed topology of a network under a convention's default mapping; None if there is none."""
    coverage = _index().get(f"{convention}/{dataset}/{network}")
    if coverage is None:
        return None
    rows = table.read(FOLDER / convention / dataset / f"{network}.csv")
    return replace(rows, convention=convention, coverage=Coverage(**coverage))


@cache
def _index() -> dict[str, Any]:
    """Coverage by path, empty where the sources are not those that made the files."""
    content = json.loads((FOLDER / INDEX).read_text(encoding="utf-8"))
    return dict(content["coverage"]) if content["sources"] == source_digest(*SOURCES) else {}


def index_text(coverage: dict[str, Coverage]) -> str:
    """The index of the shipped topologies as they are written now: coverage by path, sources' digest."""
    entries = {path: asdict(found) for path, found in coverage.items()}
    return json.dumps({"sources": source_digest(*SOURCES), "coverage": entries}, indent=1) + "\n"
