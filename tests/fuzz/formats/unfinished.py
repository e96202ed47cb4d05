"""What a run leaves for `--resume`: states and logs of trainings, parts of sweeps."""

from __future__ import annotations

import json
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

TRAIN = (
    "train-base",
    "--out",
    "out",
    "--width",
    "0.0625",
    "--epochs",
    "1",
    "--batch-size",
    "8",
    "--quiet",
    "--resume",
)
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
def _training() -> Files:
    return _made(TRAIN[:-1])


@cache
def _sweep() -> Files:
    return _made(SWEEP, keep=("out/parts",))


def _write(files: Files, folder: Path) -> None:
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)


def draw_training(folder: Path, rng: random.Random | None) -> Case:
    """Go on with a training whose state or log is damaged: refused, or it ends in the same weights."""
    _write(_training(), folder)
    if rng is not None:
        name = rng.choice(("out/training.safetensors", "out/training.safetensors", "out/log.csv"))
        path = folder / name
        if rng.random() < 0.06:
            displace(path, rng)
        else:
            mutate = damaged_checkpoint if name.endswith("s") else TABLE
            path.write_bytes(mutate(path.read_bytes(), rng))

    def check(stdout: str) -> None:
        found = (folder / "out/base.safetensors").read_bytes()
        if found[-1000:] != _training()["out/base.safetensors"][-1000:] and rng is None:
            raise Forbidden("a resumed run with other weights")
        text = (folder / "out/base.json").read_text(encoding="utf-8")
        try:
            json.loads(text, parse_constant=_no_constant)
        except ValueError as error:
            raise Forbidden(f"a record that is no JSON: {error}") from None
        import numpy as np
        from safetensors.numpy import load

        for tensor, values in load(found).items():
            if values.dtype.kind == "f" and not np.isfinite(values).all():
                raise Forbidden(f"{tensor} is not finite")

    return Case(argv=TRAIN, check=check, changing=("out",), real=True)


def _no_constant(name: str) -> float:
    raise ValueError(name)


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
