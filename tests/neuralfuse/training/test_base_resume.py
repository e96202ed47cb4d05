"""An interrupted training of a base goes on to the very same weights, or says in one line why it cannot."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from neuralfuse.datasets.images import LabelledImages, augmented
from neuralfuse.quantization import Quantization
from neuralfuse.training import state
from neuralfuse.training.base_recipe import BaseRecipe, Epoch
from neuralfuse.training.base_training import BaseTraining
from neuralfuse.training.checkpoint_files import load, save
from neuralfuse.training.generator_training import GeneratorTraining
from neuralfuse.training.runs import BASE_FILE, train_new_base
from neuralfuse.training.state import LOG_FILE, STATE_FILE, images_digest, read_log
from nfenergy.ground.errors import InputError, NfEnergyError
from tests.conftest import RunCli, cli_command, snapshot
from tests.neuralfuse.bases import digits, small_base
from tests.neuralfuse.small import RECORD, noise, settings, untrained_base, untrained_generator

RANDBET: dict[str, Any] = {"randbet_rate": 0.01, "randbet_start_loss": 1e9}


def _training(
    *,
    start: int = 0,
    channels: tuple[int, ...] = (4, 8),
    norm: str = "batch",
    dropout: bool = False,
    images: int = 192,
    augment: bool = False,
    about: dict[str, Any] | None = None,
    **options: Any,
) -> BaseTraining:
    """A short run of a model whose weights and dropout begin with seed `start`; options of the recipe."""
    model = small_base(start, norm=norm, channels=channels)
    if dropout:
        assert isinstance(model, nn.Sequential)
        model.insert(len(model) - 1, nn.Dropout())
    torch.manual_seed(start)
    recipe = BaseRecipe(**{"epochs": 4, "batch_size": 80, "learning_rate": 3e-3, **options})
    return BaseTraining(
        model, digits().train.first(images), recipe, augment=augmented if augment else None, about=about
    )


def _bytes(model: nn.Module) -> dict[str, bytes]:
    return {name: value.contiguous().numpy().tobytes() for name, value in model.state_dict().items()}


def _interrupt(epoch: Epoch) -> None:
    if epoch.number == 3:
        raise KeyboardInterrupt


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"optimizer": "sgd", "clip": 0.1, "augment": True},
        {"augment": True, "dropout": True, **RANDBET},
        {"optimizer": "sgd", "clip": 0.1, "norm": "group", **RANDBET},
        {"clip": 0.2, "seed": 7, "fault_model": "stuck-at", **RANDBET},
    ],
)
def test_a_resumed_run_ends_with_the_same_weights_byte_for_byte(
    tmp_path: Path, options: dict[str, Any]
) -> None:
    whole = _training(**options)
    whole.run(out=tmp_path / "whole")
    with pytest.raises(KeyboardInterrupt):
        _training(**options).run(out=tmp_path / "cut", checkpoint_every=2, on_epoch=_interrupt)
    rest = _training(start=9, **options)
    rest.resume(tmp_path / "cut")
    assert rest.history == whole.history[:2]
    rest.run(out=tmp_path / "cut")
    assert _bytes(rest.model) == _bytes(whole.model)
    assert rest.history == whole.history
    assert not rest.model.training
    assert snapshot(tmp_path / "cut") == snapshot(tmp_path / "whole")
    assert read_log(tmp_path / "cut" / LOG_FILE, Epoch) == list(whole.history)


def test_a_run_that_writes_ends_as_one_that_does_not(tmp_path: Path) -> None:
    silent, writing = _training(**RANDBET), _training(**RANDBET)
    silent.run()
    writing.run(out=tmp_path)
    assert _bytes(silent.model) == _bytes(writing.model)
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "log.csv",
        "training.json",
        "training.safetensors",
    ]


def test_bit_errors_that_have_begun_go_on_above_the_bound(tmp_path: Path) -> None:
    """Weights all but stand still; crops make the loss of an epoch fall below the bound and rise again."""
    still: dict[str, Any] = {"learning_rate": 1e-9, "batch_size": 192, "augment": True, "seed": 2}
    plain = _training(**still)
    plain.run()
    first, second, third, _ = (epoch.loss for epoch in plain.history)
    assert second < min(first, third)
    begins = still | {"randbet_rate": 0.01, "randbet_start_loss": (second + min(first, third)) / 2}
    _training(**begins | {"epochs": 2}).run(out=tmp_path)
    rest = _training(**begins)
    rest.resume(tmp_path)
    rest.run()
    assert [epoch.perturbed_loss is not None for epoch in rest.history] == [False, True, True, True]


def test_the_epochs_may_be_raised_but_not_fall_below_those_done(tmp_path: Path) -> None:
    whole = _training(epochs=3)
    whole.run()
    _training(epochs=2).run(out=tmp_path)
    rest = _training(epochs=3)
    rest.resume(tmp_path)
    rest.run(out=tmp_path)
    assert _bytes(rest.model) == _bytes(whole.model)
    with pytest.raises(InputError, match="has done 3 epochs, more than the 2 wanted now"):
        _training(epochs=2).resume(tmp_path)


def test_a_disk_that_fills_up_between_log_and_state_leaves_the_earlier_state(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = _training()
    whole.run()
    training = _training()

    def full(path: Path, **content: Any) -> None:
        raise NfEnergyError(f"cannot write {path}: No space left on device")

    def fill_up(epoch: Epoch) -> None:
        if epoch.number == 3:
            monkeypatch.setattr(state, "save", full)

    with pytest.raises(NfEnergyError, match="No space left"):
        training.run(out=tmp_path, on_epoch=fill_up)
    monkeypatch.undo()
    assert len(read_log(tmp_path / LOG_FILE, Epoch)) == 3
    rest = _training(start=9)
    rest.resume(tmp_path)
    assert rest.history == whole.history[:2]
    rest.run(out=tmp_path)
    assert _bytes(rest.model) == _bytes(whole.model)
    assert read_log(tmp_path / LOG_FILE, Epoch) == list(whole.history)


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"seed": 4}, r"seed \(0, now 4\)"),
        ({"batch_size": 64}, "batch_size"),
        ({"optimizer": "sgd"}, "optimizer"),
        ({"clip": 0.1}, r"clip \(None, now 0\.1\)"),
        ({"randbet_rate": 0.01}, "randbet_rate"),
        ({"fault_model": "stuck-at"}, "fault_model"),
        ({"quantization": Quantization(bits=4)}, "weight_bits"),
        ({"augment": True}, "augment"),
        ({"images": 191}, r"images \(192 images .*, now 191 images"),
        ({"about": {"network": "vgg16"}}, r"network \(vgg11, now vgg16\)"),
    ],
)
def test_a_state_of_another_run_is_refused(tmp_path: Path, change: dict[str, Any], named: str) -> None:
    about = {"about": {"network": "vgg11"}}
    _training(epochs=1, **about).run(out=tmp_path)
    before = snapshot(tmp_path)
    with pytest.raises(InputError, match=f"of a run with other {named}") as error:
        _training(**about | change).resume(tmp_path)
    assert "\n" not in str(error.value)
    assert snapshot(tmp_path) == before


def test_a_state_of_another_network_is_refused(tmp_path: Path) -> None:
    _training(epochs=1).run(out=tmp_path)
    with pytest.raises(InputError, match="another network"):
        _training(norm="group").resume(tmp_path)
    with pytest.raises(InputError, match=r"has shape \[4, .*needs \[8, "):
        _training(channels=(8, 8)).resume(tmp_path)


def test_images_have_one_name_only_if_pixels_and_labels_agree() -> None:
    images = noise(6)
    same = LabelledImages(images=images.images.clone(), labels=images.labels)
    assert images_digest(images) == images_digest(same)
    same.images[0, 0, 0, 0] += 0.5
    other = LabelledImages(images=images.images, labels=images.labels.flip(0))
    assert len({images_digest(each) for each in (images, same, other, images.first(5))}) == 4


def test_a_generators_state_is_none_of_a_base(tmp_path: Path) -> None:
    generator = GeneratorTraining(
        untrained_generator("uip"), [untrained_base()], noise(12), settings(steps=1)
    )
    generator.run(out=tmp_path)
    with pytest.raises(InputError, match=r"other role \(generator, now base\)"):
        _training().resume(tmp_path)
    _training(epochs=1).run(out=tmp_path)
    with pytest.raises(InputError, match=r"other role \(base, now generator\)"):
        generator.resume(tmp_path)


def test_no_whole_state_is_one_clear_error(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"nothing to resume: .* leave out --resume"):
        _training().resume(tmp_path)
    _training(epochs=2).run(out=tmp_path)
    path, log = tmp_path / STATE_FILE, tmp_path / LOG_FILE
    log.write_text("".join(log.read_text().splitlines(keepends=True)[:2]))
    with pytest.raises(InputError, match=r"log\.csv has 1 epochs, .*training\.safetensors 2"):
        _training().resume(tmp_path)
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(InputError, match="no whole safetensors file"):
        _training().resume(tmp_path)
    path.rename(tmp_path / BASE_FILE)
    save(path, kind="base", record={}, tensors={})
    with pytest.raises(InputError, match="is a base checkpoint, expected training"):
        _training().resume(tmp_path)


def test_a_loss_that_is_no_number_keeps_the_last_state(tmp_path: Path) -> None:
    training = _training()

    def spoil(epoch: Epoch) -> None:
        if epoch.number == 2:
            with torch.no_grad():
                next(training.model.parameters()).fill_(torch.nan)

    with pytest.raises(NfEnergyError, match=r"loss became nan in epoch 3; lower the learning rate 0\.003"):
        training.run(out=tmp_path, checkpoint_every=3, on_epoch=spoil)
    assert not list(tmp_path.iterdir())
    training = _training()
    with pytest.raises(NfEnergyError, match=r"epoch 2: 0\.weight is not finite; lower the learning rate"):
        training.run(out=tmp_path, on_epoch=spoil)
    rest = _training()
    rest.resume(tmp_path)
    assert [epoch.number for epoch in rest.history] == [1]
    assert all(torch.isfinite(value).all() for value in rest.model.state_dict().values())


def test_a_new_base_is_resumed_with_its_record(tmp_path: Path) -> None:
    data = replace(digits(), train=digits().train.first(256))
    recipe = BaseRecipe(epochs=2, batch_size=64)
    whole = train_new_base(RECORD, recipe, data)
    train_new_base(RECORD, replace(recipe, epochs=1), data, out=tmp_path)
    resumed = train_new_base(RECORD, recipe, data, out=tmp_path, resume=True)
    assert _bytes(resumed.model) == _bytes(whole.model)
    assert resumed.record == whole.record
    with pytest.raises(InputError, match=r"other width \(0\.125, now 0\.25\)"):
        train_new_base(replace(RECORD, width=0.25), recipe, data, out=tmp_path, resume=True)
    with pytest.raises(InputError, match="needs the folder"):
        train_new_base(RECORD, recipe, data, resume=True)


def test_kill_9_then_resume_ends_as_an_uninterrupted_run(tmp_path: Path, cli: RunCli) -> None:
    options = "--width 0.015 --epochs 4 --learning-rate 0.01 --randbet 1% --threads 1 --quiet --out"
    command = ("train-base", *options.split())
    killed = subprocess.Popen(
        cli_command(*command, tmp_path / "killed"),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        start_new_session=True,
    )
    saved = tmp_path / "killed" / STATE_FILE
    while killed.poll() is None and not saved.is_file():
        time.sleep(0.01)
    os.killpg(killed.pid, signal.SIGKILL)
    assert killed.communicate()[1] == b""
    assert killed.returncode == -signal.SIGKILL
    assert not (tmp_path / "killed" / BASE_FILE).exists()
    assert 1 <= load(saved, "training").record["epoch"] < 4
    assert cli(*command, tmp_path / "killed", "--resume").status == 0
    assert cli(*command, tmp_path / "whole").status == 0
    whole = (tmp_path / "whole" / BASE_FILE).read_bytes()
    assert (tmp_path / "killed" / BASE_FILE).read_bytes() == whole
    assert cli(*command, tmp_path / "killed", "--resume").status == 0
    assert (tmp_path / "killed" / BASE_FILE).read_bytes() == whole
    refused = cli(*command, tmp_path / "killed", "--resume", "--batch-size", "64")
    assert refused.status == 2
    assert "other batch_size (128, now 64)" in refused.error
