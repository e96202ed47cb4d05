"""How docstrings and types look in the Python reference: columns left out of types, doctests as code."""

from __future__ import annotations

import re
from typing import Any

import griffe

DOCTEST = re.compile(r"(?:^[ ]*>>> .*\n?(?:^(?![ ]*$).+\n?)*)+", re.MULTILINE)


class Plain(griffe.Extension):  # type: ignore[misc]
    """What mkdocstrings loads; see the module."""

    def on_attribute_instance(self, *, attr: Any, **kwargs: Any) -> None:
        """Of ``Annotated[float, Column(...)]`` the type alone; the columns have a page of their own."""
        hint = attr.annotation
        if isinstance(hint, griffe.ExprSubscript) and str(hint.left) == "Annotated":
            attr.annotation = getattr(hint.slice, "elements", [hint.slice])[0]

    def on_instance(self, *, obj: Any, **kwargs: Any) -> None:
        """Doctests stand in fences, where Markdown takes no ``>`` for a quotation."""
        if obj.docstring and ">>> " in obj.docstring.value:
            obj.docstring.value = fenced(obj.docstring.value)


def fenced(text: str) -> str:
    """The text with a fence around every run of doctest lines.

    >>> print(fenced("Add.\\n\\n>>> 1 + 1\\n2\\n\\nMore.").replace("`", "'"))
    Add.
    <BLANKLINE>
    '''pycon
    >>> 1 + 1
    2
    '''
    <BLANKLINE>
    More.
    """
    return DOCTEST.sub(lambda match: f"```pycon\n{match[0].rstrip()}\n```\n", text).rstrip()
