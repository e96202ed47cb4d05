"""Networks of one's own: Python files."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from tests.fuzz.case import Sample, file_format
from tests.fuzz.formats.rules import demand
from tests.fuzz.mutations import damaged_bytes, damaged_text, several

SOURCE = b"""\
from torch import nn


def build(classes):
    return nn.Sequential(
        nn.Conv2d(3, 4, 3, stride=2, padding=1),
        nn.ReLU(),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        nn.Linear(4, classes),
    )
"""
LINES = (
    (
        "simulate",
        "--base",
        "net.py:build",
        "--engine",
        "closed-form",
        "--convention",
        "exact",
        "--quiet",
        "--json",
    ),
    ("export", "--base", "net.py:build", "--convention", "exact", "--out", "out", "--quiet"),
)


def _rules(folder: Path) -> None:
    """Python that compiles and still names the function."""
    content = (folder / "net.py").read_bytes()
    try:
        compile(content, "net.py", "exec")
    except (SyntaxError, ValueError, MemoryError, RecursionError):
        demand(False, "no Python")
    demand(b"build" in content, "no function build")


def _samples() -> Sequence[Sample]:
    mutate = several(damaged_text, damaged_text, damaged_bytes)
    return [Sample(files={"net.py": SOURCE}, lines=LINES, rules=_rules, mutate=mutate, may_warn=True)]


FORMAT = file_format("own network", _samples, share=0.4)
