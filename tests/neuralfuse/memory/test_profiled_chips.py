"""Synthetic maps with the statistics of profiled chips, and as fault models by name."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from neuralfuse.memory.fault_maps import map_faults
from neuralfuse.memory.fault_models import get_fault_model
from neuralfuse.memory.perturbation import QuantizedBase
from neuralfuse.memory.profiled_chips import MAP_SEED, PROFILED_CHIPS, get_chip, synthetic_map
from neuralfuse.quantization import Quantization
from nfenergy.ground.errors import InputError, UnknownName


@pytest.mark.parametrize("name", sorted(PROFILED_CHIPS))
def test_synthetic_maps_have_the_published_statistics(name: str) -> None:
    chip = get_chip(name)
    found = synthetic_map(chip, seed=0)
    assert (found.rows, found.columns) == (2048 if name.startswith("chip1") else 8192, 128)
    percent = 100.0 / found.size
    assert found.to_one.sum() * percent == pytest.approx(chip.to_one_percent, rel=0.05)
    assert found.to_zero.sum() * percent == pytest.approx(chip.to_zero_percent, rel=0.05)
    always = np.count_nonzero(np.maximum(found.to_one, found.to_zero) == 1.0)
    assert always * percent == pytest.approx(chip.persistent_percent, rel=0.02)
    assert found.fault_rate * 100 == pytest.approx(chip.to_one_percent + chip.to_zero_percent, rel=0.05)


def test_errors_of_chip_2_are_aligned_along_columns_and_those_of_chip_1_are_not() -> None:
    def spread(name: str) -> float:
        found = synthetic_map(get_chip(name), seed=1)
        columns = np.bincount(found.cells % found.columns, minlength=found.columns)
        return float(columns.var() / columns.mean())

    assert spread("chip1-0.866") < 1.5  # as of independent cells
    assert spread("chip2-1.01") > 50.0


def test_a_base_can_be_put_into_a_mapped_memory() -> None:
    base = QuantizedBase(nn.Linear(64, 64), Quantization())
    before = base.model.weight.clone()
    faults = map_faults(synthetic_map(get_chip("chip2-4.707"), seed=0), base.words, 8, offset=4096)
    with base.apply(faults) as model:
        assert not torch.equal(model.weight, before)
    assert torch.equal(base.model.weight, before)


def test_an_unknown_chip_lists_near_ones() -> None:
    with pytest.raises(UnknownName, match="Did you mean"):
        get_chip("chip2-1")


@pytest.mark.parametrize("name", sorted(PROFILED_CHIPS))
def test_each_chip_is_a_fault_model_with_one_map(name: str) -> None:
    model, chip = get_fault_model(name.upper()), get_chip(name)
    assert model.name == name
    assert model.rate() * 100 == pytest.approx(chip.to_one_percent + chip.to_zero_percent, rel=0.006)
    assert model.record["chip"] == name
    assert model.record["map_seed"] == MAP_SEED
    assert model.record["digest"] == synthetic_map(chip, seed=MAP_SEED).digest
    one, two, again = (model.draw([5000], 8, model.rate(), seed)[0] for seed in (1, 2, 1))
    assert one.index.tolist() == again.index.tolist() != two.index.tolist()


def test_a_chip_is_not_drawn_at_another_rate() -> None:
    base = QuantizedBase(nn.Linear(8, 8), Quantization())
    with pytest.raises(InputError, match=r"chip1-2.744 has a bit error rate of .* not 1 %"):
        base.draw(seed=0, rate=0.01, fault_model="chip1-2.744")
