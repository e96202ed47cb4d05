"""Figures of experiments with any number of lines, and the page of all: claims first, figures in words."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from nfenergy.experiments.figure import SIZE, lines_figure
from nfenergy.experiments.figure_lines import Line
from nfenergy.experiments.figure_words import told
from nfenergy.experiments.results_page import write_report
from reports.plots.style import figure_bytes
from tests.reports.browser import CHROMIUM, DRIVER, chromium
from tests.reports.plots.geometry import clipped, overlapping, text_boxes

RATES = (0.01, 0.05, 0.1, 0.5, 1.0, 1.5, 2.0, 2.5)
TITLES = {"x_title": "bit error rate (%)", "y_title": "RErr (%)"}


def lines(count: int) -> list[Line]:
    """In panels of five."""
    return [
        Line(
            panel=f"8 bits RANDBET w_max {index // 5}" if count > 5 else "",
            name=f"p_train {index % 5} %",
            ours=tuple((rate, 5 + 2.0 * index % 40 + rate, 2.0) for rate in RATES),
            printed=tuple((rate, 4 + rate, 0.0) for rate in RATES),
        )
        for index in range(count)
    ]


@pytest.mark.parametrize("count", [1, 5, 30, pytest.param(60, marks=pytest.mark.slow)])
def test_every_line_has_its_panel_and_its_name(count: int) -> None:
    found = lines(count)
    figure = lines_figure(found, log_x=True, **TITLES)
    boxes = text_boxes(figure, SIZE)
    assert overlapping(boxes) == []
    assert clipped(figure, boxes) == []
    texts = {text for text, _ in boxes}
    assert {line.name for line in found} | {line.panel for line in found} - {""} <= texts
    assert "as printed" in texts


def test_a_figure_is_told_in_words() -> None:
    assert told(lines(1), **TITLES) == (
        "RErr (%) over bit error rate (%), 1 line. p_train 0 %: ours 5.0 % at 0.01 to 7.5 % at 2.5, printed "
        "4.0 % at 0.01 to 6.5 % at 2.5."
    )
    many = told(lines(30), **TITLES)
    assert "at 2.5 the lowest is 8 bits RANDBET w_max 0, p_train 0 % with 7.5 %" in many
    assert many.endswith("Printed 4.0 to 6.5 %.")


def write_experiment(folder: Path, name: str, verdict: str) -> None:
    folder.mkdir()
    figure = lines_figure(lines(5), log_x=True, **TITLES)
    (folder / "figure.svg").write_bytes(figure_bytes(figure, SIZE, "svg"))
    (folder / "table.csv").write_text("model,rerr_percent,rerr_percent_printed\nRQUANT <b>,5.0,4.0\n")
    claim = {"verdict": verdict, "cells": ["a claim", "+1.5 +- 0.4", "3 chips", "+2.0", verdict]}
    record = {
        "experiment": name,
        "title": f"Title of {name}",
        "source": "Stutz et al., Table 1",
        "scale": "smoke",
        "dataset": "digits",
        "command": f"nfenergy experiment run {name}",
        "figure": told(lines(5), **TITLES),
        "claims": [claim],
    }
    (folder / "experiment.json").write_text(json.dumps(record))


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("results")
    for name, verdict in (("one", "not measured"), ("two", "does not hold"), ("three", "holds")):
        write_experiment(folder / name, name, verdict)
    return write_report(folder)[0]


def test_claims_come_first_and_verdicts_before_them(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    assert re.findall(r'<td data-verdict="([^"]*)"', text) == ["holds", "does not hold", "not measured"]
    assert text.index('id="claims"') < text.index('id="one"')
    assert "<td>+1.5 ± 0.4</td>" in text
    assert '<a href="#two">two</a>' in text
    assert "RQUANT &lt;b&gt;" in text


def test_figures_are_told_in_words_and_dark_where_the_page_is(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    drawn = re.findall(r"<svg.*?</svg>", text, flags=re.DOTALL)
    assert len(drawn) == 3
    for svg in drawn:
        (described,) = re.findall(r'aria-describedby="([^"]*)"', svg)
        assert re.search(rf'<desc id="{described}">RErr [^<]*\.</desc>', svg)
        assert not re.search(r"(?:fill|stroke):(?:#ffffff|#1a1a1a|#123a6f)", svg)
        assert "var(--cffffff,#ffffff)" in svg
    assert "prefers-color-scheme: dark) { :root { --cffffff:#15181d" in text
    ids = re.findall(r' id="([^"]*)"', text)
    assert len(ids) == len(set(ids))


def test_a_record_from_before_figures_had_words_is_shown(tmp_path: Path) -> None:
    write_experiment(tmp_path / "old", "old", "holds")
    path = tmp_path / "old" / "experiment.json"
    record = json.loads(path.read_text())
    del record["figure"]
    path.write_text(json.dumps(record))
    text = write_report(tmp_path)[0].read_text(encoding="utf-8")
    assert 'aria-labelledby="old-title"' in text


@pytest.mark.skipif(not (CHROMIUM and DRIVER), reason="needs Chromium and its driver")
def test_nothing_is_wider_than_a_phone_and_a_verdict_is_in_sight(page: Path) -> None:
    with chromium() as browser:
        browser.emulate(width=400, dark=True)
        browser.open(page)
        assert browser.run("return document.documentElement.scrollWidth") <= 400
        for cell in ("td[data-verdict]", "td[data-verdict] ~ td", "td[data-verdict] ~ td ~ td"):
            right = "return document.querySelector(arguments[0]).getBoundingClientRect().right"
            assert browser.run(right, cell) <= 400
