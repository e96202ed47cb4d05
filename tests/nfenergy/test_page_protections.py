"""Protections, sensitive layers and an assignment of voltages on the report page."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from html import unescape
from pathlib import Path

import pytest

from energy.measures import MEASURES
from neuralfuse.accuracy import Accuracy
from neuralfuse.accuracy_files import write_accuracies
from neuralfuse.layer_sensitivity import LayerSensitivity, Sensitivity
from neuralfuse.memory.protections import PROTECTIONS
from nfenergy import api
from nfenergy.assigning_results import Assignment
from nfenergy.layer_files import read_assignment, read_sensitivity
from nfenergy.page_protections import page_protections
from nfenergy.sensitivity_files import write_sensitivity
from reports.assignment_rows import AssignedLayer, AssignmentStanding
from reports.protection_figures import protection_figures
from reports.protections_section import protection_sentences, protection_tables
from tests.conftest import RunCli


def accuracy(protection: str, percent: float, **changes: object) -> Accuracy:
    row = Accuracy(
        dataset="digits",
        base="vgg11",
        base_width=0.125,
        generator="none",
        bit_error_rate=0.01,
        base_clean_percent=99.0,
        base_perturbed_percent=percent,
        base_perturbed_std_percent=1.5,
        nf_clean_percent=None,
        nf_perturbed_percent=None,
        nf_perturbed_std_percent=None,
        fault_model="flip",
        protection=protection,
        weight_bits=8,
    )
    return replace(row, **changes)  # type: ignore[arg-type]


def sensitivity(bits: int = 8) -> Sensitivity:
    layers = [
        LayerSensitivity(
            number=number,
            layer=name,
            weights=100 * number,
            bit_error_rate=0.01,
            clean_percent=99.0,
            all_percent=40.0,
            only_percent=99.0 - number,
            only_loss_points=float(number),
            only_interval_points=0.5 if number == 1 else None,
            spared_percent=45.0,
            spared_gain_points=5.0,
            spared_interval_points=0.25,
            fault_model="flip",
            seeds="50000 50001",
            by_bit_percent=tuple(99.0 - bit for bit in range(bits)),
        )
        for number, name in enumerate(("features.0", "classifier"), start=1)
    ]
    return Sensitivity(layers=tuple(layers), base="VGG11 on digits")


def assignment() -> Assignment:
    layer = AssignedLayer(
        number=1, layer="features.0", group=1, weights=100, voltage_norm=0.875, bit_error_rate=0.00135,
        group_energy_percent=40.0, group_loss_points=1.25,
    )  # fmt: skip
    standing = AssignmentStanding(
        what="by layer", measure="twma", floor_percent=90.0, voltage_norm=None, energy_percent=72.5,
        chosen_percent=91.0, held_out_percent=91.5, held_out_interval_points=None, fault_model="flip",
        seeds="50000",
    )  # fmt: skip
    uniform = replace(standing, what="best uniform voltage", voltage_norm=0.9, energy_percent=80.0)
    return Assignment(
        layers=(layer,),
        standings=(standing, uniform),
        clean_percent=99.0,
        measure=MEASURES["twma"],
        base="VGG11 on digits",
    )


@pytest.mark.parametrize("bits", [0, 8])
def test_what_was_written_is_read_back(bits: int, tmp_path: Path) -> None:
    write_sensitivity(sensitivity(bits), tmp_path)
    assert read_sensitivity(tmp_path / "sensitivity.json") == sensitivity(bits)
    assignment().write(tmp_path)
    assert read_assignment(tmp_path / "assignment.json") == assignment()


def test_the_page_shows_all_of_it(cli: RunCli, tmp_path: Path) -> None:
    rows = [accuracy("none", 40.0), accuracy("secded-72-64", 77.0), accuracy("8t-msb-2", 95.0)]
    rows += [accuracy("none", 88.0, base_training="RandBET 1 %"), accuracy("of-a-package", 50.0)]
    write_accuracies(tmp_path / "accuracy.csv", rows, {})
    write_sensitivity(sensitivity(), tmp_path)
    assignment().write(tmp_path)
    done = cli(
        "report", "--accuracy", tmp_path / "accuracy.csv", "--sensitivity", tmp_path / "sensitivity.json",
        "--assignment", tmp_path / "assignment.json", "--out", tmp_path / "page" / "report.html",
    )  # fmt: skip
    assert done.status == 0, done.stderr
    assert done.stderr.count("left out") == 1
    assert "3 accuracies under protections" in done.stderr
    page = (tmp_path / "page" / "report.html").read_text(encoding="utf-8")
    shown = page[page.index('<section id="protections">') : page.index('<section id="combinations">')]
    text = unescape(re.sub(r"\s+", " ", shown))
    for words in (
        "cells misread at 1 %",
        "SECDED(72,64) costs more than the voltage that leaves the same bit error rate without it",
        'id="figure-protections-0"',
        'id="figure-protections-1"',
        "<td>VGG11 x 0.125, RandBET 1 %</td> <td>none</td>",
        ">77.0 ± 1.5</td>",
        ">79.1</td>",
        "Sensitivity of VGG11 on digits to 1 % bit errors",
        ">1.00 ± 0.50</td>",
        "The assignment takes 7.5 % of the energy less than the best uniform voltage.",
        "<td>best uniform voltage</td>",
        'id="figure-assignment-0-standings"',
        "by layer 72.5 % of the energy at 91.5 %; best uniform voltage 80.0 % of the energy at 91.5 %; ",
        "1 layers at 0.875 of Vmin; the best uniform voltage is 0.900.",
        "Errors in one layer only, of 2 in all, cost 1.0 to 2.0 points of accuracy, most in classifier.",
        "highest 8t-msb-2.",
        ">0.8750</td>",
    ):
        assert words in text, words
    assert "of-a-package" not in text
    drawn = re.findall(r"<svg.*?</svg>", shown, flags=re.DOTALL)
    assert len(drawn) == 5
    for svg in drawn:
        (told,) = re.findall(r'aria-describedby="([^"]*)"', svg)
        assert re.search(rf'<desc id="{told}">[^<]*\d[^<]*\.</desc>', svg)
        assert not re.search(r"(?:fill|stroke):(?:#ffffff|#1a1a1a|#123a6f)", svg)
    table = (tmp_path / "page" / "protections.csv").read_text(encoding="utf-8")
    assert table.count("8t-msb-2") == 3  # measures; the robust base was not measured under it
    dictionary = (tmp_path / "page" / "columns.csv").read_text(encoding="utf-8")
    assert "residual_rate_top_percent" in dictionary


def test_every_base_has_every_protection_by_every_chief_measure() -> None:
    shown = page_protections(api.tradeoff(base="vgg11,resnet18", gen="convs"))
    assert shown is not None
    for base in ("VGG11", "ResNet18"):
        rows = [row for row in shown.rows if row.base == base]
        assert {row.measure for row in rows} == {"twma", "mac", "system"}
        assert {row.protection for row in rows} == set(PROTECTIONS)
        (behind,) = [row for row in rows if row.generator == "convs" and row.measure == "twma"]
        assert behind.perturbed_percent is not None
        assert behind.latency_overhead_percent > 0
    assert "No accuracy of this page was measured under a protection" in protection_sentences(shown)[1]
    assert len(list(protection_figures(shown.rows, (), ()))) == 2
    assert [len(table.rows) for table in protection_tables(shown)] == [
        2 * (len(PROTECTIONS) + 1),
        len(PROTECTIONS),
    ]


def test_without_simulations_there_is_nothing_to_compare() -> None:
    assert "where networks are simulated" in protection_sentences(None)[0]
    assert protection_tables(None) == ()
    assert list(protection_figures((), (), ())) == []


@pytest.mark.parametrize(
    ("option", "content", "said"),
    [
        ("--sensitivity", "[]", "holds no object; expected the sensitivity.json"),
        ("--sensitivity", "{", "is no JSON"),
        ("--sensitivity", '{"layers": []}', "has no layers"),
        ("--sensitivity", '{"layers": [{"number": 1}]}', "layers 1 has no 'layer'"),
        ("--assignment", '{"standings": [3]}', "has no standings"),
        ("--assignment", None, "cannot read the assignment.json"),
    ],
)
def test_a_file_that_is_none_is_one_line_and_nothing_is_written(
    option: str, content: str | None, said: str, cli: RunCli, tmp_path: Path
) -> None:
    path, out = tmp_path / "file.json", tmp_path / "page" / "report.html"
    if content is not None:
        path.write_text(content, encoding="utf-8")
    done = cli("report", option, path, "--out", out, "--quiet")
    assert done.status == 2
    assert said in done.error
    assert not out.parent.exists()


def test_figures_out_of_range_are_refused(cli: RunCli, tmp_path: Path) -> None:
    write_sensitivity(sensitivity(), tmp_path)
    path = tmp_path / "sensitivity.json"
    found = json.loads(path.read_text(encoding="utf-8"))
    found["layers"][0]["by_bit_percent"][3] = 120
    path.write_text(json.dumps(found), encoding="utf-8")
    done = cli("report", "--sensitivity", path, "--out", tmp_path / "page" / "report.html")
    assert (done.status, "a share is no percentage" in done.error) == (2, True)
