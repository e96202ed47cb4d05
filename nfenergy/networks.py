"""A network as the energy model sees it: parameters, MACs, topology.

Building and tracing takes PyTorch, whose import alone takes seconds; what comes of a named network is kept
on disk under the versions and the sources that it came from. A user's own network is built every time:
nobody knows what its file imports.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from energy.macs import NetworkSize, network_size
from neuralfuse.registry import Dataset, Network
from neuralfuse.user_networks import UserNetwork
from nfenergy.ground.cache import JsonCache
from nfenergy.ground.errors import InputError
from nfenergy.ground.provenance import source_digest, versions
from nfenergy.shipped import shipped_topology
from topologies.convention import Convention
from topologies.layers import Coverage, Layer, Topology

if TYPE_CHECKING:
    from torch import nn

    from topologies.operations import Trace

SOURCES = ("neuralfuse.registry", "neuralfuse.networks", "topologies", "energy.macs")
COUNTS_ALL = "--convention exact counts all of them"


@dataclass(frozen=True, slots=True, kw_only=True)
class NetworkModel:
    """A network in one of its forms, under one convention."""

    network: Network
    size: NetworkSize
    topology: Topology


def network_model(
    network: Network,
    dataset: Dataset,
    convention: Convention,
    deconvolution: str | None = None,
    *,
    width: float = 1.0,
) -> NetworkModel:
    """Build, trace and count a network, or recall what came of it; `width` scales a base's channels.

    Raises:
        InputError: the convention does not allow the deconvolution mapping; or a user's own network cannot
            be built, traced or counted.
    """
    mapping = convention.deconvolution(deconvolution)
    if isinstance(network, UserNetwork):
        with network.at_home():
            return build_network_model(network, dataset, convention, mapping, width=width)
    cache = JsonCache("networks")
    key = {
        "network": network.name,
        "width": width if network.role == "base" else 1.0,
        "dataset": dataset.name,
        "convention": convention.name,
        "deconvolution": mapping,
        "versions": {package: versions()[package] for package in ("torch", "ptflops")},
        "sources": source_digest(*SOURCES),
    }
    recalled = _recalled(network, cache.get(key))
    if recalled is not None:
        return recalled
    model = build_network_model(network, dataset, convention, mapping, width=width)
    cache.put(key, {"size": asdict(model.size), "topology": asdict(model.topology)})
    return model


def network_topology(
    network: Network, dataset: Dataset, convention: Convention, deconvolution: str | None = None
) -> Topology:
    """A network's topology alone: the reviewed one that is shipped, or `network_model`'s."""
    if convention.deconvolution(deconvolution) == convention.deconvolution(None):
        shipped = shipped_topology(network.name, dataset.name, convention.name)
        if shipped is not None:
            return shipped
    return network_model(network, dataset, convention, deconvolution).topology


def build_network_model(
    network: Network,
    dataset: Dataset,
    convention: Convention,
    deconvolution: str | None = None,
    *,
    width: float = 1.0,
) -> NetworkModel:
    """Build the network on the meta device, trace it and count it.

    Raises:
        InputError: see `topologies.trace.trace`; or the convention's counter misses MACs.
    """
    import torch

    from topologies.lowering import lower
    from topologies.trace import trace

    with torch.device("meta"):
        module = network.build(dataset, width=width)
    traced = trace(module, dataset.image_shape)
    topology = lower(traced, name=network.name, convention=convention, deconvolution=deconvolution)
    size = _size(module, dataset, traced, convention)
    return NetworkModel(network=network, size=size, topology=topology)


def _size(module: nn.Module, dataset: Dataset, traced: Trace, convention: Convention) -> NetworkSize:
    """Parameters and MACs, refused where the counter sees fewer MACs than the network has."""
    import torch

    parameter = next(module.parameters(), None)
    try:
        with torch.device("meta") if parameter is None else parameter.device:
            size = network_size(module, dataset.image_shape, traced, convention)
    except Exception as error:
        reason = next(iter(str(error).strip().splitlines()), type(error).__name__)
        raise InputError(f"{convention.macs} cannot count its MACs ({reason}); {COUNTS_ALL}") from error
    if size.macs < traced.macs:
        raise InputError(
            f"{convention.macs} counts {size.macs:,} of its {traced.macs:,} MACs: it leaves out functional "
            "calls, subclasses of PyTorch's modules and what a transposed convolution's padding cuts off; "
            f"{COUNTS_ALL}"
        )
    return size


def _recalled(network: Network, content: dict[str, Any] | None) -> NetworkModel | None:
    """The model in a cache entry; None where there is none or it is damaged."""
    try:
        topology = (content or {})["topology"]
        layers = tuple(Layer(**layer) for layer in topology.pop("layers"))
        coverage = Coverage(**topology.pop("coverage"))
        return NetworkModel(
            network=network,
            size=NetworkSize(**(content or {})["size"]),
            topology=Topology(**topology, layers=layers, coverage=coverage),
        )
    except (KeyError, TypeError, InputError):
        return None
