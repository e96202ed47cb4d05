"""Accuracy tables: read, and refused with one clear line that has row and column."""

from __future__ import annotations

from dataclasses import MISSING
from pathlib import Path

import pytest

from neuralfuse.accuracy import Accuracy, with_baselines
from neuralfuse.accuracy_files import read_accuracies
from neuralfuse.registry import NO_GENERATOR
from nfenergy.ground.columns import cells
from nfenergy.ground.errors import InputError
from reports.published import published_accuracies

GOOD = {
    "dataset": "cifar10",
    "base": "ResNet18",
    "generator": "ConvL",
    "bit_error_rate_percent": "1",
    "clean_accuracy": "92.6",
    "perturbed_accuracy_mean": "38.9",
    "perturbed_accuracy_std": "12.4",
    "nf_clean_accuracy": "89.8",
    "nf_perturbed_accuracy_mean": "87.8",
    "nf_perturbed_accuracy_std": "1.7",
    "fault_model": "flip",
    "weight_bits": "8",
    "seeds": "50000 50001",
}


def written(path: Path, *rows: dict[str, str], header: list[str] | None = None) -> Path:
    columns = header or list(GOOD)
    lines = [",".join(columns), *(",".join(row.get(column, "") for column in columns) for row in rows)]
    file = path / "accuracy.csv"
    file.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return file


def test_a_good_table_is_read(tmp_path: Path) -> None:
    (row,) = read_accuracies(written(tmp_path, GOOD))
    assert (row.base, row.generator, row.bit_error_rate) == ("resnet18", "convl", 0.01)
    assert (row.perturbed_percent, row.perturbed_std_percent, row.base_perturbed_percent) == (87.8, 1.7, 38.9)
    assert (row.source, row.fault_model, row.weight_bits, row.seeds) == ("measured", "flip", 8, "50000 50001")
    assert row.recovery_percent == pytest.approx(48.9)


def test_a_row_without_generator_needs_no_figures_of_one(tmp_path: Path) -> None:
    alone = {**GOOD, "generator": "none", **{column: "" for column in GOOD if column.startswith("nf_")}}
    (row,) = read_accuracies(written(tmp_path, alone))
    assert (row.generator, row.perturbed_percent, row.clean_percent) == (NO_GENERATOR, 38.9, 92.6)


def test_files_of_spreadsheets_are_read(tmp_path: Path) -> None:
    file = written(tmp_path, GOOD)
    file.write_bytes(b"\xef\xbb\xbf" + file.read_bytes().replace(b"\n", b"\r\n"))
    assert len(read_accuracies(file)) == 1


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"clean_accuracy": "0.926"}, ["row 3", "clean_accuracy", "0.926", "fraction", "percent"]),
        ({"nf_perturbed_accuracy_mean": "NaN"}, ["row 3", "nf_perturbed_accuracy_mean", "NaN"]),
        ({"nf_perturbed_accuracy_mean": "inf"}, ["row 3", "nf_perturbed_accuracy_mean", "inf", "leave"]),
        ({"nf_perturbed_accuracy_mean": ""}, ["row 3", "nf_perturbed_accuracy_mean", "lacks", "'convl'"]),
        (
            {"nf_perturbed_accuracy_mean": "87.8%"},
            ["row 3", "nf_perturbed_accuracy_mean", "without the sign"],
        ),
        ({"perturbed_accuracy_std": "-1"}, ["row 3", "perturbed_accuracy_std", "-1"]),
        ({"clean_accuracy": "101"}, ["row 3", "clean_accuracy", "101"]),
        ({"bit_error_rate_percent": "60"}, ["row 3", "bit_error_rate_percent", "60"]),
        ({"bit_error_rate_percent": "one"}, ["row 3", "bit_error_rate_percent", "'one'"]),
        ({"generator": "ConvM"}, ["row 3", "generator", "ConvM", "convl"]),
        ({"base": "ResNet8"}, ["row 3", "base model", "ResNet8", "resnet18"]),
        ({"dataset": "cifar"}, ["row 3", "data set", "cifar10"]),
        ({"weight_bits": "7.5"}, ["row 3", "weight_bits", "whole number"]),
        ({"weight_bits": "0"}, ["row 3", "weight_bits"]),
        ({"fault_model": ""}, ["row 3", "fault_model", "empty"]),
    ],
)
def test_a_bad_value_is_named_with_row_and_column(
    tmp_path: Path, change: dict[str, str], words: list[str]
) -> None:
    good = {**GOOD, "bit_error_rate_percent": "0.5"}
    with pytest.raises(InputError) as caught:
        read_accuracies(written(tmp_path, good, {**GOOD, **change}))
    message = str(caught.value)
    assert "\n" not in message
    assert [word for word in [*words, "accuracy.csv"] if word not in message] == []


REQUIRED = [cell.column.name for cell in cells(Accuracy) if cell.default is MISSING and not cell.derived]


@pytest.mark.parametrize("column", REQUIRED)
def test_a_missing_column_is_named(tmp_path: Path, column: str) -> None:
    header = [name for name in GOOD if name != column]
    with pytest.raises(InputError, match=f"row 1: no column '{column}'"):
        read_accuracies(written(tmp_path, GOOD, header=header))


def test_a_table_in_fractions_is_refused(tmp_path: Path) -> None:
    fractions = {
        name: str(float(value) / 100) if "accuracy" in name else value for name, value in GOOD.items()
    }
    with pytest.raises(InputError, match=r"row 2, column clean_accuracy: 0\.926 looks like a fraction"):
        read_accuracies(written(tmp_path, fractions))


def test_a_column_in_fractions_is_refused(tmp_path: Path) -> None:
    mixed = {**GOOD, "nf_perturbed_accuracy_mean": "0.878"}
    with pytest.raises(InputError, match=r"row 2, column nf_perturbed_accuracy_mean: 0\.878"):
        read_accuracies(written(tmp_path, mixed))


def test_a_doubled_row_names_both(tmp_path: Path) -> None:
    other = {**GOOD, "bit_error_rate_percent": "0.5"}
    with pytest.raises(InputError, match=r"row 4: .* as row 2"):
        read_accuracies(written(tmp_path, GOOD, other, GOOD))


def test_no_rows(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no rows"):
        read_accuracies(written(tmp_path))


@pytest.mark.parametrize("text", ["", "\n", "data set,base\n1,2\n"])
def test_a_file_that_is_no_table(tmp_path: Path, text: str) -> None:
    file = tmp_path / "accuracy.csv"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(InputError, match="row 1: no column 'dataset'"):
        read_accuracies(file)


@pytest.mark.parametrize("separator", [";", "\t"])
def test_another_separator_is_named(tmp_path: Path, separator: str) -> None:
    file = written(tmp_path, GOOD)
    file.write_text(file.read_text(encoding="utf-8").replace(",", separator), encoding="utf-8")
    with pytest.raises(InputError, match=r"row 1: its columns are separated by .*; save it with commas"):
        read_accuracies(file)


def test_two_figures_of_one_base_model_on_the_same_chips_are_refused(tmp_path: Path) -> None:
    other = {**GOOD, "generator": "ConvS"}
    assert len(read_accuracies(written(tmp_path, GOOD, {**other, "clean_accuracy": "92.7"}))) == 2
    for column, value in (("clean_accuracy", "80"), ("perturbed_accuracy_mean", "45.9")):
        with pytest.raises(InputError) as caught:
            read_accuracies(written(tmp_path, GOOD, {**other, column: value}))
        said = f"row 3, column {column}: {value}, but row 2 has {GOOD[column]} for the same base model at 1 %"
        assert said in str(caught.value)
    for column, value in (("base_training", "clip 0.1"), ("seeds", "7 8"), ("fault_model", "stuck-at")):
        apart = {**other, "perturbed_accuracy_mean": "45.9", "base_training": "", column: value}
        header = list(dict.fromkeys([*GOOD, "base_training"]))
        assert len(read_accuracies(written(tmp_path, GOOD, apart, header=header))) == 2


def test_a_row_of_the_wrong_length(tmp_path: Path) -> None:
    file = written(tmp_path, GOOD)
    file.write_text(file.read_text(encoding="utf-8").rstrip() + ",1\n", encoding="utf-8")
    with pytest.raises(InputError, match=r"row 2: it has 14 cells, the header 13"):
        read_accuracies(file)


def test_no_such_file(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="No such file"):
        read_accuracies(tmp_path / "accuracy.csv")


def test_every_published_row_is_marked() -> None:
    rows = published_accuracies()
    assert len(rows) == 240
    assert {(row.source, row.fault_model, row.weight_bits) for row in rows} == {
        ("published", "neuralfuse-map", 8)
    }
    assert next(row for row in rows if row.dataset == "cifar10").reference == "Sun et al., Table 11"


def test_baselines_come_once_a_base_model_and_rate() -> None:
    rows = [row for row in with_baselines(published_accuracies()) if row.dataset == "cifar10"]
    alone = [row for row in rows if row.generator == NO_GENERATOR]
    assert len(alone) == 5 * 3
    nominal = next(row for row in alone if row.base == "resnet18" and row.bit_error_rate == 0)
    assert (nominal.perturbed_percent, nominal.perturbed_std_percent) == (92.6, 0.0)
