"""Total energy as commands say it: computed anew from layers.csv and the table files, by formula."""

from __future__ import annotations

import csv
import io
import json
import math
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from itertools import pairwise, product
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from energy.accesses import extents_of, layer_traffic
from energy.array import SystolicArray
from energy.closed_form import engine as closed_form
from energy.curve_files import load_curve
from energy.energy_tables import ENERGY_TABLES
from energy.measures import LEAKAGE_EXPONENT, MEASURES, Counted, Measure
from energy.savings import costs, savings
from nfenergy import api, results
from nfenergy.ground.table_files import read
from nfenergy.ground.tables import csv_text
from nfenergy.simulation import SimulationReport
from nfenergy.tabular import layer_rows_of, saving_of
from reports.layer_records import LayerRow
from reports.operating import measures_at
from reports.records import Saving
from tests.conftest import RunCli
from topologies.layers import ACTIVATIONS, Layer, Topology

BASES = ("resnet18", "resnet50", "vgg11", "vgg16", "vgg19")
GENERATORS = ("convl", "convs", "deconvl", "deconvs", "unetl", "unets")
RESIDENCIES = ("none", "weights", "all")
LOW = 0.694  # energy per access of the 14 nm curve at a bit error rate of 1 %
SRAM_KB = 64.0
Rows = list[dict[str, str]]


@cache
def layers(name: str, role: str) -> Rows:
    """The rows of a network in layers.csv."""
    pair = (name, None) if role == "base" else ("vgg11", name)
    report = api.simulate(*pair, engine="closed-form")
    text = csv_text(LayerRow, layer_rows_of(report))
    return [row for row in csv.DictReader(io.StringIO(text)) if row["network"] == name]


@cache
def table_of(name: str) -> dict[str, Any]:
    path = files("energy") / "data" / "energy_tables" / f"{name}.yaml"
    return dict(yaml.safe_load(path.read_text(encoding="utf-8")))


def power_law(by_size: Mapping[float, float], size: float) -> float:
    sizes = sorted(by_size)
    low, high = next(((a, b) for a, b in pairwise(sizes) if size <= b), (sizes[-2], sizes[-1]))
    slope = math.log(by_size[high] / by_size[low]) / math.log(high / low)
    return math.exp(math.log(by_size[low]) + slope * math.log(size / low))


def domains(rows: Rows, table: dict[str, Any], residency: str) -> dict[str, float]:
    """Energy by domain of a network whose layers are `rows`, 8-bit values, read by the word."""

    def column(name: str) -> list[int]:
        return [int(row[name]) for row in rows]

    filters = [
        math.prod(int(row[name]) for name in ("filter_h", "filter_w", "channels", "filters")) for row in rows
    ]
    ifmaps = [math.prod(int(row[name]) for name in ("ifmap_h", "ifmap_w", "channels")) for row in rows]
    ofmaps = [macs // (weights // int(row["filters"])) for row, macs, weights in zip(
        rows, column("macs"), filters, strict=True
    )]  # fmt: skip
    sizes = dict.fromkeys(("filter", "ifmap", "ofmap"), SRAM_KB)
    if residency != "none":
        sizes["filter"] = max(SRAM_KB, sum(filters) / 1024)
    if residency == "all":
        sizes |= {"ifmap": max(SRAM_KB, max(ifmaps) / 1024), "ofmap": max(SRAM_KB, max(ofmaps) / 1024)}
    relative = table.get("unit") == "mac"

    def cost(memory: str, action: str) -> float:
        if relative:
            return float(table["global_buffer"])
        if action == "write" and "sram_write_pj_per_64bit" in table:
            return power_law(table["sram_write_pj_per_64bit"], sizes[memory])
        factor = table["sram_write_factor"] if action == "write" else 1.0
        return float(factor * power_law(table["sram_pj_per_64bit"], sizes[memory]))

    fills = {
        "filter": 0 if residency != "none" else sum(column("dram_filter_reads")),
        "ifmap": column("dram_ifmap_reads")[0] if residency == "all" else sum(column("dram_ifmap_reads")),
        "ofmap": column("dram_ofmap_writes")[-1] if residency == "all" else sum(column("dram_ofmap_writes")),
    }
    per_word = table["value_bits"] // 8 if relative else 8
    per_bit = (
        table["dram"] / table["value_bits"] if relative else table["dram_pj_per_bit"][table["dram_default"]]
    )
    reads, writes = "read", "write"
    return {
        "weight_sram": (
            sum(column("sram_filter_reads")) * cost("filter", reads)
            + fills["filter"] * cost("filter", writes)
        )
        / per_word,
        "activation_sram": (
            sum(column("sram_ifmap_reads")) * cost("ifmap", reads)
            + fills["ifmap"] * cost("ifmap", writes)
            + sum(column("sram_ofmap_writes_true")) * cost("ofmap", writes)
            + fills["ofmap"] * cost("ofmap", reads)
        )
        / per_word,
        "logic": sum(column("macs")) * (1.0 if relative else table["mac_pj"]),
        "dram": sum(fills.values()) * 8 * per_bit,
    }


PARTS = {
    "sram": ("weight_sram", "activation_sram"),
    "chip": ("weight_sram", "activation_sram", "logic"),
    "system": ("weight_sram", "activation_sram", "logic", "dram"),
}


@pytest.mark.parametrize("table_name", ENERGY_TABLES)
def test_every_combination_is_what_its_layers_and_the_table_give(table_name: str) -> None:
    table = table_of(table_name)
    unit = table.get("unit", "pj")
    for residency in RESIDENCIES:
        for base, generator in product(BASES, GENERATORS):
            report = api.simulate(
                base, generator, engine="closed-form", energy_table=table_name, resident=residency
            )
            found: Any = json.loads(json.dumps(results.as_json(report), allow_nan=False))
            nominal = domains(layers(base, "base"), table, residency)
            added = domains(layers(generator, "generator"), table, residency)
            low = {**nominal, "weight_sram": LOW * nominal["weight_sram"]}
            for name, energy in nominal.items():
                entry = found["domains"][name]
                assert entry["base"][f"nominal_{unit}"] == pytest.approx(energy, rel=1e-6)
                assert entry["base"][f"low_{unit}"] == pytest.approx(low[name], rel=1e-6)
                assert entry["generator"][f"nominal_{unit}"] == pytest.approx(added[name], rel=1e-6)
            for name, parts in PARTS.items():
                spent = [sum(energies[part] for part in parts) for energies in (nominal, low, added)]
                entry = found["measures"][name]
                keys = (f"base_nominal_{unit}", f"base_low_{unit}", f"generator_{unit}")
                assert [entry[key] for key in keys] == pytest.approx(spent, rel=1e-6)
                saving = 100 * (spent[0] - spent[1] - spent[2]) / spent[0]
                assert entry["saving_percent"] == pytest.approx(saving, rel=1e-6)


def test_json_of_the_command_is_that_of_the_library(run_cli: RunCli) -> None:
    options = ("--base", "resnet18", "--gen", "convl", "--engine", "closed-form", "--resident", "weights")
    shown = json.loads(run_cli("simulate", *options, "--json", "--quiet").stdout)
    report = api.simulate("resnet18", "convl", engine="closed-form", resident="weights")
    assert shown["measures"] == results.as_json(report)["measures"]
    assert shown["domains"] == results.as_json(report)["domains"]


def test_the_papers_measures_are_those_of_the_papers() -> None:
    found: Any = results.as_json(simulated())
    assert found["measures"]["twma"]["base_nominal_words"] == 2_755_968
    assert found["measures"]["mac"]["base_nominal_macs"] == 557_143_050
    assert found["measures"]["twma"]["saving_percent"] == found["saving"]["twma_percent"]


@cache
def simulated(generator: str | None = "convl", **options: Any) -> SimulationReport:
    return api.simulate("resnet18", generator, engine="closed-form", **options)


@pytest.mark.parametrize("residency", RESIDENCIES)
@pytest.mark.parametrize("leakage", [False, True])
def test_domains_add_up_to_measures_and_layers_to_networks(residency: str, leakage: bool) -> None:
    report = simulated(resident=residency, leakage=leakage, energy_table="cacti7-22nm-lop")
    row = saving_of(report)
    for name, measure in MEASURES.items():
        if measure.domains:
            own = [row.domains[domain] for domain in measure.domains if domain in row.domains]
            assert sum(energy.base for energy in own) == pytest.approx(row.measures[name].base)
            assert sum(energy.generator for energy in own) == pytest.approx(row.measures[name].generator)
    if residency == "none":
        rows = layer_rows_of(report)
        for name, energy in row.domains.items():
            for role in ("base", "generator"):
                layer = sum(found.energies[name].energy for found in rows if found.role == role)
                assert layer == pytest.approx(getattr(energy, role))


@pytest.mark.parametrize("residency", RESIDENCIES)
def test_at_vmin_without_a_generator_nothing_is_saved(residency: str) -> None:
    report = simulated(None, voltage=1.0, resident=residency, low_voltage="weight-sram,activation-sram")
    assert [by.saving_percent for by in report.measures.values()] == pytest.approx([0.0] * 5, abs=1e-9)


DOUBLED = {"mac_pj": "logic", "dram_pj_per_bit": "dram", "sram_pj_per_64bit": ""}


@pytest.mark.parametrize(("key", "domain"), DOUBLED.items())
def test_doubling_a_constant_doubles_its_domain_only(key: str, domain: str, tmp_path: Path) -> None:
    content = {**table_of("horowitz2014-45nm"), "name": "mine"}
    number = content[key]
    content[key] = {k: 2 * v for k, v in number.items()} if isinstance(number, dict) else 2 * number
    path = tmp_path / "mine.yaml"
    path.write_text(yaml.safe_dump(content), encoding="utf-8")
    before, after = simulated().domains, simulated(energy_table=str(path)).domains
    for name, energy in before.items():
        twice = name == domain if domain else name.endswith("sram")
        assert after[name].base == pytest.approx((2 if twice else 1) * energy.base)


energies = st.floats(1.0, 1e6)


def counted(weights: float, activations: float, dram: float, leaks: float) -> Counted:
    spent = {"weight_sram": weights, "activation_sram": activations, "dram": dram, "logic": 1.0}
    spent |= {"weight_sram_leakage": leaks, "activation_sram_leakage": leaks}
    return Counted(macs=1, filter_reads=1, weights_per_word=1, energies=spent)


@given(parts=st.tuples(energies, energies, energies, energies), voltage=st.floats(0.75, 1.0))
def test_only_the_weight_sram_is_lowered(parts: tuple[float, ...], voltage: float) -> None:
    point = load_curve("stutz2021-14nm").at_voltage(voltage)
    base, energy = counted(*parts), point.energy_per_access_norm
    for measure in (row for row in MEASURES.values() if row.domains):
        spent = costs(measure, base, None, energy, voltage)
        saved = parts[0] * (1 - energy) + parts[3] * (1 - voltage**LEAKAGE_EXPONENT)
        assert spent.base - spent.base_low == pytest.approx(saved, rel=1e-6, abs=1e-6)


@given(parts=st.tuples(energies, energies, energies, energies), share=st.floats(0.0, 0.3))
def test_at_the_break_even_voltage_nothing_is_saved(parts: tuple[float, ...], share: float) -> None:
    curve = load_curve("stutz2021-14nm")
    point = curve.at_voltage(0.8)
    base = counted(*parts)
    generator = Counted(
        macs=0, filter_reads=0, weights_per_word=1, energies=dict.fromkeys(base.energies, 0.0)
    )
    generator.energies["weight_sram"] = share * parts[0]  # type: ignore[index]
    by = savings(base, generator, point.energy_per_access_norm, curve, voltage_norm=0.8)["system"]
    even = by.break_even_voltage_norm
    assert even is not None
    at = curve.at_voltage(even)
    found = savings(base, generator, at.energy_per_access_norm, curve, voltage_norm=even)["system"]
    assert found.base - found.base_low == pytest.approx(found.generator, rel=1e-6, abs=1e-6)


def test_a_saving_at_another_voltage_is_that_of_a_simulation_there() -> None:
    options = {"leakage": True, "energy_table": "cacti7-45nm-lop"}
    other = simulated(voltage=0.9, **options)
    moved = measures_at(saving_of(simulated(**options)), other.operating_point)
    for name, by in other.measures.items():
        assert moved[name].saving_percent == pytest.approx(by.saving_percent, rel=1e-9)


def test_a_saving_comes_back_from_its_file_and_older_files_still_read(tmp_path: Path) -> None:
    row = saving_of(simulated(leakage=True, energy_table="cacti7-45nm-lop"))
    text = csv_text(Saving, [row])
    path = tmp_path / "summary.csv"
    path.write_text(text, encoding="utf-8")
    assert read(Saving, path, "a summary") == [(2, row)]
    cells = next(csv.DictReader(io.StringIO(text)))
    new = (
        "energy",
        "dram",
        "residency",
        "access",
        "low_voltage",
        "leakage",
        "activation",
        "sram_",
        "chip_",
        "system_",
    )
    kept = {name: value for name, value in cells.items() if not any(
        part in name.replace("energy_per_access_norm", "").replace("array", "").replace("sram_kb", "")
        for part in new
    )}  # fmt: skip
    assert "twma_saving_percent" in kept
    path.write_text(f"{','.join(kept)}\n{','.join(kept.values())}\n", encoding="utf-8")
    old = read(Saving, path, "a summary")[0][1]
    assert list(old.measures) == ["twma", "mac"]
    assert (old.energy_table, old.domains) == ("", {})


def test_a_run_with_a_table_of_ones_own_repeats_from_its_folder(run_cli: RunCli, tmp_path: Path) -> None:
    table = tmp_path / "mine.yaml"
    table.write_text(yaml.safe_dump({**table_of("cacti7-45nm-lop"), "name": "mine"}), encoding="utf-8")
    options = ("--base", "vgg11", "--gen", "convs", "--engine", "closed-form", "--energy-table", table)
    more = (
        "--dram",
        "ddr3",
        "--resident",
        "all",
        "--access",
        "value",
        "--leakage",
        "--activation-bits",
        "16",
    )
    run_cli("simulate", *options, *more, "--out", tmp_path / "run", "--quiet")
    table.unlink()
    first = json.loads((tmp_path / "run" / "run.json").read_text(encoding="utf-8"))
    command = first["provenance"]["command"][1:]
    again = run_cli(*command, "--json", "--quiet", cwd=tmp_path / "run")
    assert again.status == 0, again.stderr
    assert json.loads(again.stdout)["measures"] == first["measures"]


WRONG = {
    ("--dram", "ddr9"): "no DRAM in energy table 'horowitz2014-45nm' named 'ddr9'",
    ("--energy-table", "horowitz"): "no energy table named 'horowitz'",
    ("--leakage",): "counts no leakage",
    ("--low-voltage", "activation-sram"): "--low-voltage is 'activation-sram', expected weight-sram",
    ("--resident", "some"): "no residency named 'some'",
    ("--access", "bit"): "no access named 'bit'",
    ("--activation-bits", "0"): "activation bits are 0, expected 1 to 64",
}


@pytest.mark.parametrize(("options", "said"), WRONG.items())
def test_what_cannot_be_used_is_one_line(run_cli: RunCli, options: tuple[str, ...], said: str) -> None:
    assert said in run_cli("simulate", "--base", "resnet18", "--engine", "closed-form", *options).error


def test_a_measure_that_was_not_counted_is_left_out() -> None:
    bare = Counted(macs=10, filter_reads=10, weights_per_word=1)
    assert all(
        not row.domains for row in map(MEASURES.find, savings(bare, None, 0.7, load_curve("stutz2021-14nm")))
    )
    assert isinstance(MEASURES["system"], Measure)


def test_products_of_two_activations_read_no_weight_memory() -> None:
    layers = (
        Layer.gemm(name="weights", m=4, k=8, n=8),
        Layer.gemm(name="product", m=4, k=8, n=8, operands=ACTIVATIONS),
    )
    array = SystolicArray(rows=8, cols=8)
    topology = Topology(name="attention", layers=layers)
    stored, product = layer_traffic(topology, closed_form.simulate(topology, array))
    assert (stored.operand_reads, product.weight_reads) == (0, 0)
    assert product.operand_reads == stored.weight_reads > 0
    assert extents_of(topology).weights == 64
