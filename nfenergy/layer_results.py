"""The layers of one simulated topology, with what a notebook expects of a result."""

from __future__ import annotations

from typing import TYPE_CHECKING

from energy.counts import LayerCounts

if TYPE_CHECKING:
    import pandas as pd


class Layers(tuple[LayerCounts, ...]):
    """One record a layer, in the topology's order."""

    __slots__ = ()

    def __repr__(self) -> str:
        return f"<{len(self)} layers, {sum(row.total_cycles for row in self):,} cycles>"

    def _repr_html_(self) -> str:
        return str(self.to_frame().to_html())

    def to_frame(self) -> pd.DataFrame:
        """One row a layer, every column of SCALE-Sim's reports."""
        import pandas as pd

        return pd.DataFrame([row.as_dict() for row in self])
