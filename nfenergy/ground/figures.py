"""Figures in files: the same figure gives the same bytes, and no setting of matplotlib outlives a drawing."""

from __future__ import annotations

import io
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from nfenergy.ground.errors import InputError
from nfenergy.ground.files import write_bytes

if TYPE_CHECKING:
    from matplotlib.figure import Figure

FORMATS = ("png", "svg", "pdf")
Settings = Mapping[str, object]

COMMON: Settings = {
    "axes.spines.top": False,
    "axes.spines.right": False,
    "legend.frameon": False,
    "pdf.fonttype": 42,
    "ps.fonttype": 42,
    "svg.fonttype": "path",
    "svg.hashsalt": "nfenergy",
}


@contextmanager
def drawing(settings: Settings) -> Iterator[None]:
    """Matplotlib's settings while a figure is made or saved; what the caller had set comes back."""
    import matplotlib as mpl

    with mpl.rc_context(rc={**COMMON, **settings}):  # type: ignore[dict-item]
        yield


def new_figure(width_in: float, height_in: float) -> Figure:
    """An empty figure that no window knows of; call within `drawing`."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width_in, height_in), layout="constrained", facecolor="white")
    FigureCanvasAgg(figure)
    return figure


def figure_bytes(figure: Figure, settings: Settings, format_: str, *, dpi: int = 300) -> bytes:
    """The figure as a file of one of the `FORMATS`."""
    undated = {"png": {}, "svg": {"Date": None}, "pdf": {"CreationDate": None}}[format_]
    out = io.BytesIO()
    with drawing(settings):
        figure.savefig(out, format=format_, dpi=dpi, metadata=undated)
    return out.getvalue()


def check_format(path: Path) -> str:
    """The format that the suffix names. Raises InputError: it is none of `FORMATS`."""
    format_ = path.suffix.lower().removeprefix(".")
    if format_ not in FORMATS:
        known = ", ".join(f".{name}" for name in FORMATS)
        raise InputError(f"cannot write a plot as {path.name!r}; use {known}")
    return format_


def save(figure: Figure, settings: Settings, path: Path, *, dpi: int = 300) -> None:
    """Write the figure in the format that the suffix of `path` names, whole or not at all.

    Raises:
        InputError: the suffix is none of `FORMATS`.
        NfEnergyError: the file cannot be written.
    """
    write_bytes(path, figure_bytes(figure, settings, check_format(path), dpi=dpi))
