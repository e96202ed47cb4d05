"""What an assignment of voltages says: its layers, and how it stands beside the best uniform voltage."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean
from typing import TYPE_CHECKING

from energy.measures import Measure
from nfenergy.ground.figures import FORMATS
from nfenergy.ground.files import write_text
from nfenergy.ground.provenance import versions
from nfenergy.ground.tables import as_dict, csv_text
from reports.assignment_rows import AssignedLayer, AssignmentStanding, ShownAssignment
from reports.tables import render

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Assignment:
    """Voltages by layer.

    Attributes:
        layers: in the order in which memory holds them.
        standings: of the assignment, then of the best uniform voltage, then of controls where there are any.
        clean_percent: accuracy without bit errors.
        measure: what energy is reckoned by.
        base: what it is of, in words.
        controls_percent: energy of each assignment by shuffled sensitivities, of that at nominal voltage.
    """

    layers: tuple[AssignedLayer, ...]
    standings: tuple[AssignmentStanding, ...]
    clean_percent: float
    measure: Measure
    base: str = ""
    controls_percent: tuple[float, ...] = ()

    def __repr__(self) -> str:
        best, uniform = self.standings[:2]
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
        best, uniform = self.standings[:2]
        gained = uniform.energy_percent - best.energy_percent
        said = (
            f"The assignment takes {gained:.1f} % of the energy less than the best uniform voltage"
            if gained > 0
            else "No assignment was found to be cheaper than the best uniform voltage"
        )
        missed = [row.what for row in (best, uniform) if not row.keeps]
        held = f"; on the chips held out {' and '.join(missed)} missed the floor" if missed else ""
        return f"{said}{held}.{self._of_controls()}"

    def _of_controls(self) -> str:
        """What shuffled sensitivities came to, beside the true ones and the uniform voltage."""
        if not self.controls_percent:
            return ""
        _, uniform, true = (row.energy_percent for row in self.standings[:3])
        count, mean = len(self.controls_percent), fmean(self.controls_percent)
        as_uniform = sum(energy <= uniform for energy in self.controls_percent)
        as_true = sum(energy <= true for energy in self.controls_percent)
        return (
            f" Controls: of {count} shuffled sensitivities {as_uniform or 'none'} took no more than that "
            f"voltage, {as_true or 'none'} no more than the true ones alone; their mean is {mean:.1f} %, "
            f"{'above' if mean > uniform else 'not above'} the {uniform:.1f} % of that voltage."
        )

    @property
    def shown(self) -> ShownAssignment:
        """As the page shows it."""
        return ShownAssignment(
            base=self.base,
            layers=self.layers,
            standings=self.standings,
            verdict=self.verdict,
            clean_percent=self.clean_percent,
        )

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
            "controls_percent": list(self.controls_percent),
            "verdict": self.verdict,
            "versions": versions(),
        }

    def write(self, folder: Path) -> list[Path]:
        """Tables, figures and JSON into `folder`. Raises NfEnergyError: a file cannot be written."""
        from reports.plots.assignment_dots import assignment_plot, standings_plot
        from reports.plots.style import SIZES, save

        size, shown = SIZES["page"], self.shown
        drawn = {
            "assignment": assignment_plot(shown, size=size),
            "standings": standings_plot(shown, size=size),
        }
        figures = {folder / f"{name}.{format_}": drawn[name] for name in drawn for format_ in FORMATS}
        for path, figure in figures.items():
            save(figure, size, path)
        texts = {
            "assignment.csv": csv_text(AssignedLayer, self.layers),
            "standings.csv": csv_text(AssignmentStanding, self.standings),
            "assignment.json": json.dumps(self.as_json(), indent=2) + "\n",
        }
        for name, text in texts.items():
            write_text(folder / name, text)
        return [*figures, *(folder / name for name in texts)]
