"""State dicts of networks trained elsewhere: what `nfenergy import-weights` takes."""

from __future__ import annotations

import io
import math
import random
import warnings
from collections.abc import Callable, Mapping, Sequence
from functools import cache, partial
from pathlib import Path
from typing import Any

from tests.fuzz.case import Forbidden, Sample, file_format
from tests.fuzz.formats.checkpoints import base_checkpoint, damaged_checkpoint, packed, parts
from tests.fuzz.formats.rules import demand
from tests.fuzz.mutations import damaged_bytes, word
from tests.fuzz.structures import odd_value

LINE = ("--out", "out", "--base", "vgg11", "--width", "0.0625", "--data", "digits", "--quiet")
CONTAINERS = ("model_state_dict", "state_dict", "model", "net", "network")
COUNTED = "num_batches_tracked"


def _tensors() -> dict[str, Any]:
    from safetensors.torch import load

    return load(base_checkpoint())


@cache
def plain() -> bytes:
    """A narrow VGG11 as safetensors, without a record."""
    found = parts(base_checkpoint())
    assert found is not None
    header, data = found
    del header["__metadata__"]
    return packed(header, data)


def pickled(content: object) -> bytes:
    """What `torch.save` writes."""
    import torch

    file = io.BytesIO()
    torch.save(content, file)
    return file.getvalue()


@cache
def saved() -> bytes:
    """The same network as `torch.save` has it, in the container of Sun et al.'s files."""
    return pickled({"model_state_dict": _tensors(), "epoch": 3})


def damaged_pickle(content: bytes, rng: random.Random) -> bytes:
    """The tensors, their names, what is beside them, or bytes."""
    import torch

    if rng.random() < 0.3:
        return damaged_bytes(content, rng)
    tensors = _tensors()
    name = rng.choice(list(tensors))
    kind = rng.randrange(9)
    if kind == 0:
        tensors[name] = tensors[name].to(
            rng.choice(
                (torch.float64, torch.float16, torch.bfloat16, torch.int32, torch.bool, torch.complex64)
            )
        )
    elif kind == 1:
        tensors[name] = rng.choice(
            (torch.zeros(1), tensors[name].unsqueeze(0), torch.zeros(0), torch.ones(()))
        )
    elif kind == 2:
        changed = tensors[name] = tensors[name].clone().double() * rng.choice((1.0, 2.0))
        changed.flatten()[rng.randrange(changed.numel())] = rng.choice((math.nan, math.inf, 1e300, -0.0))
    elif kind == 3:
        held = tensors.pop(name)
        if rng.random() < 0.7:
            tensors[rng.choice((f"{name}x", rng.choice(list(tensors)), word(rng), f"x.{name}"))] = held
    elif kind == 4:
        tensors = {f"module.{name}": value for name, value in tensors.items()}
    elif kind == 5:
        tensors[rng.choice((name, "extra"))] = odd_value(rng)
    elif kind == 6:
        return pickled(rng.choice((tensors, [tensors], tensors[name], None, torch.nn.ReLU(), {"a": {1, 2}})))
    elif kind == 7:
        order = list(tensors.items())
        rng.shuffle(order)
        tensors = dict(order)
    else:
        turned = torch.atleast_2d(tensors[name]).transpose(0, 1)
        tensors[name] = rng.choice((tensors[name].to_sparse(), tensors[name].to("meta"), turned))
    return pickled({rng.choice((*CONTAINERS, "weights", "x")): tensors, "epoch": odd_value(rng)})


def _given(path: Path) -> dict[str, Any]:
    """The tensors of a file by name, as its own library reads them, without what wrappers add to names."""
    import torch
    from safetensors.torch import load

    try:
        if path.suffix == ".pt":
            found = torch.load(path, weights_only=True, map_location="cpu")
        else:
            found = load(path.read_bytes())
    except Exception as error:
        raise Forbidden(f"unreadable: {type(error).__name__}") from None
    for key in CONTAINERS:
        if isinstance(found, Mapping) and isinstance(found.get(key), Mapping):
            found = found[key]
            break
    demand(isinstance(found, Mapping), "no state dict")
    tensors = {str(name): value for name, value in found.items() if isinstance(value, torch.Tensor)}
    demand(tensors, "no tensors")
    while all(name.startswith("module.") for name in tensors):
        tensors = {name.removeprefix("module."): value for name, value in tensors.items()}
    return {name: value for name, value in tensors.items() if not name.endswith(COUNTED)}


def _rules(file: str, folder: Path) -> None:
    """As many finite weights of the network's shapes, by name or in order; and those are the result's."""
    import torch
    from safetensors.torch import load

    given = _given(folder / file)
    result = load((folder / "out/base.safetensors").read_bytes())
    wanted = {name: value for name, value in result.items() if not name.endswith(COUNTED)}
    demand(len(given) == len(wanted), "another number of tensors")
    original = _order()
    names = original if given.keys() == wanted.keys() else _by_order(given, original)
    for name, source in zip(original, names, strict=True):
        weights = given[source]
        demand(weights.is_floating_point(), f"{source} is {weights.dtype}")
        demand(weights.shape == wanted[name].shape, f"{source} of another shape")
        found = weights.to(torch.float32)
        demand(bool(found.isfinite().all()), f"{source} is not finite")
        demand(torch.equal(found, wanted[name]), f"{name} is not the {source} of the file")


def _order() -> list[str]:
    """The network's own names in its own order."""
    from neuralfuse.training.checkpoints import NetworkRecord, build

    record = NetworkRecord(kind="base", network="vgg11", dataset="digits", width=0.0625)
    return [name for name in build(record).state_dict() if not name.endswith(COUNTED)]


def _by_order(given: Mapping[str, Any], original: Sequence[str]) -> list[str]:
    """For each of the network's names that of the file: module for module, in order."""
    modules: dict[str, None] = dict.fromkeys(name.rpartition(".")[0] for name in given)
    own = dict.fromkeys(name.rpartition(".")[0] for name in original)
    demand(len(modules) == len(own), "another number of modules")
    pairs = dict(zip(own, modules, strict=True))
    found = []
    for name in original:
        module, _, leaf = name.rpartition(".")
        source = f"{pairs[module]}.{leaf}" if pairs[module] else leaf
        demand(source in given, f"no {source}")
        found.append(source)
    return found


def _quiet(rules: Callable[[Path], None], folder: Path) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        rules(folder)


def _samples() -> Sequence[Sample]:
    return [
        Sample(
            files={file: content},
            lines=[("import-weights", file, *LINE)],
            rules=partial(_quiet, partial(_rules, file)),
            mutate=mutate,
        )
        for file, content, mutate in (
            ("w.pt", saved(), damaged_pickle),
            ("w.safetensors", plain(), damaged_checkpoint),
        )
    ]


FORMAT = file_format("state dict", _samples, share=0.8)
