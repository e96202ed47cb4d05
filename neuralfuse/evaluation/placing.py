"""Sensitive layers in the clean banks of a measured memory: the accuracy that this placement gives."""

from __future__ import annotations

from dataclasses import dataclass
from statistics import fmean
from typing import Annotated

import numpy as np

from neuralfuse.datasets.images import LabelledImages
from neuralfuse.evaluation.intervals import half_width
from neuralfuse.evaluation.sensitivity import OnDone, accuracy_with, layer_names, sensitivity
from neuralfuse.memory.fault_maps import FaultMap, place_of
from neuralfuse.memory.perturbation import QuantizedBase
from neuralfuse.memory.placement import cleanest_first, placed_faults
from neuralfuse.training.streams import TEST_CHIPS
from nfenergy.ground.columns import Column


@dataclass(frozen=True, slots=True, kw_only=True)
class Placement:
    """Layers laid into a measured memory in one order."""

    what: Annotated[str, Column("which placement", name="placement")]
    perturbed_percent: Annotated[float, Column("accuracy, mean over draws", unit="%", low=0.0, high=100.0)]
    interval_points: Annotated[
        float | None, Column("half of its 95 % interval; empty: one draw says all", unit="points")
    ]
    draws: Annotated[int, Column("places of the weights, or read-outs of cells that misread at times")]
    order: Annotated[str, Column("layers from the first cell on")]


def compare_placements(
    base: QuantizedBase,
    images: LabelledImages,
    found: FaultMap,
    *,
    bank_cells: int | None = None,
    chips: tuple[int, ...] = TEST_CHIPS,
    on_done: OnDone | None = None,
) -> tuple[Placement, ...]:
    """Layers in order at random places, and the most and the least sensitive ones in the cleanest banks.

    Sensitivity is the loss with independent faults in one layer only at the map's own rate, by weight.

    Args:
        base: frozen; it is as before afterwards.
        images: to test with.
        found: the memory.
        bank_cells: cells of a bank; None where the map says so itself.
        chips: seeds of the faults that sensitivity is measured with, of the places, and of cells that
            misread at times.
        on_done: told of the accuracies measured for the sensitivity.

    Raises:
        InputError: banks are not known, or do not fit into the memory.
    """
    names, bits = layer_names(base), base.quantization.word_bits
    sorted_map = cleanest_first(found, cells=sum(base.words) * bits, bank_cells=bank_cells)
    layers = sensitivity(
        base,
        images,
        rate=min(found.fault_rate, 0.5),
        chips=chips,
        fault_model="stuck-at",
        by_bit=False,
        on_done=on_done,
    ).layers
    by_weight = np.argsort([-row.only_loss_points / row.weights for row in layers], kind="stable").tolist()
    certain = bool(np.isin(found.to_one, (0, 1)).all() and np.isin(found.to_zero, (0, 1)).all())

    def placement(what: str, order: list[int], *, clean: bool) -> Placement:
        draws = chips[:1] if clean and certain else chips
        values = [
            accuracy_with(
                base,
                placed_faults(
                    sorted_map if clean else found,
                    base.words,
                    bits,
                    order=order,
                    offset=0 if clean else place_of(found, chip),
                    seed=chip,
                ),
                images,
            )
            for chip in draws
        ]
        return Placement(
            what=what,
            perturbed_percent=fmean(values),
            interval_points=half_width(values),
            draws=len(values),
            order=" ".join(names[layer] for layer in order),
        )

    return (
        placement("in order, anywhere", list(range(len(names))), clean=False),
        placement("most sensitive layers in the cleanest banks", by_weight, clean=True),
        placement("least sensitive layers in the cleanest banks", by_weight[::-1], clean=True),
    )
