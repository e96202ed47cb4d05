"""The files of an experiment: table, claims, figure and what made them, and the page of all in a folder."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nfenergy.experiments.figure import figure_svg
from nfenergy.experiments.outcome import Outcome
from nfenergy.experiments.result_tables import (
    CLAIM_HEADER,
    DECIMALS,
    claim_cells,
    markdown,
    table_cells,
    table_frame,
)
from nfenergy.ground.files import read_text, write_bytes, write_text
from nfenergy.ground.provenance import versions

if TYPE_CHECKING:
    from nfenergy.experiments.drawings import Drawn

TABLE, CLAIMS, READABLE, FIGURE = "table.csv", "claims.csv", "README.md", "figure.svg"
RECORD = "experiment.json"
ASSIGNED = "assignment.json"
STANDING = ("assignment", "energy_percent", "held_out_percent", "floor_percent")
"""Of each assignment of voltages, what the table of a comparison of protections shows."""


def write_outcome(outcome: Outcome, folder: Path, *, command: str) -> tuple[Path, ...]:
    """Write an experiment's files; the same results give the same bytes.

    Args:
        outcome: of its tests.
        folder: of this experiment.
        command: that repeats it.

    Raises:
        NfEnergyError: a file cannot be written.
    """
    import pandas as pd

    claims = [claim_cells(found) for found in outcome.claims()]
    svg, words = (b"", "") if outcome.plan.experiment.figure is None else figure_svg(outcome)
    texts = {
        TABLE: table_frame(outcome).to_csv(index=False, lineterminator="\n"),
        CLAIMS: pd.DataFrame(claims, columns=CLAIM_HEADER).to_csv(index=False, lineterminator="\n"),
        RECORD: json.dumps(record_of(outcome, command=command, figure=words), indent=1) + "\n",
        READABLE: _readable(outcome, claims, command=command, figure=words),
    }
    for name, text in texts.items():
        write_text(folder / name, text)
    written = [folder / name for name in texts]
    if svg:
        write_bytes(folder / FIGURE, svg)
        written.append(folder / FIGURE)
    return tuple(written)


def write_drawing(outcome: Outcome, drawn: Drawn, folder: Path, *, command: str) -> tuple[Path, ...]:
    """Write a drawing's files, as `write_outcome` those of a table."""
    import pandas as pd

    experiment = outcome.plan.experiment
    readable = [
        f"# {experiment.title}\n",
        f"{experiment.origin}; here at scale `{outcome.plan.scale}`.\n",
        f"    {command}\n",
        f"![{drawn.words}]({FIGURE})\n",
    ]
    if drawn.body:
        table = pd.DataFrame(drawn.body, columns=list(drawn.header))
        write_text(folder / TABLE, table.to_csv(index=False, lineterminator="\n"))
        readable.append(markdown(list(drawn.header), [list(row) for row in drawn.body]))
    write_bytes(folder / FIGURE, drawn.svg)
    record = record_of(outcome, command=command, figure=drawn.words)
    write_text(folder / RECORD, json.dumps(record, indent=1) + "\n")
    write_text(folder / READABLE, "\n".join(readable))
    return tuple(sorted(folder.iterdir()))


def write_study(outcome: Outcome, written: Sequence[Path], folder: Path, *, command: str) -> tuple[Path, ...]:
    """Write what a comparison of protections comes to, above its own files, `written`."""
    import pandas as pd

    experiment = outcome.plan.experiment
    stated = [
        {"base": found["base"], **{name: row[name] for name in STANDING}}
        for path in written
        if path.name == ASSIGNED
        for found in [json.loads(read_text(path, "an assignment"))]
        for row in found["standings"]
    ]
    table = pd.DataFrame(stated).round(DECIMALS)
    write_text(folder / TABLE, table.to_csv(index=False, lineterminator="\n"))
    first = next(path for path in written if path.suffix == ".svg")
    words = "Energy and accuracy under every protection of the weight memory, with and without a generator"
    write_bytes(folder / FIGURE, first.read_bytes())
    record = record_of(outcome, command=command, figure=words)
    write_text(folder / RECORD, json.dumps(record, indent=1) + "\n")
    readable = [
        f"# {experiment.title}\n",
        f"At scale `{outcome.plan.scale}` on {outcome.plan.dataset}; a floor of "
        f"{experiment.study[outcome.plan.scale]:g} % accuracy.\n",
        f"    {command}\n",
        f"![{words}]({FIGURE})\n",
        "A voltage for each layer beside the best uniform one and the controls; energy in percent of that at "
        "nominal voltage, accuracy on chips held out:\n",
        markdown(
            [str(name) for name in table.columns],
            [[str(cell) for cell in row] for row in table.itertuples(index=False)],
        ),
        "All of it:\n",
        "\n".join(f"- [{place}]({place})" for place in _places(written, folder)) + "\n",
    ]
    write_text(folder / READABLE, "\n".join(readable))
    return (*written, *(folder / name for name in (TABLE, FIGURE, RECORD, READABLE)))


def _places(written: Sequence[Path], folder: Path) -> list[str]:
    return [
        path.relative_to(folder).as_posix() for path in written if path.suffix in (".csv", ".json", ".svg")
    ]


def record_of(outcome: Outcome, *, command: str, figure: str = "") -> dict[str, Any]:
    """What made an outcome, its figure in words, and every value chip by chip, as JSON values."""
    plan = outcome.plan
    return {
        "experiment": plan.experiment.name,
        "title": plan.experiment.title,
        "source": plan.experiment.source,
        "scale": plan.scale,
        "dataset": plan.dataset,
        "command": command,
        "figure": figure,
        "versions": versions(),
        "claims": [
            {
                "claim": found.claim.text,
                "verdict": found.verdict,
                "difference_points": found.difference,
                "half_width_points": found.half_width,
                "printed_points": found.printed,
                "cells": claim_cells(found),
            }
            for found in outcome.claims()
        ],
        "rows": [
            {
                "cells": row.cells,
                "base": {"stage": row.base.folder, **row.base.identity},
                "generator": row.generator and {"stage": row.generator.folder, **row.generator.identity},
                "tests": [_test_of(outcome, stage) for stage in row.tests(dict.fromkeys(plan.quantities))],
            }
            for row in plan.rows
        ],
    }


def _test_of(outcome: Outcome, stage: Any) -> dict[str, Any]:
    found = outcome.tested.get(stage.digest)
    return {
        **stage.identity,
        "accuracy_percent": found and list(found.accuracy),
        "confidence_percent": found and list(found.confidence),
        "test_images": found and found.images,
    }


def _readable(outcome: Outcome, claims: Sequence[list[str]], *, command: str, figure: str) -> str:
    plan, experiment = outcome.plan, outcome.plan.experiment
    printed = f" In brackets: as printed, on {experiment.dataset}." if experiment.published else ""
    parts = [
        f"# {experiment.title}\n",
        f"{experiment.origin}; here at scale `{plan.scale}` on {plan.dataset}.{printed}\n",
        f"    {command}\n",
        markdown(*table_cells(outcome)),
    ]
    if claims:
        parts.append(markdown(CLAIM_HEADER, list(claims)))
    if figure:
        parts.append(f"![{figure}]({FIGURE})\n")
    return "\n".join(parts)
