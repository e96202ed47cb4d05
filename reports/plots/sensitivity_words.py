"""The sensitivity map in words: what a mark or a cell says on hover, and what is to be seen."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from reports.plots.words import extent


def hover_texts(
    layers: Sequence[str],
    only_points: Sequence[float],
    by_bit_points: NDArray[Any],
    intervals: Sequence[float | None] = (),
) -> dict[str, str]:
    """The text of each mark and cell by the id that `sensitivity_plot` gave it."""
    halves = [*intervals, *[None] * (len(layers) - len(intervals))]
    texts = {
        f"loss-{row}": f"{name}: {points:.2f}{'' if half is None else f' ± {half:.2f}'} points lost"
        for row, (name, points, half) in enumerate(zip(layers, only_points, halves, strict=True))
    }
    for (row, bit), value in np.ndenumerate(by_bit_points):
        texts[f"bit-{row}-{bit}"] = f"{layers[row]}, bit {bit}: {value + 0.0:.2f} points lost"
    return texts


def description(
    layers: Sequence[str],
    only_points: Sequence[float],
    by_bit_points: NDArray[Any],
    intervals: Sequence[float | None] = (),
) -> str:
    """What is to be seen, in sentences."""
    worst = max(range(len(layers)), key=lambda row: only_points[row])
    said = [
        f"Errors in one layer only, of {len(layers)} in all, cost {extent(only_points, 'points')} of "
        f"accuracy, most in {layers[worst]}."
    ]
    known = [(points, half) for points, half in zip(only_points, intervals, strict=False) if half is not None]
    if known:
        sure = sum(points > half for points, half in known)
        said.append(f"{sure or 'None'} of the {len(known)} exceed their interval.")
    if by_bit_points.size:
        row, bit = np.unravel_index(int(by_bit_points.argmax()), by_bit_points.shape)
        said.append(
            f"Of single bits, bit {bit} of {layers[int(row)]} costs most, {by_bit_points.max():.1f} points; "
            f"the highest bit costs {extent(by_bit_points[:, -1], 'points')}, the lowest "
            f"{extent(by_bit_points[:, 0], 'points')}."
        )
    return " ".join(said)
