"""What a notebook calls: the command line's names and defaults, and results that show themselves."""

from __future__ import annotations

import inspect
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from importlib import import_module
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from torch import nn

import nfenergy
from neuralfuse.training.checkpoints import save_network
from nfenergy import api
from nfenergy.chip_arguments import ChipArguments
from nfenergy.commands import COMMANDS
from nfenergy.commands.groups import spliced
from nfenergy.commands.options import SelectionOptions
from nfenergy.ground.errors import InputError
from nfenergy.ground.tables import csv_text
from nfenergy.machine import MachineArguments
from nfenergy.sensitivity_files import sensitivity_json
from nfenergy.tabular import saving_of
from reports.published import published_tables
from reports.records import Saving
from tests.conftest import WriteTopology
from tests.neuralfuse.small import trained_base

CLOSED = {"engine": "closed-form"}


# Names


def test_importing_it_imports_nothing_heavy() -> None:
    code = (
        "import sys, nfenergy\n"
        "assert nfenergy.__version__ and 'simulate' in dir(nfenergy)\n"
        "found = {'numpy', 'torch', 'typer', 'pandas', 'pydantic', 'yaml', 'energy'} & set(sys.modules)\n"
        "sys.exit(f'imported: {sorted(found)}' if found else 0)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def test_its_names_are_the_apis() -> None:
    assert set(nfenergy.API) == set(api.__all__)
    for name in nfenergy.API:
        assert getattr(nfenergy, name) is getattr(api, name)
    assert nfenergy.__version__ == version("nfenergy")
    with pytest.raises(AttributeError, match="has no attribute 'simulat'"):
        nfenergy.simulat  # noqa: B018


def options(command: str) -> dict[str, Any]:
    """The defaults of a command's options by name."""
    module, function = COMMANDS[command][0].split(":")
    shown = inspect.signature(spliced(getattr(import_module(module), function)))
    return {name: parameter.default for name, parameter in shown.parameters.items()}


def arguments(function: Callable[..., object]) -> dict[str, Any]:
    """Likewise of a function; those of the machine are left out where not given."""
    own = {
        name: parameter.default
        for name, parameter in inspect.signature(function).parameters.items()
        if parameter.kind is not inspect.Parameter.VAR_KEYWORD and name != "on_progress"
    }
    return own | dict.fromkeys(MachineArguments.__annotations__) | {"assume_v2": False}


OUTPUT = {"as_json", "quiet", "out", "sensitivity", "assignment", "beside"}


def test_simulate_takes_what_the_command_takes() -> None:
    command = {name: value for name, value in options("simulate").items() if name not in OUTPUT}
    assert command == arguments(api.simulate)


def test_layers_takes_what_the_command_takes() -> None:
    command = {name: value for name, value in options("layers").items() if name not in {*OUTPUT, "format_"}}
    assert command.items() <= arguments(api.layers).items()


TRADEOFF = {"accuracy", "base", "gen", "savings"}
"""Lists and files, which the command line cannot have as defaults."""


def test_tradeoff_takes_what_report_takes() -> None:
    command = {name: value for name, value in options("report").items() if name not in OUTPUT}
    found = arguments(api.tradeoff)
    assert set(command) == set(found)
    assert {name for name in found if command[name] != found[name]} <= TRADEOFF
    assert SelectionOptions().arguments()["accuracy"] == [found["accuracy"]]
    assert not any((found["base"], found["gen"], found["savings"], command["base"], command["gen"]))


def test_recommend_takes_what_the_command_takes() -> None:
    command = {name: value for name, value in options("recommend").items() if name not in OUTPUT}
    found = arguments(api.tradeoff) | arguments(api.recommend)
    assert set(command) == set(found)
    assert {name for name in found if command[name] != found[name]} <= TRADEOFF


def test_protections_takes_what_the_command_takes() -> None:
    command = {name: value for name, value in options("protections").items() if name not in OUTPUT}
    assert command == arguments(api.protections)


def on_chips(function: Callable[..., object]) -> dict[str, Any]:
    """The arguments of what measures on chips; those to be told something left out."""
    own = {
        name: parameter.default
        for name, parameter in inspect.signature(function).parameters.items()
        if parameter.kind is not inspect.Parameter.VAR_KEYWORD and not name.startswith("on_")
    }
    return own | dict.fromkeys(ChipArguments.__annotations__) | {"verify": True}


def test_sensitivity_and_assign_take_what_the_commands_take() -> None:
    command = {name: value for name, value in options("sensitivity").items() if name not in OUTPUT}
    assert command == on_chips(api.sensitivity)
    command = {name: value for name, value in options("assign").items() if name not in OUTPUT}
    machine = dict.fromkeys(MachineArguments.__annotations__) | {"assume_v2": False}
    assert command == on_chips(api.assign) | machine


# Results


def shows_itself(result: Any, words: str) -> pd.DataFrame:
    """Its table; it says what it is in one line, and in HTML."""
    assert words in repr(result)
    assert "\n" not in repr(result)
    assert len(repr(result)) < 300
    html = result._repr_html_()
    assert html.startswith("<")
    assert html.rstrip().endswith(">")
    frame = result.to_frame()
    assert isinstance(frame, pd.DataFrame)
    return frame


def test_a_simulation() -> None:
    report = nfenergy.simulate("resnet18", "convs", sram_kb="64/128/64", **CLOSED)
    frame = shows_itself(report, "ResNet18 + ConvS on CIFAR-10 at 0.8333 of Vmin: saves 29.1 %")
    assert frame["twma_saving_percent"].item() == report.measures["twma"].saving_percent
    assert frame["filter_sram_kb"].item() == 128


def test_layers(topology_file: WriteTopology) -> None:
    found = nfenergy.layers(topology_file("Conv1, 8, 8, 3, 3, 2, 4, 1,"), array="8x8", **CLOSED)
    assert list(shows_itself(found, "<1 layers, ")["layer"]) == ["Conv1"]


def test_a_tradeoff_and_a_recommendation() -> None:
    chosen = {"base": "resnet18", "gen": ["convs", "unetl"]}
    comparison = nfenergy.tradeoff(**chosen)
    frame = shows_itself(comparison, "trade-offs on 32x32 os")
    assert {"convs", "unetl", "none"} == set(frame["generator"])
    choice = nfenergy.recommend(min_accuracy=50, ber=0.01, **chosen)
    ranked = shows_itself(choice, "ResNet18")
    assert ranked["perturbed_accuracy_percent"].min() >= 50
    assert ranked["twma_saving_percent"].is_monotonic_decreasing


def test_a_sweep(tmp_path: Path) -> None:
    result = nfenergy.sweep({"bases": ["vgg11"], "bit_error_rates": ["1%", 0.003]}, tmp_path)
    assert list(shows_itself(result, "<2 rows in ")["bit_error_rate"]) == [0.01, 0.003]


def test_a_topology_of_any_model() -> None:
    found = nfenergy.topology_of(nn.Sequential(nn.Conv2d(3, 8, 3)), (3, 8, 8), convention="paper")
    assert [layer.filters for layer in found.layers] == [8]


def test_published_tables_and_curves() -> None:
    assert len(nfenergy.published(published_tables()[0])) > 0
    assert nfenergy.load_curve("stutz2021-14nm").name == "stutz2021-14nm"


def test_protections() -> None:
    found = nfenergy.protections("resnet18", gen=["convs"], ber="1%", secded_read_factor=1.2)
    frame = shows_itself(found, "protections of ResNet18 on CIFAR-10 at 0.8333 of Vmin>")
    energy = frame.set_index(["protection", "generator"])["energy_percent"]
    assert energy["secded-72-64", "none"] == pytest.approx(69.4 * 1.2)
    assert energy["none", "convs"] > energy["none", "none"]


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("trained") / "base.safetensors"
    save_network(path, trained_base().model, trained_base().record)
    return path


def test_sensitivity_of_layers(checkpoint: Path) -> None:
    found = nfenergy.sensitivity(checkpoint, ber="1%", seeds=2, images=40, by_bit=False)
    frame = shows_itself(found, "is the most sensitive")
    assert len(frame) == len(found.layers) == 9
    assert found.base == "VGG11 x 0.125 on digits"
    record = sensitivity_json(found)
    assert (record["base"], len(record["layers"])) == (found.base, 9)


def test_an_assignment_of_voltages_or_banks(checkpoint: Path, tmp_path: Path) -> None:
    found = nfenergy.assign(checkpoint, min_accuracy=70, seeds=2, images=40, groups=2)
    assert set(shows_itself(found, "layers with")["group"]) == {1, 2}
    assert found.as_json()["base"] == "VGG11 x 0.125 on digits"
    drawn = np.random.default_rng(0).random((1024, 1024))
    np.save(tmp_path / "map.npy", np.stack([drawn < 0.005, drawn > 0.995]))
    placed = nfenergy.assign(checkpoint, fault_map=tmp_path / "map.npy", bank_cells=4096, seeds=2, images=20)
    assert list(shows_itself(placed, "cleanest banks")["draws"]) == [2, 1, 1]
    assert placed.write(tmp_path / "out") == [tmp_path / "out" / "placements.csv"]


def test_other_data_than_those_of_the_training_are_told(tmp_path: Path) -> None:
    path = tmp_path / "base.safetensors"
    save_network(path, trained_base().model, replace(trained_base().record, data="0000"))
    with pytest.warns(UserWarning, match="was trained for other digits data"):
        nfenergy.sensitivity(path, seeds=1, images=5, by_bit=False)
    with pytest.raises(InputError, match="0 chips measure nothing"):
        nfenergy.sensitivity(path, seeds=0, images=5, on_warning=lambda message: None)
    with pytest.raises(InputError, match="0 test images measure nothing"):
        nfenergy.sensitivity(path, images=0, on_warning=lambda message: None)


# Arguments


@pytest.mark.parametrize("rate", [0.01, "1%", "0.01"])
def test_a_rate_is_a_fraction_or_text(rate: str | float) -> None:
    assert nfenergy.simulate("vgg11", ber=rate, **CLOSED).operating_point.bit_error_rate == 0.01


def test_percentages_are_checked() -> None:
    with pytest.raises(InputError, match=r"for 0\.85 write 85"):
        nfenergy.recommend(min_accuracy=0.85)


@pytest.mark.parametrize("jobs", [1, 3])
def test_jobs_reach_the_machine(jobs: int) -> None:
    assert nfenergy.simulate("vgg11", jobs=jobs, **CLOSED).machine.jobs == jobs


def test_a_machine_is_described_in_words() -> None:
    machine = nfenergy.simulate(
        "vgg11", array="16x8", dataflow="WS", sram_kb=16, convention="exact", deconv="subpixel",
        weight_bits=4, clock_ghz=0.5, **CLOSED,
    ).machine  # fmt: skip
    array = machine.array
    assert (array.rows, array.cols, array.dataflow, array.ofmap_sram_kb) == (16, 8, "ws", 16)
    assert (machine.mapping, machine.weight_bits, machine.clock_ghz) == ("subpixel", 4, 0.5)


@pytest.mark.parametrize(
    ("argument", "value", "message"),
    [
        ("sram_kb", "64/128", "--sram-kb is '64/128', expected 64 or 64/128/64"),
        ("sram_kb", "large", "--sram-kb is 'large'"),
        ("sram_kb", 0, "sram_kb is 0"),
        ("bandwidth", "-1", "--bandwidth is '-1', expected 10 or 10/10/10"),
        ("engine", "magic", "no engine named 'magic'"),
        ("config", "tpu", "no file and no preset 'tpu'"),
    ],
)
def test_what_cannot_be_used_is_refused(argument: str, value: object, message: str) -> None:
    with pytest.raises(InputError) as error:
        nfenergy.simulate("vgg11", **{**CLOSED, argument: value})  # type: ignore[arg-type]
    assert message in str(error.value)


# Savings from a file


def savings_file(folder: Path, *machines: dict[str, Any]) -> Path:
    reports = [
        nfenergy.simulate("vgg11", gen, **{**CLOSED, **machine})
        for machine in machines
        for gen in (None, "convs")
    ]
    path = folder / "savings.csv"
    path.write_text(csv_text(Saving, map(saving_of, reports)))
    return path


def test_a_file_of_several_machines_is_filtered_or_refused(tmp_path: Path) -> None:
    path = savings_file(tmp_path, {"array": "8x8"}, {"array": "256x256", "sram_kb": "64/128/64"})
    with pytest.raises(InputError) as error:
        nfenergy.tradeoff(savings=path)
    assert "several machines; choose one with --array (" in str(error.value)
    small, large = (nfenergy.tradeoff(savings=path, array=array) for array in ("8x8", "256x256"))
    assert (small.machine.array.rows, large.machine.array.filter_sram_kb) == (8, 128)
    assert "8x8 os" in repr(small)
    with pytest.raises(InputError, match="no saving for these accuracies with array_rows 16"):
        nfenergy.tradeoff(savings=path, array="16x16")
