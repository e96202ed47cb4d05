"""Which layers bit errors hurt: accuracy with errors in one only, in all but one, in one bit of one."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from statistics import fmean

import numpy as np

from neuralfuse.datasets.images import LabelledImages
from neuralfuse.evaluation.intervals import half_width
from neuralfuse.layer_sensitivity import LayerSensitivity, Sensitivity
from neuralfuse.memory.bit_errors import WordFaults
from neuralfuse.memory.perturbation import QuantizedBase
from neuralfuse.training.base_training import accuracy_percent
from neuralfuse.training.streams import TEST_CHIPS, check_test_chips

OnDone = Callable[[int, int], None]
Faults = tuple[WordFaults, ...]


def layer_names(base: QuantizedBase) -> list[str]:
    """Dotted paths of what is stored, a module for its weights, in the order in which memory holds them."""
    return [name.removesuffix(".weight") for name in base.layers]


def no_faults(faults: WordFaults) -> WordFaults:
    """The same layer without bit errors."""
    return WordFaults(index=faults.index[:0], keep=faults.keep[:0], toggle=faults.toggle[:0])


def only(faults: Sequence[WordFaults], layers: Sequence[int]) -> Faults:
    """The bit errors of these layers; the others have none."""
    return tuple(one if layer in layers else no_faults(one) for layer, one in enumerate(faults))


def in_bit(faults: WordFaults, bit: int, *, bits: int) -> WordFaults:
    """The bit errors in one bit position of the words."""
    mask = np.array(1 << bit, faults.keep.dtype)
    all_bits = np.array((1 << bits) - 1, faults.keep.dtype)
    keep, toggle = (faults.keep | (all_bits ^ mask)), faults.toggle & mask
    hit = np.flatnonzero((keep != all_bits) | (toggle != 0))
    return WordFaults(index=faults.index[hit], keep=keep[hit], toggle=toggle[hit])


def accuracy_with(base: QuantizedBase, faults: Sequence[WordFaults], images: LabelledImages) -> float:
    """Accuracy in percent of the base with these bit errors."""
    with base.apply(faults) as model:
        return accuracy_percent(model, images)


def sensitivity(
    base: QuantizedBase,
    images: LabelledImages,
    *,
    rate: float = 0.01,
    chips: tuple[int, ...] = TEST_CHIPS,
    fault_model: str = "flip",
    by_bit: bool = True,
    on_done: OnDone | None = None,
) -> Sensitivity:
    """Accuracy with bit errors in each layer only, in all but it, and in each of its bits, on the same chips.

    Args:
        base: frozen; it is as before afterwards.
        images: to test with.
        rate: bit error rate, a fraction.
        chips: seeds.
        fault_model: what the rate counts.
        by_bit: whether the bit positions are measured one by one, which takes most of the time.
        on_done: told how many of how many accuracies are measured.

    Raises:
        InputError: a chip is given twice or reserved for training, or the rate is no fraction.
    """
    check_test_chips(chips)
    bits, names = base.quantization.word_bits, layer_names(base)
    clean = accuracy_percent(base.model, images)
    alone: list[list[float]] = [[] for _ in names]
    spared: list[list[float]] = [[] for _ in names]
    bitwise: list[list[list[float]]] = [[[] for _ in range(bits * by_bit)] for _ in names]
    everywhere: list[float] = []
    done, measured = 0, len(chips) * (1 + len(names) * (2 + bits * by_bit))

    def test(faults: Sequence[WordFaults]) -> float:
        nonlocal done
        done += 1
        if on_done is not None:
            on_done(done, measured)
        return accuracy_with(base, faults, images)

    for chip in chips:
        faults = base.draw(seed=chip, rate=rate, fault_model=fault_model)
        everywhere.append(test(faults))
        for layer in range(len(names)):
            mine = only(faults, [layer])
            alone[layer].append(test(mine))
            spared[layer].append(test(only(faults, [other for other in range(len(names)) if other != layer])))
            for bit, found in enumerate(bitwise[layer]):
                found.append(test([in_bit(one, bit, bits=bits) for one in mine]))
    return Sensitivity(
        layers=tuple(
            LayerSensitivity(
                number=layer + 1,
                layer=name,
                weights=base.words[layer],
                bit_error_rate=rate,
                clean_percent=clean,
                all_percent=fmean(everywhere),
                only_percent=fmean(alone[layer]),
                only_loss_points=clean - fmean(alone[layer]),
                only_interval_points=half_width(alone[layer]),
                spared_percent=fmean(spared[layer]),
                spared_gain_points=fmean(spared[layer]) - fmean(everywhere),
                spared_interval_points=half_width(
                    [one - other for one, other in zip(spared[layer], everywhere, strict=True)]
                ),
                fault_model=fault_model,
                seeds=" ".join(map(str, chips)),
                by_bit_percent=tuple(map(fmean, bitwise[layer])),
            )
            for layer, name in enumerate(names)
        )
    )
