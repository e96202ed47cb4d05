"""The recommended operating point, its runner-up, and what each constraint costs."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from reports.recommend import Constraints, recommend
from reports.recommend_text import as_json, as_text
from reports.records import Tradeoff
from tests.reports.samples import CURVE, merged

KEYS = [
    "base",
    "generator",
    "dataset",
    "bit_error_rate",
    "voltage_norm",
    "twma_saving_percent",
    "mac_saving_percent",
    "perturbed_accuracy_percent",
    "accuracy_source",
    "label",
    "base_training",
    "accelerator",
]
TRADEOFFS = merged(("resnet18",), rates=(0.005, 0.01)).tradeoffs


def chosen(tradeoff: Tradeoff | None) -> tuple[str, float] | None:
    return tradeoff and (tradeoff.saving.generator, tradeoff.saving.bit_error_rate)


@pytest.mark.parametrize("accuracy", [None, 60.0, 70.0, 80.0, 85.0, 87.9, 90.0])
@pytest.mark.parametrize("overhead", [None, 3.0, 10.0, 16.0])
def test_best_and_runner_up_are_those_of_brute_force(accuracy: float | None, overhead: float | None) -> None:
    found = recommend(
        TRADEOFFS, Constraints(min_accuracy_percent=accuracy, max_latency_overhead_percent=overhead)
    )
    admitted = [
        row
        for row in TRADEOFFS
        if row.saving.bit_error_rate > 0
        and (row.has_generator or accuracy is not None)
        and row.accuracy.perturbed_percent >= (accuracy or 0)
        and row.saving.latency_overhead_percent <= (overhead or 1e9)
    ]
    admitted.sort(key=lambda row: row.saving.saving_percent("twma"), reverse=True)
    assert found.best == (admitted[0] if admitted else None)
    assert found.runner_up == (admitted[1] if len(admitted) > 1 else None)


def test_at_85_percent_a_lower_rate_with_a_smaller_generator_wins() -> None:
    found = recommend(TRADEOFFS, Constraints(min_accuracy_percent=85))
    assert chosen(found.best) == ("unetl", 0.005)
    assert chosen(found.runner_up) == ("deconvl", 0.01)
    (cost,) = found.costs
    assert chosen(cost.best_without) == ("convs", 0.01)
    assert cost.cost_points == pytest.approx(29.09388672 - 21.54, abs=0.01)
    text = as_text(found)
    assert "Best: ResNet18 + UNetL on CIFAR-10 at 0.5 % bit errors" in text
    assert "costs 7.5 points of saving; without it ResNet18 + ConvS at 1 %" in text


def test_when_nothing_qualifies_it_says_so() -> None:
    found = recommend(TRADEOFFS, Constraints(min_accuracy_percent=99, max_latency_overhead_percent=10))
    assert (found.best, found.runner_up, found.without_generator) == (None, None, None)
    text = as_text(found)
    assert text.startswith("Nothing qualifies: none of the 14 operating points")
    assert "latency overhead of at most 10 %: excludes 4; without it nothing qualifies either." in text
    assert as_json(found)["best"] is None


def test_a_base_model_that_needs_no_generator_is_pointed_out() -> None:
    found = recommend(TRADEOFFS, Constraints(min_accuracy_percent=70))
    assert chosen(found.without_generator) == ("none", 0.005)
    assert found.best == found.without_generator
    first, second, *_ = as_text(found).splitlines()
    assert first == "No generator is needed: the base model alone qualifies and saves most."
    assert second.startswith("Best: ResNet18, no generator on CIFAR-10 at 0.5 % bit errors")
    nominal = as_text(recommend(TRADEOFFS, Constraints(min_accuracy_percent=92))).splitlines()
    assert nominal[0].startswith("Nothing qualifies")
    assert nominal[1].startswith("Without a generator: ResNet18, no generator on CIFAR-10 at 0 % bit errors")


@pytest.mark.parametrize(("twma_saving_percent", "said"), [(-4.0, True), (0.0, True), (0.1, False)])
def test_a_best_choice_that_saves_nothing_is_called_so(twma_saving_percent: float, said: bool) -> None:
    row = next(row for row in TRADEOFFS if row.has_generator)
    by = row.saving.measures["twma"]
    kept = 1 - twma_saving_percent / 100
    poor_by = replace(by, generator=by.base * kept - by.base_low, saving_percent=twma_saving_percent)
    measures = {**row.saving.measures, "twma": poor_by}
    poor = replace(row, saving=replace(row.saving, measures=measures))
    text = as_text(recommend([poor], Constraints()))
    assert ("No generator saves energy here" in text) == said


def test_json_has_the_promised_keys() -> None:
    content = json.loads(json.dumps(as_json(recommend(TRADEOFFS, Constraints()))))
    for name in ("best", "runner_up"):
        assert list(content[name]) == KEYS
    assert content["best"]["accuracy_source"] == "published"
    assert content["best"]["generator"] == "convs"


def test_interpolation_is_off_unless_asked_for_and_then_marked() -> None:
    limits = Constraints(min_accuracy_percent=85)
    plain = recommend(TRADEOFFS, limits)
    assert {row.accuracy.bit_error_rate for row in (plain.best, plain.runner_up) if row} <= {0.005, 0.01}
    found = recommend(TRADEOFFS, limits, curve=CURVE, interpolate=True)
    assert found.best is not None
    assert plain.best is not None
    assert found.best.saving.saving_percent("twma") > plain.best.saving.saving_percent("twma")
    assert 0.005 < found.best.saving.bit_error_rate < 0.01
    assert found.best.accuracy.perturbed_percent >= 85
    assert found.best.accuracy.source == "published, interpolated between 0.5 % and 1 %"
    point = CURVE.at_bit_error_rate(found.best.saving.bit_error_rate)
    assert found.best.saving.voltage_norm == point.voltage_norm
    assert chosen(found.runner_up) != chosen(found.best)
    assert "Interpolated accuracies were admitted" in as_text(found)


def test_interpolation_without_a_curve_is_a_mistake_of_the_caller() -> None:
    with pytest.raises(ValueError, match="voltage curve"):
        recommend(TRADEOFFS, Constraints(), interpolate=True)
