"""One layer of one network as a row of reports: `LayerRow`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated

from energy.counts import LayerCounts
from energy.measures import energy_domains
from nfenergy.ground.columns import Column, Spread
from reports.records import CALCULATED, NETWORK, SETTING
from topologies.layers import Layer


@dataclass(frozen=True, slots=True, kw_only=True)
class LayerEnergy:
    """Energy of a layer in one domain of `energy.measures.ENERGY_DOMAINS`."""

    energy: Annotated[
        float,
        Column(
            "energy of the layer in the {row.title} at nominal voltage",
            "energy_unit",
            CALCULATED,
            "{row.name}_energy",
        ),
    ]


@dataclass(frozen=True, slots=True, kw_only=True)
class LayerRow:
    """One layer of one network: shape, what the engine counted, and its share of the energy.

    `role` is ``base`` or ``generator``: which of the two `network` is.
    """

    base: Annotated[str, Column("base model of the combination", source=SETTING)]
    generator: Annotated[str, Column("generator of the combination; none: no generator", source=SETTING)]
    network: Annotated[str, Column("the one of the two that the layer is in", source=NETWORK)]
    role: Annotated[str, Column("base or generator", source=NETWORK)]
    dataset: Annotated[str, Column("data set, which decides the network's form", source=SETTING)]
    batch: Annotated[int, Column("samples at a time, of which all figures are", source=SETTING)] = 1
    convention: Annotated[str, Column("how the network is written down for the simulator", source=SETTING)]
    layer: Layer
    folds: Annotated[int, Column("fillings of the array that the layer takes", source=CALCULATED)]
    counts: LayerCounts
    twma: Annotated[float, Column("SRAM words read for the layer's weights", "64-bit words", CALCULATED)]
    energy_share_percent: Annotated[
        float,
        Column(
            "of the weight-access energy of one inference, base model at the low voltage", "%", CALCULATED
        ),
    ]
    energy_unit: Annotated[
        str, Column("of energies: pj, or mac for multiples of one MAC; empty: none", source=SETTING)
    ] = ""
    energies: Annotated[Mapping[str, LayerEnergy], Spread(LayerEnergy, energy_domains)] = field(
        default_factory=dict, hash=False
    )
