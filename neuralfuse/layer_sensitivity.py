"""What bit errors in single layers do to accuracy: the record of `neuralfuse.evaluation.sensitivity`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

import numpy as np
from numpy.typing import NDArray

from nfenergy.ground.columns import Column

if TYPE_CHECKING:
    import pandas as pd

CHIPS = "test images, paired over chips"


def _percent(meaning: str) -> Column:
    return Column(meaning, unit="%", source="test images", low=0.0, high=100.0)


def _points(meaning: str) -> Column:
    return Column(meaning, unit="points", source=CHIPS)


@dataclass(frozen=True, slots=True, kw_only=True)
class LayerSensitivity:
    """What bit errors in one layer do to accuracy; figures are means over chips.

    Attributes:
        by_bit_percent: accuracy with errors in one bit position of this layer only, lowest bit first;
            empty where it was not measured.
    """

    number: Annotated[int, Column("place of the layer in memory, from 1", low=1)]
    layer: Annotated[str, Column("dotted path of the PyTorch module")]
    weights: Annotated[int, Column("stored weights of the layer", low=1)]
    bit_error_rate: Annotated[
        float, Column("of the layers with errors", unit="%", name="bit_error_rate_percent", percent=True)
    ]
    clean_percent: Annotated[float, _percent("accuracy without bit errors")]
    all_percent: Annotated[float, _percent("accuracy with errors in every layer")]
    only_percent: Annotated[float, _percent("accuracy with errors in this layer only")]
    only_loss_points: Annotated[float, _points("what errors in this layer only cost")]
    only_interval_points: Annotated[float | None, _points("half of its 95 % interval")]
    spared_percent: Annotated[float, _percent("accuracy with errors in all layers but this")]
    spared_gain_points: Annotated[float, _points("what sparing this layer gives back")]
    spared_interval_points: Annotated[float | None, _points("half of its 95 % interval")]
    fault_model: Annotated[str, Column("what a bit error is")]
    seeds: Annotated[str, Column("chips (fault seeds) that the means are over")]
    by_bit_percent: tuple[float, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Sensitivity:
    """What bit errors in single layers of a base do.

    Attributes:
        layers: in the order in which memory holds them.
        base: what it is of, in words; empty where nobody said.
    """

    layers: tuple[LayerSensitivity, ...]
    base: str = ""

    def __repr__(self) -> str:
        worst = max(self.layers, key=lambda row: row.only_loss_points)
        return (
            f"<{len(self.layers)} layers; {worst.layer} is the most sensitive: errors in it alone cost "
            f"{worst.only_loss_points:.1f} points>"
        )

    def _repr_html_(self) -> str:
        return str(self.to_frame().to_html())

    @property
    def by_bit_losses(self) -> NDArray[np.float64]:
        """Points lost with errors in one bit position of one layer, shape (layers, bits)."""
        return np.array([[row.clean_percent - one for one in row.by_bit_percent] for row in self.layers])

    def to_frame(self) -> pd.DataFrame:
        """One row a layer, with the columns of ``sensitivity.csv``."""
        from nfenergy.ground.tables import to_frame

        return to_frame(LayerSensitivity, self.layers)
