"""Spot values of the paper's Fig. 5 and 6, and the front that Fig. 5 shows for ResNet18."""

from __future__ import annotations

from dataclasses import replace
from itertools import combinations
from random import Random

import pytest

from neuralfuse.registry import NO_GENERATOR
from reports.fronts import front_hypervolume, front_members, objectives, standings, with_standings
from reports.records import Tradeoff
from tests.reports.samples import merged


def row(base: str, generator: str, rate: float = 0.01) -> Tradeoff:
    generators = () if generator == NO_GENERATOR else (generator,)
    return next(
        found
        for found in merged((base,), generators, (rate,)).tradeoffs
        if (found.saving.generator, found.saving.bit_error_rate) == (generator, rate)
    )


def test_resnet18_behind_convl_saves_19_percent_at_87_8() -> None:
    found = row("resnet18", "convl")
    assert round(found.saving.saving_percent("twma"), 1) == 19.0
    assert (found.accuracy.perturbed_percent, found.accuracy.perturbed_std_percent) == (87.8, 1.7)


def test_vgg11_behind_convl_costs_by_macs() -> None:
    assert round(row("vgg11", "convl").saving.saving_percent("mac"), 1) == -21.8


def test_the_front_of_figure_5_for_resnet18() -> None:
    tradeoffs = merged(("resnet18",)).tradeoffs
    assert [found.saving.generator for found in front_members(tradeoffs, "twma")] == [
        "none",
        "deconvl",
        "unetl",
        "unets",
        "convs",
        "none",
    ]


@pytest.mark.parametrize("seed", range(8))
def test_fronts_of_random_selections_hold_against_brute_force(seed: int) -> None:
    rng = Random(seed)
    everything = list(merged(("resnet18", "vgg11"), rates=(0.005, 0.01)).tradeoffs)
    chosen = rng.sample(everything, rng.randint(1, 16))
    points = [objectives(found, "mac") for found in chosen]
    beaten = {
        loser
        for pair in combinations(range(len(points)), 2)
        for loser, winner in (pair, pair[::-1])
        if chosen[winner].saving.base == chosen[loser].saving.base
        and points[winner] != points[loser]
        and all(x >= y for x, y in zip(points[winner], points[loser], strict=True))
    }
    found = [standing.on_front for standing in standings(chosen, "mac")]
    assert found == [index not in beaten for index in range(len(chosen))]


def test_base_models_alone_compete() -> None:
    tradeoffs = merged(("resnet18",)).tradeoffs
    alone = {
        found.saving.bit_error_rate: standing.on_front
        for found, standing in zip(tradeoffs, standings(tradeoffs, "twma"), strict=True)
        if not found.has_generator
    }
    # Nothing is as accurate as nominal voltage, and nothing saves as much as no generator at all.
    assert alone == {0.0: True, 0.01: True}


def test_a_robust_base_model_beats_a_generator_that_is_less_accurate() -> None:
    generator = row("resnet18", "convs")
    plain = row("resnet18", NO_GENERATOR)
    robust = replace(
        plain, accuracy=replace(plain.accuracy, base_training="clip 0.1", base_perturbed_percent=84.0)
    )
    found = with_standings([generator, robust, plain])
    assert [standing.standings["twma"].on_front for standing in found] == [False, True, False]


def test_fault_models_and_machines_have_fronts_of_their_own() -> None:
    best, worse = row("resnet18", NO_GENERATOR), row("resnet18", "convl")
    worse = replace(worse, accuracy=replace(worse.accuracy, nf_perturbed_percent=1.0))
    assert [standing.on_front for standing in standings([best, worse], "twma")] == [True, False]
    for other in (
        replace(worse, accuracy=replace(worse.accuracy, fault_model="flip")),
        replace(worse, saving=replace(worse.saving, array_rows=8)),
    ):
        assert [standing.on_front for standing in standings([best, other], "twma")] == [True, True]


def test_each_base_model_has_a_front_of_its_own() -> None:
    tradeoffs = merged(("resnet18", "vgg11")).tradeoffs
    together = standings(tradeoffs, "twma")
    for base in ("resnet18", "vgg11"):
        alone = merged((base,)).tradeoffs
        picked = [
            standing for found, standing in zip(tradeoffs, together, strict=True) if found.saving.base == base
        ]
        assert picked == standings(alone, "twma")


def test_latency_as_a_third_objective_only_adds_to_the_front() -> None:
    tradeoffs = merged(("resnet18",)).tradeoffs
    two, three = (
        [standing.on_front for standing in standings(tradeoffs, "twma", latency=latency)]
        for latency in (False, True)
    )
    assert all(kept or not on_front for on_front, kept in zip(two, three, strict=True))


def test_the_hypervolume_is_that_of_the_front() -> None:
    tradeoffs = merged(("resnet18",)).tradeoffs
    members = front_members(tradeoffs, "twma")
    assert front_hypervolume(tradeoffs, "twma") == pytest.approx(front_hypervolume(members, "twma"))
    # Rectangles from the left: each step's width times the accuracy still reached there.
    area, left = 0.0, 0.0
    for found in members:
        saving, accuracy = objectives(found, "twma")
        area += (saving - left) * accuracy
        left = saving
    assert front_hypervolume(tradeoffs, "twma") == pytest.approx(area)
