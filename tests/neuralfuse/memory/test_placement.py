"""Layers placed in the banks of a measured memory."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from neuralfuse.memory.fault_maps import FaultMap, map_faults
from neuralfuse.memory.placement import cleanest_first, placed_faults
from neuralfuse.training.checkpoints import save_network
from nfenergy.ground.errors import InputError
from tests.conftest import RunCli
from tests.neuralfuse.small import trained_base


def some_map(rows: int = 40, columns: int = 16, bank_cells: int | None = 160) -> FaultMap:
    rng = np.random.default_rng(3)
    rates = np.repeat(rng.random(rows // 10), 10)[:, None] * 0.3
    faulty = rng.random((rows, columns)) < rates
    to_one = faulty & (rng.random((rows, columns)) < 0.5)
    return replace(FaultMap.of_matrices(to_one * 1.0, (faulty & ~to_one) * 1.0), bank_cells=bank_cells)


def test_banks_come_by_rising_faults() -> None:
    found = some_map()
    moved = cleanest_first(found, cells=found.size)
    faults = moved.statistics(word_bits=1).faults
    assert (np.diff(faults) >= 0).all()
    assert sorted(faults) == sorted(found.statistics(word_bits=1).faults)
    assert (np.diff(moved.cells) > 0).all()
    assert moved.fault_rate == pytest.approx(found.fault_rate)


def test_a_bank_keeps_its_cells() -> None:
    found = some_map()
    moved = cleanest_first(found, cells=found.size)

    def banks(one: FaultMap) -> set[tuple[bytes, bytes]]:
        parts = [one.cells // 160 == bank for bank in range(4)]
        return {((one.cells[part] % 160).tobytes(), one.to_one[part].tobytes()) for part in parts}

    assert banks(moved) == banks(found)


def test_a_small_memory_is_used_again_bank_by_bank() -> None:
    found = some_map()
    moved = cleanest_first(found, cells=2 * found.size + 1)
    assert moved.size == 3 * found.size
    faults = moved.statistics(word_bits=1).faults
    assert (np.diff(faults) >= 0).all()


def test_banks_that_are_not_known_are_asked_for() -> None:
    with pytest.raises(InputError, match="how large a bank is"):
        cleanest_first(some_map(bank_cells=None), cells=10)
    with pytest.raises(InputError, match="does not fit"):
        cleanest_first(some_map(), cells=10, bank_cells=10_000)


def test_layers_in_order_lie_as_ever() -> None:
    found = some_map()
    words = [7, 30, 20]
    plain = map_faults(found, words, 8, offset=5)
    placed = placed_faults(found, words, 8, order=[0, 1, 2], offset=5)
    assert all(np.array_equal(one.index, two.index) for one, two in zip(plain, placed, strict=True))
    swapped = placed_faults(found, words, 8, order=[2, 0, 1])
    first = map_faults(found, [20, 7, 30], 8)
    assert np.array_equal(swapped[2].index, first[0].index)
    assert np.array_equal(swapped[0].toggle, first[1].toggle)
    with pytest.raises(InputError, match="each of them once"):
        placed_faults(found, words, 8, order=[0, 1, 1])


def test_the_command_places_layers(cli: RunCli, tmp_path: Path) -> None:
    """Half of the banks have no fault, so that sensitive layers in them lose nothing."""
    checkpoint, path = tmp_path / "base.safetensors", tmp_path / "map.npy"
    save_network(checkpoint, trained_base().model, trained_base().record)
    rng = np.random.default_rng(5)
    faulty = rng.random((2, 20_000, 64)) < np.repeat([0.03, 0.0], 10_000)[:, None] / 2
    faulty[1] &= ~faulty[0]
    np.save(path, faulty.astype(np.uint8))
    done = cli(
        "assign", "--base-checkpoint", checkpoint, "--fault-map", path, "--bank-cells", "64000",
        "--seeds", "3", "--images", "60", "--out", tmp_path / "out", "--quiet", "--json",
    )  # fmt: skip
    assert done.status == 0, done.stderr
    anywhere, clean, dirty = (row["perturbed_percent"] for row in json.loads(done.stdout))
    assert clean > anywhere
    assert clean > dirty
    assert (tmp_path / "out" / "placements.csv").is_file()
    refused = cli("assign", "--base-checkpoint", checkpoint, "--fault-map", path, "--min-accuracy", "80")
    assert refused.status == 2
    assert "takes no --min-accuracy" in refused.error
