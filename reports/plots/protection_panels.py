"""The panels of the plot of protections: bit error rates, energies by measure, accuracies by training."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from textwrap import wrap
from typing import Literal

from energy.measures import MEASURES
from neuralfuse.registry import NO_GENERATOR, NO_PROTECTION
from reports.plots.words import common_start
from reports.protection_rows import ProtectionRow

TITLE_LETTERS = 13
"""Of a line of a panel's title."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ProtectionPanel:
    """One column of marks: rates, energies by `measure`, or accuracies of `base`."""

    kind: Literal["rate", "energy", "accuracy"]
    title: str
    rows: Sequence[ProtectionRow]

    def value(self, row: ProtectionRow) -> float | None:
        return row.energy_percent if self.kind == "energy" else row.perturbed_percent


def protection_panels(rows: Sequence[ProtectionRow]) -> list[ProtectionPanel]:
    """Rates depend on the protection alone and energies on no training: these come from the first of each."""
    first = list({row.protection: row for row in reversed(rows)}.values())[::-1]
    found = [ProtectionPanel(kind="rate", title="errors left\n(%)", rows=first)]
    measures = list(dict.fromkeys(row.measure for row in rows))
    for measure in measures:
        own = {(row.protection, row.generator): row for row in reversed(rows) if row.measure == measure}
        title = "\n".join(["energy (%)", *wrap(f"by {MEASURES[measure].title}", TITLE_LETTERS)])
        found.append(ProtectionPanel(kind="energy", title=title, rows=list(own.values())[::-1]))
    measured = [row for row in rows if row.measure == measures[0] and row.perturbed_percent is not None]
    bases = list(dict.fromkeys(row.base for row in measured))
    start = len(common_start(bases)) if len(bases) > 1 else 0
    for base in bases:
        named = wrap(base[start:] or base, TITLE_LETTERS) if len(bases) > 1 else []
        title = "\n".join(["accuracy (%)", *named] if named else ["accuracy", "(%)"])
        own_rows = [row for row in measured if row.base == base]
        found.append(ProtectionPanel(kind="accuracy", title=title, rows=own_rows))
    return found


def mark_id(panel: int, row: ProtectionRow) -> str:
    return f"protection-{panel}-{row.protection}-{row.generator}"


def is_bare(row: ProtectionRow) -> bool:
    return row.protection == NO_PROTECTION and row.generator == NO_GENERATOR
