"""A figure as SVG within an HTML page: no identifier twice, a title for readers, texts on hover."""

from __future__ import annotations

import re
from collections.abc import Mapping
from html import escape
from typing import TYPE_CHECKING

from reports.plots.style import Size, figure_bytes

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def inline_svg(figure: Figure, size: Size, *, name: str, title: str, hover: Mapping[str, str]) -> str:
    """An ``<svg>`` element that fills the width of its parent.

    Args:
        figure: made for `size`.
        size: of its text and marks.
        name: unique on the page; every id in the SVG begins with it.
        title: what the figure shows, for those who do not see it.
        hover: texts by the ids of the groups that show them.
    """
    text = figure_bytes(figure, size, "svg").decode()
    text = text[text.index("<svg") :]
    text = re.sub(r"<metadata>.*?</metadata>\s*|<!--.*?-->\s*", "", text, flags=re.DOTALL)
    text = re.sub(r"\n\s+", "\n", text)
    text = re.sub(r'(\bid=")', rf"\1{name}-", text)
    text = re.sub(r'((?:xlink:)?href="#)', rf"\1{name}-", text)
    text = re.sub(r"(url\(#)", rf"\1{name}-", text)
    for gid, words in hover.items():
        opening = f'<g id="{name}-{gid}">'
        text = text.replace(opening, f"{opening}<title>{escape(words)}</title>", 1)
    # Hundredths of a point are finer than any screen shows, and half as long to write.
    text = re.sub(r'(?<= d=")[^"]*', lambda found: _rounded(found[0]), text)
    view = re.search(r'viewBox="[^"]*"', text)
    assert view is not None
    opening = (
        f'<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" '
        f'{view[0]} role="img" aria-labelledby="{name}-title">'
        f'<title id="{name}-title">{escape(title)}</title>'
    )
    return opening + text[text.index(">") + 1 :]


def _rounded(path: str) -> str:
    return re.sub(r"-?\d+\.\d+", lambda number: f"{float(number[0]):.2f}".rstrip("0").rstrip("."), path)
