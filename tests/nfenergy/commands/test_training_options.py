"""What is given on the command line overrides the recipe of the data set; wrong values are one line."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from neuralfuse.training.base_recipe import BaseRecipe
from neuralfuse.training.checkpoints import save_network
from neuralfuse.training.eopm import EopmSettings
from nfenergy.commands import progress
from nfenergy.commands.progress import TimeLeft
from tests.conftest import RunCli, snapshot
from tests.neuralfuse.small import trained_base

EVERY = (
    "--epochs 3 --batch-size 7 --optimizer sgd --learning-rate 0.5 --milestones 0.5,0.75 --nesterov "
    "--weight-decay 0.01 --label-smoothing 0.1 --clip 0.2 --randbet 2% --randbet-form released "
    "--randbet-start-loss 9 --curricular --pattern 4 --fault-model stuck-at --awp 0.01 --input-attack 0.1 "
    "--augment cutout --whiten --seed 5"
)
GENERATOR = (
    "--epochs 2 --batch-size 100 --cooldown-steps 4 --n 3 --lambda 2 --flipped-bits 1 --decay 0.5 "
    "--decay-steps 9 --gen-bits 0 --augment own --ber 0.5% --precision fp32"
)


def _recipe(cli: RunCli, *options: str | Path, command: str = "train-base") -> dict[str, Any]:
    done = cli(command, "--recipe", "--json", *options)
    assert done.status == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


@pytest.fixture
def base(tmp_path: Path) -> Path:
    path = tmp_path / "base.safetensors"
    save_network(path, trained_base().model, trained_base().record)
    return path


def test_every_field_of_a_recipe_can_be_set(cli: RunCli) -> None:
    found, default = _recipe(cli, *EVERY.split()), BaseRecipe().settings()
    kept = {name for name, value in default.items() if found[name] == value}
    assert kept == {"flipped_bits", "mixed_precision"}
    assert _recipe(cli, "--flipped-bits", "3")["flipped_bits"] == 3
    assert found["milestones"] == [0.5, 0.75]
    assert _recipe(cli, "--precision", "bf16")["mixed_precision"] is True


def test_the_data_set_and_the_paper_decide_what_is_not_given(cli: RunCli) -> None:
    sun, stutz = _recipe(cli, "--data", "cifar10"), _recipe(cli, "--data", "cifar10", "--paper", "stutz")
    assert (sun["epochs"], sun["optimizer"], sun["augment"]) == (300, "sgd", "crop-mirror")
    assert (stutz["epochs"], stutz["quantization"], stutz["memory"]) == (250, "rquant", "all")
    changed = _recipe(cli, "--data", "cifar10", "--paper", "stutz", "--weight-bits", "4", "--no-nesterov")
    assert (changed["weight_bits"], changed["quantization"], changed["nesterov"]) == (4, "rquant", False)
    assert _recipe(cli, "--data", "cifar10", "--augment", "none")["augment"] == ""
    assert _recipe(cli, "--data", "gtsrb", "--augment", "own")["augment"] == "affine-crop-mirror"
    assert _recipe(cli, "--data", "cifar10", "--paper", "stutz", "--optimizer", "adam")["nesterov"] is False
    unquantized = _recipe(cli, "--unquantized")
    assert (unquantized["quantization"], unquantized["weight_bits"]) == ("none", 0)


def test_a_recipe_for_people_has_a_setting_a_line(cli: RunCli) -> None:
    lines = cli("train-base", "--recipe", "--data", "mnist").stdout.splitlines()
    assert "epochs              8" in lines
    assert "milestones          none" in lines


def test_the_recipe_of_a_generator(cli: RunCli, base: Path) -> None:
    given = ("--base-checkpoint", base, "--gen", "uip")
    found = _recipe(cli, *given, command="train")
    assert found["steps"] == EopmSettings().steps
    changed = _recipe(
        cli,
        *given,
        *GENERATOR.split(),
        command="train",
    )
    default = {"gen": "uip", "data": "digits", "seed": 0, "learning_rate": 1e-3, "fault_model": "flip"}
    assert changed == default | {
        "bit_error_rate": 0.005,
        "perturbed_models": 3,
        "flipped_bits": 1,
        "perturbed_weight": 2.0,
        "steps": 2 * 15,
        "batch_size": 100,
        "decay": 0.5,
        "decay_steps": 9,
        "cooldown_steps": 4,
        "generator_bits": 0,
        "augment": "crop-mirror",
        "mixed_precision": False,
    }


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ("", "--out names the folder of the run"),
        ("--resume --overwrite --out x", "give one of them"),
        ("--precision fp16 --out x", "Known: fp32, bf16"),
        ("--precision bf16 --device cpu --out x", "bf16 is for a GPU"),
        ("--device tpu9 --out x", "no device 'tpu9'"),
        ("--paper stuts --out x", "stutz"),
        ("--milestones a,b --out x", "no list of shares"),
        ("--milestones \uff10.5 --out x", "no list of shares"),
        ("--milestones 2 --out x", "between 0 and 1"),
        ("--augment flip --out x", "crop-mirror"),
        ("--unquantized --weight-bits 4 --out x", "have no bits"),
        ("--unquantized --randbet 1% --out x", "need quantized weights"),
        ("--memory biases --out x", "Known: weights, all"),
        ("--randbet-form alg1 --out x", "needs --randbet"),
        ("--pattern 3 --out x", "need a bit error rate"),
        ("--curricular --out x", "need a bit error rate"),
        ("--validation 0.1 --out x", "--validation is in percent"),
        ("--extent 16 --out x", "their own extent"),
        ("--data folder:/nowhere --out x", "no folder /nowhere"),
        ("--data none.py:f --out x", "none.py"),
    ],
)
def test_wrong_values_of_a_base_are_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, cli: RunCli, options: str, message: str
) -> None:
    monkeypatch.chdir(tmp_path)
    refused = cli("train-base", *options.split())
    assert refused.status == 2
    assert message in refused.error
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ("--epochs 1 --steps 1", "--epochs or --steps"),
        ("--epochs 0", "give 1 or more"),
        ("--steps 5 --cooldown-steps 6", "give 0 to all 5"),
        ("--flipped-bits -1", "K 0 or more"),
        ("--data folder:/nowhere", "no folder /nowhere"),
        ("--data cifar100", "100"),
    ],
)
def test_wrong_values_of_a_generator_are_one_line(
    tmp_path: Path, cli: RunCli, base: Path, options: str, message: str
) -> None:
    refused = cli("train", "--base-checkpoint", base, "--out", tmp_path / "g", *options.split())
    assert refused.status == 2
    assert message in refused.error
    assert not (tmp_path / "g").exists()


def test_a_second_run_into_a_folder_is_refused(tmp_path: Path, cli: RunCli, base: Path) -> None:
    command = ("train", "--base-checkpoint", base, "--gen", "uip", "--steps", "1", "--n", "1", "--quiet")
    out = ("--out", tmp_path / "g", "--batch-size", "4", "--validation", "none")
    assert cli(*command, *out).status == 0
    again = cli(*command, *out)
    assert again.status == 2
    assert "holds a run already" in again.error
    kept = snapshot(tmp_path / "g")
    assert cli(*command, *out, "--overwrite", "--lambda", "-1").status == 2
    assert cli(*command, *out, "--overwrite", "--data", "folder:/nowhere").status == 2
    assert snapshot(tmp_path / "g") == kept
    assert cli(*command, *out, "--seed", "1", "--overwrite").status == 0
    assert cli(*command, *out, "--seed", "1", "--resume").status == 0


def test_time_left_goes_by_the_pace_of_this_run(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 100.0
    monkeypatch.setattr(progress.time, "monotonic", lambda: now)
    left = TimeLeft(1000)
    now = 110.0
    assert left.after(501) == "about 1:23:10 left"
    now = 120.0
    assert left.after(502) == "about 1:23:00 left"
    assert left.after(1000) == "about 0:00 left"
