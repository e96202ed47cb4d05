"""Savings and accuracies brought together: what plots, the report and a recommendation start from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from energy.curve import VoltageCurve
from energy.scalesim.engine import ProgressCallback
from neuralfuse.accuracy import PUBLISHED, Accuracy, with_baselines
from neuralfuse.accuracy_files import read_accuracies
from neuralfuse.accuracy_labels import labels
from neuralfuse.registry import (
    GENERATORS,
    NO_GENERATOR,
    dataset_name,
    dataset_title,
    generator_name,
    network_name,
)
from nfenergy.ground.errors import InputError
from nfenergy.ground.rates import parse_rate, rate_key
from nfenergy.machine import Machine, MachineArguments, machine_of
from nfenergy.pipeline import simulate_combinations
from nfenergy.saving_files import chosen_savings
from nfenergy.simulation import SimulationReport
from nfenergy.tabular import layer_rows_of, saving_of
from reports.fronts import with_standings
from reports.layer_records import LayerRow
from reports.merge import Consent, Merged, merge
from reports.published import published_accuracies
from reports.records import Tradeoff

if TYPE_CHECKING:
    import pandas as pd

PUBLISHED_DATASET = "cifar10"
Names = str | Sequence[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """Which combinations to bring together; what is empty takes all that the accuracies have.

    Attributes:
        dataset: empty for that of the measured accuracies, or `PUBLISHED_DATASET` without any.
        bases, generators: names in the registries, or ``file.py:function``.
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

    @classmethod
    def of(
        cls,
        *,
        dataset: str = "",
        base: Names = (),
        gen: Names = (),
        ber: str | float | Sequence[str | float] = "all",
        fault_model: str = "",
        mixed: bool = False,
    ) -> Selection:
        """From words: names separated by commas, or several of them; ``all`` rates, or such as ``1%,0.5%``.

        Raises:
            InputError: an unknown name, or a rate that is none.
        """
        return cls(
            dataset=dataset_name(dataset) if dataset else "",
            bases=tuple(dict.fromkeys(network_name("base", name) for name in _words(base))),
            generators=tuple(dict.fromkeys(map(generator_name, _words(gen)))),
            bit_error_rates=tuple(map(parse_rate, _words(ber))) if _words(ber) != ["all"] else (),
            fault_model=fault_model.lower(),
            mixed=mixed,
        )

    def keeps(self, row: Accuracy, dataset: str) -> bool:
        rates = {rate_key(rate) for rate in self.bit_error_rates}
        return (
            row.dataset == dataset
            and (not self.bases or row.base in self.bases)
            and (not self.generators or row.generator in (*self.generators, NO_GENERATOR))
            and (not rates or rate_key(row.bit_error_rate) in rates)
            and (not self.fault_model or row.fault_model == self.fault_model)
        )


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Comparison:
    """Savings beside accuracies.

    Attributes:
        merged: what was joined, and what found no partner.
        machine: what the savings are of.
        layers: by base model and generator, the layers of each combination at the highest bit error
            rate; empty for savings from a file.
        reports: the simulations that the savings are of; empty for savings from a file.
    """

    merged: Merged
    machine: Machine
    layers: dict[tuple[str, str], list[LayerRow]]
    reports: tuple[SimulationReport, ...] = ()

    def __repr__(self) -> str:
        rows = self.merged.tradeoffs
        return f"<{len(rows)} trade-offs on {rows[0].saving.accelerator}>" if rows else "<no trade-offs>"

    def _repr_html_(self) -> str:
        return str(self.to_frame().to_html())

    def labels(self) -> dict[Tradeoff, str]:
        """A name for each trade-off that tells it from the others."""
        rows = self.merged.tradeoffs
        return dict(zip(rows, labels([row.accuracy for row in rows]), strict=True))

    def to_frame(self) -> pd.DataFrame:
        """One row a combination and operating point, with the columns of ``tradeoff.csv``."""
        from nfenergy.ground.tables import to_frame

        return to_frame(Tradeoff, self.merged.tradeoffs)


def compare(
    accuracy: Sequence[str],
    selection: Selection,
    arguments: MachineArguments,
    *,
    savings_file: Path | None = None,
    on_progress: ProgressCallback | None = None,
) -> Comparison:
    """Accuracies joined with the savings computed for them, base models alone included.

    Args:
        accuracy: ``published`` and accuracy CSV files; naming ``published`` is what asks for its join
            with computed savings.
        selection: which combinations.
        arguments: the machine that the savings are computed for, or chosen by among those of a file.
        savings_file: takes the savings from a run's summary or a sweep instead.
        on_progress: see `energy.scalesim.engine.simulate`.

    Raises:
        InputError: a file or a name cannot be used, nothing is selected, a join was not asked for, or the
            savings of a file are of several machines.
    """
    read = [row for source in accuracy for row in _load(source)]
    accuracies = with_baselines(_selected(read, selection))
    layers: dict[tuple[str, str], list[LayerRow]] = {}
    reports: list[SimulationReport] = []
    if savings_file is None:
        machine = machine_of(arguments, engine="closed-form")
        reports = _simulated(accuracies, selection, machine, on_progress)
        savings = [saving_of(report) for report in reports]
        layers = {
            (saving.base, saving.generator): layer_rows_of(report)
            for saving, report in zip(savings, reports, strict=True)
        }
    else:
        savings, machine = chosen_savings(savings_file, accuracies, arguments)
    consent = Consent(
        published=selection.mixed or PUBLISHED in [source.lower() for source in accuracy],
        sources=selection.mixed,
        fault_models=selection.mixed,
    )
    merged = merge(savings, accuracies, consent=consent)
    merged = replace(merged, tradeoffs=with_standings(merged.tradeoffs))
    return Comparison(merged=merged, machine=machine, layers=layers, reports=tuple(reports))


def _load(source: str) -> tuple[Accuracy, ...]:
    return published_accuracies() if source.lower() == PUBLISHED else read_accuracies(Path(source))


def _words(text: object) -> list[str]:
    parts = text.split(",") if isinstance(text, str) else text if isinstance(text, Sequence) else [text]
    return [word for part in parts if (word := str(part).strip())]


def _selected(accuracies: Sequence[Accuracy], selection: Selection) -> list[Accuracy]:
    dataset = selection.dataset or _only_dataset(accuracies)
    found = [row for row in accuracies if selection.keeps(row, dataset)]
    if not found:
        measured = sorted({row.bit_error_rate for row in accuracies if row.dataset == dataset})
        rates = ", ".join(f"{100 * rate:.4g}%" for rate in measured) or "none"
        raise InputError(
            f"the accuracies have no row for this selection; on {dataset_title(dataset)} they are of bit "
            f"error rates {rates}; choose with --ber, or --ber all"
        )
    return found


def _only_dataset(accuracies: Sequence[Accuracy]) -> str:
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
        generators = dict.fromkeys([*selection.generators, *(row.generator for row in rows)])
        reports = simulate_combinations(
            list(dict.fromkeys([*selection.bases, *(row.base for row in rows)])),
            [None, *(name for name in generators if _is_simulated(name))],
            rows[0].data,
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
            or (report.generator.model.network.given, 0.0) in measured
        ]
    return found


def _is_simulated(generator: str) -> bool:
    if generator == NO_GENERATOR:
        return False
    return generator not in GENERATORS or GENERATORS[generator].reads_weights


def _on_curve(accuracy: Accuracy, curve: VoltageCurve) -> bool:
    try:
        curve.at_bit_error_rate(accuracy.bit_error_rate)
    except InputError:
        return False
    return True
