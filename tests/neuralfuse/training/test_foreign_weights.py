"""Weights that others trained become ours under their names; what does not fit is one clear line."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor, nn

from neuralfuse.training.checkpoints import NetworkRecord, build, load_network, save_network
from neuralfuse.training.foreign_weights import ForeignWeights, fit_weights, input_statistics, read_weights
from neuralfuse.training.imports import import_network
from nfenergy.ground.errors import InputError
from tests.conftest import RunCli
from tests.neuralfuse.small import RECORD, digits, trained_base

FILE = Path("theirs.pt")
Tensors = dict[str, Tensor]

NAMINGS = {
    "torchvision": {r"\.shortcut\.": ".downsample."},
    "neuralfuse": {r"^fc\.": "linear."},
    "stutz": {
        r"^layer(\d)": r"block\1",
        r"\.bn(\d)\.": r".norm\1.",
        r"\.shortcut\.": ".downsample.",
        r"^fc\.": "logits.",
    },
}
"""How released files call the modules of a ResNet, by our names."""


def _network(network: str, *, norm: str = "batch", seed: int = 0) -> nn.Module:
    kind = "generator" if network in ("convs", "unets") else "base"
    width = 0.125 if kind == "base" else 1.0
    torch.manual_seed(seed)
    model = build(replace(RECORD, kind=kind, network=network, width=width, normalization=norm))
    for name, buffer in model.named_buffers():
        if name.endswith(("mean", "var")):
            buffer.uniform_(0.5, 1.5)
    return model.eval()


def _renamed(tensors: Tensors, rules: dict[str, str]) -> Tensors:
    found = {}
    for name, tensor in tensors.items():
        for pattern, text in rules.items():
            name = re.sub(pattern, text, name)
        found[name] = tensor
    return found


def _fit(model: nn.Module, tensors: Tensors) -> bool:
    return fit_weights(model, ForeignWeights(tensors=tensors, sha256=""), FILE)


def _same(one: nn.Module, other: nn.Module) -> bool:
    x = torch.rand(2, 3, 32, 32)
    return torch.equal(one(x), other(x))


@pytest.mark.parametrize("naming", NAMINGS)
@pytest.mark.parametrize("network", ["resnet18", "resnet50"])
def test_released_resnets_fit_under_their_own_names(network: str, naming: str) -> None:
    theirs, ours = _network(network), _network(network, seed=1)
    assert not _same(theirs, ours)
    assert _fit(ours, _renamed(theirs.state_dict(), NAMINGS[naming]))
    assert _same(theirs, ours)


@pytest.mark.parametrize("network", ["convs", "unets"])
def test_generators_fit_whose_layers_have_names_of_their_own(network: str) -> None:
    theirs, ours = _network(network), _network(network, seed=1)
    modules = {name.rpartition(".")[0]: None for name in theirs.state_dict()}
    new = {name: f"layer_{number}" for number, name in enumerate(modules)}
    tensors = {
        f"{new[name.rpartition('.')[0]]}.{name.rpartition('.')[2]}": tensor
        for name, tensor in theirs.state_dict().items()
    }
    assert _fit(ours, tensors)
    assert _same(theirs, ours)


def test_equal_names_need_no_order_and_no_counted_batches() -> None:
    theirs, ours = _network("resnet20"), _network("resnet20", seed=1)
    tensors = dict(reversed(list(theirs.state_dict().items())))
    assert not _fit(ours, {name: value for name, value in tensors.items() if "num_batches" not in name})
    assert _same(theirs, ours)


def test_a_shifted_scale_is_a_plain_weight_in_files() -> None:
    theirs, ours = (_network("resnet20", norm="group-shifted", seed=seed) for seed in (0, 1))
    rules = {r"\.parametrizations\.weight\.original$": ".weight"} | NAMINGS["stutz"]
    assert _fit(ours, _renamed(theirs.state_dict(), rules))
    assert _same(theirs, ours)


def test_what_differs_is_listed_in_one_line() -> None:
    ours = _network("resnet20")
    tensors = ours.state_dict()
    short = {name: value for name, value in tensors.items() if not name.startswith("layer3")}
    with pytest.raises(InputError, match=r"lacks layer3\.0\.bn1\.bias, .* and \d+ more; matched"):
        _fit(ours, short)
    with pytest.raises(InputError, match=r"lacks fc\.bias and has a superfluous fc\.shift;.* meets fc \("):
        _fit(ours, _renamed(tensors, {r"^fc\.bias": "fc.shift"}))
    wide = {**tensors, "fc.weight": torch.zeros(5, 32)}
    with pytest.raises(InputError, match=r"other shapes .* fc\.weight \[5, 32\] for \[10, 32\]"):
        _fit(ours, wide)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda weight: weight.long(), "no plain tensor"),
        (lambda weight: weight.to(torch.complex64), "no plain tensor"),
        (lambda weight: weight.to_sparse(), "no plain tensor"),
        (lambda weight: weight.to("meta"), "no plain tensor"),
        (lambda weight: weight * torch.nan, "not finite"),
        (lambda weight: weight.double().fill_(1e300), "not finite"),
    ],
)
def test_weights_that_are_no_numbers_are_refused(change: Callable[[Tensor], Tensor], said: str) -> None:
    ours = nn.Linear(4, 4)
    tensors = ours.state_dict()
    with pytest.raises(InputError, match=rf"theirs\.pt: weight .*{said}"):
        _fit(ours, {**tensors, "weight": change(tensors["weight"])})


def test_a_pipe_is_no_file_of_weights(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.pt")
    with pytest.raises(InputError, match="no regular file"):
        read_weights(tmp_path / "pipe.pt")


@pytest.mark.parametrize(("mean", "deviation"), [(torch.nan, 1.0), (0.5, torch.inf)])
def test_statistics_of_images_are_finite(mean: float, deviation: float) -> None:
    with pytest.raises(InputError, match="give one or three of each"):
        input_statistics([mean], [deviation])


def test_modules_that_both_name_do_not_change_places() -> None:
    ours = nn.Sequential(nn.Linear(4, 4), nn.Linear(4, 4))
    tensors = ours.state_dict()
    swapped = {
        name.replace("0.", "a.") if "0." in name else name.replace("1.", "0."): value
        for name, value in tensors.items()
    }
    with pytest.raises(InputError, match="would change places"):
        _fit(ours, swapped)


def test_files_of_every_form_are_read_and_none_is_run(tmp_path: Path) -> None:
    tensors = {"a": torch.ones(2), "b": torch.zeros(1)}
    wrapped = {"epoch": 3, "model_state_dict": {f"module.{name}": value for name, value in tensors.items()}}
    torch.save(wrapped, tmp_path / "a.pt")
    torch.save({"model": tensors, "optimizer": None}, tmp_path / "b.pth.tar")
    save_file(tensors, tmp_path / "c.safetensors")
    for file in ("a.pt", "b.pth.tar", "c.safetensors"):
        assert list(read_weights(tmp_path / file).tensors) == ["a", "b"]
    torch.save(nn.Linear(2, 2), tmp_path / "module.pt")
    torch.save([1, 2], tmp_path / "list.pt")
    for file, text in (("text.pt", "hello"), ("text.safetensors", "hello")):
        (tmp_path / file).write_text(text)
    for file, message in (
        ("module.pt", "code in it is not run"),
        ("list.pt", "holds no state dict"),
        ("text.pt", "neither a whole file of torch.save"),
        ("text.safetensors", "no whole safetensors file"),
        ("none.pt", "cannot read weights"),
    ):
        with pytest.raises(InputError, match=message):
            read_weights(tmp_path / file)


def test_images_are_whitened_as_the_base_expects_them(tmp_path: Path) -> None:
    """A base for pixels in [0, 1], and one whose file has its own whitening: both get what they expect."""
    record = replace(RECORD, network="resnet20", training={})
    theirs = _network("resnet20")
    path = tmp_path / "theirs.pt"
    mean, deviation = torch.tensor([0.4, 0.5, 0.6]), torch.tensor([0.2, 0.25, 0.3])
    torch.save(theirs.state_dict() | {"whiten.weight": mean, "whiten.bias": deviation}, path)
    pixels = torch.rand(2, 3, 32, 32)
    wanted = theirs((pixels - mean[:, None, None]) / deviation[:, None, None])
    imported, _ = import_network(record, read_weights(path), path, digits())
    assert torch.allclose(imported.model(2 * pixels - 1), wanted, atol=1e-5)
    save_network(tmp_path / "base.safetensors", imported.model, imported.record)
    again, _ = load_network(tmp_path / "base.safetensors", "base")
    assert torch.equal(again(2 * pixels - 1), imported.model(2 * pixels - 1))
    torch.save(theirs.state_dict(), path)
    plain, _ = import_network(record, read_weights(path), path, digits(), mean=[0.0], deviation=[1.0])
    assert torch.allclose(plain.model(2 * pixels - 1), theirs(pixels), atol=1e-5)
    with pytest.raises(InputError, match="deviations above 0"):
        input_statistics([0.5], [0.0])


def test_the_command_takes_in_what_was_trained_and_refuses_the_rest(tmp_path: Path, cli: RunCli) -> None:
    trained = trained_base()
    torch.save({"state_dict": trained.model.state_dict()}, tmp_path / "theirs.pt")
    command = ("import-weights", tmp_path / "theirs.pt", "--base", "vgg11", "--data", "digits")
    done = cli(*command, "--width", "0.125", "--out", tmp_path / "out")
    assert done.status == 0, done.stderr
    accuracy = trained.record.training["test_accuracy_percent"]
    assert f"accuracy {accuracy:.1f} % without bit errors" in done.stdout
    _, record = load_network(tmp_path / "out" / "base.safetensors", "base")
    assert (record.data, record.training["imported_from"]) == (trained.record.data, "theirs.pt")
    for options, message in (
        (("--width", "0.125"), "holds a run already"),
        (("--overwrite",), "other shapes than the network"),
        (("--overwrite", "--base", "resnet18"), "lacks bn1.bias"),
        (("--mean", "0"), "go together"),
        (("--mean", "x", "--deviation", "1"), "no list of numbers"),
        (("--mean", "0_1", "--deviation", "1"), "no list of numbers"),
        (("--gen", "convs", "--mean", "0", "--deviation", "1"), "are of bases"),
    ):
        refused = cli(*command, *options, "--out", tmp_path / "out")
        assert refused.status == 2
        assert message in refused.error
    assert load_network(tmp_path / "out" / "base.safetensors", "base")[1] == record


def test_a_generator_is_taken_in_as_well(tmp_path: Path, cli: RunCli) -> None:
    torch.save(_network("convs").state_dict(), tmp_path / "g.pt")
    command = ("import-weights", tmp_path / "g.pt", "--gen", "convs", "--data", "digits", "--out", tmp_path)
    assert cli(*command).status == 0
    _, record = load_network(tmp_path / "generator.safetensors", "generator")
    assert isinstance(record, NetworkRecord)
    assert record.network == "convs"
