"""A figure as SVG within an HTML page: small, each id once, in words too, dark where the page is."""

from __future__ import annotations

import re
from collections.abc import Mapping
from html import escape
from typing import TYPE_CHECKING

from reports.plots.style import DARK, Size, figure_bytes

if TYPE_CHECKING:
    from matplotlib.figure import Figure

DECIMALS = 2
"""Of a coordinate, in units of 1/72 inch."""
COLOUR = re.compile(rf"(?<=:)({'|'.join(DARK)})\b")
NUMBERS = re.compile(
    r'(?<= [xy]=")[-.\d]+|(?<= width=")[-.\d]+|(?<= height=")[-.\d]+|(?<=translate\()[^)]*'
    r"|(?<=dasharray: )[^;]*|(?<=dashoffset: )[^;]*"
)
"""Attributes and settings with needless decimals."""


def inline_svg(
    figure: Figure,
    size: Size,
    *,
    name: str,
    title: str,
    hover: Mapping[str, str],
    description: str = "",
) -> str:
    """An ``<svg>`` element that fills the width of its parent; its colours follow `dark_css`.

    Args:
        figure: made for `size`.
        size: of its text and marks.
        name: unique on the page; every id in the SVG begins with it.
        title: what the figure shows, for those who do not see it.
        hover: texts by the ids of the groups that show them.
        description: what is to be seen in it, likewise.
    """
    text = figure_bytes(figure, size, "svg").decode()
    return inline_text(text, name=name, title=title, hover=hover, description=description)


def inline_text(
    text: str, *, name: str, title: str, hover: Mapping[str, str] | None = None, description: str = ""
) -> str:
    """`inline_svg` of what `figure_bytes` wrote as SVG."""
    hover = hover or {}
    text = _compact(text[text.index("<svg") :], hover)
    text = re.sub(r'(\bid=")', rf"\1{name}-", text)
    text = re.sub(r'(\bhref="#)', rf"\1{name}-", text)
    text = re.sub(r"(url\(#)", rf"\1{name}-", text)
    text = re.sub(r' fill="(#\w{6})"', r' style="fill:\1"', text)
    text = COLOUR.sub(lambda match: f"var(--{_variable(match[1])},{match[1]})", text)
    for gid, words in hover.items():
        opening = f'<g id="{name}-{gid}">'
        text = text.replace(opening, f"{opening}<title>{escape(words)}</title>", 1)
    view = re.search(r'viewBox="([^"]*)"', text)
    assert view is not None
    attributes = {
        "xmlns": "http://www.w3.org/2000/svg",
        "viewBox": view[1],
        "role": "img",
        "aria-labelledby": f"{name}-title",
        **({"aria-describedby": f"{name}-description"} if description else {}),
    }
    opening = "".join(f' {key}="{value}"' for key, value in attributes.items())
    titled = f'<title id="{name}-title">{escape(title)}</title>'
    described = f'<desc id="{name}-description">{escape(description)}</desc>' if description else ""
    return f"<svg{opening}>" + titled + described + text[text.index(">") + 1 :]


def dark_css() -> str:
    """The colours of `inline_svg` on a dark screen; on paper and elsewhere they are as drawn."""
    colours = "".join(f"--{_variable(light)}:{dark};" for light, dark in DARK.items())
    return f"@media screen and (prefers-color-scheme: dark) {{ :root {{ {colours} }} }}\n"


def _variable(colour: str) -> str:
    return f"c{colour.removeprefix('#')}"


def _compact(text: str, hover: Mapping[str, str]) -> str:
    """Without what nobody reads: metadata, comments, unused ids and groups, white space, decimals."""
    text = re.sub(r"<metadata>.*?</metadata>|<!--.*?-->", "", text, flags=re.DOTALL)
    text = re.sub(r'<g id="([^"]*)"', lambda match: match[0] if match[1] in hover else "<g", text)
    text = re.sub(r'(?<= d=")[^"]*', lambda match: _path(match[0]), text)
    text = re.sub(NUMBERS, lambda match: _rounded(match[0]), text)
    text = re.sub(r'(<use [^>]*?) transform="translate\(([-.\d]+) 0\)"', r'\1 x="\2"', text)
    text = text.replace("xlink:href", "href").replace("DejaVuSans", "d").replace("; ", ";").replace(": ", ":")
    return _without_bare_groups(re.sub(r">\s+<", "><", text))


def _without_bare_groups(text: str) -> str:
    """Groups without attributes group nothing that matters."""
    kept: list[bool] = []

    def keep(match: re.Match[str]) -> str:
        if match[0] == "</g>":
            return match[0] if kept.pop() else ""
        if not match[0].endswith("/>"):
            kept.append(match[0] != "<g>")
        return "" if match[0] in ("<g>", "<g/>") else match[0]

    return re.sub(r"<g\b[^>]*>|</g>", keep, text)


def _path(text: str) -> str:
    return re.sub(r"\s*([A-Za-z])\s*", r"\1", _rounded(text)).strip()


def _rounded(text: str) -> str:
    return re.sub(r"-?\d+\.\d+", lambda match: f"{round(float(match[0]), DECIMALS):g}", text)
