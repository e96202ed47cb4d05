"""The options that commands share, alone and in groups; names come from the registries.

Names and defaults are those of `nfenergy.api`. This module is imported when a command that takes options is
about to run or to explain itself: the registries it reads cost next to nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from nfenergy.ground.rates import parse_rate
from nfenergy.listing import KINDS as KINDS
from nfenergy.listing import names, one_of

if TYPE_CHECKING:
    from nfenergy.machine import MachineArguments

FORM = "or file.py:function"
FORM_OR_FILE = "file.py:function or model.onnx"


def named(*flags: str, kind: str, help: str, more: str = "", **options: Any) -> Any:
    """An option whose value is a name of a kind: help and shell completion list them."""
    text = f"{help}: {one_of(kind)}{f', {more}' if more else ''}."
    return typer.Option(*flags, help=text, autocompletion=_complete(kind), **options)


def _complete(kind: str) -> Callable[[str], list[str]]:
    return lambda incomplete: [name for name in names(kind) if name.startswith(incomplete.lower())]


BaseModule = Annotated[str, named("--base", kind="bases", help="Base model", more=FORM)]
BaseName = Annotated[str, named("--base", kind="bases", help="Base model", more=FORM_OR_FILE)]
GeneratorName = Annotated[
    str | None,
    named(
        "--gen",
        kind="generators",
        help="Generator in front of it; without one it stands alone",
        more=FORM_OR_FILE,
    ),
]
DatasetName = Annotated[str, named("--dataset", kind="datasets", help="Decides the networks' form")]
Width = Annotated[float, typer.Option("--width", help="Factor on the base model's channels.")]
InputShape = Annotated[
    str | None, typer.Option("--input-shape", help="Of the input in place of the data set's: 3x224x224.")
]
Batch = Annotated[int, typer.Option("--batch", min=1, help="Samples at a time, as many as an inference has.")]
BitErrorRate = Annotated[
    str | None, typer.Option("--ber", help="Bit error rate of the operating point: 1% or 0.01.")
]
Voltage = Annotated[
    float | None, typer.Option("--voltage", help="Operating point by voltage instead, relative to Vmin.")
]
Convention = Annotated[
    str | None,
    typer.Option("--convention", help="paper reproduces the published tables, exact is what runs."),
]
Deconvolution = Annotated[
    str | None,
    typer.Option("--deconv", help="Deconvolution mapping: paper, or with exact zero-insertion or subpixel."),
]
Engine = Annotated[str | None, named("--engine", kind="engines", help="Simulation engine")]
Jobs = Annotated[
    int | None, typer.Option("--jobs", min=1, help="Simulator processes at a time; default one a core.")
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON for scripts.")]
Quiet = Annotated[bool, typer.Option("--quiet", help="No progress and no hints on stderr.")]
OutFolder = Annotated[Path | None, typer.Option("--out", help="Folder for the result files.")]
MeasureName = Annotated[str, named("--measure", kind="measures", help="What energy is reckoned by")]
Seed = Annotated[int, typer.Option("--seed", min=0, max=2**63 - 1, help="Of all random numbers of the run.")]
Threads = Annotated[
    int | None, typer.Option("--threads", min=1, help="Threads of PyTorch; default its own choice.")
]
BaseCheckpoints = Annotated[
    list[Path], typer.Option("--base-checkpoint", help="From train-base; may be given several times.")
]
GeneratorCheckpoints = Annotated[
    list[Path] | None,
    typer.Option("--gen-checkpoint", help="From train; may be given several times."),
]


WeightBits = Annotated[
    int | None, typer.Option("--weight-bits", help="Bits a stored weight, default 8; 64-bit SRAM words.")
]
ClockGhz = Annotated[
    float | None, typer.Option("--clock-ghz", help="Clock that turns cycles into latency; default 1.")
]
EnergyTableName = Annotated[
    str | None,
    named("--energy-table", kind="energy-tables", help="Energy table, by default the first", more="a YAML"),
]
Dram = Annotated[
    str | None, typer.Option("--dram", help="Kind of DRAM in the energy table; default its own.")
]
Resident = Annotated[
    str | None, typer.Option("--resident", help="What stays on chip: none (default), weights or all.")
]
Access = Annotated[
    str | None, typer.Option("--access", help="Memory accesses by word (default), or one by value.")
]
LowVoltage = Annotated[
    str | None,
    typer.Option("--low-voltage", help="Lowered: weight-sram (default) or weight-sram,activation-sram."),
]
Leakage = Annotated[
    bool | None,
    typer.Option("--leakage/--no-leakage", help="Count what the SRAMs leak, where the table has it."),
]
ActivationBits = Annotated[
    int | None, typer.Option("--activation-bits", help="Bits a stored activation, default 8.")
]


@dataclass(frozen=True, slots=True, kw_only=True)
class ArrayOptions:
    """The accelerator."""

    array: Annotated[str | None, typer.Option("--array", help="Rows x columns, such as 32x32.")] = None
    dataflow: Annotated[str | None, typer.Option("--dataflow", help="os, ws or is.")] = None
    config: Annotated[
        str | None,
        named(
            "--config",
            kind="arrays",
            help="SCALE-Sim cfg (version 2 or 3), which other options override, or preset",
        ),
    ] = None
    sram_kb: Annotated[
        str | None,
        typer.Option("--sram-kb", help="SRAMs in 1,024 bytes: 64, or ifmap/filter/ofmap 64/128/64."),
    ] = None
    bandwidth: Annotated[
        str | None,
        typer.Option("--bandwidth", help="DRAM words a cycle, 10 or 10/10/10; without it nothing stalls."),
    ] = None

    def arguments(self) -> MachineArguments:
        """As the library takes them."""
        return asdict(self)  # type: ignore[return-value]


@dataclass(frozen=True, slots=True, kw_only=True)
class EngineOptions(ArrayOptions):
    """The accelerator, and what counts on it."""

    engine: Engine = None
    jobs: Jobs = None


@dataclass(frozen=True, slots=True, kw_only=True)
class LayerOptions(EngineOptions):
    """The accelerator, what counts on it, and what accesses cost."""

    weight_bits: WeightBits = None
    clock_ghz: ClockGhz = None
    energy_table: EnergyTableName = None
    dram: Dram = None
    resident: Resident = None
    access: Access = None
    leakage: Leakage = None
    activation_bits: ActivationBits = None


@dataclass(frozen=True, slots=True, kw_only=True)
class MachineOptions(ArrayOptions):
    """The accelerator and the way of counting; see `nfenergy.machine.MachineArguments`."""

    curve: Annotated[
        str | None,
        named("--curve", kind="curves", help="Voltage curve, by default the first", more="a YAML or a CSV"),
    ] = None
    assume_v2: Annotated[
        bool, typer.Option("--assume-v2", help="Energies that the curve's file lacks: the voltage squared.")
    ] = False
    convention: Convention = None
    deconv: Deconvolution = None
    weight_bits: WeightBits = None
    clock_ghz: ClockGhz = None
    engine: Engine = None
    jobs: Jobs = None
    energy_table: EnergyTableName = None
    dram: Dram = None
    resident: Resident = None
    access: Access = None
    low_voltage: LowVoltage = None
    leakage: Leakage = None
    activation_bits: ActivationBits = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SelectionOptions:
    """Which savings and accuracies."""

    accuracy: Annotated[
        list[str] | None,
        typer.Option(
            "--accuracy", help="published (the default), or an accuracy CSV; may come several times."
        ),
    ] = None
    dataset: Annotated[
        str, named("--dataset", kind="datasets", help="Where the accuracies are of several data sets")
    ] = ""
    base: Annotated[str, typer.Option("--base", help="Base models, separated by commas; default all.")] = ""
    gen: Annotated[str, typer.Option("--gen", help="Generators, separated by commas; default all.")] = ""
    fault_model: Annotated[
        str, named("--fault-model", kind="fault-models", help="Take the accuracies of this one only")
    ] = ""
    mixed: Annotated[
        bool, typer.Option("--mixed", help="Join fault models, or published with measured accuracies.")
    ] = False
    savings: Annotated[
        Path | None,
        typer.Option(
            "--savings",
            help="Savings of a run or sweep (CSV, Parquet) instead; the machine's options choose among them.",
        ),
    ] = None

    def arguments(self) -> dict[str, Any]:
        """As `nfenergy.api.tradeoff` takes them."""
        return {**asdict(self), "accuracy": self.accuracy or ["published"]}


def optional_rate(text: str | None) -> float | None:
    """A bit error rate as `parse_rate` reads it; None where none is given."""
    return None if text is None else parse_rate(text)
