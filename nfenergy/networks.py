"""A named network as the energy model sees it: parameters, MACs, topology.

Building and tracing takes PyTorch, whose import alone takes seconds; what comes of it is kept on disk
under the versions and the sources that it came from.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from energy.cache import JsonCache
from energy.macs import NetworkSize, network_size
from neuralfuse.registry import Dataset, Network
from nfenergy.errors import InputError
from nfenergy.provenance import source_digest, versions
from nfenergy.shipped import shipped_topology
from topologies.convention import Convention
from topologies.layers import Coverage, Layer, Topology

SOURCES = ("neuralfuse.registry", "neuralfuse.networks", "topologies", "energy.macs")


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
        InputError: the convention does not allow the deconvolution mapping.
    """
    mapping = convention.deconvolution(deconvolution)
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
    """Build the network on the meta device, trace it and count it."""
    import torch

    from topologies.lowering import lower
    from topologies.trace import trace

    with torch.device("meta"):
        module = network.build(dataset, width=width)
    traced = trace(module, dataset.image_shape)
    return NetworkModel(
        network=network,
        size=network_size(module, dataset.image_shape, traced, convention),
        topology=lower(traced, name=network.name, convention=convention, deconvolution=deconvolution),
    )


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
