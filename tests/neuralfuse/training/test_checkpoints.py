from __future__ import annotations

import json
import os
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from neuralfuse.training.checkpoint_files import fill, load, save
from neuralfuse.training.checkpoints import NetworkRecord, build, load_network, save_network
from nfenergy.ground.errors import InputError, NfEnergyError, UnknownName
from tests.neuralfuse.small import RECORD

GENERATOR = NetworkRecord(kind="generator", network="convs", dataset="digits", training={"seed": 3})
NETWORKS = {
    "batch": RECORD,
    "group": replace(RECORD, normalization="group"),
    "resnet": replace(RECORD, network="resnet18"),
    "generator": GENERATOR,
    "uip": replace(GENERATOR, network="uip"),
}


@pytest.mark.parametrize("record", NETWORKS.values(), ids=NETWORKS)
def test_a_network_comes_back_bit_for_bit(tmp_path: Path, record: NetworkRecord) -> None:
    model = build(record)
    save_network(tmp_path / "network.safetensors", model, record)
    loaded, found = load_network(tmp_path / "network.safetensors", record.kind)
    assert found == record
    assert not loaded.training
    expected = model.state_dict()
    assert expected.keys() == loaded.state_dict().keys()
    assert all(torch.equal(value, expected[name]) for name, value in loaded.state_dict().items())


def test_the_record_stands_beside_the_file_as_json(tmp_path: Path) -> None:
    save_network(tmp_path / "g.safetensors", build(GENERATOR), GENERATOR)
    beside = json.loads((tmp_path / "g.json").read_text())
    assert beside["network"] == "convs"
    assert beside["training"] == {"seed": 3}
    assert sorted(path.name for path in tmp_path.iterdir()) == ["g.json", "g.safetensors"]


def test_any_truncation_is_one_clear_error(tmp_path: Path) -> None:
    path = tmp_path / "uip.safetensors"
    record = NETWORKS["uip"]
    save_network(path, build(record), record)
    whole = path.read_bytes()
    for length in (0, 4, 8, 100, len(whole) // 2, len(whole) - 1):
        path.write_bytes(whole[:length])
        with pytest.raises(InputError, match="no whole safetensors file") as error:
            load(path, "generator")
        assert "\n" not in str(error.value)


@pytest.mark.parametrize("metadata", [None, {"format": "pt"}, {"nfenergy": "{"}, {"nfenergy": "[]"}])
def test_a_foreign_file_is_refused(tmp_path: Path, metadata: dict[str, str] | None) -> None:
    save_file({"weight": torch.zeros(2)}, tmp_path / "foreign.safetensors", metadata)
    with pytest.raises(InputError, match="not written by this version of nfenergy"):
        load(tmp_path / "foreign.safetensors", "base")


def test_a_pickle_is_refused_and_not_run(tmp_path: Path) -> None:
    path = tmp_path / "model.pt"
    torch.save(build(GENERATOR).state_dict(), path)
    with pytest.raises(InputError, match="no whole safetensors file"):
        load(path, "generator")


def test_a_missing_file_and_a_folder_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no checkpoint at"):
        load(tmp_path / "none.safetensors", "base")
    with pytest.raises(InputError, match=r"is a folder; .* such as .*base\.safetensors"):
        load(tmp_path, "base")


def test_a_checkpoint_of_another_kind_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "g.safetensors"
    save_network(path, build(GENERATOR), GENERATOR)
    with pytest.raises(InputError, match="is a generator checkpoint, expected base"):
        load_network(path, "base")


def test_weights_of_another_network_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "g.safetensors"
    save_network(path, build(GENERATOR), replace(GENERATOR, network="deconvs"))
    with pytest.raises(InputError, match=r"another network than it says|the network needs"):
        load_network(path, "generator")
    wider = replace(RECORD, width=0.25)
    save_network(path, build(RECORD), wider)
    with pytest.raises(InputError, match=r"features\.0\.weight has shape \[8, .*needs \[16, 3, 3, 3\]"):
        load_network(path, "base")


def test_an_unknown_network_or_field_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "g.safetensors"
    save_network(path, build(GENERATOR), replace(GENERATOR, network="convx"))
    with pytest.raises(UnknownName, match="convx"):
        load_network(path, "generator")
    save(path, kind="generator", record={"colour": "red"}, tensors={})
    with pytest.raises(InputError, match="describes no network"):
        load_network(path, "generator")


def test_fill_leaves_the_model_alone_when_it_refuses(tmp_path: Path) -> None:
    model = build(GENERATOR)
    before = {name: value.clone() for name, value in model.state_dict().items()}
    tensors = {name: torch.ones_like(value) for name, value in before.items()}
    tensors.popitem()
    with pytest.raises(InputError, match="lacks"):
        fill(model, tensors, tmp_path)
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())


def test_a_failed_write_leaves_the_earlier_checkpoint(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "g.safetensors"
    save_network(path, build(GENERATOR), GENERATOR)
    before = path.read_bytes()

    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(NfEnergyError, match="No space left"):
        save_network(path, build(GENERATOR), GENERATOR)
    assert path.read_bytes() == before
    assert sorted(entry.name for entry in tmp_path.iterdir()) == ["g.json", "g.safetensors"]
