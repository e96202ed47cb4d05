"""What a comparison of protections says: tables, findings in words, JSON and files."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from energy.curve import OperatingPoint
from energy.measures import Measure
from neuralfuse.accuracy import Accuracy
from neuralfuse.accuracy_labels import base_labels
from neuralfuse.memory.protections import PROTECTIONS
from neuralfuse.registry import NO_PROTECTION
from nfenergy.ground.figures import FORMATS
from nfenergy.ground.files import write_text
from nfenergy.ground.provenance import versions
from nfenergy.ground.rates import percent_text
from nfenergy.ground.tables import as_dict, csv_text
from nfenergy.machine import Machine
from reports.protection_rows import FloorRow, ProtectionRow, TargetRow
from reports.tables import render

if TYPE_CHECKING:
    import pandas as pd

LATENCY_NOTE = "Latency is the generator's; the delay of encoders and decoders is not in it."


class Labelled(NamedTuple):
    """An accuracy with a name for its base model that tells it from the others."""

    label: str
    accuracy: Accuracy


def labelled(rows: Sequence[Accuracy]) -> list[Labelled]:
    """The rows with names; the protection is no part of a name."""
    bare = base_labels([replace(row, protection=NO_PROTECTION) for row in rows])
    return [Labelled(label, row) for label, row in zip(bare, rows, strict=True)]


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class ProtectionComparison:
    """All protections of one base model's weight memory.

    Attributes:
        title: base model and data set, for people.
        machine: what counted.
        point: where `rows` are.
        measure: what energy is reckoned by.
        read_factor: of SECDED(72,64).
        rows: one a protection, and generator and training where accuracies were measured.
        targets: each protection's cheapest voltage, by residual rate.
        floor_percent: the accuracy asked for; None for none.
        floors: each combination's cheapest measured voltage that keeps it, the cheapest first.
        left_out: protections in the accuracies that nobody registered.
    """

    title: str
    machine: Machine
    point: OperatingPoint
    measure: Measure
    read_factor: float
    rows: tuple[ProtectionRow, ...]
    targets: tuple[TargetRow, ...]
    floor_percent: float | None
    floors: tuple[FloorRow, ...]
    left_out: tuple[str, ...] = ()

    def __repr__(self) -> str:
        return f"<{len(self.rows)} protections of {self.title} at {self.point.voltage_norm:.4g} of Vmin>"

    def _repr_html_(self) -> str:
        return str(self.to_frame().to_html())

    def to_frame(self) -> pd.DataFrame:
        """The protections at the operating point, with the columns of ``protections.csv``."""
        from nfenergy.ground.tables import to_frame

        return to_frame(ProtectionRow, self.rows)

    def text(self) -> str:
        """Tables and findings for people."""
        point = self.point
        parts = [
            f"{self.title} at {point.voltage_norm:.4g} of Vmin, cells misread at "
            f"{percent_text(point.bit_error_rate)} (curve {point.curve}); energy by {self.measure.title} in "
            "percent of the unprotected base model's at nominal voltage",
            self._rows_table(),
            "Energy (%) at the lowest voltage that leaves at most this bit error rate "
            "(*: below the curve's lowest measured rate, its slope continued)",
            self._targets_table(),
        ]
        if self.floors:
            parts += [
                f"Cheapest measured voltage with {self.floor_percent:g} % accuracy",
                self._floors_table(),
            ]
        return "\n\n".join([*parts, "\n".join(self.findings), "\n".join(self.notes)])

    @property
    def findings(self) -> list[str]:
        """What follows from the figures, a sentence each."""
        found = code_findings(self.targets)
        if self.floors:
            best = self.floors[0]
            found.append(
                f"Cheapest for {self.floor_percent:g} % accuracy: {best.name} ({best.base}) at "
                f"{best.voltage_norm:.4g} of Vmin with {best.energy_percent:.1f} % of the energy."
            )
        return found

    @property
    def notes(self) -> list[str]:
        """What the figures assume."""
        sources = dict.fromkeys(row.source for row in self.rows)
        unknown = [f"Left out, because unknown here: {name}." for name in self.left_out]
        return [*unknown, LATENCY_NOTE, *(f"Costs: {source}." for source in sources)]

    def as_json(self) -> dict[str, object]:
        """All of it for scripts."""
        return {
            "title": self.title,
            "measure": self.measure.name,
            "read_factor": self.read_factor,
            "protections": [as_dict(row) for row in self.rows],
            "targets": [as_dict(row) for row in self.targets],
            "floor_percent": self.floor_percent,
            "floors": [as_dict(row) for row in self.floors],
            "findings": self.findings,
            "notes": self.notes,
            "curve": self.machine.curve.name,
            "array": str(self.machine.array),
            "engine": self.machine.engine,
            "versions": versions(),
        }

    def write(self, folder: Path) -> list[Path]:
        """Tables, figure and JSON into `folder`; the JSON comes last.

        Raises:
            NfEnergyError: a file cannot be written.
        """
        from reports.plots.protection_dots import protection_plot
        from reports.plots.style import SIZES, save

        texts = {
            "protections.csv": csv_text(ProtectionRow, self.rows),
            "targets.csv": csv_text(TargetRow, self.targets),
        }
        if self.floors:
            texts["floors.csv"] = csv_text(FloorRow, self.floors)
        for name, text in texts.items():
            write_text(folder / name, text)
        size = SIZES["page"]
        figure = protection_plot(self.rows, size=size)
        figures = [folder / f"protections.{format_}" for format_ in FORMATS]
        for path in figures:
            save(figure, size, path)
        record = folder / "protections.json"
        write_text(record, json.dumps(self.as_json(), indent=2) + "\n")
        return [*(folder / name for name in texts), *figures, record]

    def _rows_table(self) -> str:
        several = len({row.base for row in self.rows}) > 1
        header = [*["base"] * several, "protection", "left %", "top bit %", "energy %", "storage +%"]
        header += ["latency +%", "accuracy %"]
        cells = [
            [
                *[row.base] * several,
                row.name,
                f"{100 * row.residual_rate:.3g}",
                f"{100 * row.residual_rate_top:.3g}",
                f"{row.energy_percent:.1f}",
                f"{row.extra_storage_percent:.3g}",
                f"{row.latency_overhead_percent:.3g}",
                ""
                if row.perturbed_percent is None
                else f"{row.perturbed_percent:.1f} +- {row.perturbed_std_percent or 0:.1f}",
            ]
            for row in self.rows
        ]
        return render(header, cells, left=(0, 1) if several else (0,))

    def _targets_table(self) -> str:
        targets = dict.fromkeys(row.target_rate for row in self.targets)
        by_place = {(row.protection, row.target_rate): row for row in self.targets}
        header = ["protection", *(f"{target:.0e}" for target in targets)]
        cells = [
            [name, *(_marked(by_place[name, target]) for target in targets)]
            for name in dict.fromkeys(row.protection for row in self.targets)
        ]
        return render(header, cells)

    def _floors_table(self) -> str:
        cells = [
            [
                row.base,
                row.name,
                f"{row.voltage_norm:.4g}",
                f"{100 * row.bit_error_rate:.3g}",
                f"{row.energy_percent:.1f}",
                f"{row.perturbed_percent:.1f}",
            ]
            for row in self.floors
        ]
        return render(
            ["base", "protection", "V/Vmin", "rate %", "energy %", "accuracy %"], cells, left=(0, 1)
        )


def code_findings(targets: Sequence[TargetRow]) -> list[str]:
    """Whether codes over whole words, detected errors passed on, pay: a sentence each."""
    by_name: dict[str, list[TargetRow]] = {}
    for row in targets:
        by_name.setdefault(row.protection, []).append(row)
    return [
        _verdict(name, rows)
        for name, rows in by_name.items()
        if any(row.turning_read_factor for row in rows)
        and PROTECTIONS[name].highest_bits is None
        and not name.endswith("-zero")
    ]


def _verdict(name: str, rows: Sequence[TargetRow]) -> str:
    """Whether a code pays against the voltage that reaches the same residual rate, and where that turns."""
    title = PROTECTIONS[name].title.split(", detected")[0]
    losing = [row for row in rows if not row.pays]
    turning = [row.turning_read_factor or 0.0 for row in rows]
    low, high = min(turning), max(turning)
    at = {factor: _target(row) for factor, row in zip(turning, rows, strict=True)}
    span = f"{_target(rows[0])} to {_target(rows[-1])}"
    if len(losing) == len(rows):
        said = f"costs more than the voltage that leaves the same bit error rate without it, from {span}"
    elif not losing:
        said = f"costs less than the voltage that leaves the same bit error rate without it, from {span}"
    else:
        winning = ", ".join(_target(row) for row in rows if row.pays)
        said = f"costs less than the voltage that leaves the same bit error rate without it only at {winning}"
    return (
        f"{title} {said}; that turns at a read factor of SECDED(72,64) of {low:.3f} (at {at[low]}) to "
        f"{high:.3f} (at {at[high]})."
    )


def _target(row: TargetRow) -> str:
    return f"{row.target_rate:.0e}"


def _marked(row: TargetRow) -> str:
    return f"{row.energy_percent:.1f}{'*' if row.beyond_curve else ''}"
