"""Eq. 6, its break-even, and latency."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from energy.curve_files import load_curve
from energy.savings import break_even, energy_saving, latency, saving_percent
from reports.published import published_mac_savings, published_params_macs, published_twma

CURVE = load_curve("stutz2021-14nm")
POINT = CURVE.at_bit_error_rate(0.01)
MACS = {row.network: row.macs for row in published_params_macs() if row.dataset == "cifar10"}

accesses = st.floats(1.0, 1e12)


@pytest.mark.parametrize(("pair", "printed"), published_mac_savings().items(), ids=str)
def test_the_printed_savings_follow_from_the_printed_macs(pair: tuple[str, str], printed: float) -> None:
    saving = saving_percent(
        base_accesses=MACS[pair[0]],
        generator_accesses=MACS[pair[1]],
        energy_per_access_norm=POINT.energy_per_access_norm,
    )
    assert f"{saving:.1f}" == f"{printed:.1f}"


def test_the_printed_twma_saves_29_percent() -> None:
    twma = published_twma()
    saving = saving_percent(
        base_accesses=twma["resnet18"],
        generator_accesses=twma["convs"],
        energy_per_access_norm=POINT.energy_per_access_norm,
    )
    assert f"{saving:.1f}" == "29.1"


@given(base=accesses, generator=st.floats(0.0, 1e12), energy=st.floats(0.01, 1.0))
def test_it_is_equation_6(base: float, generator: float, energy: float) -> None:
    saving = saving_percent(base_accesses=base, generator_accesses=generator, energy_per_access_norm=energy)
    assert saving == pytest.approx(100 * (1 - energy - generator / base), rel=1e-6, abs=1e-6)


def test_without_a_generator_the_saving_is_the_voltages() -> None:
    saving = energy_saving(
        base_twma=10.0, base_macs=7, generator_twma=0.0, generator_macs=0, point=POINT, curve=CURVE
    )
    assert saving.twma_percent == saving.mac_percent == pytest.approx(30.6)
    assert saving.twma_break_even.saving_per_access_percent == 0.0
    assert saving.twma_break_even.voltage_norm == 1.0


def test_twma_and_macs_are_kept_apart() -> None:
    saving = energy_saving(
        base_twma=100.0, base_macs=1000, generator_twma=10.0, generator_macs=200, point=POINT, curve=CURVE
    )
    assert saving.twma_percent == pytest.approx(20.6)
    assert saving.mac_percent == pytest.approx(10.6)
    assert saving.twma_break_even.saving_per_access_percent == pytest.approx(10.0)
    assert saving.mac_break_even.saving_per_access_percent == pytest.approx(20.0)


@given(base=st.floats(10.0, 1e9), share=st.floats(0.0, 0.437))
def test_at_its_break_even_nothing_is_saved(base: float, share: float) -> None:
    generator = base * share
    point = break_even(base_accesses=base, generator_accesses=generator, curve=CURVE)
    assert point.voltage_norm is not None
    energy = CURVE.at_voltage(point.voltage_norm).energy_per_access_norm
    saving = saving_percent(base_accesses=base, generator_accesses=generator, energy_per_access_norm=energy)
    assert saving == pytest.approx(0.0, abs=1e-6)
    assert point.saving_per_access_percent == pytest.approx(100 * (1 - energy), abs=1e-6)


@given(base=accesses, factor=st.floats(0.4371, 50.0))
def test_a_generator_that_never_pays_has_no_break_even_voltage(base: float, factor: float) -> None:
    point = break_even(base_accesses=base, generator_accesses=base * factor, curve=CURVE)
    assert point.voltage_norm is None
    assert point.saving_per_access_percent == pytest.approx(100 * factor)


@given(base=st.integers(1, 10**12), generator=st.integers(0, 10**12), clock=st.floats(0.001, 999.0))
def test_latency_is_cycles_over_the_clock(base: int, generator: int, clock: float) -> None:
    found = latency(base_cycles=base, generator_cycles=generator, clock_ghz=clock)
    assert found.base_ms == pytest.approx(base / (clock * 1e9) * 1e3)
    assert found.total_ms == pytest.approx(found.base_ms + found.generator_ms)
    assert found.overhead_percent == pytest.approx(100 * generator / base)
