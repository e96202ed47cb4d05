"""One layer a row, as a table, CSV and JSON."""

from __future__ import annotations

import csv
import json
from dataclasses import replace

import pytest

from energy.counts import REPORTED_COLUMNS, LayerCounts
from reports.layer_report import RENDERERS, as_csv, as_json, as_table
from tests.energy.test_counts import COUNTS

LAYERS = (COUNTS, replace(COUNTS, layer='say "a, b"', total_cycles=1234567, overall_util_percent=1 / 3))


def test_there_are_three_formats() -> None:
    assert set(RENDERERS) == {"table", "csv", "json"}


def test_csv_has_the_fixed_columns_and_figures_as_printed() -> None:
    text = as_csv(LAYERS)
    assert text.splitlines()[0] == ",".join(REPORTED_COLUMNS)
    assert text.endswith("\n")
    assert "\r" not in text
    rows = list(csv.DictReader(text.splitlines()))
    assert rows[1]["layer"] == 'say "a, b"'
    assert rows[1]["total_cycles"] == "1234567"
    assert float(rows[1]["overall_util_percent"]) == 1 / 3
    assert rows[0]["sram_ofmap_writes"] == "9"


def test_json_has_every_field() -> None:
    found = json.loads(as_json(LAYERS))
    assert [LayerCounts(**entry) for entry in found] == list(LAYERS)


def test_the_table_is_aligned_and_grouped() -> None:
    lines = as_table(LAYERS).splitlines()
    assert lines[-2].startswith('say "a, b"')
    assert "1,234,567" in lines[-2]
    assert "0.33" in lines[-2]
    assert lines[-1].split()[:2] == ["total", "1,234,577"]


@pytest.mark.parametrize("render", RENDERERS.values())
def test_every_format_ends_in_one_newline(render: object) -> None:
    assert callable(render)
    text = render(LAYERS)
    assert text.endswith("\n")
    assert not text.endswith("\n\n")
