"""The voltage curve: measured points exactly, laws between them, nothing beyond."""

from __future__ import annotations

import csv
import io
import math
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from energy.curve import CurvePoint, VoltageCurve
from energy.curve_files import CURVES, dump_curve, load_curve
from nfenergy.ground.errors import InputError, UnknownName

CURVE = load_curve("stutz2021-14nm")
MEASURED = [point for point in CURVE.points if point.bit_error_rate_percent > 0]


def test_the_shipped_curve_is_cited_and_read_in_any_case() -> None:
    assert next(iter(CURVES)) == CURVE.name == "stutz2021-14nm"
    assert (CURVE.energy_model, CURVE.vmin_v) == ("measured", None)
    assert load_curve("Stutz2021-14NM") == CURVE
    assert "Stutz et al." in CURVE.source
    assert "Vmin" in CURVE.normalisation
    assert any("0.694" in note for note in CURVE.notes)


def test_one_percent_is_the_papers_operating_point() -> None:
    for point in (CURVE.at_bit_error_rate(0.01), CURVE.at_voltage(0.8333)):
        assert point.energy_per_access_norm == 0.694
        assert point.voltage_norm == 0.8333
        assert point.bit_error_rate == 0.01
        assert not point.bit_error_rate_is_bound


@pytest.mark.parametrize("point", CURVE.points)
def test_measured_points_come_back_exactly(point: CurvePoint) -> None:
    for found in (
        CURVE.at_voltage(point.voltage_norm),
        CURVE.at_bit_error_rate(point.bit_error_rate_percent / 100),
    ):
        assert found.voltage_norm == point.voltage_norm
        assert found.energy_per_access_norm == point.energy_per_access_norm
        assert found.bit_error_rate == pytest.approx(point.bit_error_rate_percent / 100, rel=1e-12)
        assert found.curve == CURVE.name


def test_vmin_has_no_errors() -> None:
    point = CURVE.at_bit_error_rate(0.0)
    assert (point.voltage_norm, point.energy_per_access_norm) == (1.0, 1.0)


@given(st.floats(MEASURED[0].voltage_norm, MEASURED[-1].voltage_norm))
def test_voltage_and_rate_look_ups_are_inverse(voltage: float) -> None:
    point = CURVE.at_voltage(voltage)
    again = CURVE.at_bit_error_rate(point.bit_error_rate)
    assert again.voltage_norm == pytest.approx(voltage, abs=1e-9)
    assert again.energy_per_access_norm == pytest.approx(point.energy_per_access_norm, abs=1e-9)


@given(st.floats(0.75, 1.0), st.floats(0.75, 1.0))
def test_more_voltage_costs_more_and_errs_less(one: float, other: float) -> None:
    low, high = sorted((one, other))
    below, above = CURVE.at_voltage(low), CURVE.at_voltage(high)
    assert below.energy_per_access_norm <= above.energy_per_access_norm
    assert below.bit_error_rate >= above.bit_error_rate * (1 - 1e-12)


@given(st.integers(0, len(MEASURED) - 2), st.floats(0, 1))
def test_between_points_energy_and_the_rates_logarithm_are_linear(index: int, share: float) -> None:
    low, high = MEASURED[index : index + 2]
    voltage = low.voltage_norm + share * (high.voltage_norm - low.voltage_norm)
    point = CURVE.at_voltage(min(voltage, high.voltage_norm))
    energy = low.energy_per_access_norm + share * (high.energy_per_access_norm - low.energy_per_access_norm)
    logs = [math.log10(p.bit_error_rate_percent) for p in (low, high)]
    assert point.energy_per_access_norm == pytest.approx(energy, abs=1e-12)
    assert math.log10(100 * point.bit_error_rate) == pytest.approx(
        logs[0] + share * (logs[1] - logs[0]), abs=1e-9
    )


def test_between_the_last_rate_and_vmin_the_rate_is_a_bound() -> None:
    point = CURVE.at_voltage(0.98)
    assert point.bit_error_rate_is_bound
    assert point.bit_error_rate == pytest.approx(2.1e-6)
    assert 0.919 < point.energy_per_access_norm < 1


@pytest.mark.parametrize("voltage", [0.7499, 1.0001, 0.0, -0.9, math.inf, math.nan])
def test_no_extrapolation_by_voltage(voltage: float) -> None:
    with pytest.raises(InputError, match=r"outside curve 'stutz2021-14nm'.* from 0\.75 to 1 of Vmin"):
        CURVE.at_voltage(voltage)


@pytest.mark.parametrize("rate", [0.2101, 0.5, 2.0e-6, 1e-30])
def test_no_extrapolation_by_rate(rate: float) -> None:
    with pytest.raises(InputError, match=r"bit error rate .*outside curve 'stutz2021-14nm'.*and 0\)"):
        CURVE.at_bit_error_rate(rate)


@given(st.floats(0.563, 1.0))
def test_voltage_at_energy_inverts_energy_at_voltage(energy: float) -> None:
    voltage = CURVE.voltage_at_energy(energy)
    assert voltage is not None
    assert CURVE.at_voltage(voltage).energy_per_access_norm == pytest.approx(energy, abs=1e-9)


def test_voltage_at_energy_beyond_the_ends() -> None:
    assert CURVE.voltage_at_energy(1.5) == 1.0
    assert CURVE.voltage_at_energy(0.5629) is None


@pytest.mark.parametrize(
    "change",
    [
        {"voltage_norm": 0.875},
        {"energy_per_access_norm": 0.627},
        {"bit_error_rate_percent": 5.7},
    ],
)
def test_points_out_of_order_are_refused(change: dict[str, float]) -> None:
    points = list(CURVE.points)
    points[2] = replace(points[2], **change)
    with pytest.raises(InputError, match="does not follow its predecessor"):
        VoltageCurve(name="mine", points=tuple(points))


def test_a_curve_must_end_at_vmin() -> None:
    with pytest.raises(InputError, match="the last point must be Vmin"):
        VoltageCurve(name="mine", points=CURVE.points[:-1])


def test_an_unknown_curve_names_the_near_one() -> None:
    with pytest.raises(UnknownName, match="Did you mean 'stutz2021-14nm'"):
        load_curve("stutz2021")


@pytest.mark.parametrize("name", CURVES)
def test_a_dumped_curve_reads_back(tmp_path: Path, name: str) -> None:
    path = tmp_path / "curve.yaml"
    path.write_text(dump_curve(load_curve(name)), encoding="utf-8")
    assert load_curve(str(path)) == load_curve(name)


BOARDS = {
    "salami2018-28nm-kc705b": (0.60, 14_581_760, {59: 2, 58: 8, 57: 26, 56: 62, 55: 252, 54: 690, 53: 2274}),
    "salami2018-28nm-vc707": (
        0.61,
        33_751_040,
        {60: 4, 59: 24, 58: 146, 57: 772, 56: 2732, 55: 7520, 54: 23706},
    ),
}


@pytest.mark.parametrize("name", BOARDS)
def test_the_boards_have_their_counts_and_say_that_energy_is_assumed(name: str) -> None:
    vmin_v, cells, faults = BOARDS[name]
    curve = load_curve(name)
    assert (curve.vmin_v, curve.energy_model) == (vmin_v, "v2")
    assert "assumed to follow V^2" in curve.title
    assert curve.notes[0].startswith("No energy was measured per access")
    assert "10.1109/MICRO.2018.00064" in curve.source
    assert len(curve.points) == len(faults) + 1
    for centivolts, count in faults.items():
        point = curve.at_voltage(centivolts / 100 / vmin_v)
        assert point.bit_error_rate == pytest.approx(count / cells, rel=1e-12)
        assert point.energy_per_access_norm == pytest.approx((centivolts / 100 / vmin_v) ** 2, rel=1e-12)


def test_volts_are_named_where_a_curve_ends() -> None:
    with pytest.raises(InputError, match=r"from 0\.883333 to 1 of Vmin, which is 0\.6 V"):
        load_curve("salami2018-28nm-kc705b").at_voltage(0.8)


def test_a_csv_of_the_points_is_the_same_curve(tmp_path: Path) -> None:
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(["voltage_norm", "bit_error_rate_percent", "energy_per_access_norm", "remark"])
    writer.writerows(
        [p.voltage_norm, p.bit_error_rate_percent, p.energy_per_access_norm, "x"] for p in CURVE.points
    )
    path = tmp_path / "mine.csv"
    path.write_text(text.getvalue(), encoding="utf-8")
    curve = load_curve(str(path))
    assert (curve.name, curve.points) == ("mine", CURVE.points)
