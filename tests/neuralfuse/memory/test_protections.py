"""The protections by name: what they leave, against their injectors, and what they cost."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from neuralfuse.memory.fault_models import FAULT_MODELS, get_fault_model
from neuralfuse.memory.hsiao import secded_code
from neuralfuse.memory.perturbation import QuantizedBase
from neuralfuse.memory.protections import (
    PROTECTIONS,
    get_protection,
    row_repair,
    secded_highest_bits,
    secded_words,
)
from neuralfuse.memory.row_repair import unrepaired_rate
from neuralfuse.memory.secded_rates import residual_rates
from neuralfuse.memory.stored_words import StoredWords
from neuralfuse.quantization import Quantization, get_scheme
from neuralfuse.training.base_training import accuracy_percent
from neuralfuse.training.runs import stored_base
from neuralfuse.training.streams import TEST_CHIPS
from nfenergy.ground.errors import InputError, UnknownName
from tests.neuralfuse.memory.test_injectors import read, stored
from tests.neuralfuse.small import digits, trained_base

every_protection = pytest.mark.parametrize("name", sorted(PROTECTIONS))


def wrong_at(name: str, memory: StoredWords, rate: float, seed: int) -> np.ndarray:
    """Wrong bits of all words, bit by bit, in blocks of 1024 words, shape (blocks, bits)."""
    found = get_protection(name).inject(memory, get_fault_model("flip"), rate, seed)
    (words,) = memory.layers
    wrong = read(words, found[0]) ^ words
    bits = (wrong[:, None] >> np.arange(memory.bits)) & 1
    return bits.reshape(-1, 1024, memory.bits).sum(axis=1)


@every_protection
@pytest.mark.parametrize("bits", [8, 16])
def test_the_residual_rates_are_those_of_the_injector(name: str, bits: int) -> None:
    blocks, rate = 400, 0.02
    wrong = wrong_at(name, stored([blocks * 1024], bits), rate, seed=1)
    expected = 1024 * get_protection(name).residual(rate, bits)
    spread = wrong.std(axis=0) / blocks**0.5
    assert expected.shape == (bits,)
    assert (abs(wrong.mean(axis=0) - expected) <= 4.5 * spread).all()


@pytest.mark.parametrize("fault_model", sorted(FAULT_MODELS))
def test_none_is_what_is_drawn_without_a_protection(fault_model: str) -> None:
    base = QuantizedBase(nn.Sequential(nn.Conv2d(3, 20, 3), nn.Linear(70, 30)), Quantization())
    memory = StoredWords(layers=[layer.words.numpy() for layer in base.layers.values()], bits=8)
    found = get_protection("none").inject(memory, get_fault_model(fault_model), 0.05, 7)
    drawn = base.draw(seed=7, rate=0.05, fault_model=fault_model)
    for ours, theirs in zip(found, drawn, strict=True):
        for part in ("index", "keep", "toggle"):
            assert np.array_equal(getattr(ours, part), getattr(theirs, part))
            assert getattr(ours, part).dtype == getattr(theirs, part).dtype


@every_protection
@pytest.mark.parametrize(
    ("scheme", "bits"), [("symmetric", 8), ("rquant", 8), ("symmetric", 16), ("global", 4)]
)
def test_a_base_is_read_through_every_protection(name: str, scheme: str, bits: int) -> None:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(1)
        model = nn.Sequential(nn.Linear(90, 33), nn.Linear(33, 10))
    base = QuantizedBase(model, Quantization(scheme=get_scheme(scheme), bits=bits))
    before = [layer.weight.clone() for layer in base.layers.values()]
    layers = [layer.words.numpy() for layer in base.layers.values()]
    memory = StoredWords(layers=layers, bits=bits, zero=base.quantization.zero)
    for fault_model in ("flip", "stuck-at"):
        found = get_protection(name).inject(memory, get_fault_model(fault_model), 0.05, 3)
        expected = [
            layer.meaning[torch.from_numpy(read(layer.words.numpy(), faults)).int()].view_as(layer.weight)
            for layer, faults in zip(base.layers.values(), found, strict=True)
        ]
        with base.apply(found):
            got = [layer.weight.clone() for layer in base.layers.values()]
        assert all(torch.equal(*pair) for pair in zip(got, expected, strict=True))
    assert all(
        torch.equal(*pair) for pair in zip(before, (x.weight for x in base.layers.values()), strict=True)
    )


@every_protection
@pytest.mark.parametrize("bits", [4, 8, 16])
def test_without_errors_nothing_is_left(name: str, bits: int) -> None:
    found = get_protection(name)
    assert found.residual(0.0, bits) == pytest.approx(np.zeros(bits), abs=1e-12)
    assert not any(
        len(faults.index) for faults in found.inject(stored([100], bits), get_fault_model("flip"), 0.0, 1)
    )


def test_a_decoder_that_gives_zero_gives_the_centre_of_the_range() -> None:
    words = np.full(64, 200, np.uint8)
    for zero in (0, 127):
        memory = StoredWords(layers=[words], bits=8, zero=zero)
        (faults,) = secded_words(64, zeroed=True).inject(memory, get_fault_model("flip"), 0.3, 1)
        assert zero in read(words, faults)


def test_costs_grow_with_the_check_bits() -> None:
    names = ["none", *(f"secded-{word}" for word in ("137-128", "72-64", "39-32", "22-16", "13-8"))]
    found = [get_protection(name) for name in names]
    assert [round(one.extra_storage(8), 4) for one in found] == [0, 0.0703, 0.125, 0.2188, 0.375, 0.625]
    reads = [one.costs(8).read for one in found]
    assert reads == sorted(reads)
    assert get_protection("secded-72-64").costs(8).read == pytest.approx(1.14)
    assert get_protection("secded-72-64").costs(16).write == pytest.approx(1.13)


def test_highest_bits_cost_an_eighth_of_a_bit_each() -> None:
    found = get_protection("secded-msb-2")
    assert found.highest_bits == 2
    assert found.extra_storage(8) == pytest.approx(2 / 64)
    assert found.costs(8).read == pytest.approx(1 + 0.14 / 4)
    rates = found.residual(0.01, 8)
    assert rates[:6].tolist() == [0.01] * 6
    assert rates[6:] == pytest.approx([residual_rates(secded_code(64), 0.01).mean()] * 2)
    assert get_protection("8t-msb-2").residual(0.01, 8).tolist() == [0.01] * 6 + [0.0] * 2


@every_protection
def test_every_protection_says_what_it_is_and_where_its_costs_come_from(name: str) -> None:
    found = get_protection(name.upper())
    assert found.name == name
    costs = found.costs(8)
    assert all((found.title, found.needs, costs.source))
    assert min(costs.read, costs.write, costs.leakage, costs.area or 1.0) >= 1.0


@pytest.mark.parametrize("rate", [0.005, 0.02, 0.1])
@pytest.mark.parametrize(
    ("spares", "row_cells", "bank_rows"), [(0, 64, 512), (8, 64, 512), (3, 24, 5), (40, 16, 8)]
)
def test_unrepaired_rows_are_as_many_as_in_simulated_banks(
    rate: float, spares: int, row_cells: int, bank_rows: int
) -> None:
    rng, banks = np.random.default_rng(0), 20_000
    clean = (1 - rate) ** row_cells
    faulty = rng.binomial(bank_rows, 1 - clean, banks)
    left = np.maximum(faulty - rng.binomial(spares, clean, banks), 0)
    cells = left * rate / (1 - clean) / bank_rows
    expected = unrepaired_rate(rate, spares=spares, row_cells=row_cells, bank_rows=bank_rows)
    assert abs(cells.mean() - expected) <= 4.5 * cells.std() / banks**0.5 + 1e-12


def test_enough_spare_rows_make_a_memory_without_faults() -> None:
    assert unrepaired_rate(0.01, spares=4096, row_cells=64, bank_rows=512) < 1e-12
    enough = row_repair(4096)
    for name in FAULT_MODELS:
        found = enough.inject(stored([5000, 300], 8), get_fault_model(name), 0.01, 4)
        assert not any(len(faults.index) for faults in found)


def test_a_shape_of_its_own_is_in_the_name() -> None:
    assert row_repair(8).name == "row-repair-8"
    assert row_repair(8, row_cells=128, bank_rows=256).name == "row-repair-8-of-256x128"


@pytest.mark.parametrize("name", ["secded-msb-1", "8t-msb-1", "8t-msb-3"])
def test_protected_highest_bits_never_cost_accuracy(name: str) -> None:
    """On the same chips, to two standard errors."""
    base = stored_base(trained_base())
    memory = StoredWords(layers=[layer.words.numpy() for layer in base.layers.values()], bits=8)

    def accuracy(protection: str, chip: int) -> float:
        with base.apply(
            get_protection(protection).inject(memory, get_fault_model("flip"), 0.01, chip)
        ) as model:
            return accuracy_percent(model, digits().test)

    gains = np.array([accuracy(name, chip) - accuracy("none", chip) for chip in TEST_CHIPS])
    assert gains.mean() >= -2 * gains.std(ddof=1) / len(gains) ** 0.5


def test_impossible_protections_are_one_line() -> None:
    with pytest.raises(UnknownName, match="Did you mean 'secded-72-64'"):
        get_protection("secded-72")
    with pytest.raises(InputError, match="no bank has 0 rows of 64 cells and 8 spare rows"):
        row_repair(8, bank_rows=0)
    with pytest.raises(InputError, match="a weight of 3 bits has no 4 highest bits to protect"):
        get_protection("8t-msb-4").residual(0.01, 3)
    with pytest.raises(InputError, match="a weight of 2 bits has no 3 highest bits"):
        secded_highest_bits(3).inject(stored([9], 2), get_fault_model("flip"), 0.01, 0)
