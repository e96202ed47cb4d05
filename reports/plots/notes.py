"""What a figure says of marks that had no room for their names."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from typing import TYPE_CHECKING

from reports.plots.style import Size

if TYPE_CHECKING:
    from matplotlib.figure import Figure

LEFT_OUT = "left-out"
"""Id of the note, by which it is found again."""


def left_out(figure: Figure) -> str:
    """What the figure says of marks without a name; nothing where all have one."""
    from matplotlib.text import Text

    texts = [text for text in figure.findobj(Text) if text.get_gid() == LEFT_OUT]
    return " ".join(" ".join(text.get_text().split()) for text in texts if isinstance(text, Text))


def note(figure: Figure, names: Sequence[str], size: Size) -> None:
    """Say above the panels which marks have no name."""
    if names:
        words = f"Marks without room for their name: {'; '.join(names)}."
        width = int(size.width_in * 72 / (0.56 * (size.font_pt - 1)))
        title = figure.suptitle(textwrap.fill(words, width), fontsize=size.font_pt - 1)
        title.set_gid(LEFT_OUT)
