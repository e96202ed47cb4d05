"""Command lines: the options of every command, their values, their order, and what they are given twice."""

from __future__ import annotations

import math
import random
import re
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

from nfenergy.commands import COMMANDS
from tests.fuzz.case import Case, Forbidden, Format
from tests.fuzz.formats.accuracies import TABLE_TEXT
from tests.fuzz.formats.checkpoints import base_checkpoint, generator_checkpoint
from tests.fuzz.formats.experiments import OWN
from tests.fuzz.formats.rules import demand, number
from tests.fuzz.formats.state_dicts import LINE as IMPORTED
from tests.fuzz.formats.state_dicts import plain
from tests.fuzz.formats.topologies import PRODUCTS
from tests.fuzz.mutations import NUMBERS, word

CLOSED = ("--engine", "closed-form", "--quiet")
BASE = ("--base-checkpoint", "base.safetensors")
COMMAND_LINES: dict[str, tuple[str, ...]] = {
    "simulate": ("--base", "vgg11", "--gen", "convs", "--out", "out", *CLOSED),
    "layers": ("--topology", "net.csv", *CLOSED),
    "export": ("--base", "vgg11", "--out", "out", "--quiet"),
    "list": ("bases",),
    "reproduce": ("table6", "--out", "out", *CLOSED),
    "sweep": ("spec.yaml", "--out", "out", "--quiet"),
    "plot": ("tradeoff", "--out", "p.png", "--accuracy", "a.csv", "--ber", "1%", *CLOSED),
    "report": ("--out", "r.html", "--accuracy", "a.csv", *CLOSED),
    "recommend": ("--base", "vgg11", "--accuracy", "a.csv", *CLOSED),
    "train-base": ("--out", "out", "--width", "0.0625", "--epochs", "1", "--quiet"),
    "train": (*BASE, "--out", "out", "--gen", "convs", "--steps", "2", "--n", "2", "--quiet"),
    "evaluate": (*BASE, "--seeds", "1", "--out", "acc.csv", "--quiet"),
    "experiment": ("run", "own.yaml", "--out", "out", "--scale", "paper", "--jobs", "1", "--quiet"),
    "import-weights": ("w.safetensors", *IMPORTED),
    "demo-accuracy": ("--out", "out", "--quiet"),
    "measure-latency": ("--base", "vgg11", "--repeats", "1", "--out", "l.csv"),
    "protections": ("--base", "vgg11", "--accuracy", "a.csv", *CLOSED),
    "sensitivity": (*BASE, "--seeds", "1", "--images", "4", "--no-by-bit", "--quiet"),
    "assign": (*BASE, "--seeds", "1", "--images", "4", "--min-accuracy", "1", "--groups", "2", "--quiet"),
    "pictures": (*BASE, "--out", "out", "--images", "8"),
}
"""A line of each command that succeeds at once; a test holds it against the commands there are."""

SPEC = b"bases: [vgg11]\narrays: [8x8]\nvoltages: [0.8333]\nenergy_tables: []\n"
VOLUME = (
    "--seeds",
    "--images",
    "--epochs",
    "--steps",
    "--n",
    "--repeats",
    "--batch-size",
    "--verify",
    "--groups",
)
"""Options of which a large value is much work and no mistake."""
TORCH = (
    *("train-base", "train", "evaluate", "measure-latency", "sensitivity", "assign", "pictures"),
    "import-weights",
)
NAMED = (
    *(
        "vgg11",
        "resnet18",
        "resnet50",
        "convs",
        "convl",
        "uip",
        "none",
        "all",
        "cifar10",
        "cifar100",
        "imagenet10",
    ),
    *(
        "digits",
        "mnist",
        "paper",
        "exact",
        "subpixel",
        "zero-insertion",
        "os",
        "ws",
        "is",
        "OS",
        "word",
        "value",
    ),
    *(
        "stutz2021-14nm",
        "horowitz2014-45nm",
        "jouppi2021-7nm",
        "eyeriss2016-relative",
        "lpddr4",
        "dram",
        "twma",
    ),
    *(
        "macs",
        "sram",
        "chip",
        "system",
        "closed-form",
        "both",
        "flip",
        "stuck-at",
        "salami2018-28nm-vc707",
        "weights",
    ),
    *(
        "weight-sram",
        "weight-sram,activation-sram",
        "32x32",
        "8x4",
        "65536x65536",
        "64/128/64",
        "64/128",
        "16777216",
    ),
    *(
        "10",
        "10/10/10",
        "1%",
        "0.5%",
        "0.5%,1%",
        "1",
        "0.01",
        "85",
        "85%",
        "20%",
        "scale",
        "google-v3",
        "batch",
        "group",
    ),
    *(
        "json",
        "csv",
        "table",
        "png",
        "svg",
        "column",
        "slide",
        "page",
        "rquant",
        "adam",
        "sgd",
        "8,4",
        "secded",
        "map",
    ),
    *(
        "3x32x32",
        "3x224x224",
        "1x1x1",
        "table7",
        "figure5",
        "published",
        "p.svg",
        "out",
        "r.html",
        "a.csv",
        "net.csv",
    ),
    *(
        "missing.csv",
        ".",
        "..",
        "/",
        "/dev/null",
        "/dev/full",
        "/proc/self/mem",
        "net.csv/x",
        "x" * 300,
        "base.safetensors",
    ),
    *(
        "generator.safetensors",
        "spec.yaml",
        "\udcff\udcfe",
        "a/b/c",
        "-",
        "torchvision:resnet18",
        "timm:x",
        "net.py:f",
    ),
)


def _between(low: float, high: float, *, whole: bool = False) -> Callable[[str], None]:
    def check(text: str) -> None:
        number(re.sub(r"(?<=\d)_(?=\d)", "", text), low, high, whole=whole)  # 1_000, as Python has it

    return check


def _one_of(*names: str) -> Callable[[str], None]:
    return lambda text: demand(text.strip().lower() in names, f"{text[:40]!r}")


def _among(*numbers: int) -> Callable[[str], None]:
    def check(text: str) -> None:
        _between(min(numbers), max(numbers), whole=True)(text)
        demand(int(text) in numbers, f"{text[:40]!r}")

    return check


def _rate(text: str) -> None:
    for part in text.split(","):
        spelt = part.strip()
        if spelt != "all":
            number(spelt.removesuffix("%").strip(), 0, 50 if spelt.endswith("%") else 0.5)


def _array(text: str) -> None:
    match = re.fullmatch(r"\s*([0-9]+)x([0-9]+)\s*", text, re.IGNORECASE)
    demand(match and all(1 <= int(extent) <= 2**16 for extent in match.groups()), f"array {text[:40]!r}")


def _sizes(text: str) -> None:
    parts = text.split("/")
    demand(len(parts) in (1, 3), "one size or three")
    for part in parts:
        number(part, 1, 2**24, whole=True)


def _bits(text: str) -> None:
    for part in text.split(","):
        demand(re.fullmatch(r"\s*\+?[0-9]+\s*", part, re.ASCII) and 1 <= int(part) <= 64, "bits")


ABOVE_ZERO = _between(5e-324, 1.8e308)
COUNT = _between(1, math.inf, whole=True)
RULES: dict[str, Callable[[str], None]] = {
    **dict.fromkeys(
        ("--jobs", "--seeds", "--threads", "--checkpoint-every", "--groups", "--bank-cells"), COUNT
    ),
    **dict.fromkeys(("--epochs", "--steps", "--n", "--batch-size", "--repeats"), COUNT),
    **dict.fromkeys(("--width", "--learning-rate", "--clip", "--secded-read-factor", "--decay"), ABOVE_ZERO),
    **dict.fromkeys(("--seed", "--chip", "--verify", "--class"), _between(0, math.inf, whole=True)),
    "--images": COUNT,
    "--weight-bits": _bits,
    "--activation-bits": _between(1, 64, whole=True),
    "--gen-bits": _among(0, 2, 3, 4, 5, 6, 7, 8, 16),
    "--clock-ghz": _between(1e-6, 1000),
    "--voltage": _between(0.4, 1),
    "--lambda": _between(0, 1.8e308),
    "--ber": _rate,
    "--array": _array,
    "--sram-kb": _sizes,
    "--bandwidth": _sizes,
    "--dataflow": _one_of("os", "ws", "is"),
    "--convention": _one_of("paper", "exact"),
    "--deconv": _one_of("paper", "zero-insertion", "subpixel"),
    "--resident": _one_of("none", "weights", "all"),
    "--access": _one_of("word", "value"),
    "--norm": _one_of("batch", "group"),
    "--optimizer": _one_of("adam", "sgd"),
    "--scale": _one_of("smoke", "small", "paper"),
    "--size": _one_of("column", "slide", "page"),
    "--engine": _one_of("closed-form", "scalesim", "both"),
}
"""What values of an option the rules permit, whatever the command."""


@cache
def _options(command: str) -> tuple[Any, ...]:
    from nfenergy.cli import _built

    built = _built(command)
    if hasattr(built, "commands"):
        built = built.commands[COMMAND_LINES[command][0]]
    return tuple(entry for entry in built.params if entry.opts[0].startswith("--"))


def _value(option: Any, command: str, rng: random.Random) -> str:
    name = option.opts[0]
    kind = str(getattr(option.type_descriptor, "annotation", ""))
    if name in VOLUME:
        return rng.choice(("0", "-1", "1", "2", "3", "nan", "x", "", "1.5", "1e3", "0x1"))
    if name == "--width" and command in TORCH:
        return rng.choice(("0", "-1", "nan", "inf", "1e-9", "x", "0.03", "0.1", ""))
    if name == "--base" and command in TORCH:
        return rng.choice(("vgg11", "VGG11", "resnet20", "nope", "", "net.py:f", "m.onnx", "convs"))
    if "int" in kind or "float" in kind:
        return rng.choice(NUMBERS) if rng.random() < 0.8 else str(round(rng.uniform(0, 1.2), 3))
    return (
        rng.choice(NAMED) if rng.random() < 0.6 else rng.choice(NUMBERS) if rng.random() < 0.5 else word(rng)
    )


def _with_option(line: list[str], command: str, rng: random.Random) -> None:
    option = rng.choice(_options(command))
    flag = rng.choice((*option.opts, *option.secondary_opts))
    while flag in line and rng.random() < 0.8:
        at = line.index(flag)
        del line[at : at + (1 if option.is_flag else 1 + option.nargs)]
    values = [] if option.is_flag else [_value(option, command, rng) for _ in range(option.nargs)]
    if len(values) == 1 and rng.random() < 0.1:
        line.append(f"{flag}={values[0]}")
    else:
        line += [flag, *values]


def _damage(line: list[str], command: str, rng: random.Random) -> None:
    kind = rng.randrange(14)
    if kind < 10 or not line:
        _with_option(line, command, rng)
    elif kind == 10:
        del line[rng.randrange(len(line))]
    elif kind == 11:
        line.insert(
            rng.randint(0, len(line)),
            rng.choice((word(rng), "--nope", "--", "-x", "--json", "--help", "extra")),
        )
    elif kind == 12:
        at = rng.randrange(len(line))
        line[at] = rng.choice((line[at].upper(), line[at][:-1], f"{line[at]}x", f" {line[at]}", word(rng)))
    else:
        line.append(rng.choice(line))


def draw(folder: Path, rng: random.Random | None) -> Case:
    """A command line that succeeds, with one to three changes."""
    files = {
        "net.csv": PRODUCTS,
        "a.csv": TABLE_TEXT,
        "spec.yaml": SPEC,
        "base.safetensors": base_checkpoint(),
        "generator.safetensors": generator_checkpoint(),
        "own.yaml": OWN,
        "w.safetensors": plain(),
    }
    for name, content in files.items():
        (folder / name).write_bytes(content)
    if rng is None:
        return Case(argv=("simulate", *COMMAND_LINES["simulate"]), check=lambda stdout: None)
    command = rng.choice(sorted(COMMAND_LINES.keys() & COMMANDS.keys()))
    line = list(COMMAND_LINES[command])
    for _ in range(rng.choice((1, 1, 2, 3))):
        _damage(line, command, rng)
    line = [part.replace("\0", "") for part in line]  # no argument can hold one
    return Case(argv=(command, *line), check=lambda stdout: _check(command, line, stdout))


def _check(command: str, line: list[str], stdout: str) -> None:
    if {"--help", "-h", "--example"} & {*line} or "--install-completion" in line:
        return
    given, flags = _given(command, line)
    for flag, values in given.items():
        rule = RULES.get(flag)
        for value in values:
            if rule is not None:
                try:
                    rule(value)
                except Forbidden as reason:
                    raise Forbidden(f"{flag} {value[:40]}: {reason}") from None
    if "--json" in flags and stdout:
        import json

        try:
            json.loads(stdout, parse_constant=_no_constant)
        except ValueError as error:
            raise Forbidden(f"it prints no JSON: {error}") from None


def _no_constant(name: str) -> float:
    raise ValueError(f"{name} is no JSON")


def _given(command: str, line: list[str]) -> tuple[dict[str, list[str]], set[str]]:
    """The values of each option that takes one, of one given twice the last where it is taken once; flags."""
    known = {flag: option for option in _options(command) for flag in option.opts if not option.is_flag}
    found: dict[str, list[str]] = {}
    flags = set()
    at = 0
    while at < len(line):
        flag, mark, value = line[at].partition("=")
        at += 1
        if flag == "--":
            break
        if flag in known:
            count = known[flag].nargs
            values = [value] if mark else line[at : at + count]
            at += 0 if mark else count
            found[flag] = values if not known[flag].multiple else [*found.get(flag, []), *values]
        else:
            flags.add(flag)
    return found, flags


FORMAT = Format(name="command line", draw=draw, share=2.5)
