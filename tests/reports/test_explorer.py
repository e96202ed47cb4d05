"""The page's explorer: its JavaScript against Python, its controls, its address, in a real browser."""

from __future__ import annotations

import json
import os
import random
import time
from collections.abc import Iterator
from dataclasses import asdict, fields, replace
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest

from energy.accesses import Extents, MemorySizes, Traffic
from energy.array import SystolicArray
from energy.domains import EnergySetting, domain_energies
from energy.energy_tables import ENERGY_TABLES
from energy.measures import MEASURES, SYSTEM_MEASURE
from energy.savings import latency
from nfenergy.api import tradeoff
from nfenergy.compared_arrays import explorer_data
from nfenergy.ground.tables import csv_text
from nfenergy.scenario_savings import Evaluated, settings_of
from nfenergy.simulation import SimulationReport, count_networks, report_of
from nfenergy.tabular import saving_of
from nfenergy.tradeoffs import Comparison
from reports.content import PageContent
from reports.explorer import explorer_css, explorer_section, setting_json, table_json
from reports.explorer_data import ExplorerData
from reports.operating import measures_at
from reports.plots.registry import PlotData
from reports.records import Saving
from reports.verdict import verdict
from tests.reports.browser import CHROMIUM, DRIVER, Browser, chromium

BASES, GENERATORS = ("resnet18", "vgg11"), ("convs", "unets")
OTHER = SystolicArray(
    rows=8, cols=16, dataflow="ws", ifmap_sram_kb=8, filter_sram_kb=16384, ofmap_sram_kb=1024
)
STATES = 200


@pytest.fixture(scope="module")
def comparison() -> Comparison:
    """Two base models behind two generators; the SRAMs leak."""
    return tradeoff(
        base=BASES,
        gen=GENERATORS,
        ber="1%",
        energy_table="cacti7-22nm-lop",
        leakage=True,
        activation_bits=16,
        array="16x16",
    )


def bare_page(comparison: Comparison, data: ExplorerData) -> str:
    """The explorer alone: the page's figures take longer to draw than all tests here."""
    content = PageContent(
        merged=comparison.merged,
        data=PlotData(tradeoffs=comparison.merged.tradeoffs, layers={}, curve=comparison.machine.curve),
        energy=comparison.machine.energy,
        convention="paper",
        command="nfenergy report",
        versions={},
        explorer=data,
    )
    css = (files("reports") / "templates" / "report.css").read_text(encoding="utf-8") + explorer_css()
    return (
        '<!DOCTYPE html><meta charset="utf-8"><meta name="viewport" content="width=device-width">'
        f'<link rel="icon" href="data:,"><style>{css}</style>'
        f'<nav><a href="#explorer" hidden>Explore</a></nav><main>{explorer_section(content)}</main>'
    )


@pytest.fixture(scope="module")
def page(comparison: Comparison, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("explorer") / "report.html"
    path.write_text(bare_page(comparison, explorer_data(comparison, arrays=[OTHER])), encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    if CHROMIUM is None or DRIVER is None:
        pytest.skip("chromium and chromedriver are not installed")
    with chromium() as found:
        yield found


@pytest.fixture(scope="module")
def reports(comparison: Comparison) -> dict[tuple[str, str, str], SimulationReport]:
    """Python's reports by array, base model and generator."""
    found = {}
    machine = comparison.machine
    for name, array in (("16x16-os", machine.array), ("8x16-ws", OTHER)):
        on = replace(machine, array=array)
        first = comparison.reports[0]
        networks = {r.model.network for report in comparison.reports for r in report.networks}
        counted = {n.name: r for n, r in count_networks(list(networks), first.dataset, on).items()}
        for base in BASES:
            for generator in ("", *GENERATORS):
                found[name, base, generator] = report_of(
                    counted[base], counted.get(generator), first.dataset, on, first.operating_point
                )
    return found


def states(data: dict[str, Any], count: int) -> list[dict[str, Any]]:
    """Random choices of everything that the controls offer; every fifth voltage is a measured one."""
    rng = random.Random(14)
    points = [point[0] for point in data["curve"]["points"]]
    ids = {name: [row["id"] for row in data[name]] for name in ("bases", "generators", "arrays")}
    found = []
    for number in range(count):
        array = rng.choice(ids["arrays"])
        found.append(
            {
                "base": rng.choice(ids["bases"]),
                "generators": rng.sample(ids["generators"], rng.randint(1, len(ids["generators"]))),
                "measure": rng.choice(data["measures"])["name"],
                "table": rng.choice(data["tables"])["name"],
                "residency": rng.choice(data["residencies"])["name"],
                "array": array,
                "against": rng.choice(["", *(other for other in ids["arrays"] if other != array)]),
                "voltage": rng.choice(points) if number % 5 == 0 else rng.uniform(points[0], points[-1]),
            }
        )
    return found


SHOW = """
const shown = [];
for (const wanted of JSON.parse(arguments[0])) {
  explorer.set(wanted);
  const all = (place, what, of) => Array.from(place.querySelectorAll(what), of);
  const tables = all(document, "#explorer-panels table", (table) =>
    all(table.tBodies[0], "tr", (row) => all(row, "[data-value]", (cell) => cell.dataset.value)));
  const said = all(document, "#explorer-panels .verdict", (place) => place.textContent);
  shown.push({ state: explorer.state(), figures: explorer.figures(), tables, said });
}
return JSON.stringify(shown);
"""


def test_200_random_states_are_pythons_to_1e_9(
    browser: Browser, page: Path, reports: dict[tuple[str, str, str], SimulationReport]
) -> None:
    browser.open(page)
    data = json.loads(str(browser.run("return JSON.stringify(explorer.data)")))
    wanted = states(data, STATES)
    settings = {
        (s.table.name, s.residency): s for s in settings_of(next(iter(reports.values())).machine.energy)
    }
    evaluated, compared = Evaluated(), 0
    for state, shown in zip(wanted, json.loads(str(browser.run(SHOW, json.dumps(wanted)))), strict=True):
        assert shown["state"]["voltage"] == pytest.approx(state["voltage"], abs=1e-14)
        state["voltage"] = shown["state"]["voltage"]
        assert {**shown["state"], "generators": []} == {**state, "generators": []}
        assert set(shown["state"]["generators"]) == set(state["generators"])
        curve = next(iter(reports.values())).machine.curve
        point = curve.at_voltage(state["voltage"])
        close(shown["figures"]["point"]["energy"], point.energy_per_access_norm)
        close(shown["figures"]["point"]["rate"], point.bit_error_rate)
        assert shown["figures"]["point"]["isBound"] == point.bit_error_rate_is_bound
        panels = zip(shown["figures"]["panels"], shown["tables"], shown["said"], strict=True)
        for panel, table, said in panels:
            assert lead_verdict(panel["rows"], state["measure"]) in said
            for row, cells in zip(panel["rows"], table, strict=True):
                report = replace(
                    reports[panel["array"]["id"], state["base"], row["generator"]["network"]],
                    operating_point=point,
                )
                compared += same(row["figures"], cells, report, state, settings, evaluated)
    assert compared > 20 * STATES
    assert browser.console() == []


def lead_verdict(rows: list[dict[str, Any]], measure: str) -> str:
    """What Python says of the generator that saves most."""
    lead = max(
        (row for row in rows),
        key=lambda row: (
            bool(row["generator"]["network"]),
            row["figures"]["measures"][measure]["savingPercent"],
        ),
    )
    return verdict(
        {
            place: {name: by["savingPercent"] for name, by in measures.items()}
            for place, measures in lead["figures"]["byResidency"].items()
        }
    )


def same(
    figures: dict[str, Any],
    cells: list[str],
    report: SimulationReport,
    state: dict[str, Any],
    settings: dict[tuple[str, str], Any],
    evaluated: Evaluated,
) -> int:
    """Hold a combination's figures against Python; how many were compared."""
    setting = settings[state["table"], state["residency"]]
    expected = evaluated.measures(report, setting)
    assert figures["measures"].keys() == expected.keys()
    for name, by in expected.items():
        own = figures["measures"][name]
        for key, value in (
            ("base", by.base),
            ("baseLow", by.base_low),
            ("generator", by.generator),
            ("savingPercent", by.saving_percent),
            ("breakEvenVoltage", by.break_even_voltage_norm),
        ):
            close(own[key], value)
    domains = evaluated.counted(report.base, setting).energies
    assert figures["domains"]["base"].keys() == domains.keys()
    for name, energy in domains.items():
        close(figures["domains"]["base"][name], energy)
        if report.generator:
            close(
                figures["domains"]["generator"][name],
                evaluated.counted(report.generator, setting).energies[name],
            )
    low = sum(figures["domains"]["low"].values())
    close(low, expected[SYSTEM_MEASURE].base_low)
    close(figures["breakEvenDram"], evaluated.break_even_dram(report, setting))
    took = latency(
        base_cycles=report.base.total_cycles,
        generator_cycles=report.generator.total_cycles if report.generator else 0,
        clock_ghz=report.machine.clock_ghz,
    )
    close(figures["totalMs"], took.total_ms)
    close(figures["overheadPercent"], took.overhead_percent)
    by_residency = {
        place: {
            name: by.saving_percent
            for name, by in evaluated.measures(report, settings[state["table"], place]).items()
        }
        for place in ("none", "weights", "all")
    }
    for place, saved in by_residency.items():
        for name, percent in saved.items():
            close(figures["byResidency"][place][name]["savingPercent"], percent)
    close(float(cells[1]), (expected[state["measure"]].base_low + expected[state["measure"]].generator) / 1e6)
    close(float(cells[0]), expected[state["measure"]].saving_percent)
    close(float(cells[2]), took.total_ms)
    return 5 * len(expected) + 2 * len(domains) + 15


def close(found: float | None, expected: float | None) -> None:
    if found is None or expected is None:
        assert found == expected
    else:
        assert found == pytest.approx(expected, rel=1e-9, abs=1e-12)


def test_energies_of_any_traffic_are_pythons(browser: Browser, page: Path) -> None:
    """Products of two activations, narrow and wide values, one by one and by the word."""
    rng, cases, expected = random.Random(28), [], []
    for number in range(120):
        table = rng.choice(list(ENERGY_TABLES.values())).load()
        setting = EnergySetting(
            table=table,
            dram=rng.choice(list(table.dram_per_bit)),
            residency=rng.choice(("none", "weights", "all")),
            access=rng.choice(("word", "value")),
            weight_bits=rng.choice((1, 4, 6, 8, 64)),
            activation_bits=rng.choice((3, 8, 16)),
            leakage=table.leakage_mw is not None and number % 2 == 0,
            clock_ghz=rng.uniform(0.1, 3),
        )
        traffic = Traffic(**{field.name: rng.randint(0, 10**9) for field in fields(Traffic)})
        extents = Extents(**{field.name: rng.randint(1, 10**8) for field in fields(Extents)})
        built = MemorySizes(**{field.name: rng.randint(1, 10**4) for field in fields(MemorySizes)})
        expected.append(domain_energies(traffic, setting.sizes(built, extents), setting))
        cases.append(
            [
                {"traffic": asdict(traffic), "extents": asdict(extents)},
                {"sizes": asdict(built)},
                table_json(setting),
                setting.residency,
                setting_json(setting),
            ]
        )
    browser.open(page)
    script = "return JSON.stringify(JSON.parse(arguments[0]).map((one) => domainEnergies(...one)))"
    found = json.loads(str(browser.run(script, json.dumps(cases))))
    for case, energies in zip(found, expected, strict=True):
        assert case == pytest.approx(energies, rel=1e-9)


TAB, SPACE, RIGHT, DOWN, PAGE_UP, HOME = "\ue004", " ", "\ue014", "\ue015", "\ue00e", "\ue011"


def state_of(browser: Browser) -> dict[str, Any]:
    found = browser.run("return explorer.state()")
    assert isinstance(found, dict)
    return found


def focus(browser: Browser, selector: str) -> None:
    browser.run("document.querySelector(arguments[0]).focus()", selector)


def test_the_keyboard_alone_reaches_and_moves_everything(browser: Browser, page: Path) -> None:
    browser.open(page)
    focus(browser, "select[name=base]")
    reached = []
    for _ in range(16):
        reached.append(
            browser.run(
                "const now = document.activeElement; const mark = now.nextElementSibling ?? now;"
                "const seen = [now, mark].some((one) => getComputedStyle(one).outlineStyle !== 'none');"
                "return [now.name || now.id || now.dataset.voltage, seen]"
            )
        )
        browser.press(TAB)
    names = [name for name, _ in reached]
    for name in ("base", "table", "array", "against", "measure", "residency", "generators", "voltage"):
        assert name in names, names
    assert [name for name, seen in reached if name and not seen] == []
    start = state_of(browser)
    focus(browser, "select[name=base]")
    browser.press(DOWN)
    focus(browser, "[name=measure]:checked")
    browser.press(RIGHT)
    focus(browser, "[name=generators]")
    browser.press(SPACE)
    focus(browser, "#explorer-voltage")
    browser.press(PAGE_UP)
    stepped = state_of(browser)
    assert stepped["base"] != start["base"]
    assert stepped["measure"] != start["measure"]
    assert len(stepped["generators"]) == len(start["generators"]) - 1
    assert (start["voltage"], stepped["voltage"]) == (0.8333, 0.875)
    browser.press(RIGHT)
    assert state_of(browser)["voltage"] > 0.875
    browser.press(HOME)
    assert state_of(browser)["voltage"] == 0.75
    assert browser.console() == []


def test_the_address_holds_the_view(browser: Browser, page: Path) -> None:
    browser.open(page)
    data = json.loads(str(browser.run("return JSON.stringify(explorer.data)")))
    for state in states(data, 3):
        browser.run("explorer.set(JSON.parse(arguments[0]))", json.dumps(state))
        seen = state_of(browser)
        address = str(browser.run("return explorer.address()"))
        browser.open(page, address)
        assert state_of(browser) == seen
    focus(browser, "#explorer-voltage")
    browser.press(HOME)
    time.sleep(0.6)
    assert "voltage=0.75" in str(browser.run("return window.location.hash"))
    assert "saves" in str(browser.run("return document.getElementById('explorer-said').textContent"))
    browser.run("window.location.hash = '#explore?base=vgg11&voltage=7&measure=nonsense&array=32x32'")
    time.sleep(0.2)
    lenient = state_of(browser)
    assert (lenient["base"], lenient["voltage"]) == ("vgg11", 1)
    assert lenient["measure"] == seen["measure"]
    browser.run("explorer.set({ generators: [] })")
    assert browser.run("return document.querySelector('.verdict:not([hidden])').textContent") == (
        "No generator is chosen."
    )
    assert browser.console() == []


PLOT = """
const drawn = document.querySelectorAll("#explorer [data-drag]")[arguments[0]];
drawn.scrollIntoView({ block: "center" });
const box = drawn.getBoundingClientRect();
const { left, right } = JSON.parse(drawn.dataset.drag);
return [box.left + left, box.left + right, box.top + 60].map(Math.round);
"""


def test_dragging_across_a_plot_moves_the_voltage(browser: Browser, page: Path) -> None:
    browser.open(page)
    for plot in (0, 1):
        browser.run("explorer.set({ voltage: 0.8 })")
        left, right, height = browser.run(PLOT, plot)
        browser.drag((left + 20, height), ((left + right) // 2, height))
        assert state_of(browser)["voltage"] == pytest.approx(0.875, abs=0.002)
        browser.drag((left + 20, height), (right + 30, height))
        assert state_of(browser)["voltage"] == 1
    assert "no bit errors" in str(browser.run("return document.getElementById('explorer-point').textContent"))
    assert browser.console() == []


@pytest.mark.parametrize("dark", [False, True])
@pytest.mark.parametrize("width", [400, 1400])
def test_it_fits_a_phone_and_a_desk_by_day_and_night(
    browser: Browser, page: Path, width: int, dark: bool, tmp_path: Path
) -> None:
    browser.emulate(width=width, dark=dark)
    browser.open(page)
    browser.run("explorer.set({ against: explorer.data.arrays[1].id })")
    assert browser.run("return document.documentElement.scrollWidth") <= width
    smallest = browser.run(
        "return Math.min(...Array.from(document.querySelectorAll('#explorer text'),"
        " (one) => parseFloat(getComputedStyle(one).fontSize)))"
    )
    assert smallest >= 11
    outside = browser.run(
        "return Array.from(document.querySelectorAll('#explorer svg')).flatMap((drawn) =>"
        " Array.from(drawn.querySelectorAll('text')).filter((one) => {"
        "  const [inner, outer] = [one.getBoundingClientRect(), drawn.getBoundingClientRect()];"
        "  return inner.left < outer.left - 1 || inner.right > outer.right + 1; })"
        ".map((one) => one.textContent))"
    )
    assert outside == []
    folder = Path(os.environ.get("NFENERGY_PICTURES", str(tmp_path)))
    browser.screenshot(folder / f"explorer-{width}-{'dark' if dark else 'light'}.png")


def test_savings_of_a_file_are_explored_without_counts(
    browser: Browser, reports: dict[tuple[str, str, str], SimulationReport], tmp_path: Path
) -> None:
    rows = {key: saving_of(report) for key, report in reports.items()}
    other = replace(rows["16x16-os", "vgg11", ""], energy_table="horowitz2014-45nm", energy_unit="pj")
    file = tmp_path / "savings.csv"
    file.write_text(csv_text(Saving, [*rows.values(), other]), encoding="utf-8")
    chosen = tradeoff(
        base=BASES, gen=GENERATORS, ber="1%", savings=file, array="16x16", energy_table="cacti7-22nm-lop"
    )
    path = tmp_path / "report.html"
    path.write_text(bare_page(chosen, explorer_data(chosen, savings_file=file)), encoding="utf-8")
    browser.open(path)
    data = json.loads(str(browser.run("return JSON.stringify(explorer.data)")))
    assert [row["id"] for row in data["arrays"]] == ["16x16-os", "8x16-ws"]
    wanted = states(data, 40)
    for state, shown in zip(wanted, json.loads(str(browser.run(SHOW, json.dumps(wanted)))), strict=True):
        point = chosen.machine.curve.at_voltage(shown["state"]["voltage"])
        known = (state["table"], state["residency"]) == ("cacti7-22nm-lop", "none")
        for panel in shown["figures"]["panels"]:
            for row in panel["rows"]:
                saving = rows[panel["array"]["id"], state["base"], row["generator"]["network"]]
                for name, by in measures_at(saving, point).items():
                    own = row["figures"]["measures"][name]
                    if known or not MEASURES[name].domains:
                        close(own["savingPercent"], by.saving_percent)
                        close(own["breakEvenVoltage"], by.break_even_voltage_norm)
                    else:
                        assert own is None or state["base"] == "vgg11"
                assert row["figures"]["breakEvenDram"] is None
    assert browser.console() == []
