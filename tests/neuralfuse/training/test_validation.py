"""Figures between epochs: of images apart, on chips apart, and without a trace in the training."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import torch

from neuralfuse.registry import DATASETS, own_dataset
from neuralfuse.training import event_log
from neuralfuse.training.base_recipe import BaseRecipe, Epoch
from neuralfuse.training.base_training import BaseTraining
from neuralfuse.training.devices import device_named
from neuralfuse.training.eopm import EopmSettings
from neuralfuse.training.generator_training import GeneratorTraining, LogEntry
from neuralfuse.training.probing import check_base, check_generator
from neuralfuse.training.runs import train_new_generator
from neuralfuse.training.state import LOG_FILE, begin_in, read_log
from neuralfuse.training.streams import FIRST_TRAINING_CHIP, TEST_CHIPS
from neuralfuse.training.validation import VALIDATION_CHIPS, steps_per_epoch, validation_of
from nfenergy.ground.errors import InputError
from tests.neuralfuse.bases import small_base
from tests.neuralfuse.small import digits, noise, settings, trained_base, untrained_base, untrained_generator

IMAGES = 48


def _base_run(**options: Any) -> BaseTraining:
    recipe = BaseRecipe(**{"epochs": 2, "batch_size": 16, "learning_rate": 3e-3, **options})
    return BaseTraining(small_base(0, channels=(4, 8)), digits().train.first(IMAGES), recipe)


def _generator_run(**changes: Any) -> GeneratorTraining:
    chosen = settings(**{"steps": 5, "batch_size": 4, **changes})
    return GeneratorTraining(untrained_generator("convs"), [untrained_base()], noise(8), chosen)


def _weights(model: torch.nn.Module) -> list[bytes]:
    return [value.numpy().tobytes() for value in model.state_dict().values()]


@pytest.mark.parametrize("quantized", [True, False])
def test_the_validation_of_a_base_is_logged_and_changes_nothing(tmp_path: Path, quantized: bool) -> None:
    options: dict[str, Any] = {} if quantized else {"quantization": None}
    plain, validated = _base_run(**options), _base_run(**options)
    plain.run()
    validated.run(out=tmp_path, validation=digits().test.first(IMAGES))
    assert _weights(plain.model) == _weights(validated.model)
    found = [epoch.validation_percent for epoch in validated.history]
    assert all(value is not None and 0.0 <= value <= 100.0 for value in found)
    assert [epoch.validation_percent for epoch in plain.history] == [None, None]
    assert [replace(epoch, validation_percent=None) for epoch in validated.history] == list(plain.history)
    assert read_log(tmp_path / LOG_FILE, Epoch) == list(validated.history)


def test_the_validation_of_a_generator_is_of_each_epoch_and_the_end(tmp_path: Path) -> None:
    plain, validated = _generator_run(), _generator_run()
    plain.run()
    validated.run(out=tmp_path, validation=noise(6, seed=1))
    assert _weights(plain.generator) == _weights(validated.generator)
    measured = [entry.step for entry in validated.log if entry.validation_clean_percent is not None]
    assert measured == [2, 4, 5]
    assert all(
        (entry.validation_perturbed_percent is None) == (entry.step not in measured)
        for entry in validated.log
    )
    assert read_log(tmp_path / LOG_FILE, LogEntry) == validated.log
    clean_only = _generator_run(bit_error_rate=0.0)
    clean_only.run(validation=noise(6, seed=1))
    assert clean_only.log[-1].validation_clean_percent is not None
    assert clean_only.log[-1].validation_perturbed_percent is None


def test_chips_of_the_validation_are_neither_trained_nor_tested_on() -> None:
    assert not set(VALIDATION_CHIPS) & set(TEST_CHIPS)
    assert max(VALIDATION_CHIPS) < FIRST_TRAINING_CHIP


def test_what_validates_is_named_and_is_not_trained_with() -> None:
    data = digits()
    assert validation_of(data).name == "360 test images"
    assert validation_of(data).splits is data
    share = validation_of(data, "10%")
    assert share.name == "144 training images held out"
    assert share.images is not None
    assert (len(share.splits.train), len(share.images)) == (1437 - 144, 144)
    assert share.splits.test is data.test
    assert validation_of(data, "none").images is None
    for wanted in ("half", "0.1", "200%", "0%"):
        with pytest.raises(InputError):
            validation_of(data, wanted)


def test_the_record_says_what_validated() -> None:
    validation = validation_of(digits(), "1%")
    trained = train_new_generator(
        "uip", [trained_base()], settings(steps=1), validation.splits, validation=validation
    )
    assert trained.record.training["validated_on"] == "14 training images held out"
    assert trained.record.training["final"]["validation_clean_percent"] is not None


def test_an_epoch_ends_with_a_smaller_batch() -> None:
    assert [steps_per_epoch(images, 25) for images in (25, 26, 60_000)] == [1, 2, 2400]


def test_products_in_bfloat16_train_other_weights_that_stay_in_32_bits() -> None:
    exact, mixed = _base_run(), _base_run(mixed_precision=True)
    exact.run()
    mixed.run()
    assert _weights(exact.model) != _weights(mixed.model)
    assert {value.dtype for value in mixed.model.parameters()} == {torch.float32}
    assert mixed.history[-1].loss == pytest.approx(exact.history[-1].loss, rel=0.05)


def test_a_network_that_does_not_fit_its_data_is_one_line() -> None:
    digits_, tiny = DATASETS.find("digits"), own_dataset("tiny", classes=3, extent=8)
    base, generator = small_base(0), untrained_generator("convs")
    check_base(base.train(), "mine", digits_)
    assert base.training
    check_generator(generator, "convs", tiny)
    with pytest.raises(InputError, match="mine makes 2 x 10 of 2 images of tiny, expected 2 x 3"):
        check_base(base, "mine", tiny)
    with pytest.raises(InputError, match="mine makes 2 x 10 of 2 images of digits, expected 2 x 3 x 32 x 32"):
        check_generator(base, "mine", digits_)
    with pytest.raises(InputError, match="lstm makes tuple of 2 images"):
        check_base(_Pair(torch.nn.Linear(32, 10)), "lstm", digits_)
    with pytest.raises(InputError, match="line does not take images of 3 x 8 x 8: mat1 and mat2"):
        check_base(torch.nn.Linear(32, 10), "line", tiny)
    with pytest.raises(InputError, match="has no parameters"):
        check_base(torch.nn.Flatten(), "flat", tiny)


class _Pair(torch.nn.Sequential):
    def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:  # type: ignore[override]
        return super().forward(x), x


def test_a_run_is_not_replaced_in_silence(tmp_path: Path) -> None:
    out = tmp_path / "run"
    begin_in(out, "base.safetensors", overwrite=False)
    _base_run(epochs=1).run(out=out)
    kept = out / "notes.txt"
    kept.write_text("mine")
    with pytest.raises(InputError, match=r"holds a run already \(training.safetensors\).*--overwrite"):
        begin_in(out, "base.safetensors", overwrite=False)
    begin_in(out, "base.safetensors", overwrite=True)
    assert list(out.iterdir()) == [kept]


def test_a_device_that_is_not_there_is_one_line() -> None:
    assert device_named("cpu") == "cpu"
    for name in ("gpu", "meta", "cuda:99"):
        with pytest.raises(InputError, match="PyTorch has no device"):
            device_named(name)


def test_tensorboard_gets_every_number_where_it_is_installed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    written: list[tuple[Any, ...]] = []

    class Writer:
        def __init__(self, *, log_dir: str, purge_step: int) -> None:
            written.append((log_dir, purge_step))

        def add_scalar(self, name: str, value: float, step: int) -> None:
            written.append((name, value, step))

        def close(self) -> None:
            written.append(("closed",))

    module = ModuleType("torch.utils.tensorboard")
    module.SummaryWriter = Writer  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", module)
    row = Epoch(number=3, loss=0.5, accuracy_percent=90.0, perturbed_loss=None)
    monkeypatch.setattr(event_log, "find_spec", lambda name: None)
    with event_log.event_log(tmp_path) as record:
        record(3, row)
    assert written == []
    monkeypatch.setattr(event_log, "find_spec", lambda name: object())
    with event_log.event_log(tmp_path) as record:
        record(3, row)
    assert written == [
        (str(tmp_path / "tensorboard"), 3),
        ("number", 3, 3),
        ("loss", 0.5, 3),
        ("accuracy_percent", 90.0, 3),
        ("closed",),
    ]


def test_the_defaults_of_a_generator_say_where_bfloat16_is_used() -> None:
    assert EopmSettings().mixed_precision
