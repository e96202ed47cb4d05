"""The per-layer report of one simulation: `nfenergy layers` as a table, CSV or JSON."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Mapping, Sequence

from energy.counts import REPORTED_COLUMNS, LayerCounts
from reports.tables import render

Energies = Sequence[Mapping[str, float]]
"""Of each layer, by column."""


def as_table(counts: Sequence[LayerCounts], energies: Energies = ()) -> str:
    """Aligned columns for people, ratios to two decimals; energies in a table of their own with totals."""
    rows = [[_short(getattr(layer, column)) for column in REPORTED_COLUMNS] for layer in counts]
    rows.append([_total(counts, column) for column in REPORTED_COLUMNS])
    header = [column.replace("_percent", "_%").replace("_", "\n") for column in REPORTED_COLUMNS]
    table = render(header, rows) + "\n"
    return f"{table}\n{_energy_table(counts, energies)}\n" if energies else table


def _energy_table(counts: Sequence[LayerCounts], energies: Energies) -> str:
    """Every layer's energies and their sum, and the sums over layers."""
    names = list(energies[0])
    rows = [[spent[name] for name in names] for spent in energies]
    rows.append([sum(column) for column in zip(*rows, strict=True)])
    layers = [*(layer.layer for layer in counts), "all layers"]
    return render(
        ["layer", *names, "sum"],
        [
            [layer, *(f"{value:,.0f}" for value in (*row, sum(row)))]
            for layer, row in zip(layers, rows, strict=True)
        ],
    )


def as_csv(counts: Sequence[LayerCounts], energies: Energies = ()) -> str:
    """One row a layer, values as SCALE-Sim prints them, and the energies that are given."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow([*REPORTED_COLUMNS, *(energies[0] if energies else ())])
    writer.writerows(
        [*(getattr(layer, column) for column in REPORTED_COLUMNS), *spent.values()]
        for layer, spent in zip(counts, energies or [{}] * len(counts), strict=True)
    )
    return text.getvalue()


def as_json(counts: Sequence[LayerCounts], energies: Energies = ()) -> str:
    """Every field of every record, the bandwidths and true ofmap writes included, and the energies given."""
    found = zip(counts, energies or [{}] * len(counts), strict=True)
    return json.dumps([{**layer.as_dict(), **spent} for layer, spent in found], indent=2) + "\n"


RENDERERS: dict[str, Callable[..., str]] = {
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
