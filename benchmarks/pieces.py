"""Long campaigns in pieces: what was run is kept in a file, and the next piece goes on from there."""

from __future__ import annotations

import json
import resource
import sys
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nfenergy.ground.files import write_text

if TYPE_CHECKING:
    from _typeshed import DataclassInstance


def load(state: Path | None, identity: dict[str, Any]) -> dict[str, Any] | None:
    """What earlier pieces kept; None where there are none. Of another campaign, it ends the program."""
    if state is None or not state.exists():
        return None
    found: dict[str, Any] = json.loads(state.read_bytes())
    if found.pop("identity") != identity:
        sys.exit(f"{state} is of another campaign; give its options, or another --state")
    return found


def save(state: Path | None, identity: dict[str, Any], progress: DataclassInstance) -> None:
    """Keep what was run, for `load`."""
    if state is not None:
        content = {"identity": identity, **asdict(progress)}
        write_text(state, json.dumps(content, default=sorted) + "\n")


def children_seconds() -> float:
    """Processor time of the child processes that have ended and were waited for."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime
