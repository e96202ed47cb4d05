"""What energy is reckoned by: each measure is one row, and nothing outside the registry names one.

A measure says what one inference of a network costs by domain: a part of the machine with one supply
voltage. A cost may be a number, or an array over many accelerators: the formulas are the same.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from nfenergy.ground.columns import Kind
from nfenergy.ground.registry import Registry

Amount = Any
"""A number, or a numpy array over accelerators and operating points."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Counted:
    """What measures are calculated from: a network on one accelerator, or arrays over several.

    Attributes:
        macs: of one inference, as the convention counts them.
        filter_reads: SRAM reads of one weight each.
        weights_per_word: weights in one SRAM word.
    """

    macs: Amount
    filter_reads: Amount
    weights_per_word: Amount


@dataclass(frozen=True, slots=True, kw_only=True)
class Measure:
    """One measure of energy.

    Attributes:
        name: as users type it.
        title: as people write it.
        unit: of a cost.
        quantity: a cost in the names of columns, such as ``twma`` in ``base_twma``.
        kind: of a cost in tables, ``integer`` or ``number``.
        costs: of one inference at nominal voltage, by domain.
        lowered: the domains that the base model runs at the low voltage.
        meaning: one line for people.
    """

    name: str
    title: str
    unit: str
    quantity: str
    costs: Callable[[Counted], Mapping[str, Amount]]
    lowered: tuple[str, ...]
    meaning: str
    kind: Kind = "number"

    def __str__(self) -> str:
        return f"{self.title}: {self.meaning}"


MEASURES: Registry[Measure] = Registry(
    "measure",
    (
        Measure(
            name="twma",
            title="T.W.M.A.",
            unit="64-bit words",
            quantity="twma",
            costs=lambda counted: {"weight_sram": counted.filter_reads / counted.weights_per_word},
            lowered=("weight_sram",),
            meaning="total weight memory access, SRAM words read for the weights (Sun et al., App. C)",
        ),
        Measure(
            name="mac",
            title="MACs",
            unit="MAC",
            quantity="macs",
            kind="integer",
            costs=lambda counted: {"macs": counted.macs},
            lowered=("macs",),
            meaning="multiply-accumulates, each with one access of the weight memory (Sun et al., Table 8)",
        ),
    ),
)

PAPER_MEASURES = ("twma", "mac")
"""Those of Sun et al.: of Fig. 5 and its headline figures, and of Fig. 6."""

DEFAULT_MEASURE = PAPER_MEASURES[0]
