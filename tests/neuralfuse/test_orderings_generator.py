"""What Sun et al. found of generators must reappear on digits; means over seeds, with a margin in points."""

from __future__ import annotations

from functools import cache
from statistics import fmean

import pytest

from neuralfuse.eopm import EopmSettings
from neuralfuse.evaluation import Accuracy, evaluate, in_use
from neuralfuse.runs import stored_base, train_new_generator
from neuralfuse.streams import TEST_CHIPS
from tests.neuralfuse.small import digits, trained_base

SEEDS = (0, 1)
LOW, RATE = 0.0025, 0.005
CHIPS = TEST_CHIPS[:5]
CASES = {"unets": ("unets", 5.0), "timid": ("unets", 0.05), "uip": ("uip", 5.0)}


@cache
def measured(seed: int) -> dict[tuple[str, float], Accuracy]:
    """Accuracies by case and test rate; all generators are trained at `RATE`."""
    base, data = trained_base(seed), digits()
    generators = {}
    for case, (name, weight) in CASES.items():
        settings = EopmSettings(
            bit_error_rate=RATE,
            perturbed_weight=weight,
            perturbed_models=3,
            steps=80,
            cooldown_steps=30,
            seed=seed,
        )
        trained = train_new_generator(name, [base], settings, data)
        generators[case] = in_use(trained.model, trained.record.stored)
    found = evaluate(stored_base(base), data.test, rates=(LOW, RATE), generators=generators, chips=CHIPS)
    return {(accuracy.generator, accuracy.bit_error_rate): accuracy for accuracy in found}


def recovery(case: str, rate: float) -> float:
    return fmean(measured(seed)[case, rate].recovery_percent or 0.0 for seed in SEEDS)


def clean(case: str) -> float:
    protected = [measured(seed)[case, RATE].protected for seed in SEEDS]
    return fmean(accuracy.clean_percent for accuracy in protected if accuracy)
