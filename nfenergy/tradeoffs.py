"""Savings and accuracies brought together: what plots, the report and a recommendation start from."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from energy.array import PRESETS, SystolicArray
from energy.curve import VoltageCurve, load_curve
from energy.scalesim import ProgressCallback
from neuralfuse.registry import DATASETS, networks
from nfenergy import pipeline
from nfenergy.errors import InputError
from reports.accuracy import PUBLISHED, load_accuracies, with_baselines
from reports.files import read_savings
from reports.layer_rows import layer_rows
from reports.merge import Consent, Merged, merge
from reports.names import NO_GENERATOR, Names
from reports.records import Accuracy, LayerRow, Saving

NAMES = Names(
    bases={name: network.title for name, network in networks("base").items()},
    generators={name: network.title for name, network in networks("generator").items()},
    datasets={name: dataset.title for name, dataset in DATASETS.items()},
    without_energy={"uip": "UIP"},
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Machine:
    """The accelerator and the way of counting; fields as in `pipeline.simulate`."""

    array: SystolicArray = PRESETS["scale"]
    curve: VoltageCurve = field(default_factory=lambda: load_curve(pipeline.DEFAULT_CURVE))
    convention: str = "paper"
    weight_bits: int = 8
    clock_ghz: float = 1.0
    engine: str = "closed-form"
    jobs: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """Which combinations to bring together; what is empty takes all that the accuracies have.

    Attributes:
        dataset: may be empty where the accuracies are of one data set, or are the published ones.
        bases, generators: names in any case.
        bit_error_rates: fractions.
        fault_model: keeps the accuracies of one fault model.
        mixed: joins fault models, or published with measured accuracies.
    """

    dataset: str = ""
    bases: tuple[str, ...] = ()
    generators: tuple[str, ...] = ()
    bit_error_rates: tuple[float, ...] = ()
    fault_model: str = ""
    mixed: bool = False


def tradeoffs(
    accuracy: Sequence[str],
    selection: Selection,
    machine: Machine,
    *,
    savings_file: Path | None = None,
    on_progress: ProgressCallback | None = None,
) -> Merged:
    """Accuracies joined with the savings computed for them, base models alone included.

    Args:
        accuracy: ``published`` and accuracy CSV files; naming ``published`` is what asks for its join
            with computed savings.
        selection: which combinations.
        machine: what the savings are computed for.
        savings_file: takes the savings from a run's summary or a sweep instead.
        on_progress: see `energy.scalesim.simulate`.

    Raises:
        InputError: a file or a name cannot be used, nothing is selected, or a join was not asked for.
    """
    read = [row for source in accuracy for row in load_accuracies(source, NAMES)]
    accuracies = with_baselines(_selected(read, selection))
    if savings_file is None:
        savings = _computed(accuracies, selection, machine, on_progress)
    else:
        savings = _selected_savings(read_savings(savings_file), accuracies, selection)
    consent = Consent(
        published=selection.mixed or PUBLISHED in [source.lower() for source in accuracy],
        sources=selection.mixed,
        fault_models=selection.mixed,
    )
    return merge(savings, accuracies, consent=consent)


def combination_layers(
    pairs: Iterable[tuple[str, str]],
    dataset: str,
    machine: Machine,
    *,
    bit_error_rate: float,
    on_progress: ProgressCallback | None = None,
) -> dict[tuple[str, str], list[LayerRow]]:
    """The layers of each pair of base model and generator (or `NO_GENERATOR`), networks counted once."""
    pairs = list(dict.fromkeys(pairs))
    counted = _counted([name for pair in pairs for name in pair], dataset, machine, on_progress)
    energy = machine.curve.at_bit_error_rate(bit_error_rate).energy_per_access_norm
    return {
        pair: layer_rows(
            [counted[name] for name in pair if name != NO_GENERATOR],
            dataset=dataset,
            array=machine.array,
            weight_bits=machine.weight_bits,
            energy_per_access_norm=energy,
        )
        for pair in pairs
    }


def _selected(accuracies: Sequence[Accuracy], selection: Selection) -> list[Accuracy]:
    dataset = _dataset(accuracies, selection.dataset)
    bases = [NAMES.check_base(name) for name in selection.bases]
    generators = [NAMES.check_generator(name) for name in selection.generators]
    rates = [round(rate, 12) for rate in selection.bit_error_rates]
    model = selection.fault_model.lower()
    found = [
        row
        for row in accuracies
        if row.dataset == dataset
        and (not bases or row.base in bases)
        and (not generators or row.generator in (*generators, NO_GENERATOR))
        and (not rates or round(row.bit_error_rate, 12) in rates)
        and (not model or row.fault_model == model)
    ]
    if not found:
        measured = sorted({row.bit_error_rate for row in accuracies if row.dataset == dataset})
        raise InputError(
            f"the accuracies have no row for this selection; on {NAMES.dataset(dataset)} they are of bit "
            f"error rates {', '.join(f'{100 * rate:.4g}%' for rate in measured) or 'none'}"
        )
    return found


def _dataset(accuracies: Sequence[Accuracy], wanted: str) -> str:
    if wanted:
        return NAMES.check_dataset(wanted)
    found = list(dict.fromkeys(row.dataset for row in accuracies))
    if len(found) == 1:
        return found[0]
    if all(row.source == PUBLISHED for row in accuracies):
        return "cifar10"
    raise InputError(f"the accuracies are of several data sets: {', '.join(found)}; choose with --dataset")


def _computed(
    accuracies: Sequence[Accuracy],
    selection: Selection,
    machine: Machine,
    on_progress: ProgressCallback | None,
) -> list[Saving]:
    """Savings of every base model, generator and bit error rate that the accuracies, or the user, name."""
    found = []
    rates = sorted({row.bit_error_rate for row in accuracies if _on_curve(row.bit_error_rate, machine.curve)})
    for width in dict.fromkeys(row.base_width for row in accuracies):
        rows = [row for row in accuracies if row.base_width == width]
        bases = dict.fromkeys([*map(str.lower, selection.bases), *(row.base for row in rows)])
        generators = dict.fromkeys([*map(str.lower, selection.generators), *(row.generator for row in rows)])
        found += pipeline.savings(
            list(bases),
            [name for name in generators if name not in NAMES.without_energy and name != NO_GENERATOR],
            rows[0].dataset,
            base_width=width,
            bit_error_rates=[rate for rate in rates if rate > 0],
            curve=machine.curve,
            array=machine.array,
            convention=machine.convention,
            weight_bits=machine.weight_bits,
            clock_ghz=machine.clock_ghz,
            engine=machine.engine,
            jobs=machine.jobs,
            on_progress=on_progress,
        )
    return found


def _on_curve(rate: float, curve: VoltageCurve) -> bool:
    """Whether the curve tells the voltage of a measured rate; a row without one finds no partner."""
    try:
        curve.at_bit_error_rate(rate)
    except InputError:
        return False
    return True


def _selected_savings(
    savings: Sequence[Saving], accuracies: Sequence[Accuracy], selection: Selection
) -> list[Saving]:
    generators = {*map(str.lower, selection.generators), NO_GENERATOR}
    rates = {round(rate, 12) for rate in selection.bit_error_rates}
    return [
        saving
        for saving in savings
        if saving.dataset == accuracies[0].dataset
        and (not selection.bases or saving.base in map(str.lower, selection.bases))
        and (not selection.generators or saving.generator in generators)
        and (not rates or round(saving.bit_error_rate, 12) in {*rates, 0.0})
    ]
