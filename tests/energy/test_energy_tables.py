"""Energy tables: the shipped ones as published, one's own from YAML, errors that name file and key."""

from __future__ import annotations

import math
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from energy.energy_tables import DEFAULT_ENERGY_TABLE, ENERGY_TABLES, PowerLaw, load_energy_table
from nfenergy.ground.errors import InputError, UnknownName

FOLDER = files("energy") / "data" / "energy_tables"


def content_of(name: str) -> dict[str, Any]:
    content: dict[str, Any] = yaml.safe_load((FOLDER / f"{name}.yaml").read_text(encoding="utf-8"))
    return content


def written(folder: Path, content: object) -> str:
    path = folder / "mine.yaml"
    path.write_text(yaml.safe_dump(content), encoding="utf-8")
    return str(path)


def refusal(folder: Path, content: object) -> str:
    """The message on a file of this content, without the file's name that it must begin with."""
    path = written(folder, content)
    with pytest.raises(InputError) as caught:
        load_energy_table(path)
    message = str(caught.value)
    assert "\n" not in message
    assert message.startswith(f"energy table {path}: ")
    return message.removeprefix(f"energy table {path}: ")


def test_the_registry_names_the_shipped_files() -> None:
    assert {file.name for file in FOLDER.iterdir()} == {f"{name}.yaml" for name in ENERGY_TABLES}
    assert DEFAULT_ENERGY_TABLE in ENERGY_TABLES


@pytest.mark.parametrize("name", ENERGY_TABLES)
def test_every_number_has_source_and_certainty(name: str) -> None:
    table = load_energy_table(name.upper())
    assert table.name == name
    assert table.title
    for number in table.numbers:
        provenance = table.provenance(number)
        assert len(provenance.source) > 10
        assert provenance.certainty
    assert set(table.sources) <= set(table.numbers)


@pytest.mark.parametrize(
    ("name", "reads", "write_over_read", "mac", "dram"),
    [
        ("horowitz2014-45nm", {8: 10.0, 32: 20.0, 1024: 100.0}, 1.0, 0.30, 8.0),
        ("jouppi2021-7nm", {8: 7.5, 32: 8.5, 1024: 14.0}, 1.0, 0.10, 6.25),
        ("cacti7-45nm-lop", {4: 1.50, 64: 5.92, 16384: 134.0}, None, 0.30, 8.0),
        ("cacti7-22nm-lop", {4: 0.499, 64: 2.09, 16384: 47.7}, None, 0.17, 8.0),
    ],
)
def test_published_numbers(
    name: str, reads: dict[int, float], write_over_read: float | None, mac: float, dram: float
) -> None:
    table = load_energy_table(name)
    assert (table.unit, table.access_bits, table.mac) == ("pj", 64, mac)
    assert table.dram_energy_per_bit() == dram
    for size, energy in reads.items():
        assert table.sram_energy(size, "read") == pytest.approx(energy, rel=1e-12)
        if write_over_read is not None:
            assert table.sram_energy(size, "write") == pytest.approx(energy * write_over_read, rel=1e-12)


def test_cacti_gives_writes_and_leakage_of_their_own() -> None:
    table = load_energy_table("cacti7-45nm-lop")
    assert table.sram_energy(64, "write") == pytest.approx(17.1)
    assert table.leakage().at(64) == pytest.approx(0.580)
    with pytest.raises(InputError, match="'horowitz2014-45nm' counts no leakage; leave out --leakage"):
        load_energy_table("horowitz2014-45nm").leakage()


def test_the_relative_table_has_one_cost_a_memory_and_values_of_16_bit() -> None:
    table = load_energy_table("eyeriss2016-relative")
    assert (table.unit, table.access_bits, table.mac) == ("mac", 16, 1.0)
    sizes = np.array([1, 64, 4096])
    assert np.all(table.sram_energy(sizes, "read") == 6.0)
    assert table.sram_energy(64, "write") == 6.0
    assert table.dram_energy_per_bit() * table.access_bits == 200.0


def test_dram_by_kind() -> None:
    table = load_energy_table("horowitz2014-45nm")
    assert table.dram_energy_per_bit("Horowitz-High") == 40.625
    with pytest.raises(UnknownName, match="no DRAM in energy table 'horowitz2014-45nm' named 'ddr9'"):
        table.dram_energy_per_bit("ddr9")


def test_an_unknown_table_names_the_near_one() -> None:
    with pytest.raises(UnknownName, match="Did you mean 'jouppi2021-7nm'"):
        load_energy_table("jouppi2021")


POINTS = st.dictionaries(st.integers(1, 2**20).map(float), st.floats(1e-3, 1e3), min_size=2, max_size=6).map(
    lambda points: dict(sorted(points.items()))
)


@given(POINTS)
def test_the_power_law_goes_through_its_points(points: dict[float, float]) -> None:
    law = PowerLaw(capacities_kb=tuple(points), values=tuple(points.values()))
    for size, energy in points.items():
        assert law.at(size) == pytest.approx(energy, rel=1e-9)
    assert law.at(np.array(list(points))) == pytest.approx(list(points.values()), rel=1e-9)


@given(st.floats(1e-2, 1e8), st.floats(0.1, 3.0), st.floats(1e-3, 1e3))
def test_one_exponent_holds_between_and_outside_the_points(
    size: float, exponent: float, energy: float
) -> None:
    sizes = (4.0, 32.0, 1024.0)
    law = PowerLaw(capacities_kb=sizes, values=tuple(energy * kb**exponent for kb in sizes))
    assert law.at(size) == pytest.approx(energy * size**exponent, rel=1e-6)


def test_outside_the_nearest_segment_goes_on() -> None:
    law = load_energy_table("horowitz2014-45nm").sram_read
    below, above = math.log(20 / 10) / math.log(32 / 8), math.log(100 / 20) / math.log(1024 / 32)
    assert law.at(2.0) == pytest.approx(10 * (2 / 8) ** below)
    assert law.at(8192.0) == pytest.approx(100 * 8**above)


def test_an_own_table_reads_like_a_shipped_one(tmp_path: Path) -> None:
    content = content_of("horowitz2014-45nm") | {"name": "mine", "mac_pj": 7}
    table = load_energy_table(written(tmp_path, content))
    assert (table.name, table.mac) == ("mine", 7.0)
    assert table.sram_read == load_energy_table("horowitz2014-45nm").sram_read


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"mac_pj": -0.3}, "mac_pj: Input should be greater than 0"),
        ({"mac_pj": 0}, "mac_pj: Input should be greater than 0"),
        ({"mac_pj": math.nan}, "mac_pj: Input should be a finite number"),
        ({"mac_pj": math.inf}, "mac_pj: Input should be a finite number"),
        ({"mac_pj": True}, "mac_pj: Input should be a valid number"),
        ({"mac_pj": "0.3"}, "mac_pj: Input should be a valid number"),
        (
            {"dram_default": "ddr9"},
            "dram_default: no DRAM kind 'ddr9' in dram_pj_per_bit, which has horowitz",
        ),
        ({"dram_pj_per_bit": {"lpddr4": -8.0}}, "dram_pj_per_bit.lpddr4: Input should be greater than 0"),
        (
            {"dram_pj_per_bit": {"LPDDR4": 8.0}, "dram_default": "LPDDR4"},
            "dram_pj_per_bit.LPDDR4: expected lower",
        ),
        ({"sram_pj_per_64bit": {8: 10.0}}, "sram_pj_per_64bit: Dictionary should have at least 2 items"),
        ({"sram_pj_per_64bit": {8: 10.0, 32: -1.0}}, "sram_pj_per_64bit.32: Input should be greater than 0"),
        ({"sram_pj_per_64bit": {-8: 10.0, 32: 20.0}}, "sram_pj_per_64bit.-8"),
        ({"sram_pj_per_64bit": {8: 1.0, 8.0001: 90.0}}, "sram_pj_per_64bit: goes with capacity^"),
        ({"sram_write_factor": None}, "sram_write_pj_per_64bit: expected either this or sram_write_factor"),
        (
            {"sram_write_factor": None, "sram_write_pj_per_64bit": {8: 10.0, 1024: 9.0}},
            "sram_write_pj_per_64bit: no figure for 32 kB; all sizes must be the same",
        ),
        (
            {"leakage": None, "sram_leakage_mw": {8: 1.0, 32: 2.0, 64: 3.0, 1024: 4.0}},
            "sram_pj_per_64bit: no figure for 64 kB",
        ),
        ({"leakage": "yes"}, "leakage: Input should be 'not counted'"),
        ({"mac_pJ": 0.3}, "mac_pJ: no such key"),
        ({"unit": "joule"}, "unit: Input should be 'pj'"),
        ({"sources": {"macs": {"source": "me"}}}, "sources: no number 'macs'; the table has mac_pj, sram_pj"),
        ({"sources": {"mac_pj": {"where": "here"}}}, "sources.mac_pj.where: no such key"),
        ({"source": ""}, "source: String should have at least 1 character"),
    ],
)
def test_what_a_table_cannot_say(tmp_path: Path, change: dict[str, Any], message: str) -> None:
    content = content_of("horowitz2014-45nm") | {"sources": {}} | change
    assert refusal(tmp_path, content).startswith(message)


def test_an_own_table_may_not_take_a_shipped_name(tmp_path: Path) -> None:
    message = refusal(tmp_path, content_of("jouppi2021-7nm"))
    assert message == "name: 'jouppi2021-7nm' is a table that comes with nfenergy; give it another name"


@pytest.mark.parametrize(
    "key", ["name", "source", "certainty", "mac_pj", "sram_pj_per_64bit", "dram_default"]
)
def test_a_missing_key(tmp_path: Path, key: str) -> None:
    content = content_of("horowitz2014-45nm")
    del content[key]
    assert refusal(tmp_path, content) == f"{key}: Field required"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"global_buffer": -6}, "global_buffer: Input should be greater than 0"),
        ({"mac": 2}, "mac: Input should be 1"),
        ({"mac_pj": 0.3}, "mac_pj: no such key"),
        ({"value_bits": 0}, "value_bits: Input should be greater than or equal to 1"),
    ],
)
def test_what_a_relative_table_cannot_say(tmp_path: Path, change: dict[str, Any], message: str) -> None:
    assert refusal(tmp_path, content_of("eyeriss2016-relative") | change) == message


@pytest.mark.parametrize("content", [None, 3, ["a"], "text"])
def test_what_is_no_table_at_all(tmp_path: Path, content: object) -> None:
    assert refusal(tmp_path, content).startswith("Input should be")


def test_unreadable_files(tmp_path: Path) -> None:
    path = tmp_path / "mine.yml"
    with pytest.raises(InputError, match=r"cannot read an energy table .*mine\.yml"):
        load_energy_table(str(path))
    path.write_text("a: [", encoding="utf-8")
    with pytest.raises(InputError, match=r"mine\.yml is not YAML"):
        load_energy_table(str(path))
