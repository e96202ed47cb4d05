"""Protections compared at one voltage and at their cheapest: energies, residual rates, floors, files."""

from __future__ import annotations

import json
from dataclasses import replace
from functools import cache
from pathlib import Path

import pytest

from energy.curve_files import load_curve
from energy.measures import MEASURES
from neuralfuse.accuracy import Accuracy
from neuralfuse.accuracy_files import write_accuracies
from neuralfuse.memory.protections import PROTECTIONS
from nfenergy.cheapest_voltage import cheapest_point
from nfenergy.ground.errors import InputError
from nfenergy.ground.table_files import read
from nfenergy.ground.tables import csv_text
from nfenergy.listing import listing
from nfenergy.machine import Machine
from nfenergy.protecting import TARGETS, Question, compare_protections
from nfenergy.protecting_results import ProtectionComparison
from reports.plots.protection_dots import protection_plot
from reports.plots.style import SIZES
from reports.protection_rows import ProtectionRow, TargetRow
from tests.conftest import RunCli
from tests.reports.plots.geometry import clipped, overlapping, text_boxes

CURVE = load_curve("stutz2021-14nm")
MACHINE = Machine(engine="closed-form")


@cache
def compared(**changes: object) -> ProtectionComparison:
    question = Question(**{"base": "vgg11", "width": 0.125, "dataset": "digits", **changes})  # type: ignore[arg-type]
    return compare_protections(question, MACHINE, CURVE.at_bit_error_rate(0.01))


def measured(protection: str, rate: float, percent: float, **changes: object) -> Accuracy:
    row = Accuracy(
        dataset="digits",
        base="vgg11",
        base_width=0.125,
        generator="none",
        bit_error_rate=rate,
        base_clean_percent=99.0,
        base_perturbed_percent=percent,
        base_perturbed_std_percent=1.0,
        nf_clean_percent=None,
        nf_perturbed_percent=None,
        nf_perturbed_std_percent=None,
        fault_model="flip",
        protection=protection,
        weight_bits=8,
    )
    return replace(row, **changes)  # type: ignore[arg-type]


def test_secded_costs_more_than_the_voltage_with_the_same_residual_rate() -> None:
    found = compared()
    rows = {row.target_rate: row for row in found.targets if row.protection == "secded-72-64"}
    assert tuple(rows) == TARGETS == (1e-2, 1e-3, 1e-4, 1e-5, 1e-6)
    for row in rows.values():
        assert row.unprotected_energy_percent < row.energy_percent
        assert not row.pays
        assert 1.0 < row.turning_read_factor < 1.14  # type: ignore[operator]
    (verdict,) = [line for line in found.findings if line.startswith("SECDED(72,64)")]
    assert "costs more than the voltage that leaves the same bit error rate" in verdict
    assert "1.021 (at 1e-02) to 1.130 (at 1e-06)" in verdict


def test_at_the_turning_factor_both_cost_the_same() -> None:
    for row in compared().targets:
        factor = row.turning_read_factor
        if factor is None or factor < 1.0:
            continue
        again = compared(read_factor=factor).targets
        (same,) = [r for r in again if (r.protection, r.target_rate) == (row.protection, row.target_rate)]
        assert same.energy_percent == pytest.approx(row.unprotected_energy_percent, rel=1e-9)
        break
    cheap = compared(read_factor=1.0)
    assert all(row.pays for row in cheap.targets if row.protection == "secded-72-64")


@pytest.mark.parametrize("name", sorted(PROTECTIONS))
@pytest.mark.parametrize("target", [1e-2, 1e-4, 1e-6])
def test_the_cheapest_voltage_leaves_the_target_and_no_lower_one_does(name: str, target: float) -> None:
    protection = PROTECTIONS[name]
    point, beyond = cheapest_point(protection, target, CURVE, bits=8)
    assert protection.residual(point.bit_error_rate, 8).mean() <= target * (1 + 1e-9)
    if point.voltage_norm > CURVE.points[0].voltage_norm:
        assert protection.residual(point.bit_error_rate * 1.02, 8).mean() > target
    assert beyond == (0 < point.bit_error_rate < 2.1e-6)
    if not beyond:
        assert CURVE.at_voltage(point.voltage_norm).bit_error_rate == pytest.approx(point.bit_error_rate)


def test_energies_are_those_of_the_saving_and_its_factors() -> None:
    rows = {row.protection: row for row in compared().rows}
    assert rows["none"].energy_percent == pytest.approx(69.4)
    assert rows["secded-72-64"].energy_percent == pytest.approx(69.4 * 1.14)
    assert rows["row-repair-32"].energy_percent == pytest.approx(69.4)
    by_mac = compared(measure="mac", read_factor=1.2)
    assert {r.protection: r for r in by_mac.rows}["secded-72-64"].energy_percent == pytest.approx(69.4 * 1.2)


@pytest.mark.parametrize("measure", sorted(MEASURES))
def test_every_measure_serves(measure: str) -> None:
    rows = {row.protection: row for row in compared(measure=measure).rows}
    assert 0 < rows["none"].energy_percent < rows["secded-72-64"].energy_percent
    assert rows["none"].energy_percent < 100


def test_a_generator_runs_at_nominal_voltage_in_the_same_memory() -> None:
    found = compared(generators=("convs",))
    alone, behind = (
        next(row for row in found.rows if (row.protection, row.generator) == ("none", generator))
        for generator in ("none", "convs")
    )
    assert behind.energy_percent > alone.energy_percent
    assert behind.latency_overhead_percent > 0 == alone.latency_overhead_percent
    assert behind.residual_rate == alone.residual_rate


def test_measured_accuracies_stand_beside_the_energies() -> None:
    rows = [
        measured("none", 0.01, 40.0),
        measured("secded-72-64", 0.01, 90.0),
        measured("secded-72-64", 0.057, 20.0),
        measured("none", 0.00135, 88.0),
        measured("none", 0.01, 70.0, base_training="clip 0.1 + RandBET 1%"),
        measured("none", 0.0, 99.0),
        measured("of-a-package", 0.01, 99.0),
    ]
    point = CURVE.at_bit_error_rate(0.01)
    question = Question(base="vgg11", width=0.125, dataset="digits", min_accuracy_percent=85.0)
    found = compare_protections(question, MACHINE, point, rows)
    shown = {(row.protection, row.base): row.perturbed_percent for row in found.rows if row.perturbed_percent}
    assert len(shown) == 3
    assert any("RandBET" in base for _, base in shown)
    floors = [(row.protection, row.bit_error_rate) for row in found.floors]
    assert floors == [("none", 0.00135), ("secded-72-64", 0.01)]
    assert "Cheapest for 85 % accuracy: none" in found.text()
    assert "Left out, because unknown here: of-a-package." in found.text()


def test_accuracies_of_other_networks_or_several_fault_models_are_refused() -> None:
    point = CURVE.at_bit_error_rate(0.01)
    question = Question(base="vgg11", dataset="digits")
    with pytest.raises(InputError, match="no row of vgg11 with width 1"):
        compare_protections(question, MACHINE, point, [measured("none", 0.01, 40.0)])
    mixed = [measured("none", 0.01, 40.0), measured("none", 0.01, 60.0, fault_model="stuck-at")]
    with pytest.raises(InputError, match="different fault models"):
        compare_protections(replace(question, width=0.125), MACHINE, point, mixed)


def test_narrow_weights_leave_out_what_they_cannot_have() -> None:
    found = compare_protections(
        Question(base="vgg11", width=0.125, dataset="digits"),
        Machine(engine="closed-form", weight_bits=3),
        CURVE.at_bit_error_rate(0.01),
    )
    names = {row.protection for row in found.rows}
    assert "8t-msb-3" in names
    assert "8t-msb-4" not in names


def test_the_tables_are_read_back() -> None:
    found = compared()
    assert list(found.to_frame()["protection"]) == [row.protection for row in found.rows]
    assert "protections of VGG11" in repr(found)
    text = csv_text(TargetRow, found.targets)
    assert text.count("\n") == len(found.targets) + 1


@pytest.mark.parametrize("size", sorted(SIZES))
def test_no_text_of_the_figure_lies_over_another(size: str) -> None:
    rows = [
        replace(row, perturbed_percent=50.0 + index, perturbed_std_percent=2.0)
        for index, row in enumerate(compared().rows)
    ]
    figure = protection_plot(rows, size=SIZES[size])
    boxes = text_boxes(figure, SIZES[size])
    assert not clipped(figure, boxes)
    assert not overlapping(boxes)
    with pytest.raises(InputError):
        protection_plot([])


def test_they_are_listed() -> None:
    assert list(listing("protections")["protections"]) == list(PROTECTIONS)


def test_the_command_writes_tables_and_figure(cli: RunCli, tmp_path: Path) -> None:
    table, out = tmp_path / "accuracy.csv", tmp_path / "out"
    write_accuracies(table, [measured("none", 0.01, 40.0), measured("8t-msb-2", 0.01, 95.0)], {})
    done = cli(
        "protections", "--base", "vgg11", "--width", "0.125", "--accuracy", table, "--min-accuracy", "90",
        "--out", out, "--quiet", "--json",
    )  # fmt: skip
    assert done.status == 0, done.stderr
    assert json.loads(done.stdout) == json.loads((out / "protections.json").read_text(encoding="utf-8"))
    rows = [row for _, row in read(ProtectionRow, out / "protections.csv", "protections")]
    assert {row.protection for row in rows} == set(PROTECTIONS)
    expected = {"protections.csv", "targets.csv", "floors.csv", "protections.json"}
    assert {path.name for path in out.iterdir()} == expected | {
        f"protections.{format_}" for format_ in ("png", "svg", "pdf")
    }


@pytest.mark.parametrize(
    ("options", "status", "said"),
    [
        (["--accuracy", "TABLE", "--min-accuracy", "99.9"], 1, "nothing measured keeps 99.9 % accuracy"),
        (["--min-accuracy", "90"], 2, "--accuracy"),
        (["--secded-read-factor", "0.5"], 2, "expected 1 to 10"),
        (["--ber", "40%"], 2, "outside curve"),
        (["--ber", "1%", "--voltage", "0.9"], 2, "not by both"),
        (["--accuracy", "TABLE", "--dataset", "cifar10"], 2, "no row of vgg11"),
        (["--accuracy", "TABLE", "--fault-model", "stuck-at"], 2, "under fault model 'stuck-at'"),
    ],
)
def test_what_cannot_be_done_is_one_line_and_writes_nothing(
    options: list[str], status: int, said: str, cli: RunCli, tmp_path: Path
) -> None:
    table, out = tmp_path / "accuracy.csv", tmp_path / "out"
    write_accuracies(table, [measured("none", 0.01, 40.0)], {})
    named = [str(table) if word == "TABLE" else word for word in options]
    done = cli("protections", "--base", "vgg11", "--width", "0.125", "--out", out, "--quiet", *named)
    assert done.status == status
    assert said in done.error
    assert not out.exists()
