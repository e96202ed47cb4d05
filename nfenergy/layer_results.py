"""The layers of one simulated topology, with what a notebook expects of a result."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

from energy.counts import LayerCounts

if TYPE_CHECKING:
    import pandas as pd


class Layers(tuple[LayerCounts, ...]):
    """One record a layer, in the topology's order.

    Attributes:
        energies: of each layer by domain at nominal voltage.
        energy_unit: theirs, ``pj`` or ``mac``.
        setting: in words, what they were calculated with.
    """

    energies: Sequence[Mapping[str, float]]
    energy_unit: str
    setting: str

    def __new__(
        cls,
        counts: Iterable[LayerCounts],
        energies: Sequence[Mapping[str, float]] = (),
        energy_unit: str = "",
        setting: str = "",
    ) -> Layers:
        made = super().__new__(cls, counts)
        made.energies, made.energy_unit, made.setting = energies, energy_unit, setting
        return made

    def __repr__(self) -> str:
        return f"<{len(self)} layers, {sum(row.total_cycles for row in self):,} cycles>"

    def _repr_html_(self) -> str:
        return str(self.to_frame().to_html())

    def to_frame(self) -> pd.DataFrame:
        """One row a layer, every column of SCALE-Sim's reports, and the energies."""
        import pandas as pd

        energies = self.energies or [{}] * len(self)
        return pd.DataFrame(
            [
                {
                    **row.as_dict(),
                    **{f"{domain}_{self.energy_unit}": value for domain, value in spent.items()},
                }
                for row, spent in zip(self, energies, strict=True)
            ]
        )
