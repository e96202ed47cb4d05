from __future__ import annotations

import csv
import json
import math
import statistics
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from neuralfuse.accuracy import Accuracy
from neuralfuse.accuracy_files import as_cells, read_accuracies, write_accuracies
from neuralfuse.accuracy_labels import base_labels, generator_labels
from neuralfuse.evaluation.chips import ChipAccuracies, Measurement, evaluate, in_use, transformed
from neuralfuse.evaluation.measuring import EvaluationPlan, evaluate_networks
from neuralfuse.memory.perturbation import QuantizedBase
from neuralfuse.quantization import Quantization
from neuralfuse.registry import NO_GENERATOR
from neuralfuse.training.base_training import accuracy_percent
from neuralfuse.training.checkpoints import NetworkRecord, build, save_network
from neuralfuse.training.runs import Trained, load_trained, stored_base
from neuralfuse.training.streams import TEST_CHIPS
from nfenergy.ground.columns import columns
from nfenergy.ground.errors import InputError, NfEnergyError
from tests.conftest import RunCli
from tests.neuralfuse.small import RECORD, digits, noise, trained_base, untrained_base, untrained_generator

PUBLISHED_COLUMNS = (
    "table",
    "dataset",
    "base",
    "generator",
    "bit_error_rate_percent",
    "clean_accuracy",
    "perturbed_accuracy_mean",
    "perturbed_accuracy_std",
    "nf_clean_accuracy",
    "nf_perturbed_accuracy_mean",
    "nf_perturbed_accuracy_std",
)
CHIPS = TEST_CHIPS[:3]


def generator(name: str = "unets", **training: object) -> Trained:
    record = NetworkRecord(
        kind="generator", network=name, dataset="digits", training={"bit_error_rate": 0.01, **training}
    )
    return Trained(model=untrained_generator(name).eval(), record=record)


def test_ten_chips_as_published() -> None:
    assert tuple(range(50_000, 50_010)) == TEST_CHIPS


def test_bit_errors_ruin_a_trained_base_and_leave_its_weights_alone() -> None:
    base = stored_base(trained_base())
    before = {name: value.clone() for name, value in base.model.state_dict().items()}
    low, high = evaluate(base, digits().test, rates=(1e-4, 0.02), chips=CHIPS)
    assert low.base.clean_percent > 90.0
    assert high.base.clean_percent == low.base.clean_percent
    assert high.base.mean_percent < 40.0 < low.base.mean_percent
    assert low.recovery_percent is None
    assert all(torch.equal(value, before[name]) for name, value in base.model.state_dict().items())


def test_accuracies_are_those_of_each_chip_and_their_population() -> None:
    base = stored_base(trained_base())
    (found,) = evaluate(base, digits().test, rates=(0.005,), chips=CHIPS)
    each = []
    for chip in CHIPS:
        with base.perturb(seed=chip, rate=0.005) as model:
            each.append(accuracy_percent(model, digits().test))
    assert found.base.perturbed_percent == tuple(each)
    mean = sum(each) / 3
    assert found.base.mean_percent == pytest.approx(mean)
    assert found.base.std_percent == pytest.approx(math.sqrt(sum((x - mean) ** 2 for x in each) / 3))
    assert found.base.std_percent == pytest.approx(statistics.pstdev(each))


def test_a_generator_that_changes_nothing_recovers_nothing() -> None:
    base = stored_base(trained_base())
    idle = in_use(untrained_generator("uip"), Quantization())
    alone, behind = evaluate(base, digits().test, rates=(0.005,), generators={"uip": idle}, chips=CHIPS)
    assert alone.generator == NO_GENERATOR
    assert behind.protected == alone.base == behind.base
    assert behind.recovery_percent == 0.0


def test_a_generator_is_tested_with_its_stored_weights_and_left_as_it_is() -> None:
    original = untrained_generator("convs")
    before = {name: value.clone() for name, value in original.state_dict().items()}
    deployed = in_use(original, Quantization(bits=4))
    assert all(torch.equal(value, before[name]) for name, value in original.state_dict().items())
    levels = {name: len(p.unique()) for name, p in deployed.named_parameters() if p.dim() == 4}
    assert all(count <= 15 for count in levels.values())
    images = noise(5)
    outside = transformed(images, deployed, batch_size=2)
    assert torch.allclose(outside.images, transformed(images, deployed, batch_size=5).images, atol=1e-5)
    assert outside.images.abs().max() <= 1.0
    assert torch.equal(in_use(original, None)(images.images), original.eval()(images.images))


def test_batch_statistics_are_never_used() -> None:
    base = untrained_base()
    base.model.train()
    with pytest.raises(NfEnergyError, match="training mode"):
        evaluate(base, noise(4), rates=(0.01,), chips=CHIPS)


@pytest.mark.parametrize("chips", [(), (1, 1), (2**32,), (-1,)])
def test_chips_that_are_no_test_are_refused(chips: tuple[int, ...]) -> None:
    with pytest.raises(InputError, match="test chip"):
        evaluate(untrained_base(), noise(4), rates=(0.01,), chips=chips)


def test_fewer_bits_start_from_the_weights_of_the_training() -> None:
    trained = trained_base()
    before = {name: value.clone() for name, value in trained.model.state_dict().items()}
    eight, four = stored_base(trained), stored_base(trained, bits=4)
    assert (eight.quantization.bits, four.quantization.bits) == (8, 4)
    assert all(torch.equal(value, before[name]) for name, value in trained.model.state_dict().items())
    again = QuantizedBase(stored_base(trained, bits=8).model, Quantization())
    assert torch.equal(next(iter(again.layers.values())).words, next(iter(eight.layers.values())).words)


def test_the_table_has_the_published_columns_first_and_says_measured(tmp_path: Path) -> None:
    plan = EvaluationPlan(rates=(0.005, 0.01), chips=CHIPS, weight_bits=(8, 4))
    rows, provenance = evaluate_networks([trained_base()], [generator()], plan, digits().test.first(60))
    write_accuracies(tmp_path / "accuracy.csv", rows, provenance)
    with (tmp_path / "accuracy.csv").open() as file:
        read = list(csv.DictReader(file))
    assert tuple(read[0])[: len(PUBLISHED_COLUMNS)] == PUBLISHED_COLUMNS
    assert list(read[0]) == [column.name for column in columns(Accuracy)]
    assert len(read) == 2 * 2 * 2
    assert {row["source"] for row in read} == {"measured"}
    assert {row["base"] for row in read} == {"vgg11"}
    assert {row["generator"] for row in read} == {"none", "unets"}
    assert {row["seeds"] for row in read} == {"50000 50001 50002"}
    assert {row["fault_model"] for row in read} == {"flip"}
    alone = next(row for row in read if row["generator"] == "none")
    behind = next(row for row in read if row["generator"] == "unets")
    assert alone["nf_perturbed_accuracy_mean"] == alone["recovery_percent"] == ""
    assert float(behind["recovery_percent"]) == pytest.approx(
        float(behind["nf_perturbed_accuracy_mean"]) - float(behind["perturbed_accuracy_mean"]), abs=1e-3
    )
    assert behind["generator_parameters"] == "121195"
    assert float(behind["recovery_per_million_parameters"]) == pytest.approx(
        float(behind["recovery_percent"]) / 0.121195, abs=1e-2
    )
    beside = json.loads((tmp_path / "accuracy.json").read_text())
    assert len(beside["accuracies"][0]["base"]["perturbed_percent"]) == 3
    assert beside["bases"][0]["training"]["epochs"] == 4
    again = read_accuracies(tmp_path / "accuracy.csv")
    assert {row.reference for row in again} == {"accuracy.csv"}
    assert tuple(replace(row, reference="") for row in again) == rows
    header, cells = as_cells(rows)
    assert len(cells) == len(rows)
    assert len(header) == len(cells[0])


def test_another_table_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "accuracy.csv"
    path.write_text("dataset,base\ndigits,VGG11\n")
    with pytest.raises(
        InputError, match=r"no column 'generator'; expected an accuracy table with .*fault_model"
    ):
        read_accuracies(path)


def test_networks_of_several_data_sets_are_refused() -> None:
    other = replace(generator(), record=replace(generator().record, dataset="mnist"))
    with pytest.raises(InputError, match="one data set, not of digits and mnist"):
        evaluate_networks([trained_base()], [other], EvaluationPlan(), digits().test)


def test_one_generator_is_tested_before_several_bases() -> None:
    wider = Trained(model=build(replace(RECORD, width=0.25)).eval(), record=replace(RECORD, width=0.25))
    plan = EvaluationPlan(chips=CHIPS[:1])
    source = generator(bases=["vgg11"])
    rows, _ = evaluate_networks([trained_base(), wider], [source], plan, digits().test.first(40))
    assert [(row.base_width, row.generator) for row in rows] == [
        (0.125, "none"),
        (0.125, "unets"),
        (0.25, "none"),
        (0.25, "unets"),
    ]
    assert {row.train_bases for row in rows if row.generator != "none"} == {"vgg11"}


def test_a_generator_given_twice_is_refused_but_two_of_one_kind_are_not() -> None:
    images, plan = digits().test.first(20), EvaluationPlan(chips=CHIPS[:1])
    with pytest.raises(InputError, match="two of the generators have the same weights; give each once"):
        evaluate_networks([trained_base()], [generator(), generator()], plan, images)
    other = replace(generator(steps=7), model=untrained_generator("unets", seed=1).eval())
    rows, provenance = evaluate_networks([trained_base()], [generator(steps=5), other], plan, images)
    assert [row.generator for row in rows] == ["none", "unets", "unets"]
    assert [row.train_steps for row in rows] == [None, 5, 7]
    assert len({row.identity for row in rows}) == 3
    assert generator_labels(rows) == ["no generator", "UNetS (5 steps)", "UNetS (7 steps)"]
    digests = [entry["generator_digest"] for entry in provenance["accuracies"]]
    assert digests == [row.generator_digest for row in rows]


def test_bases_that_a_table_cannot_tell_apart_are_refused() -> None:
    images, plan = digits().test.first(20), EvaluationPlan(chips=CHIPS[:1])
    fewer = Trained(model=trained_base().model, record=replace(RECORD, weight_bits=4))
    with pytest.raises(InputError, match="two of the bases have the same weights; give each once"):
        evaluate_networks([trained_base(), trained_base()], [], plan, images)
    with pytest.raises(InputError, match="two of the bases"):
        evaluate_networks([trained_base(), fewer], [], replace(plan, weight_bits=(8,)), images)
    rows, _ = evaluate_networks([trained_base(), fewer], [], plan, images)
    assert [row.weight_bits for row in rows] == [8, 4]


def test_bases_of_two_seeds_share_a_table() -> None:
    images, plan = digits().test.first(20), EvaluationPlan(chips=CHIPS[:1])
    rows, _ = evaluate_networks([trained_base(), trained_base(seed=1)], [], plan, images)
    first, second = base_labels(rows)
    assert first != second
    assert first == f"VGG11 x 0.125, {rows[0].base_digest[:6]}"


def test_a_robust_base_and_a_plain_one_share_a_table() -> None:
    robust = {"clip": 0.1, "randbet_rate": 0.01, "fault_model": "flip"}
    bases = [trained_base(), Trained(model=trained_base().model, record=replace(RECORD, training=robust))]
    told: list[tuple[int, int]] = []
    plan = EvaluationPlan(chips=CHIPS[:2])
    rows, _ = evaluate_networks(
        bases, [], plan, digits().test.first(20), on_chip=lambda done, chips: told.append((done, chips))
    )
    assert [row.base_training for row in rows] == ["", "clip 0.1, RandBET 1 % flip"]
    assert "VGG11 x 0.125, clip 0.1, RandBET 1 % flip" in as_cells(rows)[1][1]
    assert told == [(1, 4), (2, 4), (3, 4), (4, 4)]


def test_recovery_is_the_difference_of_the_means() -> None:
    measured = Measurement(
        bit_error_rate=0.01,
        fault_model="flip",
        chips=(1, 2),
        generator="convl",
        base=ChipAccuracies(clean_percent=99.0, perturbed_percent=(40.0, 50.0)),
        protected=ChipAccuracies(clean_percent=98.0, perturbed_percent=(80.0, 90.0)),
    )
    assert measured.recovery_percent == 40.0


def test_the_commands_make_the_whole_chain(tmp_path: Path, cli: RunCli) -> None:
    made = cli("train-base", "--width", "0.125", "--epochs", "1", "--out", tmp_path, "--quiet", "--json")
    assert made.status == 0, made.stderr
    assert json.loads(made.stdout)["test_accuracy_percent"] > 0.0
    base = tmp_path / "base.safetensors"
    trained = cli(
        *("train", "--base-checkpoint", base, "--gen", "uip", "--ber", "1%", "--n", "2", "--lambda", "5"),
        *("--steps", "2", "--batch-size", "4", "--out", tmp_path / "g", "--quiet"),
    )
    assert trained.status == 0, trained.stderr
    found = cli(
        *(
            "evaluate",
            "--base-checkpoint",
            base,
            "--gen-checkpoint",
            tmp_path / "g" / "generator.safetensors",
        ),
        *("--ber", "0.5%,1%", "--seeds", "1", "--weight-bits", "8,4", "--out", tmp_path / "accuracy.csv"),
    )
    assert found.status == 0, found.stderr
    assert "UIP" in found.stdout
    assert len(read_accuracies(tmp_path / "accuracy.csv")) == 8


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("train-base", "--base", "vgg12", "--out", "x"), "vgg11"),
        (("train-base", "--data", "digit", "--out", "x"), "digits"),
        (("train-base", "--weight-bits", "9", "--out", "x"), "9 bits"),
        (("train-base", "--norm", "layer", "--out", "x"), "group-shifted"),
        (("train-base", "--randbet", "70%", "--out", "x"), "above 0.5"),
        (("train-base", "--width", "inf", "--out", "x"), "positive, finite factor"),
        (("train-base", "--fault-model", "stuck-at", "--out", "x"), "add --randbet"),
        (("train", "--base-checkpoint", "none.safetensors", "--out", "x"), "no checkpoint at"),
        (("train", "--base-checkpoint", "none.safetensors", "--gen", "conv", "--out", "x"), "convs"),
        (("evaluate", "--base-checkpoint", "none.safetensors"), "no checkpoint at"),
        (("evaluate", "--base-checkpoint", "."), "is a folder"),
        (("evaluate", "--base-checkpoint", "none.safetensors", "--out", "."), "is a folder"),
        (("evaluate", "--base-checkpoint", "none.safetensors", "--out", "a.json"), "end the table in .csv"),
    ],
)
def test_wrong_values_are_one_line(cli: RunCli, arguments: tuple[str, ...], message: str) -> None:
    result = cli(*arguments)
    assert result.status == 2
    assert message in result.error


def test_wrong_values_of_an_evaluation_are_one_line(tmp_path: Path, cli: RunCli) -> None:
    path = tmp_path / "base.safetensors"
    save_network(path, trained_base().model, trained_base().record)
    assert load_trained(path, "base").record.network == RECORD.network
    for option, value, message in (
        ("--ber", "1%,x", "not a number"),
        ("--weight-bits", "8,x", "whole numbers"),
        ("--weight-bits", "x", "whole numbers"),
        ("--weight-bits", "9", "9 bits"),
        ("--fault-model", "cosmic", "stuck-at"),
        ("--gen-checkpoint", str(path), "is a base checkpoint, expected generator"),
    ):
        result = cli("evaluate", "--base-checkpoint", path, option, value, "--out", tmp_path / "a.csv")
        assert result.status == 2
        assert message in result.error
    assert not (tmp_path / "a.csv").exists()


@pytest.mark.parametrize("command", ["train-base", "demo-accuracy"])
def test_a_file_in_place_of_the_folder_ends_a_run_before_it_begins(
    tmp_path: Path, cli: RunCli, command: str
) -> None:
    (tmp_path / "file").write_text("x")
    result = cli(command, "--quiet", "--out", tmp_path / "file")
    assert result.status == 1
    assert "is no folder" in result.error


def test_other_images_than_those_of_the_training_are_named(tmp_path: Path, cli: RunCli) -> None:
    base, trained = tmp_path / "base.safetensors", trained_base()
    save_network(base, trained.model, replace(trained.record, data="0" * 16))
    command = ("evaluate", "--base-checkpoint", base, "--seeds", "1", "--out", tmp_path / "a.csv", "--quiet")
    assert "was trained for other digits data" in cli(*command).stderr
    save_network(base, trained.model, trained.record)
    assert cli(*command).stderr == ""
