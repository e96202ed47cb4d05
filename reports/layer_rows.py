"""From a simulated network to one `LayerRow` a layer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from energy.array import SystolicArray
from energy.closed_form.folding import Folding
from energy.counts import LayerCounts, twma
from neuralfuse.registry import NO_GENERATOR
from reports.layer_records import LayerEnergy, LayerRow
from topologies.layers import Layer, Topology


@dataclass(frozen=True, slots=True, kw_only=True)
class CountedNetwork:
    """A network's topology beside the engine's records for it, one a layer.

    Attributes:
        energies: of each layer by domain at nominal voltage; empty where they were not calculated.
    """

    name: str
    role: str
    topology: Topology
    counts: tuple[LayerCounts, ...]
    energies: Sequence[Mapping[str, float]] = ()


def layer_rows(
    networks: Sequence[CountedNetwork],
    *,
    dataset: str,
    batch: int = 1,
    array: SystolicArray,
    weight_bits: int,
    energy_per_access_norm: float,
    energy_unit: str = "",
) -> list[LayerRow]:
    """The layers of a base model and its generator, in the order of `networks`.

    Args:
        networks: a base model, and its generator where there is one.
        dataset: names the networks' form.
        batch: samples at a time.
        array: what the counts were made for.
        weight_bits: bits a stored weight.
        energy_per_access_norm: of the base model's SRAM; the generator's is 1.
        energy_unit: of the networks' energies.
    """
    spent = {
        (network.role, index): _twma(layer, counts, weight_bits)
        * (energy_per_access_norm if network.role == "base" else 1.0)
        for network in networks
        for index, (layer, counts) in enumerate(zip(network.topology.layers, network.counts, strict=True))
    }
    total = sum(spent.values())
    by_role = {network.role: network.name for network in networks}
    return [
        LayerRow(
            base=by_role.get("base", ""),
            generator=by_role.get("generator", NO_GENERATOR),
            network=network.name,
            role=network.role,
            dataset=dataset,
            batch=batch,
            convention=network.topology.convention,
            layer=layer,
            folds=Folding.of(layer.shape, array).folds,
            counts=counts,
            twma=_twma(layer, counts, weight_bits),
            energy_share_percent=100.0 * spent[network.role, index] / total,
            energy_unit=energy_unit,
            energies={
                name: LayerEnergy(energy=energy)
                for name, energy in (network.energies[index] if network.energies else {}).items()
            },
        )
        for network in networks
        for index, (layer, counts) in enumerate(zip(network.topology.layers, network.counts, strict=True))
    ]


def _twma(layer: Layer, counts: LayerCounts, weight_bits: int) -> float:
    """None of a product of two activations: what its filter port reads are no weights."""
    return twma([counts] if layer.reads_weights else [], weight_bits=weight_bits)
