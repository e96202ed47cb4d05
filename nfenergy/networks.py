"""A network as the energy model sees it: parameters, MACs, topology.

Building and tracing takes PyTorch, whose import alone takes seconds; what comes of a named network is kept
on disk under the versions and the sources that it came from. A user's own network is built every time:
nobody knows what its file imports.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from energy.macs import NetworkSize, network_size
from neuralfuse.library_networks import LibraryNetwork
from neuralfuse.onnx_networks import OnnxNetwork
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

    from topologies.inputs import ModelInputs
    from topologies.operations import Trace

SOURCES = ("neuralfuse.registry", "neuralfuse.networks", "topologies", "energy.macs")
COUNTS_ALL = "--convention exact counts all of them"
LARGEST_REAL_PARAMETERS = 10**9


@dataclass(frozen=True, slots=True, kw_only=True)
class NetworkModel:
    """A network in one of its forms, under one convention."""

    network: Network
    size: NetworkSize
    topology: Topology


def shape_of(text: str | Sequence[int] | None) -> tuple[int, ...] | None:
    """The extents of an input as they are given, ``3x224x224`` or numbers; None stays None.

    Raises:
        InputError: it is no such text, or has an extent below 1.
    """
    if text is None:
        return None
    parts = text.lower().split("x") if isinstance(text, str) else list(map(str, text))
    if not parts or not all(re.fullmatch(r"0*[1-9][0-9]{0,8}", part.strip()) for part in parts):
        raise InputError(f"input shape is {text!r}, expected positive extents: 3x224x224")
    return tuple(map(int, parts))


def network_model(
    network: Network,
    dataset: Dataset,
    convention: Convention,
    deconvolution: str | None = None,
    *,
    width: float = 1.0,
    input_shape: tuple[int, ...] | None = None,
    batch: int = 1,
) -> NetworkModel:
    """Build, trace and count a network, or recall what came of it.

    Args:
        network: a named one, one of an installed library, the user's own, or one in an ONNX file.
        dataset: decides the network's form, classes and input; an ONNX file's are those of the file.
        convention: see `topologies.convention`.
        deconvolution: a mapping that the convention allows; None for its default.
        width: factor on a base's channels.
        input_shape: in place of the data set's and of the network's own example inputs; without the batch.
        batch: samples at a time.

    Raises:
        InputError: the convention does not allow the deconvolution mapping; a library is not installed; or
            a network that is not ours cannot be built, traced or counted.
    """
    mapping = convention.deconvolution(deconvolution)
    sizes: dict[str, Any] = {"width": width, "input_shape": input_shape, "batch": batch}
    if isinstance(network, OnnxNetwork):
        return onnx_network_model(network, convention, mapping, **sizes)
    if isinstance(network, UserNetwork):
        with network.at_home():
            return build_network_model(network, dataset, convention, mapping, **sizes)
    cache = JsonCache("networks")
    key = {
        "network": network.name,
        "width": width if network.role == "base" else 1.0,
        "dataset": [dataset.name, list(dataset.image_shape), dataset.classes],
        "input_shape": list(input_shape) if input_shape else None,
        "batch": batch,
        "convention": convention.name,
        "deconvolution": mapping,
        "versions": {package: versions()[package] for package in ("torch", "ptflops")},
        "sources": source_digest(*SOURCES),
    }
    if isinstance(network, LibraryNetwork):
        key["library"] = network.identity()
    recalled = _recalled(network, cache.get(key))
    if recalled is not None:
        return recalled
    with network.naming_errors() if isinstance(network, LibraryNetwork) else nullcontext():
        model = build_network_model(network, dataset, convention, mapping, **sizes)
    cache.put(key, {"size": asdict(model.size), "topology": asdict(model.topology)})
    return model


def network_topology(
    network: Network,
    dataset: Dataset,
    convention: Convention,
    deconvolution: str | None = None,
    *,
    input_shape: tuple[int, ...] | None = None,
    batch: int = 1,
) -> Topology:
    """A network's topology alone: the reviewed one that is shipped, or `network_model`'s."""
    reviewed = input_shape in (None, dataset.image_shape) and batch == 1
    if reviewed and convention.deconvolution(deconvolution) == convention.deconvolution(None):
        shipped = shipped_topology(network.name, dataset.name, convention.name)
        if shipped is not None:
            return shipped
    sizes: dict[str, Any] = {"input_shape": input_shape, "batch": batch}
    return network_model(network, dataset, convention, deconvolution, **sizes).topology


def build_network_model(
    network: Network,
    dataset: Dataset,
    convention: Convention,
    deconvolution: str | None = None,
    *,
    width: float = 1.0,
    input_shape: tuple[int, ...] | None = None,
    batch: int = 1,
) -> NetworkModel:
    """Build the network on the meta device, trace it and count it; arguments as in `network_model`.

    Raises:
        InputError: see `topologies.trace.trace`; or the convention's counter misses MACs.
    """
    import torch

    from topologies.inputs import ModelInputs, check_input_shape
    from topologies.lowering import lower

    if input_shape is not None:
        check_input_shape(input_shape)
    with torch.device("meta"):
        module = network.build(dataset, width=width)
    foreign = network if isinstance(network, UserNetwork | LibraryNetwork) else None
    inputs: tuple[int, ...] | ModelInputs = input_shape or dataset.image_shape
    if input_shape is None and foreign is not None:
        example = foreign.example_inputs(module, dataset, batch=batch)
        inputs = inputs if example is None else ModelInputs.of(example)
    traced = _trace(network, module, dataset, inputs, batch)
    topology = lower(traced, name=network.name, convention=convention, deconvolution=deconvolution)
    size = _size(module, inputs, traced, convention, batch)
    return NetworkModel(network=network, size=size, topology=topology)


def onnx_network_model(
    network: OnnxNetwork,
    convention: Convention,
    deconvolution: str | None = None,
    *,
    width: float = 1.0,
    input_shape: tuple[int, ...] | None = None,
    batch: int = 1,
) -> NetworkModel:
    """Read a network from its ONNX file; arguments as in `network_model`.

    Raises:
        InputError: the file cannot be read or lowered; or a width is wanted, or ptflops' count.
    """
    from topologies.lowering import lower
    from topologies.onnx_file import read_onnx
    from topologies.onnx_graph import trace_onnx
    from topologies.onnx_parameters import parameters

    try:
        if network.role == "base" and width != 1.0:
            raise InputError(f"the file decides its width; leave out width {width:g}")
        if convention.macs != "useful":
            raise InputError(
                f"{convention.macs} counts PyTorch modules, of which an ONNX file holds none; "
                "take --convention exact"
            )
        model = read_onnx(network.path)
        traced = trace_onnx(model, input_shape=input_shape, batch=batch)
        topology = lower(traced, name=network.name, convention=convention, deconvolution=deconvolution)
    except InputError as error:
        raise InputError(f"{network.name}: {error}") from error
    size = NetworkSize(params=parameters(model), macs=traced.macs)
    return NetworkModel(network=network, size=size, topology=topology)


def _trace(
    network: Network,
    module: nn.Module,
    dataset: Dataset,
    inputs: tuple[int, ...] | ModelInputs,
    batch: int,
) -> Trace:
    """On the meta device, or on the CPU where the network reads values of its tensors."""
    from topologies.trace import NeedsValues, trace

    try:
        return trace(module, inputs, batch=batch, device="meta")
    except NeedsValues as error:
        if not isinstance(network, UserNetwork | LibraryNetwork):
            raise
        parameters = sum(parameter.numel() for parameter in module.parameters())
        if parameters > LARGEST_REAL_PARAMETERS:
            raise InputError(
                f"{error} (its {parameters:,} parameters are too many to try it on real tensors)"
            ) from error
    # A new one: the first may keep tensors without values from its run.
    return trace(network.build_on_cpu(dataset), inputs, batch=batch, device="cpu")


def _size(
    module: nn.Module,
    inputs: tuple[int, ...] | ModelInputs,
    traced: Trace,
    convention: Convention,
    batch: int,
) -> NetworkSize:
    """Parameters and MACs, refused where the counter sees fewer MACs than the network has."""
    import torch

    parameter = next(module.parameters(), None)
    try:
        with torch.device("meta") if parameter is None else parameter.device:
            size = network_size(module, inputs, traced, convention, batch=batch)
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
