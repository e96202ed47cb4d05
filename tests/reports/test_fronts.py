"""Spot values of the paper's Fig. 5 and 6, and the front that Fig. 5 shows for ResNet18."""

from __future__ import annotations

from itertools import combinations
from random import Random

import pytest

from reports.fronts import (
    front_hypervolume,
    front_members,
    objectives,
    standings,
    standings_by_base,
)
from reports.records import Tradeoff
from tests.reports.samples import merged


def row(base: str, generator: str, rate: float = 0.01) -> Tradeoff:
    return next(
        found
        for found in merged((base,), (generator,), (rate,)).tradeoffs
        if found.saving.generator == generator
    )


def test_resnet18_behind_convl_saves_19_percent_at_87_8() -> None:
    found = row("resnet18", "convl")
    assert round(found.saving.twma_saving_percent, 1) == 19.0
    assert (found.accuracy.perturbed_percent, found.accuracy.perturbed_std_percent) == (87.8, 1.7)


def test_vgg11_behind_convl_costs_by_macs() -> None:
    assert round(row("vgg11", "convl").saving.mac_saving_percent, 1) == -21.8


def test_the_front_of_figure_5_for_resnet18() -> None:
    tradeoffs = merged(("resnet18",)).tradeoffs
    assert [found.saving.generator for found in front_members(tradeoffs, "twma")] == [
        "deconvl",
        "unetl",
        "unets",
        "convs",
    ]


@pytest.mark.parametrize("seed", range(8))
def test_fronts_of_random_selections_hold_against_brute_force(seed: int) -> None:
    rng = Random(seed)
    everything = [found for found in merged().tradeoffs if found.has_generator]
    chosen = rng.sample(everything, rng.randint(1, 12))
    points = [objectives(found, "mac") for found in chosen]
    beaten = {
        loser
        for pair in combinations(range(len(points)), 2)
        for loser, winner in (pair, pair[::-1])
        if points[winner] != points[loser]
        and all(x >= y for x, y in zip(points[winner], points[loser], strict=True))
    }
    found = [standing is not None and standing.on_front for standing in standings(chosen, "mac")]
    assert found == [index not in beaten for index in range(len(chosen))]


def test_base_models_alone_do_not_compete() -> None:
    tradeoffs = merged(("resnet18",)).tradeoffs
    alone = [
        standing
        for found, standing in zip(tradeoffs, standings(tradeoffs, "twma"), strict=True)
        if not found.has_generator
    ]
    assert alone == [None, None]


def test_each_base_model_has_a_front_of_its_own() -> None:
    tradeoffs = merged(("resnet18", "vgg11")).tradeoffs
    together = standings_by_base(tradeoffs, "twma")
    for base in ("resnet18", "vgg11"):
        alone = merged((base,)).tradeoffs
        picked = [
            standing for found, standing in zip(tradeoffs, together, strict=True) if found.saving.base == base
        ]
        assert picked == standings(alone, "twma")


def test_latency_as_a_third_objective_only_adds_to_the_front() -> None:
    tradeoffs = merged(("resnet18",)).tradeoffs
    two = {found.saving.generator for found in front_members(tradeoffs, "twma")}
    three = {found.saving.generator for found in front_members(tradeoffs, "twma", latency=True)}
    assert two <= three


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
