"""The per-layer report of one simulation: `nfenergy layers` as a table, CSV or JSON."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Sequence

from energy.counts import REPORTED_COLUMNS, LayerCounts
from reports.tables import render


def as_table(counts: Sequence[LayerCounts]) -> str:
    """Aligned columns for people; ratios to two decimals."""
    rows = [[_short(getattr(layer, column)) for column in REPORTED_COLUMNS] for layer in counts]
    rows.append([_total(counts, column) for column in REPORTED_COLUMNS])
    header = [column.replace("_percent", "_%").replace("_", "\n") for column in REPORTED_COLUMNS]
    return render(header, rows) + "\n"


def as_csv(counts: Sequence[LayerCounts]) -> str:
    """One row a layer, values as SCALE-Sim prints them."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(REPORTED_COLUMNS)
    writer.writerows([getattr(layer, column) for column in REPORTED_COLUMNS] for layer in counts)
    return text.getvalue()


def as_json(counts: Sequence[LayerCounts]) -> str:
    """Every field of every record, the bandwidths and true ofmap writes included."""
    return json.dumps([layer.as_dict() for layer in counts], indent=2) + "\n"


RENDERERS: dict[str, Callable[[Sequence[LayerCounts]], str]] = {
    "table": as_table,
    "csv": as_csv,
    "json": as_json,
}


def _total(counts: Sequence[LayerCounts], column: str) -> str:
    """The sum over all layers; shares and prefetches do not add up."""
    if column == "layer":
        return "total"
    if column.endswith("_percent") or "prefetch" in column:
        return ""
    return _short(sum(getattr(layer, column) for layer in counts))


def _short(value: str | float) -> str:
    if isinstance(value, str):
        return value
    return f"{value:,}" if isinstance(value, int) else f"{value:.2f}"
