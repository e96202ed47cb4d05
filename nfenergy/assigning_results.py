"""What an assignment of voltages says: its layers, and how it stands beside the best uniform voltage."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from energy.measures import Measure
from nfenergy.ground.columns import Column
from nfenergy.ground.files import write_text
from nfenergy.ground.provenance import versions
from nfenergy.ground.tables import as_dict, csv_text
from reports.tables import render

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, slots=True, kw_only=True)
class AssignedLayer:
    """One layer and its voltage."""

    number: Annotated[int, Column("place of the layer in memory, from 1", low=1)]
    layer: Annotated[str, Column("dotted path of the PyTorch module")]
    group: Annotated[int, Column("layers with the same number share a voltage", low=1)]
    weights: Annotated[int, Column("stored weights of the layer", low=1)]
    voltage_norm: Annotated[float, Column("supply voltage of its weight SRAM", unit="Vmin")]
    bit_error_rate: Annotated[
        float, Column("of the curve there", unit="%", name="bit_error_rate_percent", percent=True)
    ]
    group_energy_percent: Annotated[
        float, Column("its group's share of the energy at nominal voltage", unit="%")
    ]
    group_loss_points: Annotated[
        float, Column("accuracy lost with errors in its group only, on the chips chosen on", unit="points")
    ]


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """An assignment, or one voltage for all, with its energy and its accuracy on chips held out."""

    what: Annotated[str, Column("which of the two", name="assignment")]
    measure: Annotated[str, Column("what energy is reckoned by")]
    floor_percent: Annotated[float, Column("accuracy asked for, mean over chips", unit="%")]
    voltage_norm: Annotated[float | None, Column("where it is one for all", unit="Vmin")]
    energy_percent: Annotated[float, Column("energy of one inference, of that at nominal voltage", unit="%")]
    chosen_percent: Annotated[float, Column("accuracy on the chips that it was chosen on", unit="%")]
    held_out_percent: Annotated[float, Column("accuracy on chips held out, mean", unit="%")]
    held_out_interval_points: Annotated[
        float | None, Column("half of its 95 % interval over chips", unit="points")
    ]
    fault_model: Annotated[str, Column("what a bit error is")]
    seeds: Annotated[str, Column("chips (fault seeds) held out")]

    @property
    def keeps(self) -> Annotated[bool, Column("whether it keeps the floor on the chips held out")]:
        return self.held_out_percent >= self.floor_percent


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Assignment:
    """Voltages by layer.

    Attributes:
        layers: in the order in which memory holds them.
        standings: of the assignment, then of the best uniform voltage.
        clean_percent: accuracy without bit errors.
        measure: what energy is reckoned by.
        base: what it is of, in words.
    """

    layers: tuple[AssignedLayer, ...]
    standings: tuple[Standing, Standing]
    clean_percent: float
    measure: Measure
    base: str = ""

    def __repr__(self) -> str:
        best, uniform = self.standings
        return (
            f"<{len(self.layers)} layers with {best.energy_percent:.1f} % of the energy by "
            f"{self.measure.title}; the best uniform voltage takes {uniform.energy_percent:.1f} %>"
        )

    def _repr_html_(self) -> str:
        return str(self.to_frame().to_html())

    def to_frame(self) -> pd.DataFrame:
        """One row a layer, with the columns of ``assignment.csv``."""
        from nfenergy.ground.tables import to_frame

        return to_frame(AssignedLayer, self.layers)

    @property
    def verdict(self) -> str:
        """What was gained, in a sentence."""
        best, uniform = self.standings
        gained = uniform.energy_percent - best.energy_percent
        said = (
            f"The assignment takes {gained:.1f} % of the energy less than the best uniform voltage"
            if gained > 0
            else "No assignment was found to be cheaper than the best uniform voltage"
        )
        missed = [row.what for row in self.standings if not row.keeps]
        held = f"; on the chips held out {' and '.join(missed)} missed the floor" if missed else ""
        return f"{said}{held}."

    def text(self) -> str:
        """Tables and verdict for people."""
        layers = [
            [
                row.layer,
                f"{row.group}",
                f"{row.weights:,}",
                f"{row.voltage_norm:.4g}",
                f"{100 * row.bit_error_rate:.3g}",
                f"{row.group_energy_percent:.1f}",
                f"{row.group_loss_points:.2f}",
            ]
            for row in self.layers
        ]
        standings = [
            [
                row.what,
                f"{row.energy_percent:.1f}",
                f"{row.chosen_percent:.2f}",
                f"{row.held_out_percent:.2f}"
                + ("" if row.held_out_interval_points is None else f" +- {row.held_out_interval_points:.2f}"),
                "yes" if row.keeps else "no",
            ]
            for row in self.standings
        ]
        header = ["layer", "group", "weights", "V/Vmin", "rate %", "group's energy %", "loss alone"]
        floor = f"keeps {self.standings[0].floor_percent:g} %"
        return "\n\n".join(
            [
                render(header, layers),
                render(["", "energy %", "chosen on %", "held out %", floor], standings),
                f"Without bit errors {self.clean_percent:.2f} %; energy by {self.measure.title} in percent "
                "of that at nominal voltage; intervals of 95 % over chips.",
                self.verdict,
            ]
        )

    def as_json(self) -> dict[str, object]:
        """All of it for scripts."""
        return {
            "base": self.base,
            "measure": self.measure.name,
            "clean_percent": self.clean_percent,
            "layers": [as_dict(row) for row in self.layers],
            "standings": [as_dict(row) for row in self.standings],
            "verdict": self.verdict,
            "versions": versions(),
        }

    def write(self, folder: Path) -> list[Path]:
        """Tables and JSON into `folder`. Raises NfEnergyError: a file cannot be written."""
        texts = {
            "assignment.csv": csv_text(AssignedLayer, self.layers),
            "standings.csv": csv_text(Standing, self.standings),
            "assignment.json": json.dumps(self.as_json(), indent=2) + "\n",
        }
        for name, text in texts.items():
            write_text(folder / name, text)
        return [folder / name for name in texts]
