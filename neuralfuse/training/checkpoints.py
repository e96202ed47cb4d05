"""Trained networks as checkpoints: which network the weights belong to, and how they came to be."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import BaseModel, ConfigDict, TypeAdapter, ValidationError

from neuralfuse.networks.normalization import normalize
from neuralfuse.networks.whitening import Statistics, whiten
from neuralfuse.quantization import Memory, Quantization, get_scheme
from neuralfuse.registry import DATASETS, Dataset, FileNetwork, Role, own_dataset
from neuralfuse.training.base_recipe import robustness
from neuralfuse.training.checkpoint_files import Json, Kind, check_fit, fill, load, save
from neuralfuse.user_networks import find_network
from nfenergy.ground.errors import InputError

if TYPE_CHECKING:
    from torch import nn


@dataclass(frozen=True, slots=True, kw_only=True)
class NetworkRecord:
    """Which network a checkpoint's weights belong to, and how they came to be.

    Attributes:
        kind: ``base`` or ``generator``.
        network: name in the registry, or ``uip``.
        dataset: name of the data set it was trained for.
        width: factor on a base's channels.
        normalization: of a base; see `neuralfuse.networks.normalization`.
        quantization: name of the scheme of its stored weights.
        weight_bits: bits of a stored weight; 0 where weights are floating-point numbers.
        memory: ``weights`` or ``all`` parameters, see `neuralfuse.quantization.Quantization`.
        classes: of a data set that is not in the registry; None for those that are.
        extent: rows and columns of such a data set's images.
        whitening: mean and deviation of each channel that a base takes from its images; None for neither.
        data: digest of the images and labels for testing, see `neuralfuse.training.state.images_digest`.
        data_place: what finds a data set of one's own again in any working folder; empty for others.
        network_place: likewise a network in a file of one's own.
        training: settings, seeds, results and versions of the training.
    """

    kind: Kind
    network: str
    dataset: str
    width: float = 1.0
    normalization: str = "batch"
    quantization: str = "symmetric"
    weight_bits: int = 8
    memory: Memory = "weights"
    classes: int | None = None
    extent: int | None = None
    whitening: Statistics | None = None
    data: str = ""
    data_place: str = ""
    network_place: str = ""
    training: Json = field(default_factory=dict)

    @property
    def stored(self) -> Quantization | None:
        """How the weights are stored; None for floating-point numbers."""
        if not self.weight_bits:
            return None
        return Quantization(scheme=get_scheme(self.quantization), bits=self.weight_bits, memory=self.memory)

    @property
    def robustness(self) -> str:
        """What made a base robust, in words; empty for nothing."""
        return robustness(self.training)


def dataset_of(record: NetworkRecord) -> Dataset:
    """What a record's network must know of its data. Raises UnknownName: the registry does not hold it."""
    if record.classes is None or record.extent is None:
        return DATASETS.find(record.dataset)
    return own_dataset(record.dataset, classes=record.classes, extent=record.extent)


def build(record: NetworkRecord) -> nn.Module:
    """The network of a record, with PyTorch's random weights.

    A file of one's own is looked for where its name leads from here, then where it was in training.

    Raises:
        UnknownName: the registry holds no such network or data set.
        InputError: a network in a file cannot be built.
    """
    role = _role(record)
    try:
        network = find_network(record.network, role)
    except InputError:
        if not record.network_place:
            raise
        network = find_network(record.network_place, role)
    model = network.build(dataset_of(record), width=record.width)
    if role == "generator":
        return model
    normalize(model, record.normalization)
    return model if record.whitening is None else whiten(model, record.whitening)


def network_place(network: str, role: Role) -> str:
    """`NetworkRecord.network_place` of a network as it is named. Raises as `find_network`."""
    found = find_network(network, role)
    return found.anywhere if isinstance(found, FileNetwork) else ""


def _role(record: NetworkRecord) -> Role:
    return "generator" if record.kind == "generator" else "base"


def save_network(path: Path, model: nn.Module, record: NetworkRecord) -> None:
    """Write a network's parameters and buffers. Raises NfEnergyError: the file cannot be written."""
    save(path, kind=record.kind, record=asdict(record), tensors=model.state_dict())


def load_network(path: Path, kind: Kind) -> tuple[nn.Module, NetworkRecord]:
    """A network in evaluation mode on the CPU, with the floating-point weights of its training.

    Raises:
        InputError: the file is no such checkpoint, or its weights do not fit its network.
    """
    checkpoint = load(path, kind)
    record = _record(checkpoint.record, path)
    check_fit(_skeleton(record, path), checkpoint.tensors, path)
    model = build(record)
    fill(model, checkpoint.tensors, path)
    return model.eval(), record


def _skeleton(record: NetworkRecord, path: Path) -> nn.Module:
    """A record's network without memory for its weights: a damaged width may ask for any amount."""
    import torch

    try:
        record.stored  # noqa: B018 - refuses what no memory stores
        with torch.device("meta"):
            return build(record)
    except InputError as error:
        error.args = (f"{path}: {error}",)
        raise
    except Exception as error:
        said = next(iter(str(error).strip().splitlines()), type(error).__name__)
        raise InputError(f"{path} describes a network that cannot be built ({said})") from error


class _Training(BaseModel):
    """What is read of `NetworkRecord.training`."""

    model_config = ConfigDict(extra="ignore", strict=True, allow_inf_nan=False)

    bases: list[str] = []
    bit_error_rate: float | None = None
    fault_model: str = ""
    perturbed_models: int | None = None
    perturbed_weight: float | None = None
    flipped_bits: int | None = None
    steps: int | None = None
    learning_rate: float | None = None
    seed: int | None = None
    clip: float | None = None
    randbet_rate: float | None = None
    randbet: str = ""
    curricular: bool = False
    pattern: int | None = None
    awp: float | None = None
    input_attack: float | None = None
    label_smoothing: float | None = None


def _record(found: Json, path: Path) -> NetworkRecord:
    """The record in a checkpoint, every field of its type. Raises InputError: one is not."""
    unknown = sorted(found.keys() - {field.name for field in fields(NetworkRecord)})
    if unknown:
        raise InputError(f"{path} describes no network that this version knows: unknown field {unknown[0]!r}")
    try:
        record = TypeAdapter(NetworkRecord).validate_json(json.dumps(found, allow_nan=False), strict=True)
        _Training.model_validate(record.training)
        return record  # noqa: TRY300 - a record whose training is none raises as well
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"]))
        raise InputError(
            f"{path} describes no network that this version knows: {where}: {first['msg']}"
        ) from error
    except ValueError as error:
        raise InputError(f"{path} describes no network: one of its numbers is not finite") from error
