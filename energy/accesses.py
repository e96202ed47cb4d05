"""What a layer or a network moves through every memory, and which of it stays on chip.

Values are single weights or activations, as SCALE-Sim counts them. Traffic is added up over layers; the
numbers may be arrays of shape (A,), one entry a machine.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields, replace
from functools import reduce
from typing import Literal, NamedTuple

from energy.array import SystolicArray
from energy.counts import LayerCounts
from energy.energy_tables import Action, Amount
from nfenergy.ground.errors import InputError
from topologies.layers import Topology

Memory = Literal["weight_sram", "ifmap_sram", "ofmap_sram", "dram"]
Domain = Literal["weight_sram", "activation_sram", "logic", "dram"]
Residency = Literal["none", "weights", "all"]
Access = Literal["word", "value"]

DOMAINS: dict[Domain, str] = {
    "weight_sram": "weight SRAM",
    "activation_sram": "activation SRAM",
    "logic": "logic",
    "dram": "DRAM",
}
RESIDENCIES: dict[Residency, str] = {
    "none": "every layer fetches weights and activations from DRAM and writes its ofmap back",
    "weights": "weights stay on chip",
    "all": "weights and activations stay on chip, but for the network's input and output",
}
ACCESSES: dict[Access, str] = {
    "word": "as many values as fit into a word are read together",
    "value": "a memory access for every value",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Traffic:
    """Values moved by a layer or a network, batch 1, as if nothing stayed on chip.

    Attributes:
        weight_reads, weight_fills: SRAM reads of weights for the array, and weights fetched from DRAM.
        operand_reads, operand_fills: likewise, of activations at the filter port.
        ifmap_reads, ifmap_fills: likewise, of the ifmap.
        input_fills: of `ifmap_fills`, those of the network's first layer.
        ofmap_writes, ofmap_drains: values that the array writes, and that are written to DRAM.
        output_drains: of `ofmap_drains`, those of the network's last layer.
        macs: of the topology's rows, which the array computes.
        cycles: SCALE-Sim's total cycles.
    """

    weight_reads: Amount
    weight_fills: Amount
    operand_reads: Amount
    operand_fills: Amount
    ifmap_reads: Amount
    ifmap_fills: Amount
    input_fills: Amount
    ofmap_writes: Amount
    ofmap_drains: Amount
    output_drains: Amount
    macs: Amount
    cycles: Amount

    def __add__(self, other: Traffic) -> Traffic:
        return Traffic(
            **{field.name: getattr(self, field.name) + getattr(other, field.name) for field in fields(self)}
        )

    def on(self, machines: slice) -> Traffic:
        """On some of the machines."""
        import numpy as np

        found = {field.name: getattr(self, field.name) for field in fields(self)}
        return Traffic(
            **{name: figure if np.ndim(figure) == 0 else figure[machines] for name, figure in found.items()}
        )


class MemoryAccess(NamedTuple):
    """One row of the account: values that one memory reads or writes.

    Attributes:
        memory: where.
        action: ``read`` or ``write``.
        domain: whose energy it is.
        values: how many.
        weights: they are weights; else activations.
    """

    memory: Memory
    action: Action
    domain: Domain
    values: Amount
    weights: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Extents:
    """What a network would need on chip, in values.

    Attributes:
        weights: all weights of the topology.
        largest_operand: of the layers with activations at the filter port.
        largest_ifmap, largest_ofmap: of any layer.
    """

    weights: int
    largest_operand: int
    largest_ifmap: int
    largest_ofmap: int


@dataclass(frozen=True, slots=True, kw_only=True)
class MemorySizes:
    """Capacities in kB of 1,024 bytes."""

    weight_sram: Amount
    ifmap_sram: Amount
    ofmap_sram: Amount

    @classmethod
    def of(cls, arrays: SystolicArray | Sequence[SystolicArray]) -> MemorySizes:
        """The buffers of one machine, or of A machines in arrays of shape (A,)."""
        if isinstance(arrays, SystolicArray):
            return cls(
                weight_sram=arrays.filter_sram_kb,
                ifmap_sram=arrays.ifmap_sram_kb,
                ofmap_sram=arrays.ofmap_sram_kb,
            )
        import numpy as np

        return cls(
            weight_sram=np.array([array.filter_sram_kb for array in arrays]),
            ifmap_sram=np.array([array.ifmap_sram_kb for array in arrays]),
            ofmap_sram=np.array([array.ofmap_sram_kb for array in arrays]),
        )


def layer_traffic(
    topology: Topology,
    counts: Sequence[LayerCounts],
    *,
    filter_port_is_weights: Sequence[bool] | None = None,
) -> tuple[Traffic, ...]:
    """What every layer moves.

    Args:
        topology: the network.
        counts: its layers' records, in its order.
        filter_port_is_weights: of each layer, that its filter port carries weights; None for what its
            `operands` say. Else it is a product of two activations.
    """
    ports = weight_ports(topology, filter_port_is_weights)
    last = len(topology.layers) - 1
    return tuple(
        Traffic(
            weight_reads=count.sram_filter_reads if weights else 0,
            weight_fills=count.dram_filter_reads if weights else 0,
            operand_reads=0 if weights else count.sram_filter_reads,
            operand_fills=0 if weights else count.dram_filter_reads,
            ifmap_reads=count.sram_ifmap_reads,
            ifmap_fills=count.dram_ifmap_reads,
            input_fills=count.dram_ifmap_reads if index == 0 else 0,
            ofmap_writes=count.sram_ofmap_writes_true,
            ofmap_drains=count.dram_ofmap_writes,
            output_drains=count.dram_ofmap_writes if index == last else 0,
            macs=layer.macs,
            cycles=count.total_cycles,
        )
        for index, (layer, count, weights) in enumerate(zip(topology.layers, counts, ports, strict=True))
    )


def network_traffic(layers: Iterable[Traffic]) -> Traffic:
    """The sum over layers."""
    return reduce(Traffic.__add__, layers)


def weight_ports(topology: Topology, given: Sequence[bool] | None) -> Sequence[bool]:
    """`given`, or what the layers themselves say.

    Raises:
        InputError: not one for each layer.
    """
    ports = [layer.reads_weights for layer in topology.layers] if given is None else given
    if len(ports) != len(topology.layers):
        raise InputError(
            f"topology {topology.name!r} has {len(topology.layers)} layers, and what the filter port "
            f"carries is given of {len(ports)}"
        )
    return ports


def extents_of(topology: Topology, *, filter_port_is_weights: Sequence[bool] | None = None) -> Extents:
    """What `topology` would need on chip; ofmap extents are SCALE-Sim's."""
    ports = weight_ports(topology, filter_port_is_weights)
    operands = [layer.window * layer.filters for layer in topology.layers]
    return Extents(
        weights=sum(operand for operand, weights in zip(operands, ports, strict=True) if weights),
        largest_operand=max(
            (operand for operand, weights in zip(operands, ports, strict=True) if not weights), default=0
        ),
        largest_ifmap=max(layer.ifmap_h * layer.ifmap_w * layer.channels for layer in topology.layers),
        largest_ofmap=max(layer.ofmap_px * layer.filters for layer in topology.layers),
    )


def resident_sizes(
    sizes: MemorySizes, extents: Extents, residency: Residency, *, weight_bits: int, activation_bits: int
) -> MemorySizes:
    """The memories' capacities: as built, or larger where more stays on chip than fits."""
    if residency == "none":
        return sizes
    weights = _kb(extents.weights, weight_bits)
    if residency == "weights":
        return replace(sizes, weight_sram=_at_least(sizes.weight_sram, weights))
    operands = weights + _kb(extents.largest_operand, activation_bits)
    return MemorySizes(
        weight_sram=_at_least(sizes.weight_sram, operands),
        ifmap_sram=_at_least(sizes.ifmap_sram, _kb(extents.largest_ifmap, activation_bits)),
        ofmap_sram=_at_least(sizes.ofmap_sram, _kb(extents.largest_ofmap, activation_bits)),
    )


def memory_accesses(traffic: Traffic, residency: Residency) -> tuple[MemoryAccess, ...]:
    """Every memory's reads and writes; what stays on chip is neither fetched nor written back."""
    all_stays = residency == "all"
    weight_fills = traffic.weight_fills if residency == "none" else 0
    operand_fills = 0 if all_stays else traffic.operand_fills
    ifmap_fills = traffic.input_fills if all_stays else traffic.ifmap_fills
    drains = traffic.output_drains if all_stays else traffic.ofmap_drains
    return (
        MemoryAccess("weight_sram", "read", "weight_sram", traffic.weight_reads, True),
        MemoryAccess("weight_sram", "write", "weight_sram", weight_fills, True),
        MemoryAccess("weight_sram", "read", "activation_sram", traffic.operand_reads, False),
        MemoryAccess("weight_sram", "write", "activation_sram", operand_fills, False),
        MemoryAccess("ifmap_sram", "read", "activation_sram", traffic.ifmap_reads, False),
        MemoryAccess("ifmap_sram", "write", "activation_sram", ifmap_fills, False),
        MemoryAccess("ofmap_sram", "write", "activation_sram", traffic.ofmap_writes, False),
        MemoryAccess("ofmap_sram", "read", "activation_sram", drains, False),
        MemoryAccess("dram", "read", "dram", weight_fills, True),
        MemoryAccess("dram", "read", "dram", operand_fills, False),
        MemoryAccess("dram", "read", "dram", ifmap_fills, False),
        MemoryAccess("dram", "write", "dram", drains, False),
    )


def accesses_per_value(access: Access, *, value_bits: int, access_bits: int) -> float:
    """Memory accesses for one value; no value straddles two words if it fits into one.

    >>> accesses_per_value("word", value_bits=8, access_bits=64)
    0.125
    """
    if value_bits > access_bits:
        return float(-(-value_bits // access_bits))
    return 1.0 / (access_bits // value_bits) if access == "word" else 1.0


def _kb(values: int, bits: int) -> float:
    return values * bits / 8 / 1024


def _at_least(capacity: Amount, needed: float) -> Amount:
    if isinstance(capacity, int | float):
        return max(capacity, needed)
    import numpy as np

    return np.maximum(capacity, needed)
