"""One's own networks and images go through train-base, train, evaluate, report; a kill -9 is no end."""

from __future__ import annotations

import csv
import json
import os
import signal
import subprocess
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from neuralfuse.accuracy_files import read_accuracies
from neuralfuse.training.checkpoint_files import load
from neuralfuse.training.checkpoints import load_network
from neuralfuse.training.state import STATE_FILE
from nfenergy.ground.errors import InputError
from tests.conftest import RunCli, cli_command

MINE = """
import torch
from torch import nn


class Blobs(torch.utils.data.Dataset):
    classes = ["dark", "grey", "light"]

    def __init__(self, train):
        rng = torch.Generator().manual_seed(int(train))
        self.labels = [number % 3 for number in range(60 if train else 24)]
        self.noise = torch.rand(len(self.labels), 3, 16, 16, generator=rng)

    def __len__(self):
        return len(self.labels)

    def __getitem__(self, number):
        return 0.3 * self.labels[number] + 0.3 * self.noise[number], self.labels[number]


def Net(classes):
    return nn.Sequential(
        nn.Conv2d(3, 8, 3, stride=2, padding=1), nn.BatchNorm2d(8), nn.ReLU(),
        nn.Conv2d(8, 8, 3, stride=2, padding=1), nn.ReLU(),
        nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(8, classes),
    )


class Repair(nn.Sequential):
    def __init__(self):
        super().__init__(nn.Conv2d(3, 4, 3, padding=1), nn.ReLU(), nn.Conv2d(4, 3, 3, padding=1), nn.Tanh())
"""
BASE = "--base Mine.py:Net --epochs 6 --batch-size 10 --learning-rate 0.02 --threads 1 --quiet --out"
GENERATOR = "--gen Mine.py:Repair --n 2 --batch-size 8 --threads 1 --quiet"


def _pictures(folder: Path) -> None:
    rng = np.random.default_rng(0)
    for label, name in enumerate(("dark", "light")):
        (folder / name).mkdir(parents=True)
        for number in range(20):
            pixels = rng.integers(0, 90, (20, 20, 3)) + 150 * label
            Image.fromarray(pixels.astype(np.uint8)).save(folder / name / f"{number:02d}.png")


@pytest.fixture
def work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working folder with a user's module and pictures."""
    (tmp_path / "Mine.py").write_text(MINE, encoding="utf-8")
    _pictures(tmp_path / "pets")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def _killed(command: list[str | Path], out: Path) -> None:
    """Run a training until its first state is there, and end it with kill -9."""
    running = subprocess.Popen(cli_command(*command), stderr=subprocess.PIPE, start_new_session=True)
    while running.poll() is None and not (out / STATE_FILE).is_file():
        time.sleep(0.005)
    if running.poll() is None:
        os.killpg(running.pid, signal.SIGKILL)
    assert running.communicate()[1] == b""
    assert running.returncode == -signal.SIGKILL


def _trained(cli: RunCli, *command: str | Path) -> None:
    done = cli(*command)
    assert done.status == 0, done.stderr


@pytest.mark.parametrize("data", ["folder:pets", pytest.param("Mine.py:Blobs", marks=pytest.mark.slow)])
def test_the_whole_road_with_a_kill_on_the_way(work: Path, cli: RunCli, data: str) -> None:
    train_base = ["train-base", "--data", data, *BASE.split()]
    _killed([*train_base, "b", "--epochs", "400"], work / "b")
    assert 1 <= load(work / "b" / STATE_FILE, "training").record["epoch"] < 400
    done = load(work / "b" / STATE_FILE, "training").record["epoch"]
    _trained(cli, *train_base, "b", "--epochs", str(done + 2), "--resume")
    _trained(cli, *train_base, "whole", "--epochs", str(done + 2))
    base = work / "b" / "base.safetensors"
    assert base.read_bytes() == (work / "whole" / "base.safetensors").read_bytes()
    train = ["train", "--base-checkpoint", base, *GENERATOR.split(), "--out"]
    _killed([*train, "g", "--steps", "20000", "--checkpoint-every", "1"], work / "g")
    step = load(work / "g" / STATE_FILE, "training").record["step"]
    _trained(cli, *train, "g", "--steps", str(step + 2), "--resume")
    _trained(cli, *train, "whole-g", "--steps", str(step + 2))
    generator = work / "g" / "generator.safetensors"
    assert generator.read_bytes() == (work / "whole-g" / "generator.safetensors").read_bytes()
    networks = ("--base-checkpoint", base, "--gen-checkpoint", generator)
    _trained(cli, "evaluate", *networks, "--ber", "1%", "--seeds", "3", "--out", "a.csv", "--quiet")
    rows = read_accuracies(work / "a.csv")
    assert [(row.dataset, row.base, row.generator) for row in rows] == [
        (data, "Mine.py:Net", "none"),
        (data, "Mine.py:Net", "Mine.py:Repair"),
    ]
    assert rows[0].base_clean_percent > 90.0
    assert (rows[1].train_steps, rows[1].train_perturbed_models, rows[1].train_lambda) == (step + 2, 2, 5.0)
    assert (rows[1].train_learning_rate, rows[1].recovery_half_width_percent is None) == (1e-3, False)
    _trained(cli, "report", "--accuracy", "a.csv", "--out", "r.html", "--quiet")
    with (work / "r.tradeoff.csv").open(encoding="utf-8") as file:
        joined = list(csv.DictReader(file))
    assert {row["dataset"] for row in joined} == {data}
    assert {row["train_steps"] for row in joined} == {"", str(step + 2)}
    assert {row["recovery_half_width_percent"] for row in joined} != {""}


@pytest.fixture
def base(work: Path, cli: RunCli) -> Path:
    _trained(cli, "train-base", "--data", "folder:pets", *BASE.split(), "b", "--validation", "none")
    return work / "b" / "base.safetensors"


def test_what_was_trained_is_found_from_another_folder(
    work: Path, base: Path, cli: RunCli, monkeypatch: pytest.MonkeyPatch
) -> None:
    (work / "elsewhere").mkdir()
    monkeypatch.chdir(work / "elsewhere")
    _trained(cli, "evaluate", "--base-checkpoint", base, "--seeds", "1", "--quiet")
    model, record = load_network(base, "base")
    assert record.network == "Mine.py:Net"
    assert model(torch.zeros(1, 3, 32, 32)).shape == (1, 2)
    (work / "Mine.py").rename(work / "Moved.py")
    with pytest.raises(InputError, match=r"cannot read network file .*Mine\.py"):
        load_network(base, "base")


def test_data_that_moved_are_named_and_their_digest_is_checked(work: Path, base: Path, cli: RunCli) -> None:
    (work / "pets").rename(work / "animals")
    command = ("evaluate", "--base-checkpoint", base, "--seeds", "1", "--out", "a.csv", "--quiet")
    gone = cli(*command)
    assert gone.status == 2
    assert "no folder" in gone.error
    assert "--data" in gone.error
    found = cli(*command, "--data", "folder:animals")
    assert (found.status, found.stderr) == (0, "")
    assert [row.dataset for row in read_accuracies(work / "a.csv")] == ["folder:pets"]
    Image.new("RGB", (20, 20)).save(work / "animals" / "light" / "04.png")
    other = cli(*command, "--data", "folder:animals")
    assert other.status == 0
    assert "was trained for other folder:pets data" in other.stderr
    train = ("train", "--base-checkpoint", base, *GENERATOR.split(), "--steps", "1", "--out", "g")
    refused = cli(*train, "--data", "folder:animals")
    assert refused.status == 2
    assert "was trained for other folder:pets data" in refused.stderr.splitlines()[-1]
    (work / "animals" / "none").mkdir()
    for number in range(5):
        Image.new("RGB", (20, 20)).save(work / "animals" / "none" / f"{number}.png")
    assert "has 3 classes, the networks were trained for 2" in cli(*command, "--data", "folder:animals").error


def test_pictures_of_ones_own_data_name_classes_and_the_chip(work: Path, base: Path, cli: RunCli) -> None:
    command = ("pictures", "--base-checkpoint", base, "--images", "8", "--out", "p", "--format", "svg")
    _trained(cli, *command, "--class", "Light", "--chip", "7", "--ber", "2%")
    assert (work / "p" / "class-1.svg").is_file()
    refused = cli(*command, "--class", "red")
    assert refused.status == 2
    assert "dark, light" in refused.error


def test_a_network_that_does_not_fit_is_refused_before_it_is_trained(work: Path, cli: RunCli) -> None:
    for options, message in (
        ("--base vgg11 --data Mine.py:Blobs", "vgg11 does not take images of 3 x 16 x 16"),
        ("--base Mine.py:Repair --data Mine.py:Blobs", "Mine.py:Repair makes 2 x 3 x 16 x 16 of 2 images"),
    ):
        refused = cli("train-base", *options.split(), "--out", "x", "--quiet")
        assert refused.status == 2
        assert message in refused.error


def test_a_base_trained_unquantized_is_quantized_by_its_evaluation(work: Path, cli: RunCli) -> None:
    _trained(cli, "train-base", "--data", "Mine.py:Blobs", *BASE.split(), "u", "--unquantized")
    command = ("evaluate", "--base-checkpoint", "u/base.safetensors", "--seeds", "2", "--quiet", "--json")
    found: list[dict[str, Any]] = []
    for options in ("", "--quantization rquant --memory all --weight-bits 4"):
        done = cli(*command, *options.split())
        assert done.status == 0, done.stderr
        found += json.loads(done.stdout)
    assert [(row["quantization"], row["weight_bits"]) for row in found] == [("symmetric", 8), ("rquant", 4)]
    assert {row["base_training"] for row in found} == {"quantized after training"}
    assert found[0]["base_digest"] != found[1]["base_digest"]
    for options, message in (("--quantization rquants", "rquant"), ("--memory bias", "weights, all")):
        refused = cli(*command[:-1], *options.split())
        assert refused.status == 2
        assert message in refused.error
