"""Formulas of a page as MathML, which browsers draw themselves: no script, no font from the network.

A fence ``math`` is a displayed formula, `` $`x`$ `` one in the text, as on GitHub.
"""

from __future__ import annotations

import re

DISPLAYED = re.compile(r"^```math\n(?P<latex>.*?)^```[ ]*$", re.MULTILINE | re.DOTALL)
INLINE = re.compile(r"\$`(?P<latex>[^`]+)`\$")
MARK = "nfenergyformula{}x"
"""Stands for a formula while Markdown is made into HTML."""


def marked(markdown: str) -> tuple[str, list[str]]:
    """The page with marks for its formulas, and their MathML."""
    from latex2mathml.converter import convert

    found: list[str] = []

    def take(latex: str, display: str) -> str:
        found.append(convert(" ".join(latex.split()), display=display))
        return MARK.format(len(found) - 1)

    text = DISPLAYED.sub(lambda match: f"\n{take(match['latex'], 'block')}\n", markdown)
    return INLINE.sub(lambda match: take(match["latex"], "inline"), text), found


def unmarked(html: str, found: list[str]) -> str:
    """The HTML with its formulas; a displayed one scrolls on a narrow screen."""
    for number, formula in enumerate(found):
        mark = MARK.format(number)
        html = html.replace(f"<p>{mark}</p>", f'<div class="formula" tabindex="0">{formula}</div>')
        html = html.replace(mark, formula)
    return html
