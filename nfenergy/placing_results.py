"""What placements of layers in a measured memory give: a table, text, JSON and a file."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from nfenergy.ground.files import write_text
from nfenergy.ground.tables import as_dict, csv_text
from reports.tables import render

if TYPE_CHECKING:
    import pandas as pd

    from neuralfuse.evaluation.placing import Placement


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Placements:
    """Layers laid into the banks of a measured memory: in order, sensitive ones well, and ill.

    Attributes:
        rows: one a placement.
        base: what it is of, in words.
    """

    rows: tuple[Placement, ...]
    base: str

    def __repr__(self) -> str:
        said = "; ".join(f"{row.what}: {row.perturbed_percent:.1f} %" for row in self.rows)
        return f"<{self.base}; {said}>"

    def _repr_html_(self) -> str:
        return str(self.to_frame().to_html())

    def to_frame(self) -> pd.DataFrame:
        """One row a placement, with the columns of ``placements.csv``."""
        from neuralfuse.evaluation.placing import Placement
        from nfenergy.ground.tables import to_frame

        return to_frame(Placement, self.rows)

    def text(self) -> str:
        """A table for people."""
        cells = [
            [
                row.what,
                f"{row.perturbed_percent:.2f}"
                + ("" if row.interval_points is None else f" +- {row.interval_points:.2f}"),
            ]
            for row in self.rows
        ]
        return render(["layers in the map's banks", "accuracy %"], cells)

    def as_json(self) -> list[dict[str, object]]:
        """The rows for scripts."""
        return [{**as_dict(row)} for row in self.rows]

    def write(self, folder: Path) -> list[Path]:
        """The table into `folder`. Raises NfEnergyError: it cannot be written."""
        from neuralfuse.evaluation.placing import Placement

        path = folder / "placements.csv"
        write_text(path, csv_text(Placement, self.rows))
        return [path]
