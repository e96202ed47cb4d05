"""What the report page is made of."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from energy.curve import VoltageCurve
from reports.merge import Merged
from reports.names import Names
from reports.records import LayerRow


@dataclass(frozen=True, slots=True, kw_only=True)
class PageContent:
    """What a page is made of.

    Attributes:
        merged: savings of one accelerator with their accuracies, and the rows without partner.
        layers: the layers of the combinations, all of which ``layers.csv`` gets.
        shown_layers: those of one combination, which are drawn and listed.
        curve: of the savings.
        convention: name and description.
        names: titles.
        command: the command line that makes the page again.
        versions: of Python and the packages that decide figures.
    """

    merged: Merged
    layers: Sequence[LayerRow]
    shown_layers: Sequence[LayerRow]
    curve: VoltageCurve
    convention: str
    names: Names
    command: str
    versions: Mapping[str, str]
