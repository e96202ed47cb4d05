"""What is wrong with a network of one's own is said in one line, before anything is written."""

from __future__ import annotations

from pathlib import Path

import pytest

from neuralfuse.user_networks import UserNetwork, find_network
from nfenergy.ground.errors import InputError, UnknownName
from tests.conftest import RunCli
from tests.nfenergy.counted import simulate
from tests.nfenergy.own_networks import WriteFile

STEM = """\
class build(nn.Module):
    def __init__(self):
        super().__init__()
        self.stem = nn.{stem}(3, 4, 3)
    def forward(self, x):
        return self.stem({argument})
"""
SUBCLASS = "class Scaled(nn.Conv2d): pass\ndef build(): return Scaled(3, 8, 3)"

pytestmark = pytest.mark.usefixtures("one_torch_thread")


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("absent.py:build", "cannot read network file absent.py: No such file or directory"),
        ("folder.py:build", "cannot read network file folder.py: Is a directory"),
        ("my_net.py", "'my_net.py' names no function in a file; write file.py:function"),
        ("my_net.py:", "'my_net.py:' names no function in a file; write file.py:function"),
        (":build", "':build' names no function in a file; write file.py:function"),
        ("./my_net", "'./my_net' names no function in a file; write file.py:function"),
        ("my_net:build", "'my_net' is not a Python file; write file.py:function"),
        ("my_net.py:build()", "'build()' in 'my_net.py:build()' is not the name of a function; "),
        (
            "my_net.py:biuld",
            "my_net.py:biuld: no function named 'biuld'. Did you mean 'build'? Known: build, ",
        ),
        ("my_net.py:nn", "my_net.py:nn: 'nn' is of type module, expected a function that returns a network"),
        ("resnet19", "no base model named 'resnet19'. Did you mean 'resnet18' or"),
    ],
)
def test_what_is_no_network_file(
    write: WriteFile, cli: RunCli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, message: str
) -> None:
    write()
    (tmp_path / "folder.py").mkdir()
    monkeypatch.chdir(tmp_path)
    found = cli("simulate", "--base", name, "--engine", "closed-form")
    assert found.status == 2
    assert found.error.startswith(message)
    exported = cli("export", "--base", name, "--out", "out")
    assert (exported.status, exported.error) == (2, found.error)
    assert not Path("out").exists()
    assert "file.py:function" in found.error or name.startswith(("absent", "folder", "my_net.py:"))


BAD_NETWORKS = {
    "def build(:": "SyntaxError: invalid syntax (my_net.py, line 5)",
    "import absent_module": "line 5 raised ModuleNotFoundError: No module named 'absent_module'",
    "import sys; sys.exit(3)": "line 5 raised SystemExit: 3",
    "x = 1": "the file holds no function named 'build', and no other",
    "build = nn.ReLU()": "'build' is of type ReLU, expected a function that returns a network",
    "def build():\n    raise ValueError('no\\nluck')": "line 6 raised ValueError: no",
    "def build(): assert False": "line 5 raised AssertionError",
    "def build(): return torch.zeros(3)": "the function returned Tensor, expected a torch.nn.Module",
    "def build(): pass": "the function returned NoneType, expected a torch.nn.Module",
    "def build(depth): pass": "the function requires depth; expected no arguments, or only classes or num_",
    "def build(classes, depth): pass": "the function requires classes, depth; expected no arguments",
    "def build(): return nn.Linear(5, 2)": "cannot trace Linear on input (3, 32, 32): ",
    "def build(): return nn.ReLU()": "topology 'my_net.py:build' has no layers: nothing in it reads weights",
    STEM.format(stem="Conv2d", argument="torch.cdist(x[..., :3], self.stem.weight[:1])"): (
        "layer 'stem': no rule lowers aten._euclidean_dist, which reads its weights 'stem.weight'; write "
    ),
    STEM.format(stem="Conv2d", argument="input=x"): "ptflops cannot count its MACs (tuple index out of range",
    SUBCLASS: "ptflops counts 0 of its 194,400 MACs: it leaves out functional calls, subclasses of",
}


@pytest.mark.parametrize("source", BAD_NETWORKS, ids=range(len(BAD_NETWORKS)))
def test_a_network_that_cannot_be_used(write: WriteFile, cli: RunCli, source: str) -> None:
    path = write(source)
    found = cli("simulate", "--base", "vgg11", "--gen", f"{path}:build", "--engine", "closed-form")
    assert found.status == 2
    assert found.error.startswith(f"my_net.py:build: {BAD_NETWORKS[source]}")


def test_what_ptflops_cannot_count_the_exact_convention_can(write: WriteFile) -> None:
    path = write(SUBCLASS)
    with pytest.raises(InputError, match="--convention exact counts all of them"):
        simulate(f"{path}:build")
    assert simulate(f"{path}:build", convention="exact").base.model.size.macs == 194_400


def test_a_width_is_refused(write: WriteFile) -> None:
    path = write()
    with pytest.raises(
        InputError, match=r"my_net.py:build: its function decides its width; leave out width 0.5"
    ):
        simulate(f"{path}:build", base_width=0.5)
    own = simulate("vgg11", f"{path}:repair", base_width=0.5).generator
    assert own is not None
    assert own.model == simulate("vgg11", f"{path}:repair").generator.model  # type: ignore[union-attr]


def test_two_files_of_one_name_are_not_mixed_up(write: WriteFile) -> None:
    one, two = write(name="one/net.py"), write(name="two/net.py")
    with pytest.raises(InputError, match=r"two networks are called net.py:tiny; rename one of the files"):
        simulate(f"{one}:tiny", f"{two}:tiny")
    both = simulate(f"{one}:repair", f"{one}:repair")
    assert [result.model.network.role for result in both.networks] == ["base", "generator"]


def test_names_and_roles_stay_the_registrys(write: WriteFile) -> None:
    assert find_network("ResNet18", "base").name == "resnet18"
    own = find_network(f"{write()}:build", "generator")
    assert isinstance(own, UserNetwork)
    assert (own.name, own.title, own.role) == ("my_net.py:build", "my_net.py:build", "generator")
    with pytest.raises(UnknownName, match=r"Known: .* One of your own: file.py:function\."):
        find_network("convs", "base")
