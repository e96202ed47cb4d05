"""What Sun et al. found of generators must reappear on digits; means over seeds, with a margin in points."""

from __future__ import annotations

from functools import cache
from statistics import fmean

from neuralfuse.evaluation.chips import Measurement, evaluate, in_use
from neuralfuse.training.eopm import EopmSettings
from neuralfuse.training.runs import stored_base, train_new_generator
from neuralfuse.training.streams import TEST_CHIPS
from tests.neuralfuse.small import digits, trained_base

SEEDS = (0, 1)
LOW, RATE = 0.005, 0.01
CHIPS = TEST_CHIPS[:5]
CASES = {"unets": ("unets", 5.0), "timid": ("unets", 0.05), "uip": ("uip", 5.0)}
"""Generator and lambda."""

RECOVERY_MARGIN, CLEAN_MARGIN = 5.0, 1.0


@cache
def measured(seed: int) -> dict[tuple[str, float], Measurement]:
    """Accuracies by case and test rate; all generators are trained at `RATE`."""
    base, data = trained_base(seed), digits()
    generators = {}
    for case, (name, weight) in CASES.items():
        settings = EopmSettings(
            bit_error_rate=RATE,
            perturbed_weight=weight,
            perturbed_models=3,
            steps=120,
            cooldown_steps=40,
            learning_rate=5e-3,
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


def test_a_universal_perturbation_recovers_less_than_an_input_aware_generator() -> None:
    assert recovery("unets", RATE) > recovery("uip", RATE) + RECOVERY_MARGIN


def test_lambda_trades_clean_for_perturbed_accuracy() -> None:
    assert recovery("unets", RATE) > recovery("timid", RATE) + RECOVERY_MARGIN
    assert clean("timid") > clean("unets") + CLEAN_MARGIN


def test_a_generator_trained_at_a_higher_rate_protects_at_a_lower_one() -> None:
    assert recovery("unets", LOW) > CLEAN_MARGIN
    assert recovery("unets", RATE) > RECOVERY_MARGIN
