"""What the Python reference shows must be explained: a public name without a docstring is an error."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

SHOWN = re.compile(r"^::: (?P<name>[\w.]+)", re.MULTILINE)
ROOT = Path(__file__).parents[1]


def undocumented(pages: Iterable[str]) -> list[str]:
    """The modules, classes and functions behind ``::: NAME`` that have no docstring.

    Args:
        pages: their Markdown.
    """
    import griffe

    names = [match["name"] for page in pages for match in SHOWN.finditer(page)]
    loader = griffe.GriffeLoader(search_paths=[ROOT])
    found: list[str] = []
    for name in names:
        loader.load(name.split(".")[0])
        found += _silent(loader.modules_collection[name])
    return found


def _silent(member: Any) -> Iterator[str]:
    if member.is_alias or member.name.startswith("_"):
        return
    if member.is_attribute:
        return
    if not member.docstring:
        yield member.path
    if not member.is_function:
        for inner in member.members.values():
            yield from _silent(inner)
