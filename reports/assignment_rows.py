"""Records of an assignment of voltages: the layers, and how it stands beside one voltage for all."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from nfenergy.ground.columns import Column


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
class AssignmentStanding:
    """An assignment, or one voltage for all, with its energy and its accuracy on chips held out."""

    what: Annotated[str, Column("which assignment", name="assignment")]
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


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownAssignment:
    """An assignment as the page shows it.

    Attributes:
        base: what it is of, in words.
        layers: in the order in which memory holds them.
        standings: of the assignment, and of what it is compared with.
        verdict: what was gained, in a sentence.
        clean_percent: accuracy without bit errors.
    """

    base: str
    layers: tuple[AssignedLayer, ...]
    standings: tuple[AssignmentStanding, ...]
    verdict: str
    clean_percent: float
