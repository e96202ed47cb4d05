"""Whole runs from names and files to files: what the commands call, and a notebook may.

A network's record says how it came to be: settings, seeds, results and versions. What trained networks
are worth is measured by `neuralfuse.evaluation.measuring`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from torch import nn

from neuralfuse.datasets.augmentation import get_augmentation
from neuralfuse.datasets.images import Splits
from neuralfuse.datasets.loading import own_augmentation
from neuralfuse.memory.fault_models import map_record
from neuralfuse.memory.perturbation import QuantizedBase
from neuralfuse.networks.whitening import channel_statistics
from neuralfuse.quantization import Quantization, left_out
from neuralfuse.registry import base_title, dataset_title
from neuralfuse.training import checkpoints
from neuralfuse.training.base_recipe import BaseRecipe
from neuralfuse.training.base_training import BaseTraining, OnEpoch, accuracy_percent, stored_as
from neuralfuse.training.checkpoint_files import SUFFIX, Kind
from neuralfuse.training.checkpoints import NetworkRecord
from neuralfuse.training.devices import best_device as best_device
from neuralfuse.training.devices import use_threads as use_threads
from neuralfuse.training.eopm import EopmSettings
from neuralfuse.training.generator_training import GeneratorTraining, OnStep, base_digest
from neuralfuse.training.initialization import initialize
from neuralfuse.training.probing import check_base, check_generator
from neuralfuse.training.state import images_digest
from neuralfuse.training.streams import WEIGHTS, torch_seed
from neuralfuse.training.validation import Validation
from neuralfuse.user_networks import find_module
from nfenergy.ground.errors import InputError
from nfenergy.ground.files import check_folder
from nfenergy.ground.provenance import versions_text

BASE_FILE = f"base{SUFFIX}"
GENERATOR_FILE = f"generator{SUFFIX}"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Trained:
    """A network with the record of its training; floating-point weights, in evaluation mode."""

    model: nn.Module
    record: NetworkRecord

    @property
    def parameters(self) -> int:
        """Trainable numbers of the network."""
        return sum(parameter.numel() for parameter in self.model.parameters())

    @property
    def title(self) -> str:
        """A base model in words: its width, what made it robust, and its data."""
        record = self.record
        width = "" if record.width == 1 else f" x {record.width:.12g}"
        words = ", ".join(filter(None, [f"{base_title(record.network)}{width}", record.robustness]))
        return f"{words} on {dataset_title(record.dataset)}"


def load_trained(path: Path, kind: Kind) -> Trained:
    """A network from its checkpoint. Raises InputError: see `checkpoints.load_network`."""
    model, record = checkpoints.load_network(path, kind)
    return Trained(model=model, record=record)


def stored_base(
    trained: Trained,
    *,
    bits: int | None = None,
    quantization: Quantization | None = None,
    device: str = "cpu",
) -> QuantizedBase:
    """The base as its weight memory holds it: of its training, or of fewer `bits`.

    With `quantization` it is quantized so after its training (post-training quantization), whatever it
    was trained with.
    """
    quantization = quantization or stored_quantization(trained.record, bits)
    return QuantizedBase(fresh_copy(trained).to(device), quantization)


def stored_quantization(record: NetworkRecord, bits: int | None = None) -> Quantization:
    """How a base is stored, with another number of bits if given.

    A base that was trained without quantization is stored as Sun et al. store theirs, in 8 bits.
    """
    stored = record.stored or Quantization()
    return stored if bits is None else replace(stored, bits=bits)


def fresh_copy(trained: Trained) -> nn.Module:
    """The same network again, so that what is done to it leaves the first alone."""
    model = checkpoints.build(trained.record)
    model.load_state_dict(trained.model.state_dict())
    return model.eval()


def train_new_base(
    record: NetworkRecord,
    recipe: BaseRecipe,
    data: Splits,
    *,
    augment: bool | str = "",
    out: Path | None = None,
    resume: bool = False,
    checkpoint_every: int = 1,
    device: str = "cpu",
    on_epoch: OnEpoch | None = None,
    validation: Validation | None = None,
) -> Trained:
    """Train the base that `record` names from random weights.

    Args:
        record: network, width and normalisation of the base, and its data set.
        recipe: of the training.
        data: that data set.
        augment: an augmentation in place of the recipe's: its name, or True for the data set's own.
        out: folder for log and state; None writes neither.
        resume: go on from the state in `out`.
        checkpoint_every: epochs between two states.
        device: of PyTorch.
        on_epoch: told of each epoch.
        validation: of each epoch, made of `data`; None measures none.

    Raises:
        UnknownName: there is no such network or data set.
        InputError: the state in `out` is of another run, or not whole; or the network does not fit the data.
        NfEnergyError: the loss became no number, or a file cannot be written.
    """
    if out is not None:
        check_folder(out)
    if augment:
        recipe = replace(recipe, augment=own_augmentation(record.dataset, augment))
    if recipe.whiten:
        record = replace(record, whitening=channel_statistics(data.train))
    record = replace(record, network_place=checkpoints.network_place(record.network, "base"))
    about = {name: getattr(record, name) for name in ("network", "dataset", "width", "normalization")}
    with torch_seed(recipe.seed, WEIGHTS):
        model = initialize(checkpoints.build(record))
        check_base(model, record.network, checkpoints.dataset_of(record))
        model = model.to(device)
        training = BaseTraining(
            model, data.train, recipe, augment=get_augmentation(recipe.augment), about=about
        )
        if resume:
            training.resume(_resumable(out))
        training.run(
            out=out,
            checkpoint_every=checkpoint_every,
            on_epoch=on_epoch,
            validation=validation.images if validation else None,
        )
    model = model.cpu()
    last = training.history[-1]
    memory = (recipe.quantization or Quantization()).memory
    record = replace(
        record,
        **stored_as(recipe.quantization),
        data=images_digest(data.test),
        training={
            **recipe.settings(),
            **map_record(recipe.fault_model),
            "outside_weight_memory": list(left_out(model, memory)),
            "final_loss": last.loss,
            "final_perturbed_loss": last.perturbed_loss,
            **_validated(validation),
            "versions": versions_text(),
        },
    )
    trained = Trained(model=model, record=record)
    tested = stored_base(trained).model if recipe.quantization else fresh_copy(trained)
    clean = accuracy_percent(tested, data.test)
    record.training["test_accuracy_percent"] = clean
    return trained


def train_new_generator(
    name: str,
    bases: Sequence[Trained],
    settings: EopmSettings,
    data: Splits,
    *,
    out: Path | None = None,
    resume: bool = False,
    checkpoint_every: int = 50,
    device: str = "cpu",
    on_step: OnStep | None = None,
    validation: Validation | None = None,
) -> Trained:
    """Train a generator from random weights before one base or several (ensemble).

    Args:
        name: of the generator, or ``uip``.
        bases: of one data set; each is stored as in its training.
        settings: of the run.
        data: that data set.
        out: folder for log and state.
        resume: go on from the state in `out`.
        checkpoint_every: steps between two states.
        device: of PyTorch.
        on_step: told of each step.
        validation: of each epoch and the end, made of `data`; None measures none.

    Raises:
        UnknownName: there is no such generator.
        InputError: the bases' data sets differ, or the state in `out` is of another run.
        NfEnergyError: the loss became no number, or a file cannot be written.
    """
    if out is not None:
        check_folder(out)
    dataset = same_dataset([base.record for base in bases])
    for base in bases:
        if other := other_data(base.record, data):
            raise InputError(other)
    settings = replace(settings, augment=own_augmentation(dataset, settings.augment))
    record = NetworkRecord(
        kind="generator",
        network=find_module(name, "generator").given,
        network_place=checkpoints.network_place(name, "generator"),
        dataset=dataset,
        data_place=bases[0].record.data_place,
        classes=bases[0].record.classes,
        extent=bases[0].record.extent,
        weight_bits=settings.generator_bits,
        data=images_digest(data.test),
    )
    with torch_seed(settings.seed, WEIGHTS):
        model = checkpoints.build(record)
        check_generator(model, record.network, checkpoints.dataset_of(record))
    stored = [stored_base(base, device=device) for base in bases]
    about = {"network": record.network, "dataset": dataset}
    run = GeneratorTraining(model.to(device), stored, data.train, settings, about=about)
    if resume:
        run.resume(_resumable(out))
    run.run(
        out=out,
        checkpoint_every=checkpoint_every,
        on_step=on_step,
        validation=validation.images if validation else None,
    )
    training: dict[str, Any] = {
        **asdict(settings),
        **map_record(settings.fault_model),
        "bases": [base.record.network for base in bases],
        "base_widths": [base.record.width for base in bases],
        "base_training": [base.record.robustness for base in bases],
        "base_digests": [base_digest(base) for base in stored],
        **_validated(validation),
        "final": asdict(run.log[-1]),
        "versions": versions_text(),
    }
    return Trained(model=model.cpu(), record=replace(record, training=training))


def other_data(record: NetworkRecord, data: Splits) -> str | None:
    """What is wrong with `data` for a network, in one line; None where it is the data of its training.

    Equal names do not make equal data: other labels under the same name ruin every accuracy in silence. A
    record without a digest says nothing.
    """
    found = images_digest(data.test)
    if not record.data or record.data == found:
        return None
    return (
        f"{record.network} was trained for other {record.dataset} data (test part: {record.data}, now "
        f"{found}); use the files of its training, or train it again"
    )


def _validated(validation: Validation | None) -> dict[str, str]:
    return {"validated_on": validation.name} if validation else {}


def _resumable(out: Path | None) -> Path:
    if out is None:
        raise InputError("to resume needs the folder of the interrupted run")
    return out


def same_dataset(records: Sequence[NetworkRecord]) -> str:
    """The one data set of all records. Raises InputError: none is given, or they differ."""
    names = sorted({record.dataset for record in records})
    if len(names) != 1:
        raise InputError(f"all networks must be of one data set, not of {' and '.join(names) or 'none'}")
    return names[0]
