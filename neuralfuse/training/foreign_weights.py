"""Weights that others trained: state dicts of PyTorch and safetensors, fitted to a network.

A file's names need not be the network's. Where they differ, modules are matched in their order, which for
torchvision's ResNets, Sun et al.'s and Stutz et al.'s released networks is the same as ours: module for
module, both must have parameters of the same names and shapes.
"""

from __future__ import annotations

import hashlib
import math
import pickle
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from neuralfuse.networks.whitening import Statistics
from nfenergy.ground.errors import InputError
from nfenergy.ground.files import check_regular

CONTAINERS = ("model_state_dict", "state_dict", "model", "net", "network")
"""Keys under which files keep the state dict: Sun et al.'s ``model_state_dict``, Stutz et al.'s ``model``."""

PREFIXES = ("module.", "_orig_mod.")
"""What wrappers of PyTorch put before every name."""

SHOWN = 4
OPTIONAL = "num_batches_tracked"
SHIFTED = ".parametrizations.weight.original"
"""How a scale 1 + a' is called here; in files it is a plain ``weight``."""

Module = tuple[str, dict[str, tuple[int, ...]]]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ForeignWeights:
    """The tensors of a file.

    Attributes:
        tensors: by the file's names, in its order.
        sha256: digest of the file.
    """

    tensors: dict[str, Tensor]
    sha256: str


def read_weights(path: Path) -> ForeignWeights:
    """The state dict in a file; no code in it is ever run.

    Raises:
        InputError: there is no such file, it holds more than tensors and plain values, or no state dict.
    """
    check_regular(path, "weights")
    try:
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError as error:
        raise InputError(f"cannot read weights {path}: {error.strerror or error}") from error
    found = _safetensors(path) if path.suffix == ".safetensors" else _pickled(path)
    for key in CONTAINERS:
        if isinstance(found, Mapping) and isinstance(found.get(key), Mapping):
            found = found[key]
            break
    if not isinstance(found, Mapping) or not any(isinstance(value, Tensor) for value in found.values()):
        raise InputError(f"{path} holds no state dict; save one with torch.save(model.state_dict(), ...)")
    tensors = {str(name): value for name, value in found.items() if isinstance(value, Tensor)}
    return ForeignWeights(tensors=_unwrapped(tensors), sha256=digest)


def take_whitening(weights: ForeignWeights) -> tuple[ForeignWeights, Statistics | None]:
    """Split off the first layer of Stutz et al.'s networks: mean and deviation of pixels in [0, 1]."""
    mean, deviation = (weights.tensors.get(f"whiten.{name}") for name in ("weight", "bias"))
    if mean is None or deviation is None:
        return weights, None
    rest = {name: value for name, value in weights.tensors.items() if not name.startswith("whiten.")}
    statistics = input_statistics(mean.flatten().tolist(), deviation.flatten().tolist())
    return ForeignWeights(tensors=rest, sha256=weights.sha256), statistics


def input_statistics(mean: list[float], deviation: list[float]) -> Statistics:
    """Mean and deviation of pixels in [0, 1] as those of the images here, which are in [-1, 1].

    Raises:
        InputError: there is not one or three of each, one is not finite, or a deviation is not positive.
    """
    finite = all(map(math.isfinite, (*mean, *deviation)))
    if {len(mean), len(deviation)} - {1, 3} or not finite or not all(value > 0.0 for value in deviation):
        raise InputError(f"mean {mean}, deviation {deviation}: give one or three of each, deviations above 0")
    means, deviations = (values * (3 // len(values)) for values in (mean, deviation))
    return tuple(2.0 * value - 1.0 for value in means), tuple(2.0 * value for value in deviations)


def fit_weights(model: nn.Module, weights: ForeignWeights, path: Path) -> bool:
    """Fill `model` with the weights of a file.

    Returns:
        whether names differed, so that modules were matched by their order.

    Raises:
        InputError: names or shapes do not fit (the message lists what differs), or a weight is no number.
    """
    wanted = {name: tensor for name, tensor in model.state_dict().items() if not name.endswith(OPTIONAL)}
    given = {name: tensor for name, tensor in weights.tensors.items() if not name.endswith(OPTIONAL)}
    by_name = {_plain(name): name for name in wanted}
    renamed = by_name.keys() != given.keys()
    names = _matched(wanted, given, path) if renamed else {by_name[name]: name for name in given}
    odd = [
        f"{name} {_shape(given[source])} for {_shape(wanted[name])}"
        for name, source in names.items()
        if wanted[name].shape != given[source].shape
    ]
    if odd:
        raise InputError(f"{path} has other shapes than the network: {_listed(odd)}")
    for name, source in names.items():
        _check_numbers(given[source], wanted[name], f"{path}: {source}")
    model.load_state_dict({name: given[source] for name, source in names.items()}, strict=False)
    return renamed


def _check_numbers(given: Tensor, wanted: Tensor, where: str) -> None:
    if not given.is_floating_point() or given.layout != torch.strided or given.is_meta:
        raise InputError(f"{where} is no plain tensor of floating-point numbers")
    if not bool(given.to(wanted.dtype).isfinite().all()):
        raise InputError(f"{where} holds values that are not finite")


def _matched(wanted: Mapping[str, Tensor], given: Mapping[str, Tensor], path: Path) -> dict[str, str]:
    ours, theirs = _modules(wanted), _modules(given)
    fits = len(ours) == len(theirs) and all(
        mine[1] == other[1] for mine, other in zip(ours, theirs, strict=True)
    )
    known = {mine[0]: number for number, mine in enumerate(ours)}
    if not fits or any(known.get(other[0], number) != number for number, other in enumerate(theirs)):
        plain = {_plain(name) for name in wanted}
        missing, superfluous = sorted(plain - given.keys()), sorted(given.keys() - plain)
        parts = [f"lacks {_listed(missing)}"] if missing else []
        parts += [f"has a superfluous {_listed(superfluous)}"] if superfluous else []
        raise InputError(f"{path} {' and '.join(parts)}; matched in their order, {_first_odd(ours, theirs)}")
    pairs = {mine[0]: other[0] for mine, other in zip(ours, theirs, strict=True)}
    found = {}
    for name in wanted:
        module, _, leaf = _plain(name).rpartition(".")
        found[name] = f"{pairs[module]}.{leaf}" if pairs[module] else leaf
    return found


def _modules(tensors: Mapping[str, Tensor]) -> list[Module]:
    """Module by module in order: the shapes of its tensors by their last names."""
    found: dict[str, dict[str, tuple[int, ...]]] = {}
    for name, tensor in tensors.items():
        module, _, leaf = _plain(name).rpartition(".")
        found.setdefault(module, {})[leaf] = tuple(tensor.shape)
    return list(found.items())


def _first_odd(ours: list[Module], theirs: list[Module]) -> str:
    for mine, other in zip(ours, theirs, strict=False):
        if mine[1] != other[1]:
            return f"its {other[0]} ({_spoken(other[1])}) meets {mine[0]} ({_spoken(mine[1])})"
    if len(ours) == len(theirs):
        return "names that both have would change places"
    return f"it has {len(theirs)} modules with weights, the network {len(ours)}"


def _spoken(shapes: Mapping[str, tuple[int, ...]]) -> str:
    return ", ".join(f"{name} {list(shape)}" for name, shape in shapes.items())


def _plain(name: str) -> str:
    return name.removesuffix(SHIFTED) + ".weight" if name.endswith(SHIFTED) else name


def _listed(names: list[str]) -> str:
    more = len(names) - SHOWN
    return ", ".join(names[:SHOWN]) + (f" and {more} more" if more > 0 else "")


def _shape(tensor: Tensor) -> list[int]:
    return list(tensor.shape)


def _unwrapped(tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    for prefix in PREFIXES:
        if all(name.startswith(prefix) for name in tensors):
            return _unwrapped({name.removeprefix(prefix): value for name, value in tensors.items()})
    return tensors


def _safetensors(path: Path) -> Any:
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        return load_file(path)
    except (SafetensorError, OSError) as error:
        raise InputError(f"{path} is no whole safetensors file ({error}); it may be truncated") from error


def _pickled(path: Path) -> Any:
    try:
        return torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:
        if isinstance(error, pickle.UnpicklingError) and "global" in str(error).lower():
            raise InputError(
                f"{path} holds more than tensors, and code in it is not run; save its state dict alone, "
                "where it is trusted: torch.save(model.state_dict(), ...)"
            ) from error
        raise InputError(f"{path} is neither a whole file of torch.save nor .safetensors") from error
