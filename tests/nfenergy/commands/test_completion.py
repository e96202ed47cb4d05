"""Shell completion: names of the registries, through the shell's own protocol."""

from __future__ import annotations

import os

import pytest

from tests.conftest import RunCli


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("simulate --base re", ["resnet18", "resnet50", "resnet20"]),
        ("simulate --base vgg11 --gen dec", ["deconvl", "deconvs"]),
        ("simulate --dataset ci", ["cifar10", "cifar100"]),
        ("simulate --curve stu", ["stutz2021-14nm"]),
        ("simulate --config g", ["google", "google-v3"]),
        ("simulate --engine c", ["closed-form"]),
        ("recommend --measure t", ["twma"]),
        ("evaluate --fault-model st", ["stuck-at"]),
        ("simulate --base zzz", []),
        ("rep", ["report", "reproduce"]),
    ],
)
def test_names_are_completed(run_cli: RunCli, line: str, expected: list[str]) -> None:
    environment = os.environ | {
        "_NFENERGY_COMPLETE": "complete_bash",
        "COMP_WORDS": f"nfenergy {line}",
        "COMP_CWORD": str(len(line.split())),
    }
    done = run_cli(env=environment)
    assert sorted(done.stdout.split()) == expected
    assert done.stderr == ""
