"""What a set of trade-offs says, in plain words, and what its reader must know before believing it."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby

from energy.counts import weights_per_word
from energy.curve import VoltageCurve
from reports.fronts import front_members
from reports.merge import Merged, percent
from reports.names import Names
from reports.published import NEURALFUSE
from reports.records import Tradeoff, configuration_title

FAULT_MODELS = {
    "flip": "each bit flips with the given probability",
    "stuck-at": "the given share of memory cells is stuck at 0 or 1, so that about half of it flips",
    "neuralfuse-map": "the given share of cells of a tiled 8192 x 128 map is stuck at 0 or 1, as in the "
    "released code of NeuralFuse; about half of it flips, 16 weights of each layer at a time",
}


def sentences(tradeoffs: Sequence[Tradeoff], names: Names) -> list[str]:
    """For each data set and bit error rate: what was saved, at which accuracy and latency."""
    shown = sorted(
        (row for row in tradeoffs if row.has_generator),
        key=lambda row: (row.saving.dataset, row.saving.bit_error_rate),
    )
    found = []
    for (dataset, rate), rows in (
        (key, list(group))
        for key, group in groupby(shown, key=lambda row: (row.saving.dataset, row.saving.bit_error_rate))
    ):
        found.append(_lead(rows, names.dataset(dataset), rate))
        found.append(_extremes(rows, names))
        found.append(_fronts(rows, names))
        losers = [
            row for row in rows if min(row.saving.twma_saving_percent, row.saving.mac_saving_percent) < 0
        ]
        if losers:
            listed = ", ".join(names.combination(row.saving.base, row.saving.generator) for row in losers)
            found.append(f"Costs more than it saves by T.W.M.A. or MACs: {listed}.")
    return found


def warnings(merged: Merged, names: Names, convention: str) -> list[str]:
    """Joins, missing partners, and the conventions and upstream quirks that the figures contain."""
    found = [f"Joined because asked for: {join}." for join in merged.joins]
    found += [f"Left out: {line}." for line in merged.unmatched(names)]
    for model in sorted({row.accuracy.fault_model for row in merged.tradeoffs}):
        meaning = FAULT_MODELS.get(model, "a fault map of the user's own")
        found.append(f"Fault model {model}: {meaning}. Accuracies of other fault models do not compare.")
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
        "Savings are of SRAM weight accesses (T.W.M.A.) or of MACs, relative to the base model at nominal "
        "voltage; energy of DRAM, activations and leakage is not in them. Latency counts array cycles at one "
        "clock at both voltages."
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
        ("Accelerator", configuration_title(saving)),
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


def _lead(rows: Sequence[Tradeoff], dataset: str, rate: float) -> str:
    saving = rows[0].saving
    many = (
        f"{len(rows)} combinations of a base model and a generator were"
        if len(rows) > 1
        else "One combination was"
    )
    return (
        f"{many} compared on {dataset} at a bit error rate of {percent(rate)}: the weight SRAM of the base "
        f"model then runs at {saving.voltage_norm:.4g} of Vmin, with "
        f"{percent(saving.energy_per_access_norm)} of the energy per access."
    )


def _extremes(rows: Sequence[Tradeoff], names: Names) -> str:
    frugal = max(rows, key=lambda row: row.saving.twma_saving_percent)
    accurate = max(rows, key=lambda row: row.accuracy.perturbed_percent)
    if frugal is accurate:
        return f"{_figures(frugal, names)}."
    return f"Largest saving: {_figures(frugal, names)}. Highest accuracy: {_figures(accurate, names)}."


def _figures(row: Tradeoff, names: Names) -> str:
    saving, accuracy = row.saving, row.accuracy
    return (
        f"{names.combination(saving.base, saving.generator)} saves {saving.twma_saving_percent:.1f} % by "
        f"T.W.M.A. ({saving.mac_saving_percent:.1f} % by MACs) at an accuracy of "
        f"{accuracy.perturbed_percent:.1f} ± {accuracy.perturbed_std_percent:.1f} % instead of "
        f"{accuracy.base_perturbed_percent:.1f} %, and takes {saving.latency_overhead_percent:.1f} % longer"
    )


def _fronts(rows: Sequence[Tradeoff], names: Names) -> str:
    """The choices worth considering for each base model."""
    parts = []
    for base in dict.fromkeys(row.saving.base for row in rows):
        members = front_members([row for row in rows if row.saving.base == base], "twma")
        listed = ", ".join(names.generator(row.saving.generator) for row in members)
        parts.append(f"{names.base(base)}: {listed}")
    return (
        "Not beaten in both saving and accuracy by another generator of the same base model: "
        + "; ".join(parts)
        + "."
    )
