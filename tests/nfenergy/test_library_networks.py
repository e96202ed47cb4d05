"""Networks of installed libraries, on libraries written for the tests: nothing is downloaded."""

from __future__ import annotations

import importlib
import json
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from neuralfuse.library_networks import LibraryNetwork, library_names
from neuralfuse.registry import DATASETS
from neuralfuse.user_networks import find_network
from nfenergy import networks
from nfenergy.ground.errors import InputError, UnknownName
from nfenergy.networks import network_model
from tests.conftest import RunCli
from topologies.convention import CONVENTIONS

CIFAR, EXACT = DATASETS["cifar10"], CONVENTIONS["exact"]

TIMM = """
import torch
from torch import nn

class Net(nn.Module):
    def __init__(self, classes, times=1):
        super().__init__()
        self.stem, self.times = nn.Conv2d(3, 4, 3), times
        self.head = nn.Linear(4, classes)
    def forward(self, x):
        for _ in range(int(self.times)):
            y = self.stem(x)
        return self.head(y.mean((2, 3)))

class Values(Net):
    def __init__(self, classes):
        super().__init__(classes)
        del self.times
        self.register_buffer("times", torch.tensor(2))

def broken(classes): raise RuntimeError("no luck\\nat all")
def reads(classes): return Net(classes, times=float(torch.linspace(1, 2, 2)[1]))
MODELS = {"net_tiny": Net, "values": Values, "broken": broken, "reads": reads}
def list_models(): return list(MODELS)
def create_model(name, pretrained, num_classes):
    assert pretrained is False
    return MODELS[name](num_classes)
"""
TRANSFORMERS = """
import json, types
import torch
from torch import nn

class Config(types.SimpleNamespace):
    pass

class BertModel(nn.Module):
    main_input_name = "input_ids"
    def __init__(self, config):
        super().__init__()
        self.config = config
        self.table, self.linear = nn.Embedding(9, 4), nn.Linear(4, config.width)
    def forward(self, input_ids, attention_mask=None):
        return self.linear(self.table(input_ids))
    @classmethod
    def _from_config(cls, config, experts_implementation): return cls(config)

class ViTModel(BertModel):
    main_input_name = "pixel_values"
    def forward(self, pixel_values):
        return self.linear(pixel_values.mean((2, 3))[:, :1].expand(-1, 4))

class OddModel(BertModel):
    main_input_name = "molecules"
    def forward(self, molecules):
        return molecules

CLASSES = {"bert": BertModel, "vit": ViTModel, "odd": OddModel}
class AutoConfig:
    @staticmethod
    def for_model(name): return Config(name=name, width=5, max_position_embeddings=64)
    @staticmethod
    def from_pretrained(path, local_files_only):
        assert local_files_only
        return Config(**json.load(open(path)))
class AutoModel:
    @staticmethod
    def from_config(config, experts_implementation): return CLASSES[config.name](config)
"""


@pytest.fixture
def libraries(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A timm and a transformers with a handful of networks; no torchvision."""
    folder = tmp_path / "site"
    auto = folder / "transformers" / "models" / "auto"
    auto.mkdir(parents=True)
    (folder / "timm.py").write_text(TIMM)
    (folder / "transformers" / "__init__.py").write_text(TRANSFORMERS)
    (auto / "configuration_auto.py").write_text(
        "CONFIG_MAPPING_NAMES = {'vit': 1, 'bert': 1, 'odd': 1, 'old': 1}"
    )
    (auto / "modeling_auto.py").write_text("MODEL_MAPPING_NAMES = {'vit': 1, 'bert': 1, 'odd': 1}")
    for name, number in (("timm", "1.2"), ("transformers", "3.4")):
        (folder / f"{name}-{number}.dist-info").mkdir()
        (folder / f"{name}-{number}.dist-info" / "METADATA").write_text(
            f"Metadata-Version: 2.1\nName: {name}\nVersion: {number}\n"
        )
    monkeypatch.syspath_prepend(str(folder))
    monkeypatch.setitem(sys.modules, "torchvision", None)
    for name in [name for name in sys.modules if name.partition(".")[0] in ("timm", "transformers")]:
        monkeypatch.delitem(sys.modules, name)
    importlib.invalidate_caches()
    yield folder
    for name in [name for name in sys.modules if name.partition(".")[0] in ("timm", "transformers")]:
        del sys.modules[name]


def test_the_data_set_decides_classes_and_input(libraries: Path, empty_cache: Path) -> None:
    network = find_network("timm:net_tiny", "base")
    assert isinstance(network, LibraryNetwork)
    assert (network.name, network.title, network.role) == ("timm:net_tiny", "timm:net_tiny", "base")
    model = network_model(network, DATASETS["gtsrb"], EXACT)
    assert [tuple(layer.shape) for layer in model.topology.layers] == [
        (32, 32, 3, 3, 3, 4, 1),
        (1, 1, 1, 1, 4, 43, 1),
    ]
    larger = network_model(network, DATASETS["gtsrb"], EXACT, input_shape=(3, 64, 48))
    assert larger.topology.layers[0].ifmap_h == 64


def test_it_is_recalled_until_the_library_changes(
    libraries: Path, empty_cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    network = find_network("timm:net_tiny", "base")
    built = network_model(network, CIFAR, EXACT)
    with monkeypatch.context() as patch:
        patch.setattr(networks, "build_network_model", None)
        assert network_model(network, CIFAR, EXACT) == built
    monkeypatch.setattr("neuralfuse.library_networks.version", lambda library: "9")
    assert network_model(network, CIFAR, EXACT) == built
    assert len(list(empty_cache.glob("networks/*/*"))) == 2


@pytest.mark.parametrize(("name", "stems"), [("values", 2), ("reads", 2)])
def test_values_are_read_where_a_network_needs_them(
    libraries: Path, empty_cache: Path, name: str, stems: int
) -> None:
    layers = network_model(find_network(f"timm:{name}", "base"), CIFAR, EXACT).topology.layers
    assert [layer.operation for layer in layers] == ["conv2d"] * stems + ["linear"]


def test_transformers_are_named_by_type_or_configuration(
    libraries: Path, empty_cache: Path, tmp_path: Path
) -> None:
    model = network_model(find_network("transformers:bert", "base"), CIFAR, EXACT)
    assert [tuple(layer.shape) for layer in model.topology.layers] == [(64, 1, 1, 1, 4, 5, 1)]
    assert str(model.topology.coverage).endswith("100 % of MACs; embeddings read 256 weights")
    config = tmp_path / "config.json"
    for width in (6, 7):
        config.write_text(json.dumps({"name": "bert", "width": width, "architectures": ["BertModel"]}))
        model = network_model(find_network(f"transformers:{config}", "base"), CIFAR, EXACT, batch=2)
        assert [tuple(layer.shape) for layer in model.topology.layers] == [(256, 1, 1, 1, 4, width, 1)]


def test_images_have_the_data_sets_or_the_configurations_size(libraries: Path, empty_cache: Path) -> None:
    model = network_model(find_network("transformers:vit", "generator"), CIFAR, EXACT)
    assert len(model.topology.layers) == 1


def test_names_are_listed(libraries: Path) -> None:
    assert library_names("timm") == ["broken", "net_tiny", "reads", "values"]
    assert library_names("Transformers") == ["bert", "odd", "vit"]
    with pytest.raises(UnknownName, match="no library named 'keras'"):
        library_names("keras")


def test_the_command_lists_them(libraries: Path, cli: RunCli) -> None:
    listed = cli("list", "bases", "--library", "timm")
    assert listed.stdout == "bases:\n  timm:broken\n  timm:net_tiny\n  timm:reads\n  timm:values\n"
    assert json.loads(cli("list", "--library", "timm", "--json").stdout)["bases"]["timm:broken"] == ""
    refused = cli("list", "curves", "--library", "timm")
    assert refused.status == 2
    assert refused.error == "a library has base models, no curves; write: nfenergy list bases --library timm"


@pytest.mark.parametrize(
    ("name", "message"),
    [
        (
            "torchvision:resnet18",
            "torchvision is not installed here; install it beside nfenergy: pip install torchvi",
        ),
        ("timm:", "'timm:' names no network; write timm:NAME"),
        (
            "timm:net_tinny",
            "timm:net_tinny: timm has no network named 'net_tinny'. Did you mean 'net_tiny'? It has 4.",
        ),
        ("timm:broken", "timm:broken: timm cannot build it: no luck"),
        (
            "transformers:brt",
            "transformers:brt: transformers has no network named 'brt'. Did you mean 'bert'?",
        ),
        (
            "transformers:odd",
            "transformers:odd: its forward pass takes molecules, of which nothing is known here;",
        ),
        ("transformers:absent.json", "cannot read configuration absent.json: No such file or directory"),
    ],
)
def test_what_cannot_be_used_is_one_line(
    libraries: Path, cli: RunCli, empty_cache: Path, name: str, message: str
) -> None:
    found = cli("simulate", "--base", name, "--convention", "exact", "--engine", "closed-form")
    assert (found.status, found.error[: len(message)]) == (2, message)


def test_a_width_is_refused(libraries: Path, empty_cache: Path) -> None:
    with pytest.raises(InputError, match=r"timm decides its width; leave out width 0.5"):
        network_model(find_network("timm:net_tiny", "base"), CIFAR, EXACT, width=0.5)


def test_the_library_is_not_imported_before_it_builds(libraries: Path) -> None:
    find_network("timm:net_tiny", "base")
    assert "timm" not in sys.modules


def test_a_run_names_the_network_as_it_was_typed(libraries: Path, cli: RunCli, empty_cache: Path) -> None:
    options = ("--convention", "exact", "--engine", "closed-form", "--json")
    shown = json.loads(cli("simulate", "--base", "timm:net_tiny", *options).stdout)
    assert shown["base"]["name"] == "timm:net_tiny"
    repeated = cli(*shown["provenance"]["command"][1:], "--json")
    assert json.loads(repeated.stdout) == shown
