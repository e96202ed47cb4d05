"""A slip in a declaration is refused before anything is trained, and never runs with a default."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import pytest
import yaml

from neuralfuse.evaluation.conditions import Conditions
from neuralfuse.training.eopm import EopmSettings
from nfenergy.experiments.declaration import validated
from nfenergy.experiments.outcome import Outcome
from nfenergy.experiments.plan import plan
from nfenergy.ground.errors import NfEnergyError
from tests.fuzz.formats.experiments import OWN, PRINTED

Change = Callable[[dict[str, Any]], object]


def planned(content: bytes, change: Change) -> None:
    tree = yaml.safe_load(content)
    change(tree)
    found = plan(validated(tree, "own", "own.yaml"), "smoke" if content is PRINTED else "paper")
    Outcome(plan=found, tested={}).claims()


@pytest.mark.parametrize("content", [OWN, PRINTED], ids=["own", "printed"])
def test_the_declarations_themselves_are_whole(content: bytes) -> None:
    planned(content, lambda tree: None)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda tree: tree.update(generators={}), "generators: Extra inputs"),
        (lambda tree: tree.update(dataset="digit"), "digit"),
        (lambda tree: tree["base"].update(epoch=3), "no setting named 'epoch'"),
        (lambda tree: tree["base"].update(epochs="2"), "base: epochs: .*integer, not '2'"),
        (lambda tree: tree["base"].update(whiten="no"), "base: whiten: .*boolean"),
        (lambda tree: tree["base"].update(width=-1), "base: width: -1 is not above 0"),
        (lambda tree: tree["base"].update(bits=0), "0 bits"),
        (lambda tree: tree["base"].update(normalization=""), "normalisation"),
        (lambda tree: tree["base"].update(images=0), "base: images: 0"),
        (lambda tree: tree["generator"].update(netwrk=tree["generator"].pop("network")), "'netwrk'"),
        (lambda tree: tree["generator"].pop("network"), "generator: network: .*missing"),
        (lambda tree: tree["generator"].update(learning_rate=math.inf), "finite"),
        (lambda tree: tree["test"].update(chips=0), "test: chips: 0"),
        (lambda tree: tree["test"].update(chips=10**12), "test: chips: 10"),
        (lambda tree: tree["test"].update(protection="x"), "'x'"),
        (lambda tree: tree["rows"][1].update(extra=1), "same cells"),
        (lambda tree: tree.update(row=["training"]), "printed table"),
        (lambda tree: tree["values"].update(clean="clean_accuracy"), "printed table"),
        (lambda tree: tree["cases"]["training"].update(cliped={}), "no row has training 'cliped'"),
        (lambda tree: tree["cases"].update(trained={}), "no column 'trained'"),
        (lambda tree: tree["claims"][0]["than"]["where"].update(training="x"), "no row has training 'x'"),
        (lambda tree: tree["claims"][0]["than"]["where"].update(trained="x"), "no column 'trained'"),
        (lambda tree: tree["claims"][0]["than"].update(rate="x"), "'x' is not a number"),
        (lambda tree: tree["claims"][0].update(by="2"), "claims.0.by"),
        (lambda tree: tree["figure"].update(x="rates"), "no column 'rates'"),
        (lambda tree: tree.update(study={"small": 70.0}), "study"),
    ],
)
def test_a_slip_in_rows_of_ones_own(change: Change, said: str) -> None:
    with pytest.raises(NfEnergyError, match=said):
        planned(OWN, change)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda tree: tree["smoke"]["where"].update(base=["ResNet18", "VGG"]), "no row has base 'VGG'"),
        (lambda tree: tree["smoke"]["where"].update(net="VGG11"), "no column 'net'"),
        (lambda tree: tree["values"].update(clean="clean"), "no column 'clean'"),
    ],
)
def test_a_slip_in_rows_of_a_printed_table(change: Change, said: str) -> None:
    with pytest.raises(NfEnergyError, match=said):
        planned(PRINTED, change)


@pytest.mark.parametrize("settings", [{"rate": 2.0}, {"noise": math.nan}, {"greatest": -1.0}, {"images": 0}])
def test_conditions_of_a_test_are_in_range(settings: dict[str, Any]) -> None:
    with pytest.raises(NfEnergyError):
        Conditions(**settings)


@pytest.mark.parametrize("field", ["learning_rate", "decay"])
def test_settings_of_a_generators_training_are_finite(field: str) -> None:
    with pytest.raises(NfEnergyError, match="positive and finite"):
        EopmSettings(**{field: math.inf})  # type: ignore[arg-type]
