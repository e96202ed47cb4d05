"""What a notebook calls: ``import nfenergy; nfenergy.simulate("resnet18", "convs")``.

Names and defaults are those of the command line, ``--sram-kb`` being ``sram_kb``; a bit error rate is a
fraction or text such as ``"1%"``. Every result says what it is in one line and has ``to_frame()``.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Unpack

from energy.curve_files import load_curve
from energy.measures import DEFAULT_MEASURE
from energy.scalesim.engine import ProgressCallback
from nfenergy import pipeline
from nfenergy.ground.rates import parse_percentage, parse_rate
from nfenergy.machine import MachineArguments, machine_of
from nfenergy.networks import shape_of
from nfenergy.simulation import SimulationReport
from nfenergy.weight_memory import assign, protections, sensitivity

if TYPE_CHECKING:
    import pandas as pd
    from torch import nn

    from nfenergy.choices import Choice
    from nfenergy.layer_results import Layers
    from nfenergy.sweeps.run import SweepResult
    from nfenergy.sweeps.spec import SweepSpec
    from nfenergy.tradeoffs import Comparison
    from topologies.layers import Topology

__all__ = [
    "assign",
    "layers",
    "load_curve",
    "protections",
    "published",
    "recommend",
    "sensitivity",
    "simulate",
    "sweep",
    "topology_of",
    "tradeoff",
]

Rates = str | float | Sequence[str | float]


def simulate(
    base: str,
    gen: str | None = None,
    *,
    dataset: str = "cifar10",
    width: float = 1.0,
    input_shape: str | tuple[int, ...] | None = None,
    batch: int = 1,
    ber: str | float | None = None,
    voltage: float | None = None,
    on_progress: ProgressCallback | None = None,
    **machine: Unpack[MachineArguments],
) -> SimulationReport:
    """Energy saved, T.W.M.A., MACs, cycles and latency of a base model behind a generator.

    Args:
        base: a base model by name, or ``file.py:function``.
        gen: a generator likewise; None for the unprotected base model.
        dataset: decides the networks' form.
        width: factor on the base model's channels.
        input_shape: in place of the data set's, ``3x224x224`` or a tuple.
        batch: samples at a time; all figures are of so many.
        ber: bit error rate of the operating point; 1 % where neither it nor `voltage` is given.
        voltage: the operating point relative to Vmin instead.
        on_progress: told of layers done in SCALE-Sim.
        machine: see `MachineArguments`; the engine is ``scalesim`` unless named.

    Raises:
        InputError: an argument that cannot be used.
        NfEnergyError: the engine failed.
    """
    return pipeline.simulate(
        base,
        gen,
        dataset=dataset,
        base_width=width,
        input_shape=shape_of(input_shape),
        batch=batch,
        bit_error_rate=None if ber is None else rate_of(ber),
        voltage_norm=voltage,
        machine=machine_of(machine, engine="scalesim"),
        on_progress=on_progress,
    )


def layers(
    topology: str | Path,
    *,
    lenient: bool = False,
    on_progress: ProgressCallback | None = None,
    **machine: Unpack[MachineArguments],
) -> Layers:
    """SCALE-Sim's figures and energies layer by layer for a topology CSV.

    Args:
        topology: the file; what `nfenergy export` wrote beside it says which rows read no weights.
        lenient: read rows, too, on which SCALE-Sim's own reader fails; see `topologies.table.read`.
        on_progress, machine: as in `simulate`.
    """
    from nfenergy.layer_results import Layers
    from nfenergy.simulation import layer_energies
    from topologies import table

    chosen = machine_of(machine, engine="scalesim", sparse=True)
    read = table.read(Path(topology), lenient=lenient)
    counts = pipeline.layers(read, chosen, on_progress=on_progress)
    energies = layer_energies(read, counts, chosen)
    return Layers(counts, energies, chosen.energy.table.unit, str(chosen.energy))


def sweep(spec: SweepSpec | dict[str, Any] | str | Path, out: str | Path, **options: Any) -> SweepResult:
    """Every combination of a specification, in one file; see `nfenergy.sweeps.run.sweep` for the options."""
    from nfenergy.sweeps.run import sweep as run_sweep

    return run_sweep(spec, out, **options)


def tradeoff(
    accuracy: str | Path | Sequence[str | Path] = "published",
    *,
    dataset: str = "",
    base: str | Sequence[str] = (),
    gen: str | Sequence[str] = (),
    ber: Rates = "1%",
    fault_model: str = "",
    mixed: bool = False,
    savings: str | Path | None = None,
    on_progress: ProgressCallback | None = None,
    **machine: Unpack[MachineArguments],
) -> Comparison:
    """Savings beside accuracies: what ``report`` and ``plot`` show.

    Args:
        accuracy: ``published``, accuracy CSV files, or several of these.
        dataset: where the accuracies are of several data sets.
        base, gen: keep these only; empty for all that the accuracies have.
        ber: keep these bit error rates; ``all`` keeps all.
        fault_model: keep one fault model.
        mixed: join fault models, or published with measured accuracies.
        savings: take the savings from the file of a run or sweep; the machine's arguments then choose
            among its machines.
        on_progress: told of layers done in SCALE-Sim.
        machine: see `MachineArguments`; the engine is ``closed-form`` unless named.

    Raises:
        InputError: an argument or a file that cannot be used.
        NfEnergyError: the engine failed.
    """
    from nfenergy.tradeoffs import Selection, compare

    sources = [accuracy] if isinstance(accuracy, str | Path) else accuracy
    return compare(
        [str(source) for source in sources],
        Selection.of(dataset=dataset, base=base, gen=gen, ber=ber, fault_model=fault_model, mixed=mixed),
        machine,
        savings_file=None if savings is None else Path(savings),
        on_progress=on_progress,
    )


def recommend(
    accuracy: str | Path | Sequence[str | Path] = "published",
    *,
    min_accuracy: str | float | None = None,
    max_latency_overhead: str | float | None = None,
    measure: str = DEFAULT_MEASURE,
    interpolate: bool = False,
    ber: Rates = "all",
    **options: Any,
) -> Choice:
    """The voltage and the protection with the largest saving under the constraints.

    Args:
        accuracy, ber: as in `tradeoff`, as are all further options.
        min_accuracy: smallest perturbed accuracy in percent.
        max_latency_overhead: largest added latency in percent.
        measure: what energy is reckoned by.
        interpolate: admit accuracies between measured bit error rates.

    Raises:
        InputError: an argument or a file that cannot be used.
    """
    from nfenergy.choices import choose
    from reports.recommend import Constraints

    return choose(
        tradeoff(accuracy, ber=ber, **options),
        Constraints(
            min_accuracy_percent=percentage_of(min_accuracy, "--min-accuracy", largest=100.0),
            max_latency_overhead_percent=percentage_of(max_latency_overhead, "--max-latency-overhead"),
        ),
        measure=measure,
        interpolate=interpolate,
    )


def topology_of(
    model: nn.Module, input_shape: tuple[int, ...], *, name: str = "model", convention: str = "exact"
) -> Topology:
    """The SCALE-Sim topology of any PyTorch model; see `topologies.lowering.topology_of`."""
    from topologies import lowering
    from topologies.convention import get_convention

    return lowering.topology_of(model, input_shape, name=name, convention=get_convention(convention))


def published(table: str) -> pd.DataFrame:
    """A published table as printed, for comparison only; see `reports.published.published`."""
    from reports.published import published as read

    return read(table)


def rate_of(rate: str | float) -> float:
    """A bit error rate as a fraction."""
    return parse_rate(str(rate))


def percentage_of(value: str | float | None, what: str, *, largest: float = 1000.0) -> float | None:
    """A percentage; None where none is given."""
    return None if value is None else parse_percentage(str(value), what, largest=largest)
