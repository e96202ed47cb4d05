"""Figures as files: the same bytes each time, and no setting of the caller's changed."""

from __future__ import annotations

from pathlib import Path

import matplotlib as mpl
import pytest
from matplotlib.figure import Figure

from nfenergy.ground.errors import InputError
from nfenergy.ground.figures import FORMATS, drawing, figure_bytes, new_figure, save

SETTINGS = {"font.size": 7.0, "axes.grid": True}


def drawn() -> Figure:
    with drawing(SETTINGS):
        figure = new_figure(2.0, 1.5)
        axes = figure.subplots()
        axes.plot([0, 1, 2], [0, 1, 4], label="y")
        axes.legend()
    return figure


@pytest.mark.parametrize("format_", FORMATS)
def test_the_same_figure_gives_the_same_bytes(format_: str) -> None:
    first, second = (figure_bytes(drawn(), SETTINGS, format_, dpi=80) for _ in range(2))
    assert first == second


def test_settings_end_with_the_drawing() -> None:
    before = dict(mpl.rcParams)
    for format_ in FORMATS:
        figure_bytes(drawn(), SETTINGS, format_, dpi=80)
    with drawing(SETTINGS):
        assert mpl.rcParams["font.size"] == 7.0
    assert dict(mpl.rcParams) == before


def test_no_window_knows_of_a_figure() -> None:
    from matplotlib import pyplot

    drawn()
    assert pyplot.get_fignums() == []


def test_the_suffix_decides_the_format(tmp_path: Path) -> None:
    for suffix, start in ((".PNG", b"\x89PNG"), (".svg", b"<?xml"), (".pdf", b"%PDF")):
        save(drawn(), SETTINGS, tmp_path / f"plot{suffix}", dpi=80)
        assert (tmp_path / f"plot{suffix}").read_bytes().startswith(start)
    with pytest.raises(InputError, match=r"cannot write a plot as 'plot.jpg'; use .png, .svg, .pdf"):
        save(drawn(), SETTINGS, tmp_path / "plot.jpg")
