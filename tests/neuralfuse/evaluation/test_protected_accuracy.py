"""Accuracy measured under protections, and on measured maps against independent faults."""

from __future__ import annotations

import json
import statistics
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from neuralfuse.accuracy import Accuracy, with_baselines
from neuralfuse.accuracy_files import read_accuracies, write_accuracies
from neuralfuse.accuracy_labels import labels
from neuralfuse.datasets.images import LabelledImages
from neuralfuse.evaluation.chips import Measurement, evaluate
from neuralfuse.evaluation.measuring import EvaluationPlan, evaluate_networks
from neuralfuse.memory.fault_maps import FaultMap
from neuralfuse.memory.fault_models import get_fault_model, measured_model, scattered_model
from neuralfuse.memory.perturbation import QuantizedBase
from neuralfuse.training.base_training import accuracy_percent
from neuralfuse.training.checkpoints import save_network
from neuralfuse.training.runs import stored_base
from neuralfuse.training.streams import TEST_CHIPS
from nfenergy.ground.errors import InputError
from tests.conftest import RunCli
from tests.neuralfuse.small import digits, trained_base

CHIPS = TEST_CHIPS[:6]


@pytest.fixture(scope="module")
def base() -> QuantizedBase:
    return stored_base(trained_base())


@pytest.fixture(scope="module")
def images() -> LabelledImages:
    return digits().test.spread(180)


def clustered_map() -> FaultMap:
    """A memory of 64 kbit with all faults in one of its eight banks."""
    to_one = np.zeros((1024, 64))
    rng = np.random.default_rng(1)
    to_one[:128][rng.random((128, 64)) < 0.2] = 1
    return replace(FaultMap.of_matrices(to_one, np.zeros_like(to_one)), bank_cells=128 * 64)


def test_without_protection_the_accuracies_are_those_of_the_fault_model(
    base: QuantizedBase, images: LabelledImages
) -> None:
    found = evaluate(base, images, rates=(0.01,), chips=CHIPS[:3], protections=("secded-72-64", "none"))
    drawn = []
    for chip in CHIPS[:3]:
        faults = get_fault_model("flip").draw(base.words, 8, 0.01, chip)
        with base.apply(faults) as model:
            drawn.append(accuracy_percent(model, images))
    assert [row.protection for row in found] == ["secded-72-64", "none"]
    assert found[1].base.perturbed_percent == tuple(drawn)
    assert evaluate(base, images, rates=(0.01,), chips=CHIPS[:3]) == found[1:]


def test_protected_highest_bits_are_never_worse(base: QuantizedBase, images: LabelledImages) -> None:
    names = ("none", "8t-msb-1", "8t-msb-2", "secded-msb-1", "secded-msb-2")
    found = evaluate(base, images, rates=(0.002, 0.01), chips=CHIPS, protections=names)
    for rate in (0.002, 0.01):
        by_name: dict[str, Measurement] = {row.protection: row for row in found if row.bit_error_rate == rate}
        for name in names[1:]:
            gains = np.subtract(by_name[name].base.perturbed_percent, by_name["none"].base.perturbed_percent)
            error = statistics.stdev(gains) / len(gains) ** 0.5
            assert gains.mean() >= -2 * error, (name, rate)
    assert by_name["8t-msb-2"].base.mean_percent > by_name["none"].base.mean_percent + 10


def test_enough_spare_rows_leave_no_error(base: QuantizedBase, images: LabelledImages) -> None:
    found = evaluate(base, images, rates=(1e-4,), chips=CHIPS[:3], protections=("none", "row-repair-128"))
    clean = found[0].base.clean_percent
    assert found[1].base.perturbed_percent == (clean,) * 3
    for chip in CHIPS[:3]:
        assert sum(len(one.index) for one in base.draw(seed=chip, rate=1e-4)) > 20
        left = base.draw(seed=chip, rate=1e-4, protection="row-repair-128")
        assert not any(len(one.index) for one in left)


def test_the_rows_say_their_protection(tmp_path: Path, images: LabelledImages) -> None:
    plan = EvaluationPlan(chips=CHIPS[:2], protections=("none", "secded-msb-2"))
    rows, provenance = evaluate_networks([trained_base()], [], plan, images)
    assert [row.protection for row in rows] == ["none", "secded-msb-2"]
    assert len({row.identity for row in rows}) == len({row.key for row in rows}) == 2
    assert [entry["protection"] for entry in provenance["accuracies"]] == ["none", "secded-msb-2"]
    assert "secded-msb-2" in labels(rows)[1]
    assert "none" not in labels(rows)[0]
    write_accuracies(tmp_path / "accuracy.csv", rows, provenance)
    again = read_accuracies(tmp_path / "accuracy.csv")
    assert [row.protection for row in again] == ["none", "secded-msb-2"]
    assert len(with_baselines(again)) == 3  # both, and the base model at nominal voltage


def test_older_tables_are_without_protection() -> None:
    row = Accuracy(
        dataset="cifar10",
        base="vgg11",
        generator="none",
        bit_error_rate=0.01,
        base_clean_percent=90.0,
        base_perturbed_percent=50.0,
        base_perturbed_std_percent=1.0,
        nf_clean_percent=None,
        nf_perturbed_percent=None,
        nf_perturbed_std_percent=None,
        fault_model="flip",
        weight_bits=8,
    )
    assert row.protection == "none"
    assert replace(row, protection="8t-msb-1").key != row.key


def test_scattered_faults_are_as_many_in_other_cells() -> None:
    found = clustered_map()
    model = measured_model(found, kind="stuck-at", files=[Path("map.npy")])
    scattered = scattered_model(model.name)
    assert scattered.name == f"{model.name}-scattered"
    assert scattered.own_rate == model.own_rate
    assert get_fault_model(scattered.name) is scattered
    assert scattered.record["scattered"] == model.name
    with pytest.raises(InputError, match="no measured map"):
        scattered_model("flip")


def test_evaluate_tells_a_map_from_independent_faults(cli: RunCli, tmp_path: Path) -> None:
    checkpoint, out = tmp_path / "base.safetensors", tmp_path / "accuracy.csv"
    save_network(checkpoint, trained_base().model, trained_base().record)
    found = clustered_map()
    to_one = np.zeros(found.size)
    to_one[found.cells] = 1
    np.save(tmp_path / "map.npy", np.stack([np.zeros_like(to_one), to_one]).reshape(2, 1024, 64))
    done = cli(
        "evaluate", "--base-checkpoint", checkpoint, "--fault-map", tmp_path / "map.npy", "--scattered",
        "--protection", "none,secded-72-64", "--seeds", "2", "--out", out, "--quiet", "--json",
    )  # fmt: skip
    assert done.status == 0, done.stderr
    rows = json.loads(done.stdout)
    assert [(row["fault_model"].endswith("-scattered"), row["protection"]) for row in rows] == [
        (False, "none"),
        (False, "secded-72-64"),
        (True, "none"),
        (True, "secded-72-64"),
    ]
    assert len({row["bit_error_rate_percent"] for row in rows}) == 1
    record = json.loads(out.with_suffix(".json").read_text(encoding="utf-8"))
    assert record["scattered_map"]["scattered"] == record["accuracies"][0]["fault_model"]


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--protection", "secded-72"], "no protection named 'secded-72'"),
        (["--protection", "none,"], "no protection named ''"),
        (["--scattered"], "no measured map"),
        (["--fault-map", "BAD"], "broken .npy file"),
        (["--fault-map", "BAD", "--fault-model", "flip"], "exclude each other"),
        (["--fault-map", "MISSING"], "cannot read a fault map"),
    ],
)
def test_what_cannot_be_used_is_one_line_and_writes_nothing(
    options: list[str], said: str, cli: RunCli, tmp_path: Path
) -> None:
    checkpoint = tmp_path / "base.safetensors"
    save_network(checkpoint, trained_base().model, trained_base().record)
    bad = tmp_path / "bad.npy"
    bad.write_bytes(b"\x93NUMPY\x01\x00nothing")
    named = [{"BAD": str(bad), "MISSING": str(tmp_path / "none.npy")}.get(word, word) for word in options]
    out = tmp_path / "out" / "accuracy.csv"
    done = cli("evaluate", "--base-checkpoint", checkpoint, "--out", out, "--quiet", *named)
    assert done.status == 2
    assert said in done.error
    assert not out.parent.exists()
