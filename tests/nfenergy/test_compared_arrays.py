"""The arrays that a report's explorer can be switched to: counted ones, and those of a file of savings."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from energy.array import PRESETS, SystolicArray
from nfenergy.api import tradeoff
from nfenergy.compared_arrays import MOST_ARRAYS, explorer_data, parse_arrays
from nfenergy.ground.errors import InputError
from nfenergy.ground.tables import csv_text, to_frame
from nfenergy.simulation import report_of
from nfenergy.tabular import saving_of
from reports.explorer_data import base_key, generator_key
from reports.records import Saving
from tests.conftest import RunCli
from tests.reports.samples import savings

SMALL = {"base": "vgg11", "gen": "convs", "ber": "1%"}


def test_arrays_are_sizes_with_or_without_a_dataflow_and_presets() -> None:
    own = SystolicArray(rows=32, cols=32, dataflow="ws", ifmap_sram_kb=8)
    assert parse_arrays("", own) == []
    assert parse_arrays("16x8, 4x4 IS ,Eyeriss", own) == [
        replace(own, rows=16, cols=8),
        replace(own, rows=4, cols=4, dataflow="is"),
        PRESETS["eyeriss"],
    ]


@pytest.mark.parametrize("text", ["16", "big", "16x16 up", "0x4", "16x16 os ws", "16x"])
def test_what_is_no_array_is_refused(text: str) -> None:
    with pytest.raises(InputError, match=r"--beside has|expected"):
        parse_arrays(text, SystolicArray())


def test_the_same_networks_are_counted_on_every_array_once() -> None:
    comparison = tradeoff(**SMALL, array="16x16")
    other = SystolicArray(rows=8, cols=8)
    found = explorer_data(comparison, arrays=[other, comparison.machine.array, other])
    assert [array.title for array in found.arrays] == ["16x16 os", "8x8 os"]
    own, there = found.arrays
    expected = tradeoff(**SMALL, array="8x8").merged.tradeoffs
    assert own.bases.keys() == there.bases.keys()
    for row in expected:
        network = there.bases[base_key(row.saving)]
        assert network.cycles == row.saving.base_cycles
        assert network.accesses["twma"].nominal == row.saving.measures["twma"].base
    protected = next(row.saving for row in expected if row.saving.has_generator)
    assert there.generators[generator_key(protected)].cycles == protected.generator_cycles
    many = [SystolicArray(rows=rows) for rows in range(1, MOST_ARRAYS + 1)]
    with pytest.raises(InputError, match=f"names {MOST_ARRAYS} arrays; a page holds at most"):
        explorer_data(comparison, arrays=many)


def arrays_of_a_sweep(count: int) -> list[Saving]:
    """The samples' savings on arrays of 32, 33, ... rows, which take longer."""
    return [
        replace(
            row,
            array_rows=row.array_rows + more,
            base_cycles=row.base_cycles + more,
            base_latency_ms=row.base_latency_ms + more / 1e6,
            total_latency_ms=row.total_latency_ms + more / 1e6,
        )
        for more in range(count)
        for row in savings(("vgg11",), ("convs",))
    ]


@pytest.mark.parametrize("suffix", ["csv", "parquet"])
def test_a_file_offers_its_other_arrays(tmp_path: Path, suffix: str) -> None:
    rows = arrays_of_a_sweep(MOST_ARRAYS + 3)
    strangers = [replace(row, weight_bits=4, array_rows=7) for row in rows[:2]]
    file = tmp_path / f"sweep.{suffix}"
    if suffix == "csv":
        file.write_text(csv_text(Saving, [*rows, *strangers]), encoding="utf-8")
    else:
        to_frame(Saving, [*rows, *strangers]).to_parquet(file)
    comparison = tradeoff(**SMALL, savings=file, array="33x32")
    found = explorer_data(comparison, savings_file=file)
    titles = [array.title for array in found.arrays]
    assert titles[0] == "33x32 os"
    assert set(titles) == {f"{rows}x32 os" for rows in range(32, 32 + MOST_ARRAYS)}
    assert len(titles) == MOST_ARRAYS
    assert found.left_out == 3
    with pytest.raises(InputError, match="drop one"):
        explorer_data(comparison, savings_file=file, arrays=[SystolicArray()])


def test_a_file_offers_its_energy_tables_and_residencies(tmp_path: Path) -> None:
    counted = tradeoff(**SMALL, array="16x16")
    rows = []
    for table, resident in (
        ("horowitz2014-45nm", "none"),
        ("horowitz2014-45nm", "all"),
        ("jouppi2021-7nm", "all"),
    ):
        again = tradeoff(**SMALL, array="16x16", energy_table=table, resident=resident)
        rows += [saving_of(report) for report in again.reports]
    file = tmp_path / "savings.csv"
    file.write_text(csv_text(Saving, rows), encoding="utf-8")
    chosen = tradeoff(**SMALL, savings=file, energy_table="horowitz2014-45nm", resident="none")
    found = explorer_data(chosen, savings_file=file)
    (array,) = found.arrays
    assert [setting.table.name for setting in found.settings] == ["horowitz2014-45nm", "jouppi2021-7nm"]
    (network,) = array.bases.values()
    assert set(network.energies) == {(row.energy_table, row.residency) for row in rows}
    own = report_of(
        counted.reports[0].base,
        None,
        counted.reports[0].dataset,
        counted.machine,
        counted.reports[0].operating_point,
    )
    assert network.energies["horowitz2014-45nm", "none"] == pytest.approx(
        {name: energy.base for name, energy in own.domains.items()}
    )


def test_the_report_command_takes_further_arrays(tmp_path: Path, cli: RunCli) -> None:
    page = tmp_path / "report.html"
    options = ("--base", "vgg11", "--gen", "convs", "--quiet", "--out", page)
    assert cli("report", *options, "--array", "16x16", "--beside", "8x8,'32x32").status == 2
    assert not page.exists()
    done = cli("report", *options, "--array", "16x16", "--beside", "8x8")
    assert done.status == 0, done.stderr
    text = page.read_text(encoding="utf-8")
    assert '<option value="8x8-os">8x8 os</option>' in text
    assert '<section id="explorer" hidden>' in text
    assert '<a href="#explorer" hidden>' in text


@pytest.mark.slow
def test_a_page_of_all_published_combinations_stays_small(tmp_path: Path, cli: RunCli) -> None:
    page = tmp_path / "report.html"
    done = cli("report", "--quiet", "--beside", "16x16,32x32 ws", "--out", page)
    assert done.status == 0, done.stderr
    assert page.stat().st_size < 3_000_000
