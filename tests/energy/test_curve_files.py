"""Curves of one's own: what a file must hold, and the one line where it does not."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from energy.curve_files import dump_curve, load_curve
from nfenergy.ground.errors import InputError

POINTS = """\
points:
  - {voltage_norm: 0.8, bit_error_rate_percent: 1.0, energy_per_access_norm: 0.6}
  - {voltage_norm: 0.9, bit_error_rate_percent: 0.1, energy_per_access_norm: 0.8}
  - {voltage_norm: 1.0, bit_error_rate_percent: 0, energy_per_access_norm: 1.0}
"""
YAML = f"name: mine\ntitle: My SRAM\n{POINTS}"
CSV = """\
voltage_norm,bit_error_rate_percent,energy_per_access_norm
0.8,1.0,0.6
0.9,0.1,0.8
1.0,0,1.0
"""


def write(folder: Path, text: str, suffix: str) -> str:
    path = folder / f"mine{suffix}"
    path.write_text(text, encoding="utf-8")
    return str(path)


@pytest.mark.parametrize(("text", "suffix"), [(YAML, ".yaml"), (YAML, ".yml"), (CSV, ".csv"), (CSV, ".CSV")])
def test_both_forms_are_read(tmp_path: Path, text: str, suffix: str) -> None:
    curve = load_curve(write(tmp_path, text, suffix))
    assert curve.name == "mine"
    assert curve.at_bit_error_rate(0.01).energy_per_access_norm == 0.6
    assert curve.at_voltage(0.85).energy_per_access_norm == pytest.approx(0.7)


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        ("name: mine\n", "", "name: Field required"),
        ("name: mine", "name: ''", "name: String should have at least 1 character"),
        ("title: My SRAM", "titel: My SRAM", "titel: Extra inputs are not permitted"),
        ("voltage_norm: 0.8", "voltage: 0.8", "points.0."),
        ("voltage_norm: 0.8", "voltage_norm: -0.8", "points.0.voltage_norm"),
        ("voltage_norm: 0.8", "voltage_norm: .nan", "points.0.voltage_norm"),
        ("voltage_norm: 0.8", "voltage_norm: low", "points.0.voltage_norm"),
        ("bit_error_rate_percent: 1.0", "bit_error_rate_percent: 60", "points.0.bit_error_rate_percent"),
        ("energy_per_access_norm: 0.6", "energy_per_access_norm: 1.6", "points.0.energy_per_access_norm"),
        ("energy_per_access_norm: 0.6", "energy_per_access_norm: 0.9", "does not follow its predecessor"),
        ("bit_error_rate_percent: 0,", "bit_error_rate_percent: 0.01,", "the last point must be Vmin"),
        (POINTS, "points: []\n", "points: List should have at least 3 items"),
        (POINTS, "points: all\n", "points: Input should be a valid list"),
        (YAML, "", "content: "),
        (YAML, "- 1\n- 2\n", "content: "),
        (YAML, "a: [1, 2", "is not YAML"),
        (YAML, "!!python/object/apply:os.system ['true']", "os.system is not read"),
        (POINTS, POINTS + POINTS, "mine.yaml, line 7, column 1: key 'points' stands twice"),
        ("voltage_norm: 0.8", "voltage_norm: true", "points.0.voltage_norm: Input should be a number"),
        ("voltage_norm: 0.8", "voltage_norm: 2020-99-99", "points.0.voltage_norm"),
        ("voltage_norm: 0.8", "voltage_norm: " + "8" * 5000, "an integer beyond 64 bits"),
        ("name: mine", "name: Stutz2021-14nm", "the name 'Stutz2021-14nm' belongs to a shipped curve"),
    ],
)
def test_a_yaml_that_is_no_curve_is_refused(tmp_path: Path, old: str, new: str, reason: str) -> None:
    assert old in YAML
    with pytest.raises(InputError) as error:
        load_curve(write(tmp_path, YAML.replace(old, new), ".yaml"))
    assert reason in str(error.value)
    assert "mine.yaml" in str(error.value)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        ("voltage_norm,", "voltage,", "points.0.voltage_norm: Field required"),
        ("0.8,1.0,0.6", "low,1.0,0.6", "points.0.voltage_norm"),
        ("0.8,1.0,0.6", "0.8,1.0", "line 2: 2 fields under 3 columns"),
        ("0.8,1.0,0.6", "0.8,,0.6", "points.0.bit_error_rate_percent"),
        ("0.8,1.0,0.6\n0.9,0.1,0.8\n", "", "points: List should have at least 3 items"),
        (CSV, "", "points: List should have at least 3 items"),
        ("voltage_norm,", "voltage_norm,voltage_norm,", "column 'voltage_norm' stands twice"),
        ("0.8,1.0,0.6", "0,8,1,0,0,6", "line 2: 6 fields under 3 columns"),
        ("0.8,1.0,0.6", "0.8,1.0," + "6" * 200_000, "line 2: not CSV: field larger than"),
    ],
)
def test_a_csv_that_is_no_curve_is_refused(tmp_path: Path, old: str, new: str, reason: str) -> None:
    assert old in CSV
    with pytest.raises(InputError) as error:
        load_curve(write(tmp_path, CSV.replace(old, new), ".csv"))
    assert reason in str(error.value)
    assert "mine.csv" in str(error.value)


@pytest.mark.parametrize("separator", [";", "\t", ", ", " ;"])
def test_other_separators_are_recognised(tmp_path: Path, separator: str) -> None:
    assert load_curve(write(tmp_path, CSV.replace(",", separator), ".csv")) == load_curve(
        write(tmp_path, CSV, ".csv")
    )


def test_decimal_commas_are_refused_with_a_hint(tmp_path: Path) -> None:
    text = CSV.replace(",", ";").replace(".", ",")
    with pytest.raises(InputError, match=r"points\.0\.voltage_norm: .*write decimals with a point"):
        load_curve(write(tmp_path, text, ".csv"))


@pytest.mark.parametrize("suffix", [".csv", ".yaml"])
def test_the_order_of_the_points_does_not_matter(tmp_path: Path, suffix: str) -> None:
    text = CSV if suffix == ".csv" else YAML
    rising = load_curve(write(tmp_path, text, suffix))
    lines = text.splitlines()
    falling = "\n".join([*lines[:-3], *reversed(lines[-3:])])
    assert load_curve(write(tmp_path, falling, suffix)) == rising


def test_a_file_of_a_shipped_curve_may_bear_its_name(tmp_path: Path) -> None:
    shipped = load_curve("stutz2021-14nm")
    path = tmp_path / "stutz2021-14nm.yaml"
    path.write_text(dump_curve(shipped), encoding="utf-8")
    assert load_curve(str(path)) == shipped
    other = tmp_path / "stutz2021-14nm.csv"
    other.write_text(CSV, encoding="utf-8")
    with pytest.raises(InputError, match="belongs to a shipped curve; rename this one"):
        load_curve(str(other))


VOLTS = """\
name: mine
vmin_v: 0.8
points:
  - {voltage_v: 0.6, bit_error_rate_percent: 1.0, energy_per_access_norm: 0.5}
  - {voltage_v: 0.7, bit_error_rate_percent: 0.1, energy_per_access_norm: 0.75}
  - {voltage_v: 0.8, bit_error_rate_percent: 0, energy_per_access_norm: 1.0}
"""
BARE = re.sub(", energy_per_access_norm: [0-9.]+", "", VOLTS)
VOLTS_CSV = """\
voltage_v,vmin_v,bit_error_rate_percent,energy_per_access_norm
0.6,0.8,1.0,0.5
0.7,0.8,0.1,0.75
0.8,0.8,0,1.0
"""


@pytest.mark.parametrize(("text", "suffix"), [(VOLTS, ".yaml"), (VOLTS_CSV, ".csv")])
def test_voltages_in_volts_become_relative_to_vmin(tmp_path: Path, text: str, suffix: str) -> None:
    curve = load_curve(write(tmp_path, text, suffix))
    assert [point.voltage_norm for point in curve.points] == [0.6 / 0.8, 0.7 / 0.8, 1]
    assert [point.energy_per_access_norm for point in curve.points] == [0.5, 0.75, 1]
    assert (curve.vmin_v, curve.energy_model) == (0.8, "measured")


@pytest.mark.parametrize(
    ("text", "suffix"),
    [
        (BARE, ".yaml"),
        ("\n".join(line.rpartition(",")[0] for line in VOLTS_CSV.splitlines()), ".csv"),
    ],
)
def test_an_energy_is_squared_on_demand_alone(tmp_path: Path, text: str, suffix: str) -> None:
    path = write(tmp_path, text, suffix)
    with pytest.raises(InputError, match=rf"mine\{suffix}: it has no energy_per_access_norm; .*--assume-v2"):
        load_curve(path)
    curve = load_curve(path, assume_v2=True)
    assert [point.energy_per_access_norm for point in curve.points] == pytest.approx([0.5625, 0.765625, 1])
    assert curve.energy_model == "v2"
    assert curve.notes[-1] == "The file gives no energy: it is assumed to follow the square of the voltage."
    dumped = tmp_path / "dumped.yaml"
    dumped.write_text(dump_curve(curve), encoding="utf-8")
    assert load_curve(str(dumped)) == curve


def test_measured_energies_stay_where_v2_is_allowed(tmp_path: Path) -> None:
    path = write(tmp_path, VOLTS, ".yaml")
    assert load_curve(path, assume_v2=True) == load_curve(path)


def test_a_file_may_say_that_its_energy_is_v2_and_count_its_faults(tmp_path: Path) -> None:
    text = BARE.replace("vmin_v", "energy_model: v2\ncells: 200000\nvmin_v")
    text = text.replace("bit_error_rate_percent: 1.0", "faults: 2000")
    curve = load_curve(write(tmp_path, text, ".yaml"))
    assert curve.points[0].bit_error_rate_percent == 1.0
    assert curve.points[0].energy_per_access_norm == pytest.approx(0.5625)
    assert curve.notes == ()


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        (
            "vmin_v: 0.8\n",
            "",
            "points.0.voltage_v: the curve needs vmin_v, the lowest voltage without errors",
        ),
        ("vmin_v: 0.8", "vmin_v: -1", "vmin_v: Input should be greater than 0"),
        ("vmin_v: 0.8", "vmin_v: .inf", "vmin_v: Input should be"),
        ("vmin_v: 0.8", "vmin_v: 0.75", "points.2.voltage_v: 0.8 is above Vmin, 0.75 V"),
        ("vmin_v: 0.8", "vmin_v: 0.9", "the last point must be Vmin"),
        ("voltage_v: 0.6", "voltage_norm: 0.6, voltage_v: 0.6", "give voltage_norm or voltage_v, not both"),
        ("voltage_v: 0.6, ", "", "points.0.voltage_norm: Field required, or voltage_v and"),
        (", energy_per_access_norm: 0.75", "", "points.1.energy_per_access_norm: Field required"),
        ("vmin_v", "energy_model: v2\nvmin_v", "points.0.energy_per_access_norm: 0.5 is not the square of"),
        ("vmin_v", "energy_model: v3\nvmin_v", "energy_model: Input should be 'measured' or 'v2'"),
        ("bit_error_rate_percent: 1.0", "faults: 7", "points.0.faults: the curve needs cells"),
        ("bit_error_rate_percent: 1.0", "faults: 7.5", "points.0.faults: Input should be a valid integer"),
        ("bit_error_rate_percent: 1.0, ", "", "points.0.bit_error_rate_percent: Field required, or faults"),
        ("rate_percent: 1.0", "rate_percent: 1.0, faults: 7", "give bit_error_rate_percent or faults, not"),
    ],
)
def test_what_contradicts_itself_is_refused(tmp_path: Path, old: str, new: str, reason: str) -> None:
    assert old in VOLTS
    with pytest.raises(InputError) as error:
        load_curve(write(tmp_path, VOLTS.replace(old, new), ".yaml"))
    assert str(error.value).startswith(f"voltage curve {tmp_path}/mine.yaml: ")
    assert reason in str(error.value)


def test_a_csv_has_one_vmin(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="vmin_v must be the same in every row"):
        load_curve(write(tmp_path, VOLTS_CSV.replace("0.7,0.8", "0.7,0.9"), ".csv"))


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot read voltage curve"):
        load_curve(str(tmp_path / "absent.yaml"))
