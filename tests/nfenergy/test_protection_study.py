"""The study of all protections of a plain and a robust base: one call, and files that other commands read."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from neuralfuse.accuracy_files import read_accuracies
from neuralfuse.training.checkpoints import save_network
from neuralfuse.training.runs import train_new_generator
from nfenergy.ground.errors import InputError, NfEnergyError
from nfenergy.ground.table_files import read
from nfenergy.layer_files import read_assignment, read_sensitivity
from nfenergy.protection_study import CONTROLS, run_study
from reports.protection_rows import ProtectionRow
from tests.neuralfuse.small import digits, settings, trained_base

Study = Callable[..., list[Path]]


@pytest.fixture(scope="module")
def networks(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """A base, the same weights stored otherwise for a robust one, another network, a generator."""
    folder, trained = tmp_path_factory.mktemp("networks"), trained_base()
    record = trained.record
    hardened = replace(record, quantization="rquant", training={**record.training, "clip": 0.2})
    for name, of in (("base", record), ("robust", hardened), ("other", replace(record, dataset="mnist"))):
        save_network(folder / f"{name}.safetensors", trained.model, of)
    generator = train_new_generator("convs", [trained], settings(), digits())
    save_network(folder / "generator.safetensors", generator.model, generator.record)
    return {path.stem: path for path in folder.glob("*.safetensors")}


@pytest.fixture(scope="module")
def study(networks: dict[str, Path]) -> Study:
    def run(out: Path, **changes: Any) -> list[Path]:
        arguments = {
            "base": networks["base"],
            "robust": networks["robust"],
            "generators": [networks["generator"]],
            "robust_generators": [],
            "rates": (0.001, 0.01),
            "chips": range(50_000, 50_002),
            "test_images": 20,
            "out": out,
            "min_accuracy_percent": 50.0,
            "protections": ("none", "secded-72-64", "8t-msb-2"),
            "by_bit": False,
        }
        return run_study(**{**arguments, **changes})

    return run


def test_everything_is_written_and_read_back(study: Study, tmp_path: Path) -> None:
    out, said = tmp_path / "study", []
    written = study(out, on_message=said.append)
    assert sorted(written) == sorted(path for path in out.rglob("*") if path.is_file())
    assert any("perturbed bases" in line for line in said)

    rows = read_accuracies(out / "accuracy.csv")
    assert len(rows) == 2 * 3 * (2 + 1)
    assert {(row.base_training, row.generator) for row in rows} == {
        ("", "none"), ("", "convs"), ("clip 0.2", "none"),
    }  # fmt: skip
    for measure in ("twma", "system"):
        shown = [
            row for _, row in read(ProtectionRow, out / f"protections-{measure}" / "protections.csv", "")
        ]
        measured = {(row.base, row.name): row for row in shown if row.perturbed_percent is not None}
        assert {row.measure for row in shown} == {measure}
        assert len(measured) == 3 * (2 + 1)
        assert (out / f"protections-{measure}" / "floors.csv").is_file()

    for suffix, words in (("", "VGG11 x 0.125 on digits"), ("-robust", "VGG11 x 0.125, clip 0.2 on digits")):
        found = read_sensitivity(out / f"sensitivity{suffix}" / "sensitivity.json")
        assert (found.base, len(found.layers)) == (words, 9)
        assignment = read_assignment(out / f"assignment{suffix}" / "assignment.json")
        names = [row.what for row in assignment.standings]
        assert names[:3] == ["by layer", "best uniform voltage", "by sensitivity alone"]
        assert names[3:] == [f"by shuffled sensitivity ({of} of {CONTROLS})" for of in ("mean", "cheapest")]
        assert f"of {CONTROLS} shuffled sensitivities" in assignment.verdict
        best, uniform = assignment.standings[:2]
        assert best.energy_percent <= uniform.energy_percent
        assert assignment.base == words


@pytest.mark.parametrize(
    ("changes", "kind", "said"),
    [
        ({"rates": (0.001,)}, InputError, "the rate to show, 1 %, is none of those"),
        ({"robust": "other"}, InputError, "the bases differ in dataset: digits and mnist"),
        ({"min_accuracy_percent": 99.99}, NfEnergyError, "has no 99.99 % without bit errors"),
        ({"test_images": 0}, InputError, "0 test images measure nothing"),
        ({"protections": ("nothing",)}, InputError, "no protection named 'nothing'"),
    ],
)
def test_what_cannot_be_compared_is_told_before_the_work(
    study: Study, networks: dict[str, Path], tmp_path: Path, changes: Any, kind: type[Exception], said: str
) -> None:
    out = tmp_path / "study"
    named = {
        name: networks.get(value, value) if name == "robust" else value for name, value in changes.items()
    }
    with pytest.raises(kind, match=said):
        study(out, **named)
    assert not out.exists()
