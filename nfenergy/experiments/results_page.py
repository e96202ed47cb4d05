"""One page of all experiments in a folder: the claims first, then every table with its figure."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from importlib.resources import files
from pathlib import Path
from typing import Any, get_args

from nfenergy.experiments.declaration import experiments
from nfenergy.experiments.outcome import Verdict
from nfenergy.experiments.result_tables import PRINTED
from nfenergy.experiments.writing import FIGURE, RECORD, TABLE
from nfenergy.ground.errors import InputError
from nfenergy.ground.files import read_text, write_text
from reports.plots.inline import dark_css, inline_text

PAGE = "experiments.html"
SHOWN = ("experiment", "title", "source", "scale", "dataset", "command")
"""Of an experiment's record, what the page shows besides claims and table."""
VERDICTS = get_args(Verdict)
CLAIM_HEADER = ("verdict", "claim", "difference, points", "printed", "interval over", "experiment")


def write_report(folder: Path) -> tuple[Path, list[dict[str, Any]]]:
    """Write ``experiments.html`` into the folder of `nfenergy.experiments.running.run_experiments`.

    Returns:
        the page, and every claim with its verdict.

    Raises:
        InputError: the folder holds no experiment, or a damaged one.
        NfEnergyError: the page cannot be written.
    """
    from jinja2 import Environment, PackageLoader

    found = [_section(path.parent) for path in sorted(folder.glob(f"*/{RECORD}"))]
    if not found:
        raise InputError(
            f"{folder} holds no experiment; `nfenergy experiment run NAME --out {folder}` makes one"
        )
    order = {name: place for place, name in enumerate(experiments())}
    found.sort(key=lambda section: (order.get(section["experiment"], len(order)), section["experiment"]))
    claims = [claim for section in found for claim in section["claims"]]
    pages = Environment(
        loader=PackageLoader("nfenergy.experiments", "templates"),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    page = pages.get_template("experiments.html.j2").render(
        css=(files("reports") / "templates" / "report.css").read_text(encoding="utf-8") + dark_css(),
        sections=found,
        claim_header=CLAIM_HEADER,
        claims=sorted(
            (_shown(claim) for claim in claims), key=lambda claim: VERDICTS.index(claim["verdict"])
        ),
        counts=counted(claims),
    )
    write_text(folder / PAGE, page + "\n")
    return folder / PAGE, claims


def _section(folder: Path) -> dict[str, Any]:
    """An experiment's record with its table and its figure, as the page shows it."""
    import pandas as pd

    try:
        record = json.loads(read_text(folder / RECORD, "the record of an experiment"))
        section: dict[str, Any] = {name: record[name] for name in SHOWN}
        section["claims"] = [{"experiment": section["experiment"], **claim} for claim in record["claims"]]
        table = pd.DataFrame()
        if (folder / TABLE).exists():
            table = pd.read_csv(folder / TABLE, dtype=str, keep_default_na=False)
    except (ValueError, KeyError, TypeError, OSError) as error:
        raise InputError(f"{folder} holds no whole experiment ({error}); run it again") from error
    shown = [name for name in table.columns if not name.endswith(PRINTED)]
    section["header"] = [name.replace("_", " ") for name in shown]
    section["body"] = [[_cell(row, name) for name in shown] for row in table.to_dict("records")]
    section["bracketed"] = any(name.endswith(PRINTED) for name in table.columns)
    section["printed"] = bool(record["claims"]) or section["bracketed"]
    figure = folder / FIGURE
    section["figure"] = ""
    if figure.exists():
        section["figure"] = inline_text(
            read_text(figure, "a figure"),
            name=section["experiment"],
            title=section["title"],
            description=str(record.get("figure", "")),
        )
    return section


def _shown(claim: Mapping[str, Any]) -> dict[str, str]:
    """A claim's cells by their place on the page."""
    text, difference, over, printed, verdict = claim["cells"]
    return {
        "verdict": verdict,
        "text": text,
        "difference": difference.replace("+-", "±"),
        "printed": printed,
        "over": over,
        "experiment": claim["experiment"],
    }


def _cell(row: Mapping[Any, str], name: str) -> str:
    """What we found, and what is printed in brackets."""
    printed = row.get(f"{name}{PRINTED}")
    return f"{row[name]} ({printed})" if printed else row[name]


def counted(claims: list[dict[str, Any]]) -> str:
    """How many claims have each verdict, in words."""
    counts = Counter(claim["verdict"] for claim in claims)
    said = {"holds": "hold", "does not hold": "do not hold"}
    return ", ".join(
        f"{counts[verdict]} {verdict if counts[verdict] == 1 else said.get(verdict, verdict)}"
        for verdict in VERDICTS
        if counts[verdict]
    )
