"""The user's own fault maps and the profiled chips, from the command line to the records of results."""

from __future__ import annotations

import json
import re
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from neuralfuse.accuracy_files import read_accuracies
from neuralfuse.memory.bit_errors import FaultModel
from neuralfuse.memory.fault_maps import map_faults, place_of
from neuralfuse.memory.fault_models import FAULT_MODELS, choose_fault_model, get_fault_model
from neuralfuse.memory.map_files import read_flip_maps, read_stuck_at_maps
from neuralfuse.memory.profiled_chips import PROFILED_CHIPS
from neuralfuse.training.base_training import accuracy_percent
from neuralfuse.training.checkpoints import NetworkRecord, save_network
from neuralfuse.training.runs import load_trained, stored_base, train_new_generator
from nfenergy.ground.errors import InputError, UnknownName
from nfenergy.ground.rates import percent_of
from tests.conftest import RunCli
from tests.neuralfuse.small import digits, settings, trained_base, untrained_generator

ROWS, COLUMNS = 64, 128


@cache
def _stuck(seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Cells stuck at 0 and at 1, some 1 % in all."""
    field = np.random.default_rng(seed).random((ROWS, COLUMNS))
    return (field < 0.005).astype(int), (field > 0.995).astype(int)


def stuck_files(folder: Path, seed: int = 0) -> tuple[Path, Path]:
    paths = folder / f"zeros-{seed}.txt", folder / f"ones-{seed}.txt"
    for path, matrix in zip(paths, _stuck(seed), strict=True):
        np.savetxt(path, matrix, fmt="%d")
    return paths


def flip_files(folder: Path) -> tuple[Path, Path]:
    paths = folder / "to-one.txt", folder / "to-zero.txt"
    zeros, ones = _stuck(0)
    np.savetxt(paths[0], 0.75 * ones, fmt="%g")
    np.savetxt(paths[1], 0.25 * zeros, fmt="%g")
    return paths


@pytest.fixture
def base(tmp_path: Path) -> Path:
    path = tmp_path / "base.safetensors"
    save_network(path, trained_base().model, trained_base().record)
    return path


def recorded(path: Path) -> dict[str, Any]:
    found = json.loads(path.read_text(encoding="utf-8"))
    return dict(found.get("training", found))


def test_a_measured_map_is_known_by_its_contents(tmp_path: Path) -> None:
    files = stuck_files(tmp_path)
    found = choose_fault_model(stuck_at_maps=files)
    digest = read_stuck_at_maps(*files).digest
    assert found.name == f"map-{digest[:8]}"
    assert get_fault_model(found.name.upper()) is found
    assert found.record["digest"] == digest
    assert found.record["kind"] == "stuck-at"
    assert found.record["files"] == [str(path) for path in files]
    other = choose_fault_model(stuck_at_maps=stuck_files(tmp_path, seed=1))
    flips = choose_fault_model(flip_maps=flip_files(tmp_path))
    assert len({found.name, other.name, flips.name}) == 3


def test_the_default_is_flip_at_one_percent() -> None:
    found = choose_fault_model()
    assert (found.name, found.rate()) == ("flip", 0.01)


def test_a_measured_map_of_another_process_asks_for_its_files() -> None:
    with pytest.raises(InputError, match=r"map-00000000 is a measured map; give its files with --stuck-at"):
        get_fault_model("map-00000000")


def test_an_unknown_fault_model_lists_chips_too() -> None:
    with pytest.raises(UnknownName, match=r"Did you mean 'chip1-2.744'"):
        get_fault_model("chip1-2.7")


def test_a_map_in_which_sound_cells_are_marked_is_refused(tmp_path: Path) -> None:
    zeros, ones = tmp_path / "zeros.txt", tmp_path / "ones.txt"
    np.savetxt(zeros, 1 - _stuck(0)[0], fmt="%d")
    np.savetxt(ones, 0 * _stuck(0)[0], fmt="%d")
    with pytest.raises(InputError, match=r"let 99.5.* % of the cells misread.* Is 1 the mark"):
        choose_fault_model(stuck_at_maps=(zeros, ones))


def _every_kind(folder: Path) -> list[FaultModel]:
    built_in = [choose_fault_model(name) for name in FAULT_MODELS]
    chip = choose_fault_model(next(iter(PROFILED_CHIPS)))
    measured = (
        choose_fault_model(stuck_at_maps=stuck_files(folder)),
        choose_fault_model(flip_maps=flip_files(folder)),
    )
    return [*built_in, chip, *measured]


def test_a_generator_is_trained_under_every_kind_of_fault_model(tmp_path: Path) -> None:
    losses = {}
    for faults in _every_kind(tmp_path):
        short = settings(bit_error_rate=faults.rate(), fault_model=faults.name, perturbed_models=1)
        record = train_new_generator("uip", [trained_base()], short, digits()).record
        assert record.training["fault_model"] == faults.name
        assert record.training.get("fault_map", {}) == faults.record
        losses[faults.name] = record.training["final"]["perturbed_loss"]
    assert len(losses) == len(set(losses.values())) == 6


def test_evaluation_on_stuck_at_maps_is_of_the_weights_in_that_memory(
    tmp_path: Path, base: Path, cli: RunCli
) -> None:
    files, out, generator = stuck_files(tmp_path), tmp_path / "accuracy.csv", tmp_path / "g.safetensors"
    save_network(
        generator,
        untrained_generator("unets"),
        NetworkRecord(kind="generator", network="unets", dataset="digits"),
    )
    done = cli(
        *("evaluate", "--base-checkpoint", base, "--gen-checkpoint", generator),
        *("--stuck-at-maps", *files, "--seeds", "2", "--out", out, "--quiet"),
    )
    assert done.status == 0, done.stderr
    found = read_stuck_at_maps(*files)
    row, _ = read_accuracies(out)
    assert row.fault_model == f"map-{found.digest[:8]}"
    assert percent_of(row.bit_error_rate) == float(f"{100 * found.fault_rate:.4g}")
    beside = recorded(out.with_suffix(".json"))
    assert beside["fault_map"] == choose_fault_model(stuck_at_maps=files).record
    stored = stored_base(load_trained(base, "base"))
    accuracies = beside["accuracies"][0]["base"]["perturbed_percent"]
    for seed, accuracy in zip((50_000, 50_001), accuracies, strict=True):
        faults = map_faults(found, stored.words, 8, offset=place_of(found, seed), seed=seed)
        with stored.apply(faults) as model:
            assert accuracy == accuracy_percent(model, digits().test)
    page = tmp_path / "page.html"
    report = cli("report", "--accuracy", out, "--ber", "all", "--out", page, "--quiet")
    assert report.status == 0, report.stderr
    assert row.fault_model in page.read_text(encoding="utf-8")


def test_the_commands_take_flip_maps_and_chips_and_refuse_another_map(
    tmp_path: Path, base: Path, cli: RunCli
) -> None:
    files = flip_files(tmp_path)
    train = ("train", "--base-checkpoint", base, "--gen", "uip", "--n", "1", "--batch-size", "4", "--quiet")
    to = tmp_path / "g"
    made = cli(*train, "--flip-maps", *files, "--steps", "2", "--out", to)
    assert made.status == 0, made.stderr
    training = recorded(to / "generator.json")
    rate = read_flip_maps(*files).fault_rate
    assert training["bit_error_rate"] == float(f"{rate:.4g}")
    assert training["fault_map"]["files"] == [str(path) for path in files]
    other = cli(*train, "--stuck-at-maps", *stuck_files(tmp_path), "--steps", "3", "--out", to, "--resume")
    assert other.status == 2
    assert "is of a run with other" in other.error
    on = cli(*train, "--flip-maps", *files, "--steps", "3", "--out", to, "--resume")
    assert on.status == 0, on.stderr
    out = tmp_path / "accuracy.csv"
    table = cli(
        *("evaluate", "--base-checkpoint", base, "--gen-checkpoint", to / "generator.safetensors"),
        *("--fault-model", "Chip2-1.01", "--ber", "1.01%", "--seeds", "1", "--out", out, "--quiet"),
    )
    assert table.status == 0, table.stderr
    rows = read_accuracies(out)
    assert {(row.fault_model, row.bit_error_rate) for row in rows} == {("chip2-1.01", 0.0101)}
    assert rows[1].train_fault_model == training["fault_model"]
    assert recorded(out.with_suffix(".json"))["fault_map"]["chip"] == "chip2-1.01"


def test_a_base_is_trained_with_the_bit_errors_of_a_map(tmp_path: Path, cli: RunCli) -> None:
    files = stuck_files(tmp_path)
    command = ("train-base", "--width", "0.125", "--epochs", "1", "--batch-size", "64", "--quiet")
    made = cli(*command, "--stuck-at-maps", *files, "--randbet", "map", "--out", tmp_path)
    assert made.status == 0, made.stderr
    training = recorded(tmp_path / "base.json")
    faults = choose_fault_model(stuck_at_maps=files)
    assert training["randbet_rate"] == faults.own_rate
    assert training["fault_model"] == faults.name
    assert training["fault_map"] == faults.record


def test_pictures_are_drawn_on_a_map(tmp_path: Path, base: Path, cli: RunCli) -> None:
    done = cli(
        *("pictures", "--base-checkpoint", base, "--stuck-at-maps", *stuck_files(tmp_path)),
        *("--images", "10", "--out", tmp_path / "p"),
    )
    assert done.status == 0, done.stderr
    assert (tmp_path / "p" / "embeddings.png").is_file()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--stuck-at-maps", "{zeros}", "none.txt"), r"cannot read a matrix of stuck-at-1 cells none.txt"),
        (("--flip-maps", "{zeros}", "{ragged}"), r"line 2 has 1 cells, the rows above 2"),
        (("--flip-maps", "{zeros}", "{small}"), r"describe one memory, but have 64 x 128 and 1 x 2 cells"),
        (("--stuck-at-maps", "{zeros}", "{ones}", "--ber", "3%"), r"has a bit error rate of .*, not 3 %"),
        (("--stuck-at-maps", "{zeros}", "{ones}", "--fault-model", "flip"), "exclude each other"),
        (("--stuck-at-maps", "{zeros}", "{ones}", "--flip-maps", "{zeros}", "{ones}"), "exclude each other"),
        (("--fault-model", "chip1-2.744", "--ber", "1%"), r"chip1-2.744 has a bit error rate of .*, not 1 %"),
        (("--fault-model", "chip1"), "chip1-0.866"),
        (("--fault-model", "map-00000000"), "give its files"),
        (("--stuck-at-maps", "{zeros}"), "2 arguments"),
    ],
)
def test_maps_that_cannot_be_used_are_one_line(
    tmp_path: Path, base: Path, cli: RunCli, options: tuple[str, ...], message: str
) -> None:
    zeros, ones = stuck_files(tmp_path)
    ragged, small = tmp_path / "ragged.txt", tmp_path / "small.txt"
    ragged.write_text("0 1\n0\n", encoding="utf-8")
    small.write_text("0 1\n", encoding="utf-8")
    given = [text.format(zeros=zeros, ones=ones, ragged=ragged, small=small) for text in options]
    for command in (("evaluate",), ("train", "--steps", "1"), ("pictures",)):
        result = cli(*command, "--base-checkpoint", base, "--out", tmp_path / "out", *given)
        assert result.status == 2
        assert re.search(message, result.error)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--fault-model", "chip1-2.744"), "chip1-2.744 is a map .*; add --randbet map"),
        (("--randbet", "map"), "flip has no bit error rate of its own; give --randbet one, such as 1%"),
        (("--randbet", "1%", "--fault-model", "chip1-2.744"), "chip1-2.744 has a bit error rate"),
    ],
)
def test_maps_that_train_no_base_are_one_line(
    tmp_path: Path, cli: RunCli, options: tuple[str, ...], message: str
) -> None:
    result = cli("train-base", "--out", tmp_path / "out", *options)
    assert result.status == 2
    assert re.search(message, result.error)
