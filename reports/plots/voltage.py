"""The voltage curve: bit error rate and energy per access over supply voltage, with operating points."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import TYPE_CHECKING

from energy.curve import CurvePoint, OperatingPoint, VoltageCurve
from nfenergy.ground.rates import percent_text
from reports.plots.labels import Label, place_labels
from reports.plots.notes import note
from reports.plots.style import COLOURS, COLUMN, DASHES, FAINT, MUTED, Size, drawing, new_figure
from reports.plots.words import listed

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


NAMED = 8
"""Operating points from which the axes alone tell their values."""
RING = 1.6
"""Diameter of an operating point's ring relative to a marker."""


def voltage_plot(
    curve: VoltageCurve,
    points: Sequence[OperatingPoint] = (),
    *,
    others: Sequence[VoltageCurve] = (),
    size: Size = COLUMN,
) -> Figure:
    """Bit error rate (logarithmic) above, energy per access below, the operating points in both.

    Args:
        curve: the measured voltages.
        points: operating points to mark; those at Vmin have no bit error rate to show.
        others: curves to draw into the same panels, each with its own line.
        size: where the figure goes.
    """
    marked = [point for point in points if point.bit_error_rate > 0]
    left_out = [point.bit_error_rate for point in marked] if len(marked) > NAMED else []
    while True:
        figure, missing = _drawn(curve, marked, others, size, left_out)
        if not missing:
            return figure
        left_out += missing


def hover_texts(curve: VoltageCurve) -> dict[str, str]:
    """The text of each measured point by the id that `voltage_plot` gave it."""
    texts = {}
    for index, point in enumerate(curve.points):
        text = (
            f"{point.voltage_norm:.4g} of Vmin: bit error rate "
            f"{percent_text(point.bit_error_rate_percent / 100)}, "
            f"energy per access {point.energy_per_access_norm:.3g}"
        )
        texts[f"rate-{index}"] = texts[f"energy-{index}"] = text
    return texts


def description(curve: VoltageCurve, rates: Sequence[float]) -> str:
    """What is to be seen, in sentences."""
    first, last = curve.points[0], curve.points[-1]
    points = [curve.at_bit_error_rate(rate) for rate in rates]
    marked = listed(
        [f"{percent_text(point.bit_error_rate)} at {point.voltage_norm:.4g} of Vmin" for point in points]
    )
    return (
        f"From {first.voltage_norm:g} to {last.voltage_norm:g} of Vmin the bit error rate falls from "
        f"{percent_text(first.bit_error_rate_percent / 100)} to none and the energy per access rises from "
        f"{first.energy_per_access_norm:.3g} to {last.energy_per_access_norm:g}."
        f"{f' Marked: {marked}.' if points else ''}"
    )


def _drawn(
    curve: VoltageCurve,
    marked: Sequence[OperatingPoint],
    others: Sequence[VoltageCurve],
    size: Size,
    left_out: Sequence[float],
) -> tuple[Figure, list[float]]:
    """A figure whose operating points have their values, those in `left_out` and those returned do not."""
    with drawing(size):
        figure = new_figure(size, (1.45 if others else 1.25) * size.height_in)
        upper, lower = figure.subplots(2, 1, sharex=True)
        _draw_rates(upper, curve, size)
        _draw_energies(lower, curve, size)
        for index, other in enumerate(others, start=1):
            _draw_other(upper, lower, other, index, size)
        voltages = sorted(point.voltage_norm for drawn in (curve, *others) for point in drawn.points)
        margin = 0.06 * (voltages[-1] - voltages[0])
        lower.set_xlim(voltages[0] - margin, voltages[-1] + margin)
        lower.set_xlabel("supply voltage / Vmin")
        for axes in (upper, lower):
            axes.grid(color=FAINT, linewidth=0.3)
            axes.set_axisbelow(True)
        if others:
            _legend(figure, [curve, *others], size)
        note(figure, _nameless(left_out), size)
        rates = [(point, 100.0 * point.bit_error_rate) for point in marked]
        energies = [(point, point.energy_per_access_norm) for point in marked]
        missing = _mark(upper, rates, curve, size, left_out, energy=False)
        missing += _mark(lower, energies, curve, size, left_out, energy=True)
    return figure, list(dict.fromkeys(missing))


def _nameless(rates: Sequence[float]) -> list[str]:
    """Operating points by their bit error rates, many of them from the first to the last."""
    names = [percent_text(rate) for rate in sorted(rates)]
    if len(names) > NAMED:
        return [f"{len(names)} operating points from {names[0]} to {names[-1]} bit errors"]
    return [f"{name} bit errors" for name in names]


def _draw_rates(axes: Axes, curve: VoltageCurve, size: Size) -> None:
    measured = [point for point in curve.points if point.bit_error_rate_percent > 0]
    axes.set_yscale("log")
    axes.minorticks_off()
    axes.set_ylabel("bit error rate (%)")
    lowest = measured[-1]
    _line(axes, measured, [point.bit_error_rate_percent for point in measured], size, gid="rate")
    # Towards Vmin the rate is known only to be lower than the last one measured.
    axes.annotate(
        "",
        xy=(curve.points[-1].voltage_norm, lowest.bit_error_rate_percent / 20),
        xytext=(lowest.voltage_norm, lowest.bit_error_rate_percent),
        arrowprops={"arrowstyle": "->", "color": MUTED, "linestyle": ":", "linewidth": 0.8 * size.line_pt},
    )
    axes.set_ylim(bottom=lowest.bit_error_rate_percent / 25, top=measured[0].bit_error_rate_percent * 4)


def _draw_energies(axes: Axes, curve: VoltageCurve, size: Size) -> None:
    energies = [point.energy_per_access_norm for point in curve.points]
    axes.set_ylabel("energy per access\n(Vmin: 1)")
    _line(axes, curve.points, energies, size, gid="energy")
    margin = 0.15 * (energies[-1] - energies[0])
    axes.set_ylim(energies[0] - margin, energies[-1] + margin)


def _line(axes: Axes, points: Sequence[CurvePoint], values: Sequence[float], size: Size, *, gid: str) -> None:
    voltages = [point.voltage_norm for point in points]
    axes.plot(voltages, values, color=COLOURS[0], linewidth=size.line_pt, zorder=2)
    for index, (voltage, value) in enumerate(zip(voltages, values, strict=True)):
        dot = axes.scatter([voltage], [value], s=(0.7 * size.marker_pt) ** 2, color=COLOURS[0], zorder=3)
        dot.set_gid(f"{gid}-{index}")


def _draw_other(upper: Axes, lower: Axes, curve: VoltageCurve, index: int, size: Size) -> None:
    """Another curve, in its own colour and dashes; the panels grow to hold it."""
    measured = [point for point in curve.points if point.bit_error_rate_percent > 0]
    rates = [point.bit_error_rate_percent for point in measured]
    energies = [point.energy_per_access_norm for point in curve.points]
    for axes, points, values in ((upper, measured, rates), (lower, curve.points, energies)):
        axes.plot(
            [point.voltage_norm for point in points],
            values,
            color=COLOURS[index % len(COLOURS)],
            linestyle=DASHES[index % len(DASHES)],
            linewidth=1.2 * size.line_pt,
            zorder=2,
        )
    low, high = upper.get_ylim()
    upper.set_ylim(min(low, min(rates) / 4), max(high, 4 * max(rates)))
    low, high = lower.get_ylim()
    lower.set_ylim(min(low, min(energies) - 0.03), high)


def _legend(figure: Figure, curves: Sequence[VoltageCurve], size: Size) -> None:
    from matplotlib.lines import Line2D

    handles = [
        Line2D(
            [],
            [],
            color=COLOURS[index % len(COLOURS)],
            linestyle=DASHES[index % len(DASHES)],
            linewidth=1.2 * size.line_pt,
            label=curve.name + (" (energy: voltage squared)" if curve.energy_model == "v2" else ""),
        )
        for index, curve in enumerate(curves)
    ]
    figure.legend(handles=handles, loc="outside lower center", ncols=1)


def _mark(
    axes: Axes,
    marked: Sequence[tuple[OperatingPoint, float]],
    curve: VoltageCurve,
    size: Size,
    left_out: Sequence[float],
    *,
    energy: bool,
) -> list[float]:
    """Rings with their values; the bit error rates of those whose value found no place."""
    for point, value in marked:
        axes.axvline(point.voltage_norm, color=MUTED, linewidth=0.5 * size.line_pt, linestyle=":", zorder=1)
        axes.scatter(
            [point.voltage_norm],
            [value],
            s=(RING * size.marker_pt) ** 2,
            facecolor="none",
            edgecolor=COLOURS[1],
            linewidth=size.line_pt,
            zorder=4,
        )
    texts = [
        ""
        if point.bit_error_rate in left_out
        else f"{value:.3g}"
        if energy
        else f"{value:.3g} % at {point.voltage_norm:.4g}"
        for point, value in marked
    ]
    labels = [
        Label(x=point.voltage_norm, y=value, text=text)
        for (point, value), text in zip(marked, texts, strict=True)
    ]
    missing = place_labels(axes, labels, size, soft=_curve_boxes(curve, energy=energy), mark_scale=RING)
    return [
        point.bit_error_rate for (point, _), label in zip(marked, labels, strict=True) if label in missing
    ]


def _curve_boxes(curve: VoltageCurve, *, energy: bool) -> list[tuple[float, float, float, float]]:
    """The curve as small rectangles that labels keep off."""
    points = curve.points if energy else [row for row in curve.points if row.bit_error_rate_percent > 0]
    corners = [
        (row.voltage_norm, row.energy_per_access_norm if energy else row.bit_error_rate_percent)
        for row in points
    ]
    boxes = []
    for (x0, y0), (x1, y1) in pairwise(corners):
        for step in range(8):
            start, end = step / 8, (step + 1) / 8
            heights = [y0 * (y1 / y0) ** share for share in (start, end)]
            boxes.append((x0 + start * (x1 - x0), heights[0], x0 + end * (x1 - x0), heights[1]))
    return boxes
