"""A voltage for each layer: knapsack, search, comparison with one voltage, control with shuffled losses."""

from __future__ import annotations

import json
from itertools import product
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from energy.curve_files import load_curve
from energy.measures import MEASURES
from neuralfuse.evaluation.assignment import assign, best_uniform, repaired, search, shuffled
from neuralfuse.evaluation.assignment_bench import Bench, Problem
from neuralfuse.evaluation.knapsack import UNITS, frontier
from neuralfuse.evaluation.uniform_voltage import VOLTAGE_STEP, keeps_everywhere, lowest_between
from neuralfuse.memory.perturbation import QuantizedBase
from neuralfuse.registry import BASES, DATASETS
from neuralfuse.training.checkpoints import save_network
from neuralfuse.training.runs import stored_base
from nfenergy.assigning import AssignmentPlan, _groups, assign_voltages, layer_counted
from nfenergy.ground.errors import InputError, NfEnergyError
from nfenergy.machine import Machine
from nfenergy.simulation import count_networks
from tests.conftest import RunCli
from tests.neuralfuse.small import digits, trained_base

POINTS = load_curve("stutz2021-14nm").points
RATES = tuple(point.bit_error_rate_percent / 100 for point in POINTS)
CHIPS, HELD_OUT = tuple(range(60_000, 60_006)), tuple(range(50_000, 50_006))
CHECKING = tuple(range(70_000, 70_006))
FLOOR = 85.0


@pytest.fixture(scope="module")
def bench() -> Bench:
    base = stored_base(trained_base())
    machine = Machine(engine="closed-form")
    network = BASES["vgg11"]
    result = count_networks([network], DATASETS["digits"], machine, base_width=0.125)[network]
    reads = np.array([counted.filter_reads for counted in layer_counted(base, result, machine)], float)
    costs = np.outer(reads / reads.sum(), [point.energy_per_access_norm for point in POINTS])
    groups = tuple((layer,) for layer in range(len(base.words)))
    problem = Problem(groups=groups, rates=RATES, costs=costs, floor_percent=FLOOR)
    return Bench(base, digits().test.spread(90), problem)


@pytest.fixture(scope="module")
def losses(bench: Bench) -> np.ndarray:
    return bench.losses(CHIPS)


tables = st.integers(1, 4).flatmap(
    lambda groups: st.tuples(
        *(
            st.lists(st.lists(st.integers(0, 20), min_size=3, max_size=3), min_size=groups, max_size=groups)
            for _ in range(2)
        )
    )
)


@given(tables)
@settings(max_examples=60, deadline=None)
def test_the_frontier_is_that_of_all_choices(both: tuple[list[list[int]], list[list[int]]]) -> None:
    losses, costs = (np.array(table, float) for table in both)
    losses[:, -1] = 0.0
    found = frontier(losses, costs)
    rows = np.arange(len(losses))

    def totals(choice: tuple[int, ...]) -> tuple[float, float]:
        return float(losses[rows, list(choice)].sum()), float(costs[rows, list(choice)].sum())

    slack = losses.max(axis=1).sum() * len(losses) / UNITS
    everything = [totals(choice) for choice in product(range(3), repeat=len(losses))]
    for budget, _ in everything:
        least = min(cost for loss, cost in everything if loss <= budget)
        assert min(cost for loss, cost in map(totals, found) if loss <= budget + slack + 1e-9) <= least + 1e-9
    assert next(map(totals, found))[0] == 0.0


def test_errors_of_a_choice_are_those_of_each_rate(bench: Bench) -> None:
    base = bench._base
    choice = (6, 0, 1, 2, 3, 4, 5, 6, 0)
    faults = bench._faults(choice, 50_000)
    for layer, point in enumerate(choice):
        drawn = base.draw(seed=50_000, rate=RATES[point])[layer]
        assert np.array_equal(faults[layer].index, drawn.index if RATES[point] else drawn.index[:0])
    with_more = bench._faults((5, *choice[1:]), 50_000)
    assert set(with_more[0].index) >= set(faults[0].index)


def test_losses_fall_with_rising_voltage(losses: np.ndarray) -> None:
    assert (losses >= 0).all()
    assert (np.diff(losses, axis=1) <= 0).all()
    assert (losses[:, -1] == 0).all()
    assert losses.max() > 20


def test_the_assignment_saves_more_than_one_voltage(bench: Bench, losses: np.ndarray) -> None:
    uniform, chosen = best_uniform(bench, CHIPS), search(bench, losses, CHIPS)
    assert bench.problem.cost(chosen) < bench.problem.cost(uniform)
    assert np.mean(bench.accuracies(chosen, HELD_OUT)) >= FLOOR
    assert np.mean(bench.accuracies(uniform, HELD_OUT)) >= FLOOR


def test_with_shuffled_sensitivity_it_does_not(bench: Bench, losses: np.ndarray) -> None:
    uniform = bench.problem.cost(best_uniform(bench, CHIPS))
    controls = [bench.problem.cost(choice) for choice in shuffled(bench, losses, CHIPS, CHECKING, count=4)]
    assert np.mean(controls) > uniform
    assert bench.problem.cost(search(bench, losses[::-1], CHIPS)) > uniform


def test_a_choice_is_repaired_until_it_holds(bench: Bench, losses: np.ndarray) -> None:
    lowest = bench.problem.uniform(0)
    assert not bench.keeps(lowest, CHECKING)
    found = repaired(bench, lowest, losses, CHECKING)
    assert bench.keeps(found, CHECKING)
    assert bench.problem.cost(found) < bench.problem.cost(bench.problem.uniform(len(RATES) - 1))
    assert repaired(bench, found, losses, CHECKING) == found


@pytest.mark.parametrize(
    ("lowest", "found"), [(0.0, 0.8), (0.8, 0.8), (0.87, 0.875), (0.95, 0.95), (1.1, None)]
)
def test_one_voltage_is_sought_between_the_points(lowest: float, found: float | None) -> None:
    assert lowest_between(lambda voltage: voltage >= lowest, (0.8, 0.9, 1.0), step=0.026) == found


def test_the_best_uniform_voltage_may_lie_between_points() -> None:
    base, images, machine = trained_base(), digits().test.spread(90), Machine(engine="closed-form")
    plan = AssignmentPlan(min_accuracy_percent=FLOOR, seeds=6, shuffles=4)
    found = assign_voltages(base, images, machine, plan)
    best, uniform, true, mean, cheapest = found.standings
    assert uniform.voltage_norm not in {point.voltage_norm for point in POINTS}
    assert uniform.keeps
    assert best.keeps
    memory, above = stored_base(base), uniform.voltage_norm
    assert above is not None
    for voltage, kept in ((above, True), (above - VOLTAGE_STEP, False)):
        rate = machine.curve.at_voltage(voltage).bit_error_rate
        each = (
            keeps_everywhere(memory, images, rate, some, floor_percent=FLOOR) for some in (CHIPS, CHECKING)
        )
        assert all(each) == kept
    assert best.energy_percent <= true.energy_percent < uniform.energy_percent < mean.energy_percent
    assert cheapest.energy_percent == min(found.controls_percent)
    assert mean.energy_percent == pytest.approx(np.mean(found.controls_percent))
    no_more = sum(energy <= uniform.energy_percent for energy in found.controls_percent)
    assert f"of 4 shuffled sensitivities {no_more or 'none'} took no more than that voltage" in found.verdict
    assert f"above the {uniform.energy_percent:.1f} % of that voltage." in found.verdict
    assert json.loads(json.dumps(found.as_json()))["controls_percent"] == list(found.controls_percent)


def test_nothing_keeps_more_than_the_base_has(bench: Bench) -> None:
    problem = bench.problem
    base = bench._base
    high = Problem(groups=problem.groups, rates=RATES, costs=problem.costs, floor_percent=99.99)
    with pytest.raises(NfEnergyError, match=r"nothing keeps 99.99 % accuracy: without bit errors"):
        assign(
            base,
            digits().test.spread(90),
            high,
            chips=CHIPS[:2],
            checking=CHECKING[:2],
            held_out=HELD_OUT[:2],
        )
    with pytest.raises(InputError, match="test chip is given twice"):
        assign(base, digits().test.first(9), problem, chips=CHIPS, held_out=CHIPS)


def test_a_plan_in_groups() -> None:
    plan = AssignmentPlan(min_accuracy_percent=80.0, groups=3, seeds=3)
    found = assign_voltages(trained_base(), digits().test.spread(60), Machine(engine="closed-form"), plan)
    best, uniform = found.standings
    assert best.energy_percent <= uniform.energy_percent < 100
    voltages = {row.group: set() for row in found.layers}
    for row in found.layers:
        voltages[row.group].add(row.voltage_norm)
    assert sorted(voltages) == [1, 2, 3]
    assert all(len(each) == 1 for each in voltages.values())
    share = {row.group: row.group_energy_percent for row in found.layers}
    assert sum(share.values()) == pytest.approx(100.0)
    assert list(found.to_frame()["layer"]) == [row.layer for row in found.layers]
    assert "best uniform" in repr(found)


@pytest.mark.parametrize("count", range(1, 10))
def test_groups_are_of_consecutive_layers(bench: Bench, count: int) -> None:
    found = _groups(bench._base, count)
    assert len(found) == count
    assert all(found)
    assert [layer for group in found for layer in group] == list(range(9))


@pytest.mark.parametrize("measure", sorted(set(MEASURES) - {"mac"}))
def test_layers_cost_what_the_network_costs(measure: str) -> None:
    base: QuantizedBase = stored_base(trained_base())
    network, machine = BASES["vgg11"], Machine(engine="closed-form")
    result = count_networks([network], DATASETS["digits"], machine, base_width=0.125)[network]
    layers = layer_counted(base, result, machine)
    whole = sum(MEASURES[measure].costs(result.counted).values())
    assert sum(sum(MEASURES[measure].costs(layer).values()) for layer in layers) == pytest.approx(whole)


@pytest.mark.parametrize(
    ("options", "status", "said"),
    [
        (["--min-accuracy", "99.9"], 1, "nothing keeps 99.9 % accuracy"),
        ([], 2, "--min-accuracy"),
        (["--min-accuracy", "0.9"], 2, "percent"),
        (["--min-accuracy", "80", "--groups", "99"], 2, "cannot be put into 99 groups"),
        (["--min-accuracy", "80", "--measure", "nothing"], 2, "no measure named"),
        (["--min-accuracy", "80", "--weight-bits", "4"], 2, "8-bit weights"),
    ],
)
def test_what_cannot_be_done_is_one_line_and_writes_nothing(
    options: list[str], status: int, said: str, cli: RunCli, tmp_path: Path
) -> None:
    checkpoint, out = tmp_path / "base.safetensors", tmp_path / "out"
    save_network(checkpoint, trained_base().model, trained_base().record)
    done = cli(
        "assign", "--base-checkpoint", checkpoint, "--seeds", "2", "--images", "30", "--out", out, "--quiet",
        *options,
    )  # fmt: skip
    assert done.status == status
    assert said in done.error
    assert not out.exists()


def test_the_command(cli: RunCli, tmp_path: Path) -> None:
    checkpoint, out = tmp_path / "base.safetensors", tmp_path / "out"
    save_network(checkpoint, trained_base().model, trained_base().record)
    done = cli(
        "assign", "--base-checkpoint", checkpoint, "--seeds", "2", "--images", "40", "--min-accuracy", "70",
        "--out", out, "--quiet", "--json",
    )  # fmt: skip
    assert done.status == 0, done.stderr
    found = json.loads(done.stdout)
    assert [row["assignment"] for row in found["standings"]] == ["by layer", "best uniform voltage"]
    figures = {f"{name}.{x}" for name in ("assignment", "standings") for x in ("png", "svg", "pdf")}
    tables = {"assignment.csv", "assignment.json", "standings.csv"}
    assert {path.name for path in out.iterdir()} == tables | figures
