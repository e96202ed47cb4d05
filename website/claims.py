"""The page of claims: what is in `results/`, as it is there, and a plain word where there is nothing."""

from __future__ import annotations

import csv
from pathlib import Path

from website.references import table
from website.texts import LINK, linked

NONE = (
    "No result is recorded in this checkout: there is no folder `results/`, or nothing in it. What the code "
    "reproduces at any time is on the page [Published tables, computed anew](reproduced.md)."
)
ROWS = 60
LARGEST = 5_000_000
STAGES = "stages"
"""Folder of what experiments share: checkpoints and measurements, no results."""
CLAIMS = "claims.csv"
STATIC = (".csv", ".html", ".json", ".png", ".svg", ".yaml", ".txt")


def claims_pages(results: Path) -> dict[str, str | Path]:
    """The pages of recorded results, and the files beside them, by their path on the site.

    Args:
        results: the folder; it may be missing.
    """
    paths = [path for path in sorted(results.rglob("*")) if path.is_file() and STAGES not in path.parts]
    texts = [path for path in paths if path.suffix == ".md"]
    data = [path for path in paths if path.suffix in STATIC and path.stat().st_size <= LARGEST]
    parts = [
        "# Claims and results",
        "What was measured with nfenergy and is kept in the repository's folder `results/`, unchanged. A "
        "figure without such a record is not claimed.",
    ]
    if not texts and not data:
        parts.append(f'!!! warning "Nothing recorded"\n\n    {NONE}')
    parts += _judged([path for path in data if path.name == CLAIMS], results)
    if texts:
        parts += ["## Records", "\n".join(f"- {_link(path, results, _title(path))}" for path in texts)]
    described = {path.parent for path in texts} - {results}
    alone = [path for path in data if path.suffix == ".csv" and described.isdisjoint(path.parents)]
    if alone:
        parts.append("## Tables")
    for path in alone:
        parts += [f"### {_under(path, results)}", *_csv(path, f"claims/{_under(path, results)}")]
    others = [path for path in data if path.parent == results and path.suffix != ".csv"]
    if others:
        parts += ["## Further files", "\n".join(f"- {_link(path, results)}" for path in others)]
    pages: dict[str, str | Path] = {"claims.md": "\n\n".join(parts) + "\n"}
    pages |= {f"claims/{_under(path, results)}": path for path in data}
    for path in texts:
        pages[f"claims/{_under(path, results)}"] = _linked(path, results, {*texts, *data})
    return pages


def _judged(paths: list[Path], results: Path) -> list[str]:
    """The claims of all experiments in one table; the files have the same columns."""
    rows: list[list[str]] = []
    header: list[str] = []
    for path in paths:
        with path.open(encoding="utf-8", newline="") as file:
            header, *found = list(csv.reader(file)) or [header]
        readme = path.parent / "README.md"
        name = _link(readme, results, path.parent.name) if readme.is_file() else path.parent.name
        rows += [[name, *_verdict_second(row)] for row in found]
    return ["## Claims", table(["experiment", *_verdict_second(header)], rows)] if rows else []


def _verdict_second(row: list[str]) -> list[str]:
    """A phone shows three columns or four."""
    return [*row[:1], *row[-1:], *row[1:-1]]


def _link(path: Path, results: Path, words: str = "") -> str:
    return f"[{words or _under(path, results)}](claims/{_under(path, results)})"


def _under(path: Path, results: Path) -> str:
    return path.relative_to(results).as_posix()


def _title(path: Path) -> str:
    lines = path.read_text(encoding="utf-8").splitlines()
    return next((line[2:].strip() for line in lines if line.startswith("# ")), path.stem)


def _csv(path: Path, target: str) -> list[str]:
    with path.open(encoding="utf-8", newline="") as file:
        rows = list(csv.reader(file))
    if not rows:
        return ["The file is empty."]
    more = f"The first {ROWS} of {len(rows) - 1:,} rows. " if len(rows) - 1 > ROWS else ""
    return [f"{more}[The whole table]({target})", table(rows[0], rows[1 : ROWS + 1])]


def _linked(path: Path, results: Path, there: set[Path]) -> str:
    targets = [match["target"] for match in LINK.finditer(path.read_text(encoding="utf-8"))]
    known = {other.resolve() for other in there}
    kept = [target for target in targets if (path.parent / target.partition("#")[0]).resolve() in known]
    return linked(path.read_text(encoding="utf-8"), kept)
