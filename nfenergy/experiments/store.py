"""Where stages are kept: a folder each, named by its digest, complete or to be gone on with."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from neuralfuse.evaluation.conditions import Evaluated
from nfenergy.experiments.stages import BaseStage, EvaluationStage, GeneratorStage, Stage
from nfenergy.ground.errors import InputError
from nfenergy.ground.files import read_text, write_text
from nfenergy.ground.provenance import versions

DONE = "stage.json"
"""Written last: what the stage is, how long it took, and what a test found."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Store:
    """The stages of one folder.

    Attributes:
        root: the folder.
        data_dir: folder of the data sets; None for the usual places.
    """

    root: Path
    data_dir: Path | None = None

    def folder(self, stage: Stage) -> Path:
        """Where a stage lies."""
        return self.root / stage.folder

    def record(self, stage: Stage) -> dict[str, Any] | None:
        """What a complete stage left; None where it is still to be run.

        Raises:
            InputError: the record is no such record; deleting its folder lets the stage run again.
        """
        path = self.folder(stage) / DONE
        if not path.exists():
            return None
        try:
            record = json.loads(read_text(path, "the record of a stage"))
            if record["identity"] != json.loads(json.dumps(stage.identity)):
                raise ValueError
        except (ValueError, KeyError, TypeError):
            raise InputError(f"{path} is no record of this stage; delete its folder and run again") from None
        return dict(record)

    def tested(self, stage: EvaluationStage) -> Evaluated | None:
        """What a test found; None where it is still to be run."""
        record = self.record(stage)
        if record is None:
            return None
        found = record["found"]
        return Evaluated(
            accuracy=tuple(found["accuracy"]),
            confidence=tuple(found["confidence"]),
            images=found["images"],
        )

    def run(self, stage: Stage) -> float:
        """Make a stage whose needs are met, on one thread of PyTorch; go on with what was begun.

        Returns:
            seconds it took.

        Raises:
            NfEnergyError: its data are missing, its training failed, or it cannot be written.
        """
        import torch

        torch.set_num_threads(1)
        began = time.monotonic()
        found = _makers()[type(stage)](self, stage)
        seconds = time.monotonic() - began
        record = {
            "stage": stage.title,
            "identity": stage.identity,
            "found": found,
            "seconds": round(seconds, 1),
            "versions": versions(),
        }
        write_text(self.folder(stage) / DONE, json.dumps(record, indent=1) + "\n")
        return seconds


def _makers() -> dict[type[Stage], Callable[[Store, Any], Any]]:
    return {BaseStage: _make_base, GeneratorStage: _make_generator, EvaluationStage: _make_test}


def _make_base(store: Store, stage: BaseStage) -> dict[str, Any]:
    from neuralfuse.training import runs
    from neuralfuse.training.checkpoints import NetworkRecord, save_network

    record = NetworkRecord(
        kind="base",
        network=stage.network,
        dataset=stage.dataset,
        width=stage.width,
        normalization=stage.normalization,
    )
    out = store.folder(stage)
    data = data_of(store, stage.dataset, stage.images)
    trained = runs.train_new_base(
        record, stage.recipe, data, out=out, resume=_begun(out), device=runs.best_device()
    )
    save_network(out / runs.BASE_FILE, trained.model, trained.record)
    return {"test_accuracy_percent": trained.record.training["test_accuracy_percent"]}


def _make_generator(store: Store, stage: GeneratorStage) -> dict[str, Any]:
    from neuralfuse.training import runs
    from neuralfuse.training.checkpoints import save_network

    bases = [runs.load_trained(store.folder(base) / runs.BASE_FILE, "base") for base in stage.bases]
    out = store.folder(stage)
    data = data_of(store, stage.bases[0].dataset, stage.images)
    trained = runs.train_new_generator(
        stage.network,
        bases,
        stage.settings,
        data,
        out=out,
        resume=_begun(out),
        device=runs.best_device(),
    )
    save_network(out / runs.GENERATOR_FILE, trained.model, trained.record)
    return dict(trained.record.training["final"])


def _make_test(store: Store, stage: EvaluationStage) -> dict[str, Any]:
    from neuralfuse.evaluation.conditioned import evaluate_under
    from neuralfuse.training import runs

    base = runs.load_trained(store.folder(stage.base) / runs.BASE_FILE, "base")
    generator = None
    if stage.generator is not None:
        generator = runs.load_trained(store.folder(stage.generator) / runs.GENERATOR_FILE, "generator")
    images = data_of(store, stage.base.dataset, None).test
    return asdict(evaluate_under(base, generator, images, stage.conditions))


def _begun(out: Path) -> bool:
    from neuralfuse.training.state import STATE_FILE

    return (out / STATE_FILE).exists()


def data_of(store: Store, dataset: str, images: int | None) -> Any:
    """The data set, of whose training images only the first count."""
    from neuralfuse.datasets.images import Splits

    whole = _loaded(dataset, store.data_dir)
    if images is None:
        return whole
    return Splits(name=whole.name, train=whole.train.first(images), test=whole.test)


@lru_cache(maxsize=1)
def _loaded(dataset: str, data_dir: Path | None) -> Any:
    from neuralfuse.datasets.loading import load

    return load(dataset, data_dir=data_dir)
