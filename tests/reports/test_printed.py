"""Comparisons at the printed precision find every difference and invent none."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from energy.macs import NetworkSize
from reports.printed import (
    TABLES,
    compare_mac_savings,
    compare_sizes,
    compare_twma,
    compare_weights,
    differences,
    macs_as_printed,
)
from reports.published import (
    published_mac_savings,
    published_params_macs,
    published_twma,
    published_weights,
)

PRINTED_MACS = {row.network: row.macs for row in published_params_macs() if row.dataset == "cifar10"}


def test_the_published_figures_agree_with_themselves() -> None:
    twma = compare_twma({name: float(value) for name, value in published_twma().items()})
    sizes = compare_sizes(
        {
            (row.network, row.dataset): NetworkSize(params=row.params, macs=row.macs)
            for row in published_params_macs()
        }
    )
    savings = compare_mac_savings(PRINTED_MACS, energy_per_access_norm=0.694)
    assert (len(twma), len(sizes), len(savings)) == (11, 44, 30)
    assert differences([*twma, *sizes, *savings]) == 0
    weights = compare_weights(published_weights())
    assert differences(weights) == 0
    assert {row.table for row in (*twma, *sizes, *savings, *weights)} == set(TABLES)


@given(off=st.integers(1, 100), name=st.sampled_from(sorted(published_twma())))
def test_one_word_of_difference_in_table_6_is_found(off: int, name: str) -> None:
    twma = {network: float(value) for network, value in published_twma().items()}
    twma[name] += off
    (row,) = (row for row in compare_twma(twma) if not row.agrees)
    assert (row.entry, row.difference) == (name, off)
    assert row.ours != row.published


def test_half_a_word_in_table_6_is_a_difference_too() -> None:
    twma = {network: value + 0.5 for network, value in published_twma().items()}
    assert differences(compare_twma(twma)) == 11


def test_one_parameter_or_one_printed_digit_in_table_7_is_found() -> None:
    sizes = {
        (row.network, row.dataset): NetworkSize(params=row.params + 1, macs=row.macs)
        for row in published_params_macs()
    }
    rows = compare_sizes(sizes)
    assert [row.quantity for row in rows if not row.agrees] == ["params"] * 22
    sizes = {
        (row.network, row.dataset): NetworkSize(params=row.params, macs=row.macs + 10**7)
        for row in published_params_macs()
    }
    assert [row.quantity for row in compare_sizes(sizes) if not row.agrees] == ["macs"] * 22


@pytest.mark.parametrize("energy", [0.690, 0.700])
def test_another_energy_in_table_8_is_found(energy: float) -> None:
    assert differences(compare_mac_savings(PRINTED_MACS, energy_per_access_norm=energy)) == 30


def test_a_saving_that_follows_from_rounded_macs_alone_has_a_note() -> None:
    (base, generator), printed = next(iter(published_mac_savings().items()))
    exactly = {name: float(macs) for name, macs in PRINTED_MACS.items()}
    rows = {}
    for shift in range(-4999, 5000, 100):
        macs = {name: int(value) for name, value in exactly.items()}
        macs[generator] += shift
        row = next(
            row
            for row in compare_mac_savings(macs, energy_per_access_norm=0.694)
            if row.entry == f"{base} + {generator}"
        )
        rows[shift] = row
        assert row.agrees
        assert bool(row.note) == (row.ours != f"{printed:.1f}")


@pytest.mark.parametrize(
    ("macs", "printed"),
    [
        (557_143_050, "557.14M"),
        (80_495_616, "80.5M"),
        (1_307_570_186, "1.31G"),
        (1_000_000_000, "1G"),
        (7_000_000, "7M"),
        (10_342_400, "10.34M"),
    ],
)
def test_macs_as_table_7_prints_them(macs: int, printed: str) -> None:
    assert macs_as_printed(macs) == printed
