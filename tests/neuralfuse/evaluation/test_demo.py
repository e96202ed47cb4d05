from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import torch

from neuralfuse.accuracy_files import read_accuracies
from neuralfuse.evaluation.demo import DemoPlan, GeneratorPlan, demo_accuracy
from neuralfuse.training.runs import load_trained
from neuralfuse.training.streams import TEST_CHIPS
from tests.conftest import snapshot

SHORT = DemoPlan(
    width=0.125,
    epochs=1,
    generators=(GeneratorPlan(name="unets", steps=2), GeneratorPlan(name="uip", steps=2)),
    cooldown_steps=1,
    perturbed_models=1,
    test_rates=(0.005, 0.01),
    chips=TEST_CHIPS[:1],
)


def test_the_whole_demo_is_what_is_documented() -> None:
    plan = DemoPlan()
    assert len(plan.generators) == 2
    assert plan.rate == 0.01
    assert plan.rate in plan.test_rates
    assert plan.chips == TEST_CHIPS


def test_a_short_demo_is_repeatable_to_the_last_byte(tmp_path: Path) -> None:
    messages: list[str] = []
    threads = torch.get_num_threads()
    result = demo_accuracy(tmp_path / "one", SHORT, on_message=messages.append)
    demo_accuracy(tmp_path / "two", SHORT)
    assert torch.get_num_threads() == threads
    assert snapshot(tmp_path / "one") == snapshot(tmp_path / "two")
    assert all(path.is_file() for path in result.files)
    assert [row.generator for row in result.rows] == ["none", "unets", "uip"] * 2
    assert [row.generator for row in result.control] == ["none", "unets"]
    assert {row.train_bit_error_rate for row in result.rows} == {None, 0.01}
    assert result.control[1].train_bit_error_rate == 0.0
    read = read_accuracies(tmp_path / "one" / "accuracy.csv")
    assert tuple(replace(row, reference="") for row in read) == result.rows
    generator = load_trained(tmp_path / "one" / "uip.safetensors", "generator")
    assert generator.record.training["seed"] == SHORT.seed
    assert any(message.startswith("control: unets without bit errors: step 2") for message in messages)
