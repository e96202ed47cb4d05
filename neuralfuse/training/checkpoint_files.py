"""Checkpoints on disk: safetensors with a JSON record in the file and, for people, beside it.

A file is written whole or not at all, and nothing in it is ever executed. One file holds everything,
so a checkpoint cannot be half of one run and half of another.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from nfenergy.ground.errors import InputError
from nfenergy.ground.files import check_regular, is_folder, write_bytes, write_text

if TYPE_CHECKING:
    from torch import Tensor, nn

Kind = Literal["base", "generator", "training"]
Json = dict[str, Any]

FORMAT = "nfenergy checkpoint 1"
SUFFIX = ".safetensors"


@dataclass(frozen=True, slots=True, kw_only=True)
class Checkpoint:
    """What a file holds.

    Attributes:
        record: JSON values that say what the tensors are and where they come from.
        tensors: by name, on the CPU.
    """

    record: Json
    tensors: dict[str, Tensor]


def save(path: Path, *, kind: Kind, record: Json, tensors: Mapping[str, Tensor]) -> None:
    """Write one checkpoint whole, and its record as JSON beside it.

    Raises:
        NfEnergyError: the file cannot be written.
    """
    from safetensors.torch import save as to_bytes

    text = json.dumps({"format": FORMAT, "kind": kind, **record}, indent=2, allow_nan=False)
    plain = {name: tensor.detach().cpu().contiguous().clone() for name, tensor in tensors.items()}
    write_bytes(path, to_bytes(plain, metadata={"nfenergy": text}))
    write_text(path.with_suffix(".json"), text + "\n")


def load(path: Path, kind: Kind) -> Checkpoint:
    """Read one checkpoint.

    Raises:
        InputError: no such file, truncated, not written by nfenergy, or of another kind.
    """
    from safetensors import SafetensorError, safe_open

    if is_folder(path):
        raise InputError(f"{path} is a folder; name the checkpoint in it, such as {path / f'{kind}{SUFFIX}'}")
    check_regular(path, "checkpoint")
    try:
        with safe_open(path, framework="pt") as file:
            metadata = file.metadata() or {}
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    except FileNotFoundError as error:
        raise InputError(f"no checkpoint at {path}") from error
    except OSError as error:
        raise InputError(f"cannot read checkpoint {path}: {error.strerror or error}") from error
    except SafetensorError as error:
        raise InputError(f"{path} is no whole safetensors file ({error}); it may be truncated") from error
    record = _record(metadata.get("nfenergy", ""), path)
    if record["kind"] != kind:
        raise InputError(f"{path} is a {record['kind']} checkpoint, expected {kind}")
    return Checkpoint(record=record, tensors=tensors)


def fill(model: nn.Module, tensors: Mapping[str, Tensor], path: Path) -> None:
    """Load `tensors`, read from `path`, into a model that they must fit; see `check_fit`."""
    check_fit(model, tensors, path)
    model.load_state_dict(dict(tensors))


def check_fit(model: nn.Module, tensors: Mapping[str, Tensor], path: Path) -> None:
    """Whether `tensors`, read from `path`, are finite and have the names, shapes and types of a model's.

    Raises:
        InputError: they are or have not.
    """
    expected = model.state_dict()
    if odd := sorted(expected.keys() ^ tensors.keys()):
        where = "lacks" if odd[0] in expected else "has a superfluous"
        raise InputError(f"{path} {where} {odd[0]}: its weights are of another network than it says")
    for name, tensor in expected.items():
        if tensor.shape != tensors[name].shape:
            found, wanted = list(tensors[name].shape), list(tensor.shape)
            raise InputError(f"{path}: {name} has shape {found}, the network needs {wanted}")
        if tensor.dtype != tensors[name].dtype:
            raise InputError(
                f"{path}: {name} is of type {tensors[name].dtype}, the network needs {tensor.dtype}"
            )
        if not bool(tensors[name].isfinite().all()):
            raise InputError(f"{path}: {name} holds values that are not finite; the file is damaged")


def _record(text: str, path: Path) -> Json:
    try:
        record = json.loads(text)
    except json.JSONDecodeError:
        record = None
    if not isinstance(record, dict) or record.pop("format", None) != FORMAT or "kind" not in record:
        raise InputError(f"{path} was not written by this version of nfenergy; expected {FORMAT!r}")
    return record
