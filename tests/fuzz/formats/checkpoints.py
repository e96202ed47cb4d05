"""Checkpoints of base models and generators."""

from __future__ import annotations

import json
import math
import random
import struct
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from tests.fuzz.case import Forbidden, Sample, file_format
from tests.fuzz.formats.rules import demand, plain
from tests.fuzz.mutations import damaged_bytes, number, word
from tests.fuzz.structures import damaged_tree, odd_value

TYPES = ("F32", "F16", "BF16", "I32", "I64", "U8", "BOOL", "F64", "F8_E4M3", "x")


@cache
def base_checkpoint() -> bytes:
    """A narrow VGG11 with weights that were never trained."""
    training = {"epochs": 1, "clip": 0.1, "randbet_rate": 0.01, "fault_model": "flip", "pattern": 3}
    return _checkpoint("base", "vgg11", 0.0625, {**training, "test_accuracy_percent": 11.0})


@cache
def generator_checkpoint() -> bytes:
    """A ConvS with weights that were never trained."""
    training = {"bit_error_rate": 0.01, "fault_model": "flip", "bases": ["vgg11"], "steps": 2, "seed": 0}
    training |= {"learning_rate": 0.001, "perturbed_weight": 5.0, "perturbed_models": 2}
    return _checkpoint("generator", "convs", 1.0, training)


def _checkpoint(kind: Any, network: str, width: float, training: dict[str, Any]) -> bytes:
    import tempfile

    import torch

    from neuralfuse.training.checkpoints import NetworkRecord, build, save_network

    record = NetworkRecord(kind=kind, network=network, dataset="digits", width=width, training=training)
    with torch.random.fork_rng(), tempfile.TemporaryDirectory() as folder:
        torch.manual_seed(1)
        path = Path(folder) / "x.safetensors"
        save_network(path, build(record), record)
        return path.read_bytes()


def damaged_checkpoint(content: bytes, rng: random.Random) -> bytes:
    """The header's tree, the record within it, the numbers, or bytes."""
    found = parts(content)
    if found is None or rng.random() < 0.25:
        return damaged_bytes(content, rng)
    header, data = found
    kind = rng.randrange(0 if "__metadata__" in header else 4, 8)
    names = [name for name in header if name != "__metadata__"]
    if kind < 4:
        _damage_record(header, rng)
    elif kind == 4 and names:
        tensor = header[rng.choice(names)]
        field = rng.choice(("dtype", "shape", "data_offsets"))
        tensor[field] = (
            rng.choice(TYPES)
            if field == "dtype" and rng.random() < 0.7
            else odd_value(rng, tensor.get(field))
        )
    elif kind == 5 and names:
        name = rng.choice(names)
        held = header.pop(name)
        if rng.random() < 0.7:
            header[rng.choice((f"{name}x", rng.choice(names), word(rng)))] = held
    elif kind == 6:
        data = bytearray(data)
        at = rng.randrange(len(data) // 4) * 4
        data[at : at + 4] = struct.pack("<f", rng.choice((math.nan, math.inf, -math.inf, 1e38, 0.0, 1e-40)))
    else:
        header = damaged_tree(header, rng)
    return packed(header, bytes(data))


def _damage_record(header: dict[str, Any], rng: random.Random) -> None:
    try:
        record = json.loads(header["__metadata__"]["nfenergy"])
    except (KeyError, TypeError, ValueError):
        return
    record = damaged_tree(record, rng)
    if isinstance(record, dict) and rng.random() < 0.3:
        record[rng.choice([*record, "extra"])] = rng.choice((number(rng), odd_value(rng), [], {}))
    header["__metadata__"]["nfenergy"] = json.dumps(record)


def parts(content: bytes) -> tuple[dict[str, Any], bytes] | None:
    """Header and data of a safetensors file; None where it is none."""
    try:
        (size,) = struct.unpack("<Q", content[:8])
        header = json.loads(content[8 : 8 + size])
    except (struct.error, ValueError, RecursionError):
        return None
    return (header, content[8 + size :]) if isinstance(header, dict) else None


def packed(header: Any, data: bytes) -> bytes:
    """A safetensors file."""
    text = json.dumps(header).encode("utf-8", "surrogatepass")
    return struct.pack("<Q", len(text)) + text + data


def check_weights(path: Path, sound: bytes) -> dict[str, Any]:
    """Tensors of the names, shapes and types of the sound file, all finite; returns the record."""
    found = parts(path.read_bytes())
    demand(found is not None, "no header")
    header, data = found  # type: ignore[misc]
    wanted, _ = parts(sound)  # type: ignore[misc]
    metadata = header.pop("__metadata__", None)
    wanted.pop("__metadata__")
    demand(header.keys() == wanted.keys(), "other tensors")
    for name, tensor in header.items():
        demand(tensor["shape"] == wanted[name]["shape"], f"{name} of another shape")
        demand(tensor["dtype"] == wanted[name]["dtype"], f"{name} of another type")
        start, end = tensor["data_offsets"]
        if tensor["dtype"] == "F32":
            demand(np.isfinite(np.frombuffer(data[start:end], "<f4")).all(), f"{name} is not finite")
    try:
        record = json.loads(metadata["nfenergy"])
    except (TypeError, KeyError, ValueError):
        raise Forbidden("no record") from None
    demand(
        isinstance(record, dict) and record.get("format") == "nfenergy checkpoint 1",
        "no record of this format",
    )
    return record


def _rules(folder: Path) -> None:
    """Weights of the named network, and a record that names it."""
    record = check_weights(folder / "base.safetensors", base_checkpoint())
    demand(record.get("kind") == "base", "kind")
    demand(str(record.get("network")).lower() == "vgg11", "network")
    width = record.get("width", 1.0)
    demand(isinstance(width, int | float) and not isinstance(width, bool), "width")
    demand(round(64 * width) == 4, "width")
    demand(record.get("normalization", "batch") == "batch", "normalization")
    demand(record.get("weight_bits", 8) in (0, 2, 3, 4, 5, 6, 7, 8, 16), "bits")
    demand(not isinstance(record.get("weight_bits", 8), bool | float), "bits")
    demand(record.get("memory", "weights") in ("weights", "all"), "memory")
    demand(isinstance(record.get("data", ""), str), "data")
    _check_training(record.get("training", {}))
    _check_training(
        check_weights(folder / "generator.safetensors", generator_checkpoint()).get("training", {})
    )


def _check_training(training: Any) -> None:
    """What is written into results: numbers that are finite, text, and names of bases."""
    demand(isinstance(training, dict), "training")
    for name in ("bit_error_rate", "clip", "randbet_rate", "learning_rate", "perturbed_weight"):
        if training.get(name) is not None:
            plain(training[name], -math.inf, math.inf)
    for name in ("pattern", "steps", "seed", "perturbed_models"):
        demand(isinstance(training.get(name, 0), int | None), f"{name} is no whole number")
        demand(not isinstance(training.get(name), bool), f"{name} is no whole number")
    demand(isinstance(training.get("fault_model", ""), str), "fault model")
    bases = training.get("bases", [])
    demand(isinstance(bases, list) and all(isinstance(base, str) for base in bases), "bases")


def _samples() -> Sequence[Sample]:
    common = ("--base-checkpoint", "base.safetensors", "--quiet", "--seeds", "1")
    return [
        Sample(
            files={"base.safetensors": base_checkpoint(), "generator.safetensors": generator_checkpoint()},
            lines=[
                ("evaluate", *common, "--gen-checkpoint", "generator.safetensors", "--out", "a.csv"),
                (
                    "evaluate",
                    *common,
                    "--gen-checkpoint",
                    "generator.safetensors",
                    "--out",
                    "a.csv",
                    "--json",
                ),
            ],
            rules=_rules,
            mutate=damaged_checkpoint,
        )
    ]


FORMAT = file_format("checkpoint", _samples, share=1.2)
