"""A training run on disk: a state from which it can go on, and a log for people.

The state is one safetensors file, written whole or not at all: weights, optimizer, random numbers, and
what the run is, so that it never goes on as another. The log is a CSV with one row a step or an epoch.
"""

from __future__ import annotations

import csv
import hashlib
import io
import json
import math
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import TYPE_CHECKING, Generic, Literal, TypeVar

import torch
from torch import Tensor, nn

from neuralfuse.datasets.images import LabelledImages
from neuralfuse.training.checkpoint_files import SUFFIX, Json, fill, load, save
from nfenergy.ground.errors import InputError, NfEnergyError
from nfenergy.ground.files import check_folder, read_text, write_text

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

STATE_FILE = f"training{SUFFIX}"
LOG_FILE = "log.csv"

Entry = TypeVar("Entry", bound="DataclassInstance")
Tensors = dict[str, Tensor]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class LoopState:
    """What the rest of a run depends on besides network and optimizer, such as its random numbers.

    Attributes:
        values: JSON values.
        tensors: by name.
    """

    values: Json = field(default_factory=dict)
    tensors: Tensors = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class SavedRun(Generic[Entry]):
    """What a run leaves in a folder and finds there again.

    Attributes:
        network: being trained.
        optimizer: of all its parameters.
        learning_rate: of the run, to be lowered where a weight is no number any more.
        entry: class of a row of the log; its fields are numbers.
        unit: what a row is of.
        total: rows of the whole run.
        identity: what must be the same for a resumed run to end where an uninterrupted one does.
    """

    network: nn.Module
    optimizer: torch.optim.Optimizer
    learning_rate: float
    entry: type[Entry]
    unit: Literal["step", "epoch"]
    total: int
    identity: Json

    def save(self, out: Path, log: Sequence[Entry], loop: LoopState) -> None:
        """Write the state and the log of the run so far into folder `out`.

        Raises:
            NfEnergyError: a weight is no number any more, or a file cannot be written; an earlier state
                stays.
        """
        self._check_finite(len(log))
        record = {f"{self.unit}s": self.total, **self.identity, self.unit: len(log), "loop": loop.values}
        tensors = {
            **_prefixed("network.", self.network.state_dict()),
            **_prefixed("optimizer.", _optimizer_tensors(self.optimizer)),
            **_prefixed("loop.", loop.tensors),
        }
        text = log_text(log, self.entry)
        record["sha256"] = _digest(record, tensors, text)
        write_text(out / LOG_FILE, text)
        save(out / STATE_FILE, kind="training", record=record, tensors=tensors)

    def load(self, out: Path) -> tuple[list[Entry], LoopState]:
        """Fill network and optimizer from the state in folder `out`.

        Returns:
            the log up to that state, and where the run stood.

        Raises:
            InputError: there is no state, it is of another run or past the end of this one, or a number in
                it or in the log is not the one that was written.
        """
        path = out / STATE_FILE
        if not path.exists():
            raise InputError(f"nothing to resume: {out} holds no {STATE_FILE}; leave out --resume to begin")
        state = load(path, "training")
        self._check_identity(state.record, path)
        done = state.record[self.unit]
        if done > self.total:
            raise InputError(f"{path} has done {done} {self.unit}s, more than the {self.total} wanted now")
        log = read_log(out / LOG_FILE, self.entry)[:done]
        if len(log) < done:
            raise InputError(f"{out / LOG_FILE} has {len(log)} {self.unit}s, {path} {done}")
        kept = {name: value for name, value in state.record.items() if name not in ("kind", "sha256")}
        if state.record.get("sha256") != _digest(kept, state.tensors, log_text(log, self.entry)):
            raise InputError(
                f"{path} is damaged: it and {LOG_FILE} do not bear out its checksum; begin without --resume"
            )
        fill(self.network, _part("network.", state.tensors), path)
        _fill_optimizer(self.optimizer, _part("optimizer.", state.tensors))
        return log, LoopState(values=state.record["loop"], tensors=_part("loop.", state.tensors))

    def _check_finite(self, done: int) -> None:
        for name, tensor in self.network.state_dict().items():
            if not bool(torch.isfinite(tensor).all()):
                raise NfEnergyError(
                    f"{self.unit} {done}: {name} is not finite; "
                    f"lower the learning rate {self.learning_rate:g}"
                )

    def _check_identity(self, record: Json, path: Path) -> None:
        for name, value in json.loads(json.dumps(self.identity)).items():
            if record.get(name) != value:
                raise InputError(
                    f"{path} is of a run with other {name} ({record.get(name)}, now {value}); "
                    "resume with the same, or start in another folder"
                )


def begin_in(out: Path, checkpoint: str, *, overwrite: bool, resumable: bool = True) -> None:
    """Make sure that folder `out` holds no run, before a new one writes there.

    Args:
        out: the folder, made or not.
        checkpoint: name of the file that the run will end with.
        overwrite: delete what an earlier run left there.
        resumable: whether the command could go on with it.

    Raises:
        InputError: it holds a run, which is not to be deleted.
        NfEnergyError: a file cannot be deleted, or none can be written there.
    """
    check_folder(out)
    names = [STATE_FILE, checkpoint, LOG_FILE]
    left = [out / name for name in names if (out / name).exists()]
    if left and not overwrite:
        go_on = "go on with it (--resume), " if resumable else ""
        raise InputError(
            f"{out} holds a run already ({left[0].name}); {go_on}replace it (--overwrite), or name another "
            "folder"
        )
    for path in left:
        for file in (path, path.with_suffix(".json")) if path.suffix == SUFFIX else (path,):
            try:
                file.unlink(missing_ok=True)
            except OSError as error:
                raise NfEnergyError(f"cannot delete {file}: {error.strerror or error}") from error


@contextmanager
def naming_damage(out: Path) -> Iterator[None]:
    """Whatever goes wrong with the content of a state in folder `out` is an InputError."""
    try:
        yield
    except NfEnergyError:
        raise
    except Exception as error:
        said = next(iter(str(error).strip().splitlines()), "")
        raise InputError(
            f"{out / STATE_FILE} is damaged ({type(error).__name__}: {said}); start anew without --resume"
        ) from error


def images_digest(images: LabelledImages) -> str:
    """A name for labelled images: equal for equal pixels and labels in the same order."""
    digest = hashlib.sha256()
    for tensor in (images.images, images.labels):
        digest.update(f"{tensor.dtype} {list(tensor.shape)}".encode())
        digest.update(tensor.cpu().contiguous().numpy().data)
    return f"{len(images)} images {digest.hexdigest()[:16]}"


def log_text(log: Iterable[Entry], entry: type[Entry]) -> str:
    """The log as CSV, header first; empty cells for None."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow([column.name for column in fields(entry)])
    writer.writerows(["" if value is None else value for value in asdict(row).values()] for row in log)
    return text.getvalue()


def read_log(path: Path, entry: type[Entry]) -> list[Entry]:
    """The rows of a log file, number for number as they were written.

    Raises:
        InputError: it is missing or not a log of such rows.
    """
    rows = csv.DictReader(io.StringIO(read_text(path, "training log")))
    types = {column.name: str(column.type) for column in fields(entry)}
    try:
        return [entry(**{name: _cell(row[name], kind) for name, kind in types.items()}) for row in rows]
    except (KeyError, TypeError, ValueError) as error:
        raise InputError(f"{path} is not a training log of nfenergy") from error


def _cell(text: str, kind: str) -> int | float | None:
    if not text and kind.endswith("| None"):
        return None
    number = int(text) if kind == "int" else float(text)
    if not math.isfinite(number):
        raise ValueError(text)
    return number


def _optimizer_tensors(optimizer: torch.optim.Optimizer) -> Tensors:
    state = optimizer.state_dict()["state"]
    return {f"{number}.{key}": value for number, part in state.items() for key, value in part.items()}


def _fill_optimizer(optimizer: torch.optim.Optimizer, tensors: Tensors) -> None:
    state: dict[int, Tensors] = {}
    for name, value in tensors.items():
        number, _, key = name.partition(".")
        state.setdefault(int(number), {})[key] = value
    optimizer.load_state_dict({**optimizer.state_dict(), "state": state})


def _digest(record: Json, tensors: Tensors, log: str) -> str:
    """Of all that a run goes on from; `record` without its own checksum."""
    plain = json.loads(json.dumps(record))
    digest = hashlib.sha256(json.dumps([plain, log], sort_keys=True).encode())
    for name, tensor in sorted(tensors.items()):
        digest.update(f"{name} {tensor.dtype} {list(tensor.shape)}".encode())
        digest.update(tensor.detach().cpu().contiguous().numpy().data)
    return digest.hexdigest()


def _prefixed(prefix: str, tensors: Tensors) -> Tensors:
    return {prefix + name: value for name, value in tensors.items()}


def _part(prefix: str, tensors: Tensors) -> Tensors:
    return {name.removeprefix(prefix): value for name, value in tensors.items() if name.startswith(prefix)}
