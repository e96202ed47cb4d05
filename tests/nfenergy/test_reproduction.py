"""The published tables, computed anew by the real counter and the real simulator."""

from __future__ import annotations

import json

import pytest

from energy.array import PRESETS
from energy.counts import twma
from energy.scalesim import engine as scalesim
from neuralfuse.registry import DATASETS, GENERATORS
from nfenergy import reproduction
from nfenergy.ground.errors import UnknownName
from nfenergy.networks import build_network_model
from nfenergy.reproduction import reproduce, reproduction_json, reproduction_text
from reports.printed import TABLES, differences
from reports.published import published_twma

QUICK = ("convs", "deconvs", "unets")


def simulated_twma(name: str) -> float:
    topology = build_network_model(GENERATORS[name], DATASETS["cifar10"], reproduction.PAPER).topology
    return twma(scalesim.simulate(topology, PRESETS["scale"]), weight_bits=8)


def test_table_7_and_8_have_no_differences() -> None:
    rows = [*reproduce("table7"), *reproduce("Table8")]
    assert [(row.table, row.quantity) for row in rows].count(("table7", "params")) == 22
    assert [(row.table, row.quantity) for row in rows].count(("table7", "macs")) == 22
    assert [row.table for row in rows].count("table8") == 30
    assert [row for row in rows if not row.agrees] == []


@pytest.mark.parametrize("name", QUICK)
def test_table_6_of_a_generator_in_the_real_simulator(name: str) -> None:
    assert simulated_twma(name) == published_twma()[name]


def test_table_6_in_the_closed_form() -> None:
    rows = reproduce("table6", engine="Closed-Form")
    assert len(rows) == 11
    assert differences(rows) == 0


@pytest.mark.slow
def test_table_6_whole_in_the_real_simulator() -> None:
    rows = reproduce("table6")
    assert len(rows) == 11
    assert differences(rows) == 0


def test_all_is_every_table_in_order() -> None:
    rows = reproduce("ALL", engine="closed-form")
    assert len(rows) == 11 + 44 + 30 + 2
    assert list(dict.fromkeys(row.table for row in rows)) == list(TABLES)


def test_an_unknown_table_names_the_near_ones() -> None:
    with pytest.raises(UnknownName, match=r"Did you mean .*'table6'"):
        reproduce("table66")


def test_the_report_counts_differences_and_shows_both_figures() -> None:
    rows = reproduce("table8")
    words = reproduction_text(rows)
    assert words.endswith("0 differences in 30 entries at the printed precision")
    assert len([line for line in words.splitlines() if line.startswith("table8")]) == 30
    noted = [row for row in rows if row.note]
    assert all("rounded as Table 7 prints them" in row.note for row in noted)
    found = json.loads(json.dumps(reproduction_json(rows, engine="scalesim")))
    assert found["differences"] == 0
    assert {"table", "entry", "quantity", "ours", "published", "difference", "agrees"} <= set(
        found["entries"][0]
    )
    assert found["provenance"]["convention"] == "paper"
