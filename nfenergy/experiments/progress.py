"""How far a run of stages is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class StageProgress:
    """How far a run of stages is.

    Attributes:
        done: stages finished in this run.
        total: stages of this run.
        left_s: seconds left, judged by the stages so far.
        title: of the stage that was finished last.
    """

    done: int
    total: int
    left_s: float
    title: str


OnStage = Callable[[StageProgress], None]
