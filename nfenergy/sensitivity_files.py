"""The sensitivity of layers as text, JSON and files."""

from __future__ import annotations

import json
from pathlib import Path

from neuralfuse.layer_sensitivity import LayerSensitivity, Sensitivity
from nfenergy.ground.figures import FORMATS
from nfenergy.ground.files import write_text
from nfenergy.ground.provenance import versions
from nfenergy.ground.rates import percent_text
from nfenergy.ground.tables import as_dict, csv_text
from reports.plots.sensitivity_map import sensitivity_plot
from reports.plots.style import SIZES, save
from reports.tables import render


def as_text(found: Sensitivity) -> str:
    """A row a layer, and what the figures are."""
    first = found.layers[0]
    cells = [
        [
            row.layer,
            f"{row.weights:,}",
            f"{row.only_percent:.2f}",
            _interval(0.0 - row.only_loss_points, row.only_interval_points),
            f"{row.spared_percent:.2f}",
            _interval(row.spared_gain_points, row.spared_interval_points),
        ]
        for row in found.layers
    ]
    header = ["layer", "weights", "only it %", "points", "all but it %", "points"]
    return "\n\n".join(
        [
            render(header, cells),
            f"Without bit errors {first.clean_percent:.2f} %, with {percent_text(first.bit_error_rate)} bit "
            f"errors ({first.fault_model}) in all layers {first.all_percent:.2f} %; points of accuracy "
            f"against these two with 95 % intervals over {len(first.seeds.split())} chips.",
        ]
    )


def sensitivity_json(found: Sensitivity) -> dict[str, object]:
    """All of it for scripts."""
    layers = [as_dict(row) | {"by_bit_percent": list(row.by_bit_percent)} for row in found.layers]
    return {"base": found.base, "layers": layers, "versions": versions()}


def heading(found: Sensitivity) -> str:
    """What the figures are of."""
    first = found.layers[0]
    said = (
        f"{percent_text(first.bit_error_rate)} bit errors ({first.fault_model}); without any "
        f"{first.clean_percent:.1f} %"
    )
    return f"{found.base}\n{said}" if found.base else said


def write_sensitivity(found: Sensitivity, folder: Path) -> list[Path]:
    """Table, heat map and JSON into `folder`. Raises NfEnergyError: a file cannot be written."""
    size = SIZES["page"]
    write_text(folder / "sensitivity.csv", csv_text(LayerSensitivity, found.layers))
    figure = sensitivity_plot(
        [row.layer for row in found.layers],
        [row.only_loss_points for row in found.layers],
        by_bit_points=found.by_bit_losses,
        intervals=[row.only_interval_points for row in found.layers],
        title=heading(found),
        size=size,
    )
    figures = [folder / f"sensitivity.{format_}" for format_ in FORMATS]
    for path in figures:
        save(figure, size, path)
    record = folder / "sensitivity.json"
    write_text(record, json.dumps(sensitivity_json(found), indent=2) + "\n")
    return [folder / "sensitivity.csv", *figures, record]


def _interval(points: float, half: float | None) -> str:
    return f"{points:+.2f}" + ("" if half is None else f" +- {half:.2f}")
