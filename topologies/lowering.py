"""A traced model -> a SCALE-Sim topology that holds it, and where the two multiply differently."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from nfenergy.ground.errors import NfEnergyError
from topologies.convention import Convention
from topologies.inputs import ModelInputs
from topologies.layers import WEIGHTS, Coverage, Layer, Topology
from topologies.mapping import rows_of
from topologies.operations import Operation, Product, Trace

if TYPE_CHECKING:
    from torch import nn


def topology_of(
    model: nn.Module,
    inputs: tuple[int, ...] | ModelInputs,
    *,
    name: str,
    convention: Convention,
    deconvolution: str | None = None,
    batch: int = 1,
) -> Topology:
    """The topology of any PyTorch model.

    Args:
        model: left as it is.
        inputs: the shape of one input without the batch (channels, rows, columns), or the arguments of
            the forward pass.
        name: the network's name; under ``paper`` it selects that network's known exceptions.
        convention: see `topologies.convention`.
        deconvolution: a mapping that the convention allows, or None for its default.
        batch: samples of an input that is given by its shape.

    Raises:
        InputError: see `topologies.trace.trace`; or a mapping that the convention does not allow.
    """
    from topologies.trace import trace

    traced = trace(model, inputs, batch=batch)
    return lower(traced, name=name, convention=convention, deconvolution=deconvolution)


def lower(traced: Trace, *, name: str, convention: Convention, deconvolution: str | None = None) -> Topology:
    """The topology of a traced model; arguments as in `topology_of`.

    Raises:
        NfEnergyError: rows that should multiply exactly what their operation does, and do not.
    """
    layers: list[Layer] = []
    for op, rows in _lowered(traced, name, convention, convention.deconvolution(deconvolution)):
        macs = sum(row.macs for row in rows)
        if macs != op.macs and _difference(op, convention, deconvolution) is None:
            raise NfEnergyError(
                f"layer {op.module!r} ({op.operation}): its rows have {macs:,} MACs where the network has "
                f"{op.macs:,}; this is a defect of nfenergy, please report the network"
            )
        layers += rows
    weighted = sum(op.operands == WEIGHTS for op in traced.ops)
    return Topology(
        name=name,
        layers=tuple(layers),
        convention=convention.name,
        coverage=Coverage(
            weighted_layers=weighted,
            lowered_layers=weighted,
            macs=traced.macs + sum(work.multiplications for work in traced.vector_work),
            lowered_macs=traced.macs,
            left_out=traced.vector_work,
            lookups=traced.lookups,
        ),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class MacDifference:
    """An operation whose rows have other MACs than the network, and why."""

    layer: str
    operation: str
    macs: int
    simulated_macs: int
    reason: str


def mac_differences(
    traced: Trace, *, name: str, convention: Convention, deconvolution: str | None = None
) -> tuple[MacDifference, ...]:
    """Where the topology's MACs are not the network's; arguments as in `topology_of`."""
    lowered = _lowered(traced, name, convention, convention.deconvolution(deconvolution))
    return tuple(
        MacDifference(
            layer=op.module,
            operation=op.operation,
            macs=op.macs,
            simulated_macs=sum(row.macs for row in rows),
            reason=_difference(op, convention, deconvolution) or "",
        )
        for op, rows in lowered
        if sum(row.macs for row in rows) != op.macs
    )


def _difference(op: Operation, convention: Convention, deconvolution: str | None) -> str | None:
    """Why the rows of an operation may have other MACs than itself; None where they may not."""
    if isinstance(op, Product):
        return None
    if op.transposed:
        return DECONVOLUTION_DIFFERENCES[convention.deconvolution(deconvolution)]
    if convention.name == "paper":
        return "padding is folded into the ifmap, and SCALE-Sim rounds the ofmap up"
    return None


DECONVOLUTION_DIFFERENCES = {
    "paper": "input and output are exchanged, and the output is padded",
    "zero-insertion": "the inserted zeros are multiplied too",
    "subpixel": "windows at the border multiply padding, where PyTorch multiplies pixels that it cuts off",
}


def _lowered(
    traced: Trace, name: str, convention: Convention, mapping: str
) -> Iterator[tuple[Operation, tuple[Layer, ...]]]:
    calls: Counter[str] = Counter()
    for op in traced.ops:
        calls[op.module] += 1
        path = op.module if calls[op.module] == 1 else f"{op.module}#{calls[op.module]}"
        padding = convention.extra_padding.get((name, op.module), 0)
        yield op, tuple(rows_of(op, path, convention, mapping, extra_padding=padding))
