"""Break-even: at the voltage and the DRAM found, the saving is zero, and on either side of them it is not."""

from __future__ import annotations

import math
from collections.abc import Mapping

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from energy.break_even import (
    break_even_dram_per_bit,
    break_even_voltage,
    measure_saving_percent,
    net_saving,
)
from energy.curve_files import load_curve
from energy.domains import EnergySetting, domain_scales
from energy.savings import saving_percent
from tests.energy.networks import TABLES

CURVE = load_curve("stutz2021-14nm")
DOMAINS = ("weight_sram", "activation_sram", "logic", "dram")
ENERGIES = st.fixed_dictionaries({domain: st.floats(1.0, 1e6) for domain in DOMAINS})
SETTINGS = st.sampled_from(
    [
        EnergySetting(),
        EnergySetting(low_voltage=("weight_sram", "activation_sram")),
        EnergySetting(low_voltage=("weight_sram", "logic")),
    ]
)


def scales_of(setting: EnergySetting, voltage: float) -> Mapping[str, float]:
    energy = CURVE.at_voltage(voltage).energy_per_access_norm
    found = domain_scales(setting, voltage_norm=voltage, energy_per_access_norm=energy)
    return {domain: float(scale) for domain, scale in found.items()}


def voltage_of(
    base: Mapping[str, float], generator: Mapping[str, float], setting: EnergySetting
) -> float | None:
    def scales(voltage: float, energy: float) -> Mapping[str, object]:
        return domain_scales(setting, voltage_norm=voltage, energy_per_access_norm=energy)

    return break_even_voltage(base, generator, scales, CURVE)  # type: ignore[arg-type]


@given(st.floats(1.0, 1e9), st.floats(0.0, 1e9), st.floats(0.5, 1.0))
def test_one_lowered_domain_is_the_papers_saving(base: float, generator: float, energy: float) -> None:
    expected = saving_percent(base_accesses=base, generator_accesses=generator, energy_per_access_norm=energy)
    found = measure_saving_percent({"weight_sram": base}, {"weight_sram": generator}, {"weight_sram": energy})
    assert found == pytest.approx(expected, rel=1e-9, abs=1e-9)


@given(st.floats(0.0, 0.6))
def test_one_lowered_domain_has_the_papers_break_even(ratio: float) -> None:
    found = voltage_of({"weight_sram": 1e6}, {"weight_sram": ratio * 1e6}, EnergySetting())
    expected = CURVE.voltage_at_energy(1.0 - ratio)
    if expected is None:
        assert found is None or found == pytest.approx(0.75)
    else:
        assert found == pytest.approx(expected, abs=1e-9)


@settings(max_examples=60)
@given(ENERGIES, ENERGIES, st.floats(1e-4, 1.0), SETTINGS)
def test_the_saving_is_zero_at_the_break_even_voltage(
    base: dict[str, float], generator: dict[str, float], share: float, setting: EnergySetting
) -> None:
    generator = {domain: share * energy for domain, energy in generator.items()}
    voltage = voltage_of(base, generator, setting)
    if voltage is None:
        assert float(net_saving(base, generator, scales_of(setting, 0.75))) < 0
        return
    at = measure_saving_percent(base, generator, scales_of(setting, voltage))
    assert at == pytest.approx(0, abs=1e-6)
    assert measure_saving_percent(base, generator, scales_of(setting, 0.75)) >= -1e-9


def test_no_generator_pays_at_any_voltage() -> None:
    base = dict.fromkeys(DOMAINS, 1.0)
    assert voltage_of(base, {}, EnergySetting()) == 1.0


@settings(max_examples=60)
@given(ENERGIES, ENERGIES, st.floats(1e-4, 0.5), st.floats(1.0, 1e6))
def test_the_saving_is_zero_at_the_break_even_dram(
    base: dict[str, float], generator: dict[str, float], share: float, bits: float
) -> None:
    generator = {domain: share * energy for domain, energy in generator.items()}
    scales = scales_of(EnergySetting(), 0.8333)
    found = break_even_dram_per_bit(base, generator, scales, generator_dram_bits=bits)
    without = {domain: energy for domain, energy in generator.items() if domain != "dram"}
    assume(abs(net_saving(base, without, scales)) > 1e-6)
    if found is None:
        assert float(net_saving(base, without, scales)) < 0
        return
    assert net_saving(base, without | {"dram": found * bits}, scales) == pytest.approx(0, abs=1e-3)
    assert float(net_saving(base, without | {"dram": 1.01 * found * bits}, scales)) < 0


def test_without_dram_traffic_any_dram_pays() -> None:
    base = {"weight_sram": 10.0, "dram": 5.0}
    found = break_even_dram_per_bit(base, {}, {"weight_sram": 0.5, "dram": 1.0}, generator_dram_bits=0)
    assert found == math.inf


def test_leakage_lowers_with_the_weights() -> None:
    setting = EnergySetting(table=TABLES["cacti7-22nm-lop"], leakage=True)
    base = {"weight_sram": 1.0, "weight_sram_leakage": 99.0}
    generator = {"weight_sram": 0.0, "weight_sram_leakage": 99 * (1 - 0.9**3) + 1.0 - 0.81}
    voltage = voltage_of(base, generator, setting)
    assert voltage == pytest.approx(0.9, abs=1e-3)
