"""A recommendation in sentences with its table of candidates, and as JSON."""

from __future__ import annotations

from collections.abc import Mapping

from energy.measures import MEASURES
from neuralfuse.accuracy_labels import labels
from neuralfuse.registry import dataset_title
from nfenergy.ground.rates import percent_text
from reports.measured import chief_measures, measures_of
from reports.recommend import ConstraintCost, Recommendation
from reports.records import Saving, Tradeoff
from reports.tables import render

LISTED = 12

Labels = Mapping[Tradeoff, str]


def as_json(recommendation: Recommendation) -> dict[str, object]:
    """For scripts; `best` and `runner_up` are null where nothing qualifies."""
    said = _labels(recommendation)
    return {
        "best": _choice(recommendation.best, said),
        "runner_up": _choice(recommendation.runner_up, said),
        "without_generator": _choice(recommendation.without_generator, said),
        "constraints": [
            {
                "constraint": cost.constraint,
                "excluded": cost.excluded,
                "cost_percentage_points": cost.cost_points,
                "best_without": _choice(cost.best_without, said),
            }
            for cost in recommendation.costs
        ],
        "candidates": len(recommendation.candidates),
        "interpolated": recommendation.interpolated,
        "measure": recommendation.measure,
        "ranked": [_choice(row, said) for row in recommendation.ranked],
    }


def as_text(recommendation: Recommendation) -> str:
    """The answer in sentences, one a line, then what else qualifies."""
    best, said = recommendation.best, _labels(recommendation)
    lines = []
    if best is None:
        lines.append(
            f"Nothing qualifies: none of the {len(recommendation.candidates)} operating points keeps all "
            "constraints."
        )
        alone = recommendation.without_generator
        if alone is not None:
            lines.append(f"Without a generator: {_sentence(alone, said, recommendation.measure)}.")
    else:
        if not best.has_generator:
            lines.append("No generator is needed: the base model alone qualifies and saves most.")
        lines.append(f"Best: {_sentence(best, said, recommendation.measure)}.")
        second = recommendation.runner_up
        lines.append(
            f"Runner-up: {_sentence(second, said, recommendation.measure)}."
            if second is not None
            else "Runner-up: none, nothing else qualifies."
        )
        if best.saving.saving_percent(recommendation.measure) <= 0:
            lines.append("No generator saves energy here: the base model alone takes less at Vmin.")
    lines += [_cost_sentence(cost, said, recommendation.measure) for cost in recommendation.costs]
    if recommendation.interpolated:
        lines.append("Interpolated accuracies were admitted; nobody measured those.")
    if best is not None:
        lines += [
            f"Accelerator: {best.saving.accelerator}.",
            *_energies(best.saving),
            "",
            _table(recommendation, said),
        ]
    return "\n".join(lines)


def _energies(saving: Saving) -> list[str]:
    """What the energies were calculated with."""
    if not saving.energy_table:
        return []
    leakage = ", leakage counted" if saving.leakage else ""
    return [
        f"Energies: table {saving.energy_table}, DRAM {saving.dram}, resident {saving.residency}, access "
        f"{saving.access}, lowered {saving.low_voltage}{leakage}."
    ]


def _table(recommendation: Recommendation, said: Labels) -> str:
    """What qualifies, the best first."""
    shown = recommendation.ranked[:LISTED]
    own = measures_of(row.saving for row in shown)
    measures = dict(sorted(own.items(), key=lambda item: item[0] != recommendation.measure))
    table = render(
        [
            "",
            "bit errors",
            "V / Vmin",
            *(f"{row.title} %" for row in measures.values()),
            "accuracy %",
            "latency",
        ],
        [
            [
                said[row],
                percent_text(row.saving.bit_error_rate),
                f"{row.saving.voltage_norm:.4g}",
                *(f"{row.saving.saving_percent(name):.1f}" for name in measures),
                f"{row.accuracy.perturbed_percent:.1f} ± {row.accuracy.perturbed_std_percent:.1f}",
                f"+{row.saving.latency_overhead_percent:.1f} %",
            ]
            for row in shown
        ],
    )
    left = len(recommendation.ranked) - len(shown)
    return f"{table}\n... and {left} more; --json lists all" if left else table


def _labels(recommendation: Recommendation) -> Labels:
    """Names that tell all mentioned combinations apart."""
    without = [cost.best_without for cost in recommendation.costs]
    rows = [*recommendation.candidates, recommendation.without_generator, *without]
    mentioned = list(dict.fromkeys(row for row in rows if row is not None))
    return dict(zip(mentioned, labels([row.accuracy for row in mentioned]), strict=True))


def _name(row: Tradeoff, said: Labels) -> str:
    return said[row] if row.has_generator else f"{said[row]}, no generator"


def _choice(tradeoff: Tradeoff | None, said: Labels) -> dict[str, object] | None:
    if tradeoff is None:
        return None
    saving, accuracy = tradeoff.saving, tradeoff.accuracy
    return {
        "base": saving.base,
        "generator": saving.generator,
        "dataset": saving.dataset,
        "bit_error_rate": saving.bit_error_rate,
        "voltage_norm": saving.voltage_norm,
        **{f"{name}_saving_percent": by.saving_percent for name, by in saving.measures.items()},
        "perturbed_accuracy_percent": accuracy.perturbed_percent,
        "accuracy_source": accuracy.source,
        "label": said[tradeoff],
        "base_training": accuracy.base_training,
        "accelerator": saving.accelerator,
    }


def _sentence(tradeoff: Tradeoff, said: Labels, measure: str) -> str:
    saving, accuracy = tradeoff.saving, tradeoff.accuracy
    shown = {measure: MEASURES[measure]} | chief_measures([saving])
    *first, last = (f"{saving.saving_percent(name):.1f} % by {row.title}" for name, row in shown.items())
    saved = f"{', '.join(first)} and {last}"
    return (
        f"{_name(tradeoff, said)} on {dataset_title(saving.dataset)} at "
        f"{percent_text(saving.bit_error_rate)} bit errors ({saving.voltage_norm:.4g} of Vmin): saves "
        f"{saved}, perturbed accuracy {accuracy.perturbed_percent:.1f} ± "
        f"{accuracy.perturbed_std_percent:.1f} %, latency +{saving.latency_overhead_percent:.1f} %; accuracy "
        f"{accuracy.source} ({accuracy.reference})"
    )


def _cost_sentence(cost: ConstraintCost, said: Labels, measure: str) -> str:
    if cost.best_without is None:
        return f"{cost.constraint}: excludes {cost.excluded}; without it nothing qualifies either."
    saving = cost.best_without.saving
    at = f"{_name(cost.best_without, said)} at {percent_text(saving.bit_error_rate)}"
    would = (
        f"{at} would save {saving.saving_percent(measure):.1f} % at an accuracy of "
        f"{cost.best_without.accuracy.perturbed_percent:.1f} %"
    )
    if cost.cost_points is None:
        return f"{cost.constraint}: excludes {cost.excluded} operating points; without it {would}."
    return f"{cost.constraint}: costs {cost.cost_points:.1f} points of saving; without it {would}."
