"""Command-line values -> the library's types, and the options that commands share."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated

import typer

from nfenergy.ground.errors import InputError

BaseName = Annotated[str, typer.Option("--base", help="Base model; `nfenergy list bases` shows all.")]
GeneratorName = Annotated[
    str | None,
    typer.Option(
        "--gen",
        help="Generator in front of it, or file.py:function; without one the base model stands unprotected.",
    ),
]
DatasetName = Annotated[
    str, typer.Option("--dataset", help="Decides the networks' form; `nfenergy list datasets`.")
]
Width = Annotated[float, typer.Option("--width", help="Factor on the base model's channels.")]
BitErrorRate = Annotated[
    str | None, typer.Option("--ber", help="Bit error rate of the operating point: 1% or 0.01.")
]
Voltage = Annotated[
    float | None, typer.Option("--voltage", help="Operating point by voltage instead, relative to Vmin.")
]
Curve = Annotated[
    str, typer.Option("--curve", help="Voltage curve: a name from `nfenergy list curves`, a YAML or a CSV.")
]
ArraySize = Annotated[str | None, typer.Option("--array", help="Rows x columns, such as 32x32.")]
Dataflow = Annotated[str | None, typer.Option("--dataflow", help="os, ws or is.")]
Config = Annotated[
    str | None,
    typer.Option(
        "--config", help="SCALE-Sim cfg (v2 or v3) or preset scale, google, eyeriss; flags override it."
    ),
]
ConventionName = Annotated[
    str, typer.Option("--convention", help="paper reproduces the published tables, exact is what runs.")
]
Deconvolution = Annotated[
    str | None,
    typer.Option("--deconv", help="Deconvolution mapping: paper, or with exact zero-insertion or subpixel."),
]
WeightBits = Annotated[int, typer.Option("--weight-bits", help="Bits a stored weight; 64-bit SRAM words.")]
ClockGhz = Annotated[float, typer.Option("--clock-ghz", help="Clock that turns cycles into latency.")]
Engine = Annotated[str, typer.Option("--engine", help="Simulation engine; `nfenergy list engines`.")]
Jobs = Annotated[
    int | None, typer.Option("--jobs", min=1, help="Simulator processes at a time; default one a core.")
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON for scripts.")]
Quiet = Annotated[bool, typer.Option("--quiet", help="No progress and no hints on stderr.")]
OutFolder = Annotated[Path | None, typer.Option("--out", help="Folder for the result files.")]
Seed = Annotated[int, typer.Option("--seed", min=0, help="Of all random numbers of the run.")]
Threads = Annotated[
    int | None, typer.Option("--threads", min=1, help="Threads of PyTorch; default its own choice.")
]
DataDir = Annotated[
    Path | None,
    typer.Option("--data-dir", help="Folder of the data sets; else $NFENERGY_DATA_DIR, else the user's."),
]
Verify = Annotated[bool, typer.Option("--verify/--no-verify", help="Compare archives' checksums.")]
FaultModel = Annotated[
    str | None,
    typer.Option("--fault-model", help="`nfenergy list fault-models` shows all; default flip."),
]
StuckAtMaps = Annotated[
    tuple[Path, Path] | None,
    typer.Option(
        "--stuck-at-maps",
        metavar="ZEROS ONES",
        help="Map of your own memory instead: text matrices of the cells stuck at 0, and at 1; 1 is faulty.",
    ),
]
FlipMaps = Annotated[
    tuple[Path, Path] | None,
    typer.Option(
        "--flip-maps",
        metavar="TO_ONE TO_ZERO",
        help="Likewise: text matrices of each cell's probability to read 1 for 0, and 0 for 1.",
    ),
]
BaseCheckpoints = Annotated[
    list[Path], typer.Option("--base-checkpoint", help="From train-base; may be given several times.")
]
GeneratorCheckpoints = Annotated[
    list[Path] | None,
    typer.Option("--gen-checkpoint", help="From train; may be given several times."),
]


def optional_rate(text: str | None) -> float | None:
    """A bit error rate as `parse_rate` reads it; None where none is given."""
    return None if text is None else parse_rate(text)


def parse_rate(text: str) -> float:
    """A bit error rate as a fraction, from ``1%`` or ``0.01``.

    >>> parse_rate("1%"), parse_rate("0.5 %"), parse_rate("1e-3")
    (0.01, 0.005, 0.001)

    Raises:
        InputError: no number, negative, or above a half, beyond which bits say nothing.
    """
    match = re.fullmatch(r"\s*([+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)\s*(%?)\s*", text)
    if match is None:
        raise InputError(f"bit error rate {text!r} is not a number; write 1% or 0.01")
    number, percent = float(match[1]), bool(match[2])
    rate = number / 100.0 if percent else number
    if rate < 0:
        raise InputError(f"bit error rate {text.strip()} is negative")
    if rate > 0.5:
        hint = "" if percent else f"; for {match[1]} percent write {match[1]}%"
        raise InputError(f"bit error rate {text.strip()} is above 0.5{hint}")
    return rate
