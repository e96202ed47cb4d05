"""Texts of the repository that are pages of the site as well: links and headings fitted, words kept."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from pathlib import Path

ROOT = Path(__file__).parents[1]
LINK = re.compile(r"(?P<label>!?\[[^\]]*\])\((?P<target>[^)\s]+)\)")
HEADING = re.compile(r"^(#+) ", re.MULTILINE)

DATA = (
    "energy/data/README.md",
    "topologies/csv/README.md",
    "nfenergy/experiments/recipes/README.md",
    "reports/published/README.md",
)


def texts() -> dict[str, str]:
    """The pages by their path on the site."""
    return {
        "changelog.md": page("CHANGELOG.md", {}),
        "contributing.md": page("CONTRIBUTING.md", {}),
        "benchmarks.md": page("benchmarks/README.md", {}),
        "data.md": "\n\n".join(
            [
                "# Shipped data, sources and licences",
                "Four folders of the packages hold data. Beside each of them stands a file that says where "
                "every datum comes from and under which licence it is shipped; these files follow. What a "
                "command used is printed with its result.",
                *(demoted(page(name, {})) for name in DATA),
            ]
        ),
    }


def page(name: str, there: Mapping[str, str]) -> str:
    """A file of the repository as a page; `there` maps link targets to pages of the site."""
    return linked((ROOT / name).read_text(encoding="utf-8"), there)


def linked(text: str, there: Mapping[str, str] | Collection[str]) -> str:
    """The text, a link to what is not on the site turned into words and the name of the file."""

    def link(match: re.Match[str]) -> str:
        target = match["target"]
        if target in there:
            return f"{match['label']}({there[target] if isinstance(there, Mapping) else target})"
        if target.startswith(("http://", "https://", "#")):
            return match[0]
        words = match["label"].lstrip("!")[1:-1]
        return f"`{target}`" if words == target else f"{words} (`{target}`)"

    return LINK.sub(link, text)


def demoted(text: str) -> str:
    """The text with every heading one level lower."""
    return HEADING.sub(r"#\1 ", text)
