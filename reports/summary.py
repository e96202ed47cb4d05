"""What a set of trade-offs says, in plain words, and what its reader must know before believing it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import groupby

from energy.counts import weights_per_word
from energy.curve import VoltageCurve
from energy.measures import DEFAULT_MEASURE, MEASURES
from neuralfuse.accuracy_labels import base_labels, generator_labels, labels
from neuralfuse.memory.fault_models import fault_model_title
from neuralfuse.registry import base_title, dataset_title
from nfenergy.ground.rates import percent_text
from reports.coverage_table import coverage_warnings
from reports.fronts import front_members
from reports.measured import chief_measures, measures_of
from reports.merge import Merged
from reports.published import NEURALFUSE
from reports.records import Tradeoff

Labels = Mapping[Tradeoff, str]


def sentences(tradeoffs: Sequence[Tradeoff]) -> list[str]:
    """For each data set and bit error rate: what was saved, at which accuracy and latency."""
    said = dict(zip(tradeoffs, labels([row.accuracy for row in tradeoffs]), strict=True))
    low = [row for row in tradeoffs if row.saving.bit_error_rate > 0] or list(tradeoffs)
    nominal = [row for row in tradeoffs if row not in low]
    shown = sorted(low, key=_point)
    found = []
    for (dataset, _), group in groupby(shown, key=_point):
        rows = list(group)
        competing = [*(row for row in nominal if row.saving.dataset == dataset), *rows]
        found += [_lead(rows), _extremes(rows, said), _fronts(competing, said)]
        counted = [name for name in measures_of(row.saving for row in rows) if not MEASURES[name].domains]
        losers = [row for row in rows if min(map(row.saving.saving_percent, counted)) < 0]
        if losers:
            listed = ", ".join(said[row] for row in losers)
            measures = " or ".join(MEASURES[name].title for name in counted)
            found.append(f"Costs more than it saves by {measures}: {listed}.")
    return found


def _point(row: Tradeoff) -> tuple[str, float]:
    return row.saving.dataset, row.saving.bit_error_rate


def warnings(merged: Merged, convention: str) -> list[str]:
    """Joins, missing partners, and the conventions and upstream quirks that the figures contain."""
    found = [f"Joined because asked for: {join}." for join in merged.joins]
    found += [f"Left out: {line}." for line in merged.unmatched]
    found += coverage_warnings(row.saving for row in merged.tradeoffs)
    for model in sorted({row.accuracy.fault_model for row in merged.tradeoffs}):
        found.append(
            f"Fault model {model}: {fault_model_title(model)}. Accuracies of other fault models do not "
            "compare."
        )
    if any(row.accuracy.is_interpolated for row in merged.tradeoffs):
        found.append("Some accuracies are interpolated between measured bit error rates.")
    found.append(f"Convention {convention}.")
    engines = {row.saving.engine for row in merged.tradeoffs}
    found.append(
        f"Engine {', '.join(sorted(engines))}: counts are those that SCALE-Sim 3.0.0 reports. Its ofmap "
        "extent is rounded up where PyTorch's is rounded down. Its SRAM OFMAP writes in dataflow os are "
        "folds x (rows + cols) too high (upstream issue 166); layers.csv has the true count beside them."
    )
    found.append(
        "Savings by T.W.M.A. or MACs are of weight accesses alone, relative to the base model at nominal "
        'voltage; what they are of the energy of chip and system is under "Whose energy is this?". Latency '
        "counts array cycles at one clock at both voltages."
    )
    found.append(
        "Probabilities of the front take accuracies as normal and independent, with the standard "
        "deviation over chips."
    )
    return found


def constants(tradeoffs: Sequence[Tradeoff], curve: VoltageCurve, convention: str) -> list[tuple[str, str]]:
    """What the figures of one accelerator were calculated with, each with its source."""
    saving = tradeoffs[0].saving
    sources = dict.fromkeys(f"{row.accuracy.source}: {row.accuracy.reference}" for row in tradeoffs)
    return [
        ("Accelerator", saving.accelerator),
        ("Convention", convention),
        ("SRAM word", f"64 bit, {weights_per_word(saving.weight_bits)} weights of {saving.weight_bits} bit"),
        ("Clock", f"{saving.clock_ghz:g} GHz, chosen by the user"),
        ("Voltage curve", f"{curve.name}: {curve.title}" if curve.title else curve.name),
        ("Source of the curve", curve.source or "a file of the user's own"),
        ("Normalisation", curve.normalisation or "relative to the highest voltage of the curve"),
        ("Accuracies", "; ".join(sources)),
        ("Published tables", NEURALFUSE),
        (
            "Energy saving",
            "100 x (base x (1 - energy at low voltage) - generator) / base, in T.W.M.A. or MACs "
            "(Sun et al., Eq. 6)",
        ),
    ]


def _lead(rows: Sequence[Tradeoff]) -> str:
    saving = rows[0].saving
    protected = [row for row in rows if row.has_generator]
    kind = "combinations of a base model and a generator" if protected else "base models"
    many = f"{len(protected or rows)} {kind} were" if len(protected or rows) > 1 else "One combination was"
    below = "below " if saving.bit_error_rate_is_bound else ""
    return (
        f"{many} compared on {dataset_title(saving.dataset)} at a bit error rate of "
        f"{below}{percent_text(saving.bit_error_rate)}: the weight SRAM of the base "
        f"model then runs at {saving.voltage_norm:.4g} of Vmin, with "
        f"{percent_text(saving.energy_per_access_norm)} of the energy per access."
    )


def _extremes(rows: Sequence[Tradeoff], said: Labels) -> str:
    protected = [row for row in rows if row.has_generator or row.accuracy.base_training] or rows
    frugal = max(protected, key=lambda row: row.saving.saving_percent(DEFAULT_MEASURE))
    accurate = max(protected, key=lambda row: row.accuracy.perturbed_percent)
    if frugal is accurate:
        return f"{_figures(frugal, said)}."
    return f"Largest saving: {_figures(frugal, said)}. Highest accuracy: {_figures(accurate, said)}."


def _figures(row: Tradeoff, said: Labels) -> str:
    saving, accuracy = row.saving, row.accuracy
    first, *others = (
        f"{saving.saving_percent(name):.1f} % by {measure.title}"
        for name, measure in chief_measures([saving]).items()
    )
    instead = f" instead of {accuracy.base_perturbed_percent:.1f} %" if row.has_generator else ""
    longer = f", and takes {saving.latency_overhead_percent:.1f} % longer" if row.has_generator else ""
    return (
        f"{said[row]} saves {first} ({', '.join(others)}) at an accuracy of "
        f"{accuracy.perturbed_percent:.1f} ± {accuracy.perturbed_std_percent:.1f} %{instead}{longer}"
    )


def _fronts(rows: Sequence[Tradeoff], said: Labels) -> str:
    """The choices worth considering for each base model."""
    generators = dict(zip(rows, generator_labels([row.accuracy for row in rows]), strict=True))
    bases = dict(zip(rows, base_labels([row.accuracy for row in rows]), strict=True))
    parts = []
    for base in dict.fromkeys(row.saving.base for row in rows):
        own = [row for row in rows if row.saving.base == base]
        names = said if len({bases[row] for row in own}) > 1 else generators
        listed = [
            names[row] if row.has_generator or row.saving.bit_error_rate else f"{names[row]} at Vmin"
            for row in front_members(own, DEFAULT_MEASURE)
        ]
        parts.append(f"{base_title(base)}: {', '.join(listed)}")
    return (
        "Not beaten in both saving and accuracy by anything else for the same base model: "
        + "; ".join(parts)
        + "."
    )
