"""Every shipped experiment declares a whole plan; one that means nothing is refused with its place."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from nfenergy.experiments.catalogue import catalogue
from nfenergy.experiments.declaration import experiments, get_experiment, validated
from nfenergy.experiments.outcome import Outcome
from nfenergy.experiments.plan import plan
from nfenergy.experiments.schedule import in_order
from nfenergy.ground.errors import InputError
from tests.conftest import RunCli

TRAINED = [name for name in experiments() if get_experiment(name).state == "training"]

OWN: dict[str, Any] = {
    "title": "Clipping of one's own",
    "source": "this test",
    "paper": "stutz",
    "rows": [{"model": "plain", "w_max": None}, {"model": "clipped", "w_max": 0.2}],
    "rates": ["1%"],
    "values": {"err": None, "rerr": None},
    "base": {"network": "simplenet", "clip": "$w_max"},
}


@pytest.mark.parametrize("name", TRAINED)
@pytest.mark.parametrize("scale", ["small", "paper"])
def test_each_claim_compares_rows_that_are_there(name: str, scale: Any) -> None:
    planned = plan(get_experiment(name), scale)
    untested = Outcome(plan=planned, tested={})
    assert planned.rows
    assert all(untested.pairs(claim) for claim in planned.experiment.claims)


@pytest.mark.parametrize("name", TRAINED)
def test_the_papers_scale_takes_the_papers_data(name: str) -> None:
    experiment = get_experiment(name)
    planned = plan(experiment, "paper")
    assert planned.dataset == experiment.dataset
    assert {row.base.dataset for row in planned.rows} == {experiment.dataset}
    assert {row.base.width for row in planned.rows} == {1.0}


def test_all_tables_and_figures_are_listed_with_command_and_needs() -> None:
    entries = {entry.name: entry for entry in catalogue()}
    tables = {"neuralfuse": {*range(6, 27)}, "stutz": {*range(1, 22)}}
    figures = {"neuralfuse": {*range(5, 20)}, "stutz": {1, 2, 3, 4, *range(6, 12)}}
    wanted = {f"{paper}-table{number}" for paper, numbers in tables.items() for number in numbers}
    wanted |= {f"{paper}-figure{number}" for paper, numbers in figures.items() for number in numbers}
    assert wanted <= set(entries)
    assert all(entry.command.startswith("nfenergy ") and entry.needs for entry in entries.values())
    assert [name for name in entries if name.startswith("stutz-table")][:3] == [
        "stutz-table1",
        "stutz-table2",
        "stutz-table3",
    ]


def test_experiments_that_train_the_same_share_the_stage() -> None:
    stages = [
        {stage.digest for wave in in_order(plan(get_experiment(name), "paper").stages) for stage in wave}
        for name in ("stutz-table2", "stutz-table4", "stutz-table18")
    ]
    assert len(stages[0] & stages[1] & stages[2]) >= 2


def test_a_stage_comes_after_what_it_needs() -> None:
    waves = in_order(plan(get_experiment("neuralfuse-table20"), "small").stages)
    place = {stage.digest: number for number, wave in enumerate(waves) for stage in wave}
    assert all(
        place[need.digest] < place[stage.digest] for wave in waves for stage in wave for need in stage.needs
    )


def test_a_cell_becomes_a_setting() -> None:
    rows = plan(validated(OWN, "own", "own"), "paper").rows
    assert [row.base.recipe.clip for row in rows] == [None, 0.2]
    assert [row.rates for row in rows] == [(0.01,), (0.01,)]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"claim": []}, "claim: Extra inputs are not permitted; known fields: name, title"),
        ({"rows": []}, "either the name of a printed table"),
        ({"published": "stutz_table2_9_clipping"}, "either the name of a printed table"),
        ({"values": {"eror": None}}, "no quantity named 'eror'"),
        ({"values": {"nf_clean": None}}, "nf_clean is of a generator, and there is none"),
        ({"rates": []}, "rates: the bit error rates of the test are missing"),
        ({"base": {"network": "simplenet", "clipp": 0.1}}, "base: no setting named 'clipp'"),
        ({"base": {"network": "simplenet", "clip": "$wmax"}}, "a row has no cell 'wmax'"),
        ({"base": {"network": "simpelnet"}}, "simpelnet"),
        ({"base": {"network": "simplenet", "epochs": "many"}}, "base: "),
        ({"test": {"chip": 3}}, "test: no setting named 'chip'"),
        ({"test": {"pattern": True}}, "pattern tests on the chip of a base's training"),
        ({"cases": {"modle": {"plain": {}}}}, "there is no column 'modle'"),
        ({"rates": ["1 percent"]}, "1 percent"),
        ({"title": 3}, "title: Input should be a valid string"),
        ({"values": {"saving": None}, "rates": ["40%"]}, "experiment own: bit error rate 40% is outside"),
        (
            {"claims": [{"text": "saves", "greater": {"value": "saving"}, "than": {"value": "err"}}]},
            "saving is counted and not tested",
        ),
    ],
)
def test_what_means_nothing_is_refused_with_its_place(change: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message.replace("$", r"\$")):
        plan(validated({**OWN, **change}, "own", "own.yaml"), "smoke")


def test_files_that_are_no_experiment_end_in_one_line(tmp_path: Path, cli: RunCli) -> None:
    for name, text in (("list.yaml", "- 1\n"), ("broken.yaml", "title: [\n"), ("short.yaml", "title: x\n")):
        (tmp_path / name).write_text(text)
        result = cli("experiment", "run", str(tmp_path / name), "--out", str(tmp_path / "out"))
        assert result.status == 2
        assert result.stderr.count("\n") == 1
        assert name in result.stderr
    assert not (tmp_path / "out").exists()


def test_a_shipped_declaration_is_a_start_for_ones_own(tmp_path: Path, cli: RunCli) -> None:
    shown = cli("experiment", "show", "stutz-table2")
    assert shown.status == 0
    assert yaml.safe_load(shown.stdout)["published"] == "stutz_table2_9_clipping"


@pytest.mark.parametrize(
    ("scale", "dataset", "normalization"),
    [
        ("small", "cifar10", "group-shifted-8"),
        ("small", "mnist", "group-shifted"),
        ("paper", "cifar10", "group-shifted"),
    ],
)
def test_narrow_networks_have_fewer_groups(scale: Any, dataset: str, normalization: str) -> None:
    base = {"network": "simplenet", "normalization": "group-shifted"}
    declared = validated({**OWN, "base": base, "dataset": dataset}, "own", "own")
    assert {row.base.normalization for row in plan(declared, scale).rows} == {normalization}


def test_a_network_of_ones_own_keeps_its_width(write: Callable[..., Path]) -> None:
    path = write(name="own.py")
    changed = {**OWN, "base": {"network": f"{path}:build"}}
    assert {row.base.width for row in plan(validated(changed, "own", "own"), "smoke").rows} == {1.0}


def test_own_data_are_trained_on_and_no_saving_is_counted() -> None:
    rows = plan(get_experiment("nfenergy-full-width"), "smoke", dataset="folder:images").rows
    assert not any(row.has("saving") for row in rows)
    assert all(row.has("perturbed") for row in rows)
