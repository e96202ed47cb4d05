"""nfenergy: energy, accuracy and latency of accelerators with low-voltage weight SRAM and NeuralFuse."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandas as pd


def published(table: str) -> pd.DataFrame:
    """A published table as printed, for comparison only; see `reports.published.published`."""
    from reports.published import published as read

    return read(table)
