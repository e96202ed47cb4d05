"""Eq. 6, its break-even, and latency."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from energy.curve_files import load_curve
from energy.measures import Counted
from energy.savings import SavingBy, latency, saving_percent, savings
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


def counted(twma: float, macs: int) -> Counted:
    """A network of so many SRAM words and MACs, one weight a word."""
    return Counted(macs=macs, filter_reads=twma, weights_per_word=1)


def test_without_a_generator_the_saving_is_the_voltages() -> None:
    for by in savings(counted(10.0, 7), None, POINT.energy_per_access_norm, CURVE).values():
        assert by.saving_percent == pytest.approx(30.6)
        assert (by.generator, by.break_even_percent, by.break_even_voltage_norm) == (0, 0.0, 1.0)


def test_twma_and_macs_are_kept_apart() -> None:
    found = savings(counted(100.0, 1000), counted(10.0, 200), POINT.energy_per_access_norm, CURVE)
    assert list(found) == ["twma", "mac"]
    assert found["twma"].saving_percent == pytest.approx(20.6)
    assert found["mac"].saving_percent == pytest.approx(10.6)
    assert found["twma"].break_even_percent == pytest.approx(10.0)
    assert found["mac"].break_even_percent == pytest.approx(20.0)
    assert (type(found["twma"].base), type(found["mac"].base)) == (float, int)


def by_words(base: float, generator: float, energy: float = POINT.energy_per_access_norm) -> SavingBy:
    return savings(counted(base, 1), counted(generator, 1), energy, CURVE)["twma"]


@given(base=st.floats(10.0, 1e9), share=st.floats(0.0, 0.437))
def test_at_its_break_even_nothing_is_saved(base: float, share: float) -> None:
    voltage = by_words(base, base * share).break_even_voltage_norm
    assert voltage is not None
    energy = CURVE.at_voltage(voltage).energy_per_access_norm
    found = by_words(base, base * share, energy)
    assert found.saving_percent == pytest.approx(0.0, abs=1e-6)
    assert found.break_even_percent == pytest.approx(100 * (1 - energy), abs=1e-6)


@given(base=accesses, factor=st.floats(0.4371, 50.0))
def test_a_generator_that_never_pays_has_no_break_even_voltage(base: float, factor: float) -> None:
    found = by_words(base, base * factor)
    assert found.break_even_voltage_norm is None
    assert found.break_even_percent == pytest.approx(100 * factor)


@given(base=accesses, generator=st.floats(0.0, 1e12), energy=st.floats(0.01, 1.0))
def test_a_saving_at_another_operating_point_is_the_one_computed_there(
    base: float, generator: float, energy: float
) -> None:
    moved, there = by_words(base, generator).at(energy), by_words(base, generator, energy)
    assert moved == there


@given(base=st.integers(1, 10**12), generator=st.integers(0, 10**12), clock=st.floats(0.001, 999.0))
def test_latency_is_cycles_over_the_clock(base: int, generator: int, clock: float) -> None:
    found = latency(base_cycles=base, generator_cycles=generator, clock_ghz=clock)
    assert found.base_ms == pytest.approx(base / (clock * 1e9) * 1e3)
    assert found.total_ms == pytest.approx(found.base_ms + found.generator_ms)
    assert found.overhead_percent == pytest.approx(100 * generator / base)
