"""Which measures a set of savings has, and which of them a short text shows."""

from __future__ import annotations

from collections.abc import Iterable

from energy.measures import MEASURES, SYSTEM_MEASURE, Measure
from reports.records import Saving


def measures_of(savings: Iterable[Saving]) -> dict[str, Measure]:
    """The measures that every one of the savings has: files of older versions lack some."""
    had = [saving.measures.keys() for saving in savings]
    return {name: row for name, row in MEASURES.items() if all(name in names for names in had)}


def chief_measures(savings: Iterable[Saving]) -> dict[str, Measure]:
    """Of these, those that count accesses, and the one that leaves nothing out."""
    found = measures_of(savings)
    return {name: row for name, row in found.items() if not row.domains or name == SYSTEM_MEASURE}
