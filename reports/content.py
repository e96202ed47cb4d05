"""What the report page is made of."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from energy.domains import EnergySetting
from neuralfuse.layer_sensitivity import Sensitivity
from reports.assignment_rows import ShownAssignment
from reports.explorer_data import ExplorerData
from reports.layer_records import LayerRow
from reports.merge import Merged
from reports.plots.registry import PlotData
from reports.protections_section import ShownProtections
from reports.records import Tradeoff


@dataclass(frozen=True, slots=True, kw_only=True)
class PageContent:
    """What a page is made of.

    Attributes:
        merged: savings of one accelerator with their accuracies, and the rows without partner.
        data: what its figures are drawn from.
        energy: energy table, residency and so on.
        convention: name and description.
        command: the command line that makes the page again.
        versions: of Python and the packages that decide figures.
        protections: of the base models' weight memory; None where nothing was simulated.
        sensitivities: of base models' layers.
        assignments: of voltages to layers.
        explorer: what the explorer can be switched to; None for the savings' own array and energies.
    """

    merged: Merged
    data: PlotData
    energy: EnergySetting = field(default_factory=EnergySetting)
    convention: str
    command: str
    versions: Mapping[str, str]
    protections: ShownProtections | None = None
    sensitivities: Sequence[Sensitivity] = ()
    assignments: Sequence[ShownAssignment] = ()
    explorer: ExplorerData | None = None

    @property
    def tradeoffs(self) -> Sequence[Tradeoff]:
        return self.merged.tradeoffs

    @property
    def layers(self) -> list[LayerRow]:
        """The layers of all combinations, which ``layers.csv`` gets."""
        return [row for rows in self.data.layers.values() for row in rows]
