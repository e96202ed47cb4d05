"""What a run leaves for `--resume`: states and logs of trainings, parts of sweeps."""

from __future__ import annotations

import os
import random
import shutil
import sys
import tempfile
from collections.abc import Mapping
from functools import cache
from pathlib import Path

from tests.fuzz.case import Case, Forbidden, Format
from tests.fuzz.formats.checkpoints import damaged_checkpoint
from tests.fuzz.formats.savings import damaged_parquet
from tests.fuzz.mutations import damaged_bytes
from tests.fuzz.places import displace
from tests.fuzz.structures import JSON, TABLE

SETTINGS = ("train-base", "--out", "out", "--width", "0.0625", "--batch-size", "8", "--quiet")
BEGIN, WHOLE = (*SETTINGS, "--epochs", "1"), (*SETTINGS, "--epochs", "2")
TRAIN = (*WHOLE, "--resume")
STATES = ("out/training.safetensors",) * 3
SWEEP = ("sweep", "spec.yaml", "--out", "out", "--quiet")
SPEC = b"bases: [vgg11]\ngenerators: [none, convs]\narrays: [8x8]\nvoltages: [0.8333]\nenergy_tables: []\n"
Files = Mapping[str, bytes]


def _made(argv: tuple[str, ...], keep: tuple[str, ...] = ()) -> Files:
    """The files that a command leaves; `keep`: folders that it would drop at its end."""
    from nfenergy.cli import main
    from tests.fuzz.running import shortened

    here, saved = Path.cwd(), sys.argv
    with tempfile.TemporaryDirectory() as place:
        os.chdir(place)
        Path("spec.yaml").write_bytes(SPEC)
        rmtree = shutil.rmtree
        sys.argv = ["nfenergy", *argv]
        if keep:
            shutil.rmtree = lambda *args, **options: None  # type: ignore[assignment]
        try:
            with shortened(real=True):
                main()
        except SystemExit as ended:
            if ended.code:
                raise RuntimeError(f"{argv} failed undisturbed") from ended
        finally:
            shutil.rmtree = rmtree
            os.chdir(here)
            sys.argv = saved
        return {
            str(path.relative_to(place)): path.read_bytes()
            for path in Path(place).rglob("*")
            if path.is_file()
        }


@cache
def _begun() -> Files:
    return _made(BEGIN)


@cache
def _trained() -> Files:
    return _made(WHOLE)


@cache
def _sweep() -> Files:
    return _made(SWEEP, keep=("out/parts",))


def _write(files: Files, folder: Path) -> None:
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)


def draw_training(folder: Path, rng: random.Random | None) -> Case:
    """Go on with a training whose state or log is damaged: refused, or it ends as a whole run does."""
    _write({name: content for name, content in _begun().items() if "out/base." not in name}, folder)
    if rng is not None:
        name = rng.choice((*STATES, "out/log.csv", "out/training.json"))
        path = folder / name
        if rng.random() < 0.06 and name != "out/training.json":
            displace(path, rng)
        else:
            mutate = {".csv": TABLE, ".json": JSON}.get(path.suffix, damaged_checkpoint)
            path.write_bytes(mutate(path.read_bytes(), rng))

    def check(stdout: str) -> None:
        for name, content in _trained().items():
            if (folder / name).read_bytes() != content:
                raise Forbidden(f"{name} is not that of an undisturbed run")

    return Case(argv=TRAIN, check=check, changing=("out",), real=True)


def draw_sweep(folder: Path, rng: random.Random | None) -> Case:
    """Go on with a sweep whose parts or plan are damaged: refused, or it ends in the same bytes."""
    files = dict(_sweep())
    finished = {name: files.pop(name) for name in ("out/sweep.parquet", "out/sweep.json")}
    if rng is not None and rng.random() < 0.5:
        del files[next(name for name in files if "part-000001" in name)]
    if rng is not None and rng.random() < 0.2:
        files["out/sweep.json"] = finished["out/sweep.json"]
    _write(files, folder)
    damaged = False
    if rng is not None:
        name = rng.choice([name for name in files if name != "spec.yaml"])
        path = folder / name
        damaged = "part-" in name
        if rng.random() < 0.08:
            displace(path, rng)
        elif name.endswith(".parquet"):
            mutate = rng.choice((damaged_parquet, damaged_bytes))
            path.write_bytes(mutate(path.read_bytes(), rng))
        else:
            path.write_bytes(JSON(path.read_bytes(), rng))

    def check(stdout: str) -> None:
        for name in finished:
            if (folder / name).read_bytes() != finished[name]:
                raise Forbidden(
                    f"{name} is not that of an undisturbed run{' (damaged part)' if damaged else ''}"
                )

    return Case(argv=(*SWEEP, "--resume"), check=check, changing=("out",))


TRAINING_FORMAT = Format(name="training state", draw=draw_training, share=0.4)
SWEEP_FORMAT = Format(name="sweep parts", draw=draw_sweep, share=0.5)
