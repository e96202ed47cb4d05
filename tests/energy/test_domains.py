"""Energy by domain: an account by hand, conservation, scales, leakage, and what is known of ResNet18."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from energy.accesses import Extents, MemorySizes, Residency, Traffic, layer_traffic, network_traffic
from energy.array import PRESETS, SystolicArray
from energy.break_even import measure_saving_percent
from energy.closed_form import engine
from energy.curve_files import load_curve
from energy.domains import (
    EnergySetting,
    domain_accesses,
    domain_energies,
    domain_scales,
)
from energy.energy_tables import Amount, EnergyTable, PowerLaw
from energy.measures import MEASURES, Counted
from nfenergy.ground.errors import InputError, UnknownName
from tests.energy.networks import TABLES, arrays, settings_of, shipped_traffic, sizes_of, topologies
from topologies.layers import Topology

TRAFFIC = Traffic(
    weight_reads=800, weight_fills=80, operand_reads=160, operand_fills=16, ifmap_reads=400, ifmap_fills=40,
    input_fills=8, ofmap_writes=240, ofmap_drains=24, output_drains=16, macs=10_000, cycles=500,
)  # fmt: skip
SIZES = MemorySizes(weight_sram=32, ifmap_sram=8, ofmap_sram=1024)
FLAT = Extents(weights=0, largest_operand=0, largest_ifmap=0, largest_ofmap=0)
ENERGY_MEASURES = [name for name, row in MEASURES.items() if row.domains]
POINT = load_curve("stutz2021-14nm").at_bit_error_rate(0.01)


def amounts_of(measure: str, energies: Mapping[str, Amount]) -> Mapping[str, Amount]:
    """What a measure adds up of energies by domain."""
    return MEASURES.find(measure).costs(
        Counted(macs=0, filter_reads=0, weights_per_word=1, energies=energies)
    )


def saving(measure: str, base: str, generator: str, setting: EnergySetting) -> float:
    """Of shipped networks on the preset array, in percent."""

    def amounts(name: str) -> dict[str, Amount]:
        traffic, extents = shipped_traffic(name)
        sizes = setting.sizes(MemorySizes.of(PRESETS["scale"]), extents)
        return amounts_of(measure, domain_energies(traffic, sizes, setting))

    scales = domain_scales(
        setting, voltage_norm=POINT.voltage_norm, energy_per_access_norm=POINT.energy_per_access_norm
    )
    return float(measure_saving_percent(amounts(base), amounts(generator), scales))


def test_an_account_by_hand() -> None:
    """Horowitz: 10, 20 and 100 pJ a word of 8, 32 and 1024 kB; 0.3 pJ a MAC; LPDDR4 8 pJ a bit."""
    assert domain_energies(TRAFFIC, SIZES, EnergySetting()) == pytest.approx(
        {
            "weight_sram": (100 + 10) * 20,
            "activation_sram": (20 + 2) * 20 + (50 + 5) * 10 + (30 + 3) * 100,
            "logic": 3_000,
            "dram": (80 + 16 + 40 + 24) * 8 * 8,
        }
    )
    assert domain_accesses(TRAFFIC, EnergySetting()) == {
        "weight_sram": 110,
        "activation_sram": 22 + 55 + 33,
        "logic": 10_000,
        "dram": 160 * 8,
    }


def test_access_by_value_and_bits_of_their_own() -> None:
    by_value = EnergySetting(access="value", residency="all")
    assert domain_accesses(TRAFFIC, by_value) == {
        "weight_sram": 800,
        "activation_sram": 160 + 408 + 256,
        "logic": 10_000,
        "dram": (8 + 16) * 8,
    }
    four_bit_weights = EnergySetting(weight_bits=4, residency="weights")
    assert domain_accesses(TRAFFIC, four_bit_weights) == {
        "weight_sram": 50,
        "activation_sram": 22 + 55 + 33,
        "logic": 10_000,
        "dram": 80 * 8,
    }


def test_a_relative_table_counts_values_of_its_own_width() -> None:
    setting = EnergySetting(table=TABLES["eyeriss2016-relative"], weight_bits=16, activation_bits=16)
    assert domain_energies(TRAFFIC, SIZES, setting) == {
        "weight_sram": 880 * 6,
        "activation_sram": (176 + 440 + 264) * 6,
        "logic": 10_000,
        "dram": 160 * 200,
    }


def test_leakage_is_power_times_time() -> None:
    table = TABLES["cacti7-45nm-lop"]
    setting = EnergySetting(table=table, leakage=True, clock_ghz=0.5)
    found = domain_energies(TRAFFIC, SIZES, setting)
    assert found["weight_sram_leakage"] == pytest.approx(0.294 * 1000)
    assert found["activation_sram_leakage"] == pytest.approx((0.075 + 8.82) * 1000)
    scales = domain_scales(setting, voltage_norm=0.8, energy_per_access_norm=0.64)
    assert scales["weight_sram_leakage"] == pytest.approx(0.8**3)
    assert scales["activation_sram_leakage"] == 1
    linear = replace(setting, leakage_exponent=1.0)
    assert domain_scales(linear, voltage_norm=0.8, energy_per_access_norm=0.64)["weight_sram_leakage"] == 0.8
    assert amounts_of("sram", found).keys() == {
        "weight_sram", "activation_sram", "weight_sram_leakage", "activation_sram_leakage",
    }  # fmt: skip


def test_only_the_domains_named_are_lowered() -> None:
    at = {"voltage_norm": 0.8, "energy_per_access_norm": 0.7}
    assert domain_scales(EnergySetting(), **at) == {
        "weight_sram": 0.7, "activation_sram": 1, "logic": 1, "dram": 1,
    }  # fmt: skip
    lowered = EnergySetting(low_voltage=("weight_sram", "activation_sram", "logic"))
    assert domain_scales(lowered, **at) == pytest.approx(
        {"weight_sram": 0.7, "activation_sram": 0.7, "logic": 0.64, "dram": 1}
    )


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"dram": "ddr9"}, "no DRAM in energy table 'horowitz2014-45nm' named 'ddr9'"),
        ({"residency": "some"}, "no residency named 'some'"),
        ({"access": "byte"}, "no access named 'byte'"),
        ({"leakage": True}, "counts no leakage"),
        ({"low_voltage": ("dram",)}, "no domain whose voltage can be lowered named 'dram'"),
        ({"weight_bits": 0}, "weight bits are 0, expected 1 to 64"),
        ({"activation_bits": 65}, "activation bits are 65, expected 1 to 64"),
        ({"clock_ghz": 0.0}, "clock is 0 GHz"),
        ({"clock_ghz": float("nan")}, "clock is nan GHz"),
        ({"leakage_exponent": -1.0}, "exponent of leakage is -1"),
    ],
)
def test_settings_that_cannot_be(wrong: dict[str, object], message: str) -> None:
    with pytest.raises(InputError, match=message):
        EnergySetting(**wrong)  # type: ignore[arg-type]


def test_an_unknown_measure() -> None:
    with pytest.raises(UnknownName, match="Did you mean 'system'"):
        amounts_of("sistem", {})


PRICED = st.tuples(topologies(), arrays(), settings_of())


@settings(max_examples=40, deadline=None)
@given(PRICED)
def test_layers_add_up_to_networks(priced: tuple[Topology, SystolicArray, EnergySetting]) -> None:
    topology, array, setting = priced
    layers = layer_traffic(topology, engine.simulate(topology, array))
    sizes = sizes_of(topology, array, setting)
    whole = domain_energies(network_traffic(layers), sizes, setting)
    parts = [domain_energies(layer, sizes, setting) for layer in layers]
    assert whole == pytest.approx(
        {domain: sum(part[domain] for part in parts) for domain in whole}, rel=1e-12
    )


@settings(max_examples=40, deadline=None)
@given(PRICED)
def test_domains_add_up_to_measures(priced: tuple[Topology, SystolicArray, EnergySetting]) -> None:
    topology, array, setting = priced
    traffic = network_traffic(layer_traffic(topology, engine.simulate(topology, array)))
    energies = domain_energies(traffic, sizes_of(topology, array, setting), setting)
    total = {name: sum(amounts_of(name, energies).values()) for name in ENERGY_MEASURES}
    assert total["sram"] + energies["logic"] == pytest.approx(total["chip"])
    assert total["chip"] + energies["dram"] == pytest.approx(total["system"])
    assert total["system"] == pytest.approx(sum(energies.values()))
    assert min(energies.values()) >= 0


@settings(max_examples=40, deadline=None)
@given(PRICED)
def test_nominal_voltage_without_a_generator_saves_nothing(
    priced: tuple[Topology, SystolicArray, EnergySetting],
) -> None:
    topology, array, setting = priced
    traffic = network_traffic(layer_traffic(topology, engine.simulate(topology, array)))
    energies = domain_energies(traffic, sizes_of(topology, array, setting), setting)
    scales = domain_scales(setting, voltage_norm=1.0, energy_per_access_norm=1.0)
    for measure in ENERGY_MEASURES:
        assert measure_saving_percent(amounts_of(measure, energies), {}, scales) == 0


def doubled(law: PowerLaw) -> PowerLaw:
    return replace(law, values=tuple(2 * value for value in law.values))


def with_doubled(table: EnergyTable, constant: str) -> EnergyTable:
    if constant == "sram":
        return replace(table, sram_read=doubled(table.sram_read), sram_write=doubled(table.sram_write))
    if constant == "mac":
        return replace(table, mac=2 * table.mac)
    if constant == "dram":
        return replace(table, dram_per_bit={kind: 2 * each for kind, each in table.dram_per_bit.items()})
    return replace(table, leakage_mw=doubled(table.leakage()))


@pytest.mark.parametrize(
    ("constant", "touched"),
    [
        ("sram", {"weight_sram", "activation_sram"}),
        ("mac", {"logic"}),
        ("dram", {"dram"}),
        ("leakage", {"weight_sram_leakage", "activation_sram_leakage"}),
    ],
)
@settings(max_examples=15, deadline=None)
@given(setting=settings_of())
def test_a_doubled_constant_doubles_its_domain_only(
    constant: str, touched: set[str], setting: EnergySetting
) -> None:
    if constant == "leakage" and not setting.leakage:
        setting = EnergySetting(table=TABLES["cacti7-22nm-lop"], leakage=True)
    other = replace(setting, table=with_doubled(setting.table, constant))
    before, after = (domain_energies(TRAFFIC, SIZES, each) for each in (setting, other))
    assert after == pytest.approx(
        {domain: (2 if domain in touched else 1) * energy for domain, energy in before.items()}
    )


@settings(max_examples=20, deadline=None)
@given(settings_of(), st.lists(st.integers(1, 2**20), min_size=2, max_size=5))
def test_many_machines_at_once_are_as_one_by_one(setting: EnergySetting, numbers: list[int]) -> None:
    built = MemorySizes(
        weight_sram=np.array(numbers), ifmap_sram=np.array(numbers) + 1, ofmap_sram=np.array(numbers) * 2
    )
    extents = Extents(weights=2**20, largest_operand=3, largest_ifmap=2**16, largest_ofmap=2**17)
    factors = np.array(numbers)
    traffic = Traffic(**{field.name: getattr(TRAFFIC, field.name) * factors for field in fields(Traffic)})
    together = domain_energies(traffic, setting.sizes(built, extents), setting)
    for place, number in enumerate(numbers):
        sizes = MemorySizes(weight_sram=number, ifmap_sram=number + 1, ofmap_sram=number * 2)
        one = Traffic(**{field.name: getattr(TRAFFIC, field.name) * number for field in fields(Traffic)})
        alone = domain_energies(one, setting.sizes(sizes, extents), setting)
        assert {domain: np.asarray(energy)[place] for domain, energy in together.items()} == pytest.approx(
            alone
        )


def test_weight_reads_of_resnet18_are_a_few_percent_of_the_system() -> None:
    traffic, extents = shipped_traffic("resnet18")
    setting = EnergySetting()
    sizes = setting.sizes(MemorySizes.of(PRESETS["scale"]), extents)
    total = sum(domain_energies(traffic, sizes, setting).values())
    reads = traffic.weight_reads / 8 * setting.table.sram_energy(64, "read")
    assert 0.02 < reads / total < 0.08


@pytest.mark.parametrize(("residency", "pays"), [("none", False), ("weights", True), ("all", True)])
def test_convl_before_resnet18_pays_by_system_only_with_weights_on_chip(
    residency: Residency, pays: bool
) -> None:
    base, generator = (shipped_traffic(name)[0] for name in ("resnet18", "convl"))
    assert 100 * (1 - 0.694 - generator.weight_reads / base.weight_reads) == pytest.approx(18.98, abs=0.005)
    found = saving("system", "resnet18", "convl", EnergySetting(residency=residency))
    assert found > 10 if pays else -10 < found < -3
