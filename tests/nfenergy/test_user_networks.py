"""Networks of one's own, ``file.py:function``: counted as named ones are, and never recalled."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from torch import nn

from energy import counts
from energy.array import PRESETS
from energy.closed_form.engine import simulate as closed_form
from neuralfuse.registry import DATASETS
from neuralfuse.user_networks import find_network
from nfenergy.exports import export
from nfenergy.ground.errors import InputError
from nfenergy.networks import network_model
from tests.conftest import RunCli, cli_command, snapshot
from tests.nfenergy.counted import simulate
from tests.nfenergy.own_networks import NETWORKS, WriteFile, build
from topologies.convention import CONVENTIONS
from topologies.lowering import topology_of

pytestmark = pytest.mark.usefixtures("one_torch_thread")


# What it counts


@pytest.mark.parametrize("convention", sorted(CONVENTIONS))
@pytest.mark.parametrize("dataset", ["cifar100", "imagenet10"])
def test_the_topology_is_that_of_the_module(write: WriteFile, convention: str, dataset: str) -> None:
    result = simulate(f"{write()}:build", convention=convention, dataset=dataset).base
    data = DATASETS[dataset]
    module = build(data.classes)
    by_hand = topology_of(
        module, data.image_shape, name="my_net.py:build", convention=CONVENTIONS[convention]
    )
    assert result.model.topology == by_hand
    assert str(by_hand.coverage) == "4 of 4 weighted layers, 100 % of MACs"
    assert result.twma == counts.twma(closed_form(by_hand, PRESETS["scale"]), weight_bits=8)
    assert result.model.size.params == sum(parameter.numel() for parameter in module.parameters())


def test_a_named_network_in_a_file_of_ones_own_keeps_its_figures(write: WriteFile) -> None:
    own = write(
        "from neuralfuse.networks.vgg import vgg11\n"
        "from neuralfuse.networks.generators import deconv_small as generator\n"
        "def base(): return vgg11(classes=10, imagenet=False, width=1.0)\n"
    )
    ours, named = simulate(f"{own}:base", f"{own}:generator"), simulate("vgg11", "deconvs")
    assert (ours.measures, ours.latency) == (named.measures, named.latency)
    for mine, theirs in zip(ours.networks, named.networks, strict=True):
        assert (mine.counts, mine.model.size) == (theirs.counts, theirs.model.size)


def test_scalesim_counts_the_same(write: WriteFile, empty_cache: Path) -> None:
    path = write()
    report = simulate(f"{path}:tiny", f"{path}:repair", engine="both")
    assert report.networks[0].model.network.title == "my_net.py:tiny"
    assert report.networks[1].model.network.title == "my_net.py:repair"
    assert report.base.counts == simulate(f"{path}:tiny").base.counts
    assert not list(empty_cache.glob("networks/*"))


# How it is built


def test_a_class_of_modules_and_an_imported_function_are_functions_too(write: WriteFile) -> None:
    path = write(
        "class Net(nn.Sequential):\n"
        "    def __init__(self, num_classes):\n"
        "        super().__init__(nn.Flatten(), nn.Linear(3072, num_classes))\n"
        "        self.kept = [num_classes]\n"
        "def optional(classes=7): return Net(classes)\n"
    )
    assert simulate(f"{path}:Net", dataset="cifar100").base.counts[0].layer == "1"
    for function, outputs in (("Net", 43), ("optional", 7)):
        model = simulate(f"{path}:{function}", dataset="gtsrb").base.model
        assert [layer.filters for layer in model.topology.layers] == [outputs]


@pytest.mark.parametrize(
    "source",
    [
        "def build(): return nn.Conv2d(3, int(torch.linspace(1, 8, 2)[1].item()), 3)",
        "NET = nn.Conv2d(3, 8, 3)\nassert bool(NET.weight.abs().max() > 0)\ndef build(): return NET",
        "def build(): return nn.Sequential(nn.Conv2d(3, 8, 3, device='cpu'), nn.BatchNorm2d(8))",
        "NET = nn.Conv2d(3, 8, 3)\nNET.load_state_dict(torch.load('weights.pt'))\ndef build(): return NET",
    ],
    ids=["values", "condition", "cpu", "weights"],
)
def test_weights_and_values_are_allowed(
    write: WriteFile,
    source: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    recwarn: pytest.WarningsRecorder,
) -> None:
    monkeypatch.chdir(tmp_path)
    torch.save(nn.Conv2d(3, 8, 3).state_dict(), "weights.pt")
    for convention in CONVENTIONS:
        model = simulate(f"{write(source)}:build", convention=convention).base.model
        assert model.topology.layers[0].filters == 8
    assert not recwarn.list


def test_nothing_is_allocated_for_weights(write: WriteFile) -> None:
    path = write("def build(): return nn.Sequential(nn.Flatten(), nn.Linear(3072, 10**9, bias=False))")
    assert simulate(f"{path}:build").base.model.size.params == 3072 * 10**9


def test_the_files_neighbours_can_be_imported_and_the_network_is_never_recalled(
    write: WriteFile, empty_cache: Path
) -> None:
    def filters(folder: str) -> int:
        return simulate(f"{empty_cache.parent / folder}/net.py:build").base.model.topology.layers[0].filters

    for folder in ("one", "two"):
        write("from blocks import WIDTH\ndef build(): return nn.Conv2d(3, WIDTH, 3)", f"{folder}/net.py")
    write("WIDTH = 4", "one/blocks.py")
    write("WIDTH = 5", "two/blocks.py")
    path, modules = list(sys.path), set(sys.modules)
    assert (filters("one"), filters("two")) == (4, 5)
    write("WIDTH = 6", "one/blocks.py")
    assert filters("one") == 6
    assert sys.path == path
    assert not {name for name in set(sys.modules) - modules if name.startswith(("blocks", "user_network"))}
    assert set(snapshot(empty_cache.parent)) == {
        f"{a}/{b}.py" for a in ("one", "two") for b in ("net", "blocks")
    }


# On the command line


def test_a_run_can_be_repeated_from_its_folder(
    write: WriteFile, cli: RunCli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write(NETWORKS + "\nprint('loading')\n")
    monkeypatch.chdir(tmp_path)
    options = ("--engine", "closed-form", "--json", "--out", "run")
    first = cli("simulate", "--base", "my_net.py:tiny", "--gen", "./my_net.py:repair", *options)
    assert (first.status, first.stderr.splitlines()) == (0, ["loading"] * 2)
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    shown, written = json.loads(first.stdout), json.loads(Path("run/run.json").read_text())
    assert written["provenance"]["network_files"] == [
        {"network": f"my_net.py:{function}", "file": "my_net.py", "sha256": digest}
        for function in ("tiny", "repair")
    ]
    assert {f"topologies/my_net.{name}.csv" for name in ("tiny", "repair")} <= set(snapshot(Path("run")))
    repeated = cli(*shown["provenance"]["command"][1:], "--json")
    assert json.loads(repeated.stdout) == shown
    monkeypatch.chdir("run")
    again = json.loads(cli(*written["provenance"]["command"][1:], "--json").stdout)
    for found in (shown, again):
        found.pop("provenance")
    assert again == shown


def test_named_networks_have_no_file(cli: RunCli) -> None:
    shown = cli("simulate", "--base", "vgg11", "--gen", "convs", "--engine", "closed-form", "--json")
    assert json.loads(shown.stdout)["provenance"]["network_files"] == []


def test_only_a_network_of_ones_own_needs_pytorch(write: WriteFile) -> None:
    simulate("vgg11", "convs")
    write("raise RuntimeError", "timeit.py")  # PyTorch imports the standard library's module of this name
    for words, expected in (
        (("--base", "vgg11", "--gen", "convs"), 0),
        (("--help",), 0),
        (("--base", "absent.py:build"), 0),
        (("--base", f"{write()}:tiny"), 9),
    ):
        args = ("simulate", *words, "--engine", "closed-form")
        ending = "import atexit, os; atexit.register(lambda: os._exit(9 * ('torch' in sys.modules))); main()"
        code = cli_command(*args)[3].replace("main()", ending)
        done = subprocess.run([sys.executable, "-c", code, *args], check=False, capture_output=True)
        assert done.returncode == expected, done
    assert b"energy saving" in done.stdout


def test_export(write: WriteFile, tmp_path: Path) -> None:
    path = write()
    lines = export(
        tmp_path / "out", base=f"{path}:build", generator=f"{path}:repair", dataset="cifar10",
        convention="exact", deconvolution="subpixel", array=PRESETS["scale"],
    )  # fmt: skip
    ends = (".csv", ".layers.csv", ".layout.csv")
    names = {f"my_net.{name}{end}" for name in ("build", "repair") for end in ends}
    assert set(snapshot(tmp_path / "out")) == names | {"scale.cfg"}
    assert lines[0] == f"{tmp_path}/out/my_net.build.csv: 4 of 4 weighted layers, 100 % of MACs"


# Inputs of its own

TEXT = """
class build(nn.Module):
    def __init__(self):
        super().__init__()
        self.table, self.head = nn.Embedding(9, 4), nn.Linear(5, 2)
        self.recurrent = nn.LSTM(4, 5, batch_first=True)
    def forward(self, tokens, scale=1.0):
        return self.head(self.recurrent(self.table(tokens))[0]) * scale
"""
TOKENS = "torch.zeros(2, 6, dtype=torch.long)"


@pytest.mark.parametrize("returned", [TOKENS, f"({TOKENS}, 2.0)", f"{{'tokens': {TOKENS}, 'scale': 2.0}}"])
def test_example_inputs_of_the_file(write: WriteFile, returned: str) -> None:
    path = write(f"{TEXT}\ndef example_inputs(): return {returned}\n")
    result = simulate(f"{path}:build", convention="exact").base
    first, *steps, head = result.model.topology.layers
    assert (first.ifmap_h, first.channels, first.filters) == (12, 4, 20)
    assert [step.shape for step in steps] == [steps[0].shape] * 6
    assert head.ifmap_h == 12
    assert str(result.model.topology.coverage).endswith("; embeddings read 48 weights")


def test_an_input_shape_stands_before_example_inputs(write: WriteFile) -> None:
    path = write("def build(): return nn.Linear(4, 5)\ndef example_inputs(): return torch.zeros(7, 4)")
    network = find_network(f"{path}:build", "base")
    macs = [
        network_model(network, DATASETS["cifar10"], CONVENTIONS["exact"], input_shape=shape).size.macs
        for shape in (None, (3, 4))
    ]
    assert macs == [7 * 20, 3 * 20]


@pytest.mark.parametrize(
    ("function", "message"),
    [
        (
            "return 3",
            "the example inputs are int without a tensor; expected a tensor, a tuple of the forward",
        ),
        ("raise ValueError('no luck')", "line 6 raised ValueError: no luck"),
        ("return torch.zeros(3)", "cannot trace Linear on input (3,): "),
    ],
)
def test_example_inputs_that_cannot_be_used(
    write: WriteFile, cli: RunCli, function: str, message: str
) -> None:
    path = write(f"def build(): return nn.Linear(4, 5)\ndef example_inputs(): {function}")
    found = cli("simulate", "--base", f"{path}:build", "--convention", "exact", "--engine", "closed-form")
    assert found.status == 2
    assert found.error.startswith(f"my_net.py:build: {message}")


def test_the_file_decides_the_batch_of_its_example_inputs(write: WriteFile) -> None:
    path = write("def build(): return nn.Linear(4, 5)\ndef example_inputs(): return torch.zeros(7, 4)")
    network = find_network(f"{path}:build", "base")
    with pytest.raises(InputError, match=r"example_inputs\(\) decides the batch; leave out batch 2"):
        network_model(network, DATASETS["cifar10"], CONVENTIONS["exact"], batch=2)


# Attention


def test_products_of_activations_cost_cycles_and_no_weight_accesses(write: WriteFile) -> None:
    """T.W.M.A. is summed over the layers that read stored weights, cycles over all."""
    path = write(
        "class build(nn.Module):\n"
        "    def __init__(self):\n"
        "        super().__init__()\n"
        "        self.stem = nn.Conv2d(3, 16, 8, stride=8)\n"
        "        self.block = nn.TransformerEncoderLayer(16, 4, 32, batch_first=True)\n"
        "    def forward(self, x):\n"
        "        return self.block(self.stem(x).flatten(2).mT)\n"
    )
    base = simulate(f"{path}:build", convention="exact").base
    layers = base.model.topology.layers
    read = base.model.topology.of_weights(base.counts)
    computed = tuple(record for record in base.counts if record not in read)
    assert len(computed) == 2 * 4
    assert base.sram_filter_reads == sum(record.sram_filter_reads for record in read)
    assert base.twma == base.sram_filter_reads / 8
    assert all(record.sram_filter_reads > 0 for record in computed)
    assert base.total_cycles == sum(record.total_cycles for record in read + computed)
    assert base.model.size.macs == sum(layer.macs for layer in layers)
