"""Savings and accuracies brought together: what plots, the report and a recommendation start from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from energy.curve import VoltageCurve
from energy.scalesim.engine import ProgressCallback
from neuralfuse.registry import DATASETS, networks
from nfenergy.ground.errors import InputError
from nfenergy.pipeline import simulate_combinations
from nfenergy.simulation import Machine, SimulationReport
from nfenergy.tabular import layer_rows_of, saving_of
from reports.accuracy import PUBLISHED, load_accuracies, with_baselines
from reports.files import read_savings
from reports.merge import Consent, Merged, merge
from reports.names import NO_GENERATOR, Names
from reports.records import Accuracy, LayerRow, Saving

NAMES = Names(
    bases={name: network.title for name, network in networks("base").items()},
    generators={name: network.title for name, network in networks("generator").items()},
    datasets={name: dataset.title for name, dataset in DATASETS.items()},
    without_energy={"uip": "UIP"},
)
PUBLISHED_DATASET = "cifar10"


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """Which combinations to bring together; what is empty takes all that the accuracies have.

    Attributes:
        dataset: empty for that of the measured accuracies, or `PUBLISHED_DATASET` without any.
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """Savings beside accuracies.

    Attributes:
        merged: what was joined, and what found no partner.
        machine: what the savings are of.
        layers: by base model and generator, the layers of each combination at the highest bit error
            rate; empty for savings from a file.
    """

    merged: Merged
    machine: Machine
    layers: dict[tuple[str, str], list[LayerRow]]


def compare(
    accuracy: Sequence[str],
    selection: Selection,
    machine: Machine,
    *,
    savings_file: Path | None = None,
    on_progress: ProgressCallback | None = None,
) -> Comparison:
    """Accuracies joined with the savings computed for them, base models alone included.

    Args:
        accuracy: ``published`` and accuracy CSV files; naming ``published`` is what asks for its join
            with computed savings.
        selection: which combinations.
        machine: what the savings are computed for.
        savings_file: takes the savings from a run's summary or a sweep instead.
        on_progress: see `energy.scalesim.engine.simulate`.

    Raises:
        InputError: a file or a name cannot be used, nothing is selected, or a join was not asked for.
    """
    read = [row for source in accuracy for row in load_accuracies(source, NAMES)]
    accuracies = with_baselines(_selected(read, selection))
    layers: dict[tuple[str, str], list[LayerRow]] = {}
    if savings_file is None:
        reports = _simulated(accuracies, selection, machine, on_progress)
        savings = [saving_of(report) for report in reports]
        layers = {
            (saving.base, saving.generator): layer_rows_of(report)
            for saving, report in zip(savings, reports, strict=True)
        }
    else:
        savings = _selected_savings(read_savings(savings_file), accuracies, selection)
        _check_curve(savings, machine.curve)
    consent = Consent(
        published=selection.mixed or PUBLISHED in [source.lower() for source in accuracy],
        sources=selection.mixed,
        fault_models=selection.mixed,
    )
    return Comparison(merged=merge(savings, accuracies, consent=consent), machine=machine, layers=layers)


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
    measured = [row.dataset for row in accuracies if row.source != PUBLISHED]
    found = list(dict.fromkeys(measured or [PUBLISHED_DATASET]))
    if len(found) == 1:
        return found[0]
    raise InputError(f"the accuracies are of several data sets: {', '.join(found)}; choose with --dataset")


def _simulated(
    accuracies: Sequence[Accuracy],
    selection: Selection,
    machine: Machine,
    on_progress: ProgressCallback | None,
) -> list[SimulationReport]:
    """Every base model, generator and bit error rate that the accuracies, or the user, name.

    Base models alone are simulated without errors too; rates that the curve does not have are left
    out, so that their accuracies find no partner.

    Raises:
        InputError: the curve has none of the rates.
    """
    perturbed = [row for row in accuracies if row.bit_error_rate > 0]
    if perturbed and not any(_on_curve(row, machine.curve) for row in perturbed):
        machine.curve.at_bit_error_rate(perturbed[0].bit_error_rate)
    found = []
    for width in dict.fromkeys(row.base_width for row in accuracies):
        rows = [row for row in accuracies if row.base_width == width]
        generators = dict.fromkeys([*map(str.lower, selection.generators), *(row.generator for row in rows)])
        reports = simulate_combinations(
            list(dict.fromkeys([*map(str.lower, selection.bases), *(row.base for row in rows)])),
            [None, *(name for name in generators if name in NAMES.generators)],
            rows[0].dataset,
            machine,
            bit_error_rates=sorted({row.bit_error_rate for row in rows if _on_curve(row, machine.curve)}),
            base_width=width,
            on_progress=on_progress,
        )
        measured = {(row.generator, row.bit_error_rate) for row in rows}
        found += [
            report
            for report in reports
            if report.generator is None
            or report.operating_point.bit_error_rate > 0
            or (report.generator.model.network.name, 0.0) in measured
        ]
    return found


def _on_curve(accuracy: Accuracy, curve: VoltageCurve) -> bool:
    try:
        curve.at_bit_error_rate(accuracy.bit_error_rate)
    except InputError:
        return False
    return True


def _check_curve(savings: Sequence[Saving], curve: VoltageCurve) -> None:
    other = next((saving.curve for saving in savings if saving.curve != curve.name), None)
    if other is not None:
        raise InputError(f"the savings were made with voltage curve {other!r}; give it with --curve")


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
