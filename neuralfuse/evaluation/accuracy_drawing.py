"""Perturbed accuracy against bit error rate as a figure.

Colours are those of Okabe and Ito, told apart with every colour vision; lines carry markers and dashes
as well, for prints in grey.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from neuralfuse.accuracy import Accuracy
from neuralfuse.accuracy_labels import base_labels, generator_labels
from neuralfuse.evaluation.picture_drawing import drawn, panels
from nfenergy.ground.errors import InputError
from nfenergy.ground.figures import new_figure
from nfenergy.ground.rates import percent_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

COLOURS = ("#000000", "#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#999933")
MARKERS = ("o", "s", "^", "D", "v", "P", "X", "*")
DASHES = ("--", "-", "-.", ":", (0, (5, 1)), (0, (3, 1, 1, 1)), (0, (1, 1)), (0, (7, 2)))


@drawn
def accuracy_figure(rows: Sequence[Accuracy]) -> Figure:
    """Perturbed accuracy against bit error rate, one panel a base as it was trained, one line a generator.

    The band is one standard deviation over the chips on each side, cut at 0 and 100 %.

    Raises:
        InputError: there are no rows, rows of several fault models, data sets or numbers of bits, or two
            rows that would be one point.
    """
    labels = dict(zip(rows, base_labels(rows), strict=True))
    _check_one_measurement(rows, labels)
    bases = list(dict.fromkeys(labels.values()))
    figure = new_figure(3.5 * len(bases), 2.8)
    for axes, base in zip(panels(figure, len(bases)), bases, strict=True):
        own = [row for row in rows if labels[row] == base]
        _accuracy_lines(axes, own)
        clean = own[0].base_clean_percent
        axes.set_title(f"{base}\non {own[0].dataset}, {clean:.1f} % without bit errors", loc="left")
        axes.set_xlabel(f"bit error rate (%), {own[0].fault_model}, {own[0].weight_bits}-bit weights")
        axes.set_ylabel(f"accuracy (%), {len(own[0].seeds.split())} test chips")
    return figure


def _accuracy_lines(axes: Axes, rows: Sequence[Accuracy]) -> None:
    labels = dict(zip(rows, generator_labels(rows), strict=True))
    for number, generator in enumerate(dict.fromkeys(labels.values())):
        chosen = sorted((row for row in rows if labels[row] == generator), key=lambda row: row.bit_error_rate)
        x = np.array([percent_of(row.bit_error_rate) for row in chosen])
        mean = np.array([row.perturbed_percent for row in chosen])
        std = np.array([row.perturbed_std_percent for row in chosen])
        style = number % len(COLOURS)
        axes.fill_between(
            x, (mean - std).clip(0), (mean + std).clip(max=100), color=COLOURS[style], alpha=0.13, linewidth=0
        )
        axes.plot(
            x,
            mean,
            color=COLOURS[style],
            marker=MARKERS[style],
            linestyle=DASHES[style],
            markersize=4,
            linewidth=1.2,
            label=generator,
        )
    axes.set_xscale("log")
    ticks = sorted({percent_of(row.bit_error_rate) for row in rows})
    axes.set_xticks(ticks, [f"{tick:g}" for tick in ticks])
    axes.minorticks_off()
    axes.set_ylim(0, 102)
    axes.grid(axis="y", color="#e4e4e4", linewidth=0.6)
    axes.set_axisbelow(True)
    axes.legend(loc="lower left")


def _check_one_measurement(rows: Sequence[Accuracy], labels: Mapping[Accuracy, str]) -> None:
    if not rows:
        raise InputError("no accuracies to draw")
    kinds = {(row.dataset, row.fault_model, row.weight_bits, row.quantization) for row in rows}
    if len(kinds) > 1:
        raise InputError("accuracies of several data sets, fault models or bits do not belong in one plot")
    if any(row.bit_error_rate <= 0 for row in rows):
        raise InputError("a bit error rate of 0 has no place on a logarithmic axis; leave those rows out")
    generators = generator_labels(rows)
    points = {(labels[row], name, row.bit_error_rate) for row, name in zip(rows, generators, strict=True)}
    if len(points) < len(rows):
        raise InputError("two accuracies of one base, generator and bit error rate; keep one of them")
