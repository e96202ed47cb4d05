"""Total energy in layers, sweeps, the page, plots, recommendations, curves and exports."""

from __future__ import annotations

import html
import json
import re
from collections.abc import Mapping
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import yaml

from energy.measures import MEASURES
from neuralfuse.accuracy import Accuracy
from nfenergy import api
from nfenergy.curve_choices import CurveChoices, choices_by_curve
from nfenergy.ground.errors import InputError
from nfenergy.ground.tables import as_dict, csv_text
from nfenergy.reporting import write_plot, write_report
from nfenergy.scenario_savings import scenario_savings
from nfenergy.sweeps.run import sweep
from nfenergy.tabular import saving_of
from nfenergy.tradeoffs import Comparison
from reports.plots import energy, scenarios
from reports.plots.style import SIZES
from reports.published import published_accuracies
from reports.records import Saving
from tests.conftest import RunCli, WriteTopology


@cache
def comparison(base: str = "", gen: str = "", ber: str = "1%") -> Comparison:
    return api.tradeoff(base=base, gen=gen, ber=ber)


# layers


def test_layers_have_energies_by_domain_with_totals(run_cli: RunCli, topology_file: WriteTopology) -> None:
    path = topology_file("Conv1, 8, 8, 3, 3, 2, 4, 1,", "Conv2, 6, 6, 3, 3, 4, 4, 1,")
    command = ("layers", "--topology", path, "--array", "8x8", "--engine", "closed-form")
    table = run_cli(*command, "--quiet").stdout
    assert "weight_sram_pj" in table
    assert table.splitlines()[-1].startswith("all layers")
    plain = run_cli(*command, "--format", "csv", "--quiet").stdout.splitlines()[0]
    assert "pj" not in plain
    chosen = ("--energy-table", "eyeriss2016-relative", "--format", "json", "--quiet")
    rows = json.loads(run_cli(*command, *chosen).stdout)
    assert [row["logic_mac"] for row in rows] == [6 * 6 * 9 * 2 * 4, 4 * 4 * 9 * 4 * 4]


def test_layers_in_a_notebook(topology_file: WriteTopology) -> None:
    path = topology_file("Conv1, 8, 8, 3, 3, 2, 4, 1,")
    frame = api.layers(path, array="8x8", engine="closed-form").to_frame()
    assert frame["logic_pj"].tolist() == pytest.approx([0.3 * 6 * 6 * 9 * 2 * 4])


# sweeps


def assert_same(row: Mapping[str, Any], expected: Mapping[str, Any]) -> None:
    """A row of a sweep is a simulation's, bit for bit."""
    for name, value in expected.items():
        assert pd.isna(row[name]) if value is None else row[name] == value, name


SPEC = {
    "bases": ["resnet18"],
    "generators": ["none", "convl"],
    "arrays": ["32x32", "16x8"],
    "weight_bits": [8, 4],
    "energy_tables": ["cacti7-45nm-lop", "eyeriss2016-relative"],
    "residents": ["none", "weights", "all"],
    "curves": ["stutz2021-14nm", "salami2018-28nm-vc707"],
    "bit_error_rates": ["0.05%"],
}


def test_a_sweep_has_tables_and_residencies_as_axes(tmp_path: Path) -> None:
    result = sweep(SPEC, tmp_path)
    rows = pd.read_parquet(result.table)
    assert len(rows) == result.rows == 2 * 2 * 2 * 2 * 3 * 2
    report = api.simulate(
        "resnet18", "convl", ber="0.05%", array="16x8", weight_bits=4, resident="all", engine="closed-form",
        energy_table="eyeriss2016-relative", curve="salami2018-28nm-vc707",
    )  # fmt: skip
    expected = as_dict(saving_of(report))
    told = ("generator", "array_rows", "weight_bits", "energy_table", "residency", "curve")
    (row,) = rows[(rows[list(told)] == [expected[name] for name in told]).all(axis=1)].to_dict("records")
    assert_same(row, expected)


def test_a_sweep_counts_leakage(tmp_path: Path) -> None:
    spec = {**SPEC, "energy_tables": ["cacti7-22nm-lop"], "leakage": True, "curves": ["stutz2021-14nm"]}
    rows = pd.read_parquet(sweep(spec, tmp_path).table)
    report = api.simulate(
        "resnet18", "convl", ber="0.05%", engine="closed-form", leakage=True, energy_table="cacti7-22nm-lop"
    )
    same = rows[(rows.generator == "convl") & (rows.array_rows == 32) & (rows.weight_bits == 8)]
    row = same[same.residency == "none"].iloc[0]
    assert_same(row, as_dict(saving_of(report)))


def test_a_sweep_without_tables_has_the_papers_measures_alone(tmp_path: Path) -> None:
    rows = pd.read_parquet(sweep({**SPEC, "energy_tables": []}, tmp_path).table)
    assert rows["system_saving_percent"].isna().all()
    assert rows["dram"].eq("").all()
    assert rows["twma_saving_percent"].notna().all()


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"energy_tables": ["horowitz"]}, "energy_tables: no energy table named 'horowitz'"),
        ({"residents": ["some"]}, "residents"),
        ({"leakage": True}, "energy_tables: energy table 'eyeriss2016-relative' counts no leakage"),
        ({"dram": "ddr3"}, "energy_tables: no DRAM in energy table 'eyeriss2016-relative' named 'ddr3'"),
        ({"low_voltage": "logic"}, "energy_tables: --low-voltage is 'logic'"),
    ],
)
def test_what_a_sweep_refuses(wrong: dict[str, object], said: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=re.escape(said)):
        sweep({**SPEC, **wrong}, tmp_path)


def test_where_scalesim_fails_the_sweep_says_how_to_go_on(tmp_path: Path) -> None:
    spec = {**SPEC, "arrays": ["1024x1024"], "sram_kb": [1]}
    with pytest.raises(InputError, match=r"energy_tables: \[\] leaves energies and DRAM out"):
        sweep(spec, tmp_path / "a")
    assert sweep({**spec, "energy_tables": []}, tmp_path / "b").rows == 8


# the page


def section(page: Path) -> str:
    text = page.read_text(encoding="utf-8")
    begin = text.index('<section id="energy">')
    found = text[begin : text.index("</section>", begin)]
    return " ".join(html.unescape(re.sub(r"<svg.*?</svg>|<[^>]+>", " ", found, flags=re.DOTALL)).split())


def test_the_page_says_whose_energy_it_is(tmp_path: Path) -> None:
    page = tmp_path / "report.html"
    write_report(comparison("resnet18", "convl"), page, command="nfenergy report")
    said = section(page)
    assert "Whose energy is this?" in said
    assert "energy table horowitz2014-45nm, DRAM lpddr4 (8 pJ a bit), resident none" in said
    assert "ResNet18 + ConvL (19.0 % by T.W.M.A., -6.7 % by system energy)" in said
    assert "19.0 % of weight accesses are -6.7 % of the system with weights from DRAM (a loss)" in said
    assert "13.1 % with weights on chip" in said
    assert "DRAM 76.6 %, logic 10.6 %, weight SRAM 8.2 %, activation SRAM 4.5 %" in said
    assert "pays at no voltage of the curve" in said
    assert "agreeing secondaries" in said
    assert "Batch 1" in said
    assert page.read_text(encoding="utf-8").count('<figure id="figure-energy-0"') == 1


def test_a_page_of_savings_from_a_file_has_the_section_too(tmp_path: Path) -> None:
    table = sweep(
        {"bases": ["resnet18"], "generators": ["none", "convl"], "bit_error_rates": ["1%"]}, tmp_path
    )
    found = api.tradeoff(base="resnet18", gen="convl", savings=table.table)
    page = tmp_path / "report.html"
    write_report(found, page, command="nfenergy report")
    assert "19.0 % of weight accesses are -6.7 % of the system with weights from DRAM (a loss)." in section(
        page
    )


# plots


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("kind", ["energy", "scenarios"])
def test_plots_of_energy(kind: str, size: str, tmp_path: Path) -> None:
    (path,) = write_plot(kind, comparison(), tmp_path / f"{kind}.png", size=size)
    assert path.stat().st_size > 10_000


def test_bars_hold_the_energies_of_their_domains() -> None:
    savings = [row.saving for row in comparison("resnet18", "convl").merged.tradeoffs]
    saving = next(row for row in savings if row.has_generator)
    figure = energy.energy_plot(savings)
    widths = {patch.get_gid(): patch.get_width() for patch in figure.axes[0].patches}
    total = saving.measures["system"].base
    for name, spent in saving.domains.items():
        assert widths[f"energy-resnet18-vmin-base-{name}"] == pytest.approx(100 * spent.base / total)
        assert widths[f"energy-resnet18-convl-generator-{name}"] == pytest.approx(
            100 * spent.generator / total
        )
    bar = sum(width for gid, width in widths.items() if gid and "-convl-" in gid)
    assert 100 - bar == pytest.approx(saving.measures["system"].saving_percent)
    texts = energy.hover_texts(savings)
    assert texts.keys() == {gid for gid in widths if gid}


def test_the_energy_plot_takes_energies() -> None:
    with pytest.raises(InputError, match="have none"):
        energy.energy_plot([])


def test_scenarios_show_every_combination_once_a_residency() -> None:
    rows = scenario_savings(comparison().reports)
    keys = {(row.base, row.generator, row.bit_error_rate, row.scenario) for row in rows}
    assert len(keys) == len(rows)
    figure = scenarios.scenario_plot(rows, size=SIZES["page"])
    assert len(figure.axes) == 3
    for axes in figure.axes:
        marks = [found for found in axes.collections if (found.get_gid() or "").startswith("scenario-")]
        assert len(marks) == 30
    assert len(scenarios.hover_texts(rows, "system")) == 90


def test_several_curves_in_one_plot(run_cli: RunCli, tmp_path: Path) -> None:
    options = ("--curve", "salami2018-28nm-vc707,stutz2021-14nm", "--base", "resnet18", "--gen", "convl")
    shown = run_cli("plot", "voltage", *options, "--out", tmp_path / "curves.svg", "--quiet")
    assert shown.status == 0, shown.stderr
    refused = run_cli("plot", "tradeoff", *options, "--out", tmp_path / "plot.svg", "--quiet")
    assert "plot tradeoff takes one --curve" in refused.error


# recommendations


def test_a_recommendation_says_where_it_turns() -> None:
    choice = api.recommend(base="resnet18", measure="system", min_accuracy=85)
    robust = choice.robustness
    assert robust is not None
    assert len(robust.standings) == 15
    first = robust.standings[0]
    best = choice.recommendation.best
    assert best is not None
    assert first.same
    assert first.choice_percent == pytest.approx(best.saving.saving_percent("system"))
    assert set(robust.left_out) == {"salami2018-28nm-kc705b", "salami2018-28nm-vc707"}
    for row in robust.standings:
        alone = api.recommend(
            base="resnet18", measure="system", min_accuracy=85,
            energy_table=row.scenario.energy_table, resident=row.scenario.residency,
        )  # fmt: skip
        found = alone.recommendation.best
        assert found is not None
        assert found.saving.saving_percent("system") == pytest.approx(row.best_percent)
        assert (found.saving.generator == best.saving.generator) or not row.same
    assert "Robust? The choice is the same in" in choice.text()
    told: Any = choice.as_json()["robustness"]
    assert len(told["scenarios"]) == 15
    assert told["holds"] is False


def test_one_recommendation_over_all_curves(tmp_path: Path) -> None:
    published = api.tradeoff(base="resnet18", ber="1%").merged.tradeoffs
    assert published
    found = choices_by_curve(lambda curve: api.recommend(base="resnet18", min_accuracy=85, curve=curve))
    assert isinstance(found, CurveChoices)
    told = {row.curve: row for row in found.rows}
    assert told["stutz2021-14nm"].choice is not None
    assert "bit error rate 1% is outside curve" in told["salami2018-28nm-vc707"].reason
    assert not found.flips
    assert "nothing to compare" in found.text()
    json.dumps(found.as_json(), allow_nan=False)


def test_an_answer_on_curves_that_have_the_rates(tmp_path: Path) -> None:
    rows = [row for row in published_accuracies() if row.base == "resnet18" and row.bit_error_rate == 0.01]
    rare = [replace(row, bit_error_rate=1e-4, source="measured", reference="test") for row in rows]
    path = tmp_path / "accuracy.csv"
    path.write_text(csv_text(Accuracy, rare), encoding="utf-8")
    found = choices_by_curve(
        lambda curve: api.recommend(
            str(path), dataset="cifar10", min_accuracy=85, measure="chip", curve=curve
        )
    )
    answered = {row.curve: row for row in found.rows if row.choice}
    assert set(answered) == {"stutz2021-14nm", "salami2018-28nm-kc705b", "salami2018-28nm-vc707"}
    assert found.flips == (len({row.answer for row in found.rows}) > 1)
    assert "3 curves have the bit error rates" in found.text()
    assert "the square of the voltage is taken" in found.text()
    own = answered["stutz2021-14nm"].choice
    assert own is not None
    assert own.robustness is not None
    assert len(own.robustness.standings) == 45
    assert own.robustness.left_out == {}


def test_curves_in_the_command(run_cli: RunCli) -> None:
    shown = run_cli(
        "recommend", "--base", "resnet18", "--min-accuracy", "85", "--curve", "all", "--json", "--quiet"
    )
    told = json.loads(shown.stdout)
    assert set(told["curves"]) == {"stutz2021-14nm", "salami2018-28nm-kc705b", "salami2018-28nm-vc707"}
    assert told["curves"]["salami2018-28nm-kc705b"]["energy_model"] == "v2"
    assert told["flips"] is False


# lists, exports


def test_lists(run_cli: RunCli) -> None:
    told = json.loads(run_cli("list", "--json").stdout)
    assert set(told["measures"]) == set(MEASURES)
    assert "Horowitz" in told["energy-tables"]["horowitz2014-45nm"]
    assert {"energy", "scenarios"} <= set(told["plots"])


@pytest.mark.parametrize("dataflow", ["os", "ws", "is"])
def test_exported_action_counts_are_the_engines(dataflow: str, run_cli: RunCli, tmp_path: Path) -> None:
    machine = ("--array", "16x16", "--dataflow", dataflow)
    shown = run_cli("export", "--base", "vgg11", "--out", tmp_path, "--action-counts", *machine, "--quiet")
    assert shown.status == 0, shown.stderr
    content = yaml.safe_load((tmp_path / "vgg11.action_counts.yaml").read_text(encoding="utf-8"))
    found = {
        (entry["name"].removeprefix("systolic_array."), action["name"]): action["counts"]
        for entry in content["action_counts"]["local"]
        for action in entry["action_counts"]
    }
    assert min(found.values()) >= 0
    counts = api.layers(tmp_path / "vgg11.csv", array="16x16", dataflow=dataflow, engine="closed-form")
    assert found["weights_glb", "read"] == sum(row.sram_filter_reads for row in counts)
    assert found["ifmap_dram", "read"] == sum(row.dram_ifmap_reads for row in counts)
    assert found["psum_glb", "update"] == sum(row.sram_ofmap_writes_true for row in counts)
    report = api.simulate("vgg11", engine="closed-form", array="16x16", dataflow=dataflow)
    assert found["PE[0..255].mac", "mac_random"] == sum(
        layer.macs for layer in report.base.model.topology.layers
    )


def test_all_of_a_saving_is_in_the_dictionary() -> None:
    assert {"energy_table", "base_system_energy", "generator_dram_energy"} <= as_dict(
        saving_of(api.simulate("vgg11", "convs", engine="closed-form"))
    ).keys()
    assert Saving.__doc__
