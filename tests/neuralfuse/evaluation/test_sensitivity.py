"""Sensitivity by layer and bit: which bit errors are there, and what follows from the accuracies."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from scipy import stats

from neuralfuse.evaluation.intervals import half_width, t_quantile
from neuralfuse.evaluation.sensitivity import (
    LayerSensitivity,
    accuracy_with,
    in_bit,
    layer_names,
    no_faults,
    only,
    sensitivity,
)
from neuralfuse.memory.perturbation import QuantizedBase
from neuralfuse.training.checkpoints import save_network
from neuralfuse.training.runs import stored_base
from neuralfuse.training.streams import TEST_CHIPS
from nfenergy.ground.errors import InputError
from nfenergy.ground.table_files import read
from reports.plots.sensitivity_map import sensitivity_plot
from tests.conftest import RunCli
from tests.neuralfuse.small import digits, trained_base

RATE = 0.01


@pytest.fixture(scope="module")
def base() -> QuantizedBase:
    return stored_base(trained_base())


def wrong(base: QuantizedBase, faults: object) -> list[np.ndarray]:
    found = []
    for layer, one in zip(base.layers.values(), faults, strict=True):  # type: ignore[call-overload]
        words = layer.words.numpy()
        stored = words[one.index]
        bits = np.zeros_like(words)
        bits[one.index] = ((stored & one.keep) ^ one.toggle) ^ stored
        found.append(bits)
    return found


@pytest.mark.parametrize("fault_model", ["flip", "stuck-at"])
def test_the_bits_of_a_layer_make_up_its_errors(base: QuantizedBase, fault_model: str) -> None:
    faults = base.draw(seed=1, rate=0.02, fault_model=fault_model)
    whole = wrong(base, faults)
    for bit in range(8):
        alone = wrong(base, [in_bit(one, bit, bits=8) for one in faults])
        for one, all_ in zip(alone, whole, strict=True):
            assert np.array_equal(one, all_ & (1 << bit))


def test_only_these_layers_have_errors(base: QuantizedBase) -> None:
    faults = base.draw(seed=1, rate=0.02)
    found = only(faults, [0, 3])
    assert [len(one.index) > 0 for one in found] == [layer in (0, 3) for layer in range(len(faults))]
    assert found[3] is faults[3]
    assert len(no_faults(faults[0]).index) == 0


def test_the_figures_are_those_of_the_chips(base: QuantizedBase) -> None:
    images, chips = digits().test.spread(90), TEST_CHIPS[:3]
    found = sensitivity(base, images, rate=RATE, chips=chips, by_bit=False)
    names = layer_names(base)
    assert [row.layer for row in found.layers] == names
    layer = 2
    alone, spared, everywhere = [], [], []
    for chip in chips:
        faults = base.draw(seed=chip, rate=RATE)
        everywhere.append(accuracy_with(base, faults, images))
        alone.append(accuracy_with(base, only(faults, [layer]), images))
        others = [other for other in range(len(names)) if other != layer]
        spared.append(accuracy_with(base, only(faults, others), images))
    row = found.layers[layer]
    assert row.only_percent == pytest.approx(np.mean(alone))
    assert row.only_loss_points == pytest.approx(row.clean_percent - np.mean(alone))
    assert row.only_interval_points == pytest.approx(half_width(alone))
    gains = np.subtract(spared, everywhere)
    assert row.spared_gain_points == pytest.approx(gains.mean())
    assert row.spared_interval_points == pytest.approx(half_width(gains.tolist()))
    assert found.by_bit_losses.shape == (len(names), 0)


def test_the_same_chip_twice_or_one_of_training_is_refused(base: QuantizedBase) -> None:
    for chips in ((1, 1), (2**32,)):
        with pytest.raises(InputError):
            sensitivity(base, digits().test.first(10), chips=chips)


@pytest.mark.parametrize("degrees", [1, 2, 5, 9, 30, 200])
def test_the_quantiles_are_those_of_student(degrees: int) -> None:
    assert t_quantile(degrees) == pytest.approx(stats.t.ppf(0.975, degrees), rel=1e-6)


def test_one_chip_has_no_interval() -> None:
    assert half_width([90.0]) is None
    assert half_width([90.0, 90.0]) == 0.0


def test_the_command_writes_table_figure_and_record(cli: RunCli, tmp_path: Path) -> None:
    checkpoint, out = tmp_path / "base.safetensors", tmp_path / "out"
    save_network(checkpoint, trained_base().model, trained_base().record)
    done = cli(
        "sensitivity", "--base-checkpoint", checkpoint, "--ber", "1%", "--seeds", "2", "--images", "40",
        "--out", out, "--quiet", "--json",
    )  # fmt: skip
    assert done.status == 0, done.stderr
    layers = json.loads(done.stdout)["layers"]
    assert [len(row["by_bit_percent"]) for row in layers] == [8] * len(layers)
    rows = read(LayerSensitivity, out / "sensitivity.csv", "a sensitivity table")
    assert [row.layer for _, row in rows] == [row["layer"] for row in layers]
    written = {path.name for path in out.iterdir()}
    assert written == {
        "sensitivity.csv",
        "sensitivity.json",
        *(f"sensitivity.{x}" for x in ("png", "svg", "pdf")),
    }


@pytest.mark.parametrize("bits", [0, 8, 16])
def test_the_heat_map_takes_any_number_of_layers(bits: int) -> None:
    for layers in (1, 20):
        figure = sensitivity_plot(
            [f"layer{index}" for index in range(layers)],
            [0.0] * layers,
            by_bit_points=np.zeros((layers, bits)),
            intervals=[None] * layers,
        )
        assert len(figure.axes) == (3 if bits else 1)
    with pytest.raises(InputError):
        sensitivity_plot([], [], by_bit_points=np.zeros((0, 8)))


def test_a_folder_that_cannot_be_written_is_told_before_the_work(cli: RunCli, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("", encoding="utf-8")
    done = cli("sensitivity", "--base-checkpoint", tmp_path / "none", "--out", tmp_path / "file" / "x")
    assert done.status == 1
    assert "no folder" in done.error
