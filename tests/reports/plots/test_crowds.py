"""Every plot with 1, 5, 30 and 60 points: no text over another, none clipped, no name left out unsaid."""

from __future__ import annotations

from itertools import combinations, pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from matplotlib.collections import QuadMesh
from matplotlib.figure import Figure

from neuralfuse.registry import GENERATORS, base_title
from reports.plots import energy, heatmap, layers, roofline
from reports.plots.notes import left_out
from reports.plots.registry import PLOTS
from reports.plots.style import (
    COLOURS,
    DARK,
    INK,
    MUTED,
    PAPER,
    SIZES,
    contrast,
    look,
    luminance,
    text_on,
)
from reports.plots.voltage import voltage_plot
from tests.reports.plots.crowds import POINTS, crowd, rates_on_curve
from tests.reports.plots.geometry import annotations, clipped, overlapping, text_boxes
from tests.reports.samples import CURVE

SHOWN = [
    *((points, "column") for points in POINTS),
    (60, "slide"),
    *(pytest.param(points, "slide", marks=pytest.mark.slow) for points in (1, 5, 30)),
    pytest.param(60, "page", marks=pytest.mark.slow),
]
TWICE = ("tradeoff", "accuracy", "heatmap", "latency-saving", "saving", "latency")
"""Those that draw several bit error rates into one figure."""


def check(figure: Figure, size: str) -> list[str]:
    """The texts of a figure in which none covers another or leaves the frame."""
    boxes = text_boxes(figure, SIZES[size])
    assert overlapping(boxes) == []
    assert clipped(figure, boxes) == []
    return [text for text, _ in boxes]


@pytest.mark.parametrize(("points", "size"), SHOWN)
@pytest.mark.parametrize("name", PLOTS)
def test_nothing_is_covered_or_clipped(name: str, points: int, size: str) -> None:
    data = crowd(points)
    texts = check(PLOTS[name].draw(data, "twma", SIZES[size]), size)
    bases = {base_title(row.saving.base) for row in data.tradeoffs}
    if len(bases) > 1 and name not in ("voltage", "layers", "roofline"):
        assert all(any(text.startswith(base) for text in texts) for base in bases)


@pytest.mark.parametrize("size", ["column", "slide"])
@pytest.mark.parametrize("name", TWICE)
def test_two_rates_share_a_figure(name: str, size: str) -> None:
    data = crowd(60, rates=(0.01, 0.005))
    check(PLOTS[name].draw(data, "mac", SIZES[size]), size)


@pytest.mark.parametrize("points", POINTS)
@pytest.mark.parametrize("size", ["column", "slide"])
def test_a_curve_with_many_operating_points(points: int, size: str) -> None:
    rates = rates_on_curve(points)
    figure = voltage_plot(CURVE, [CURVE.at_bit_error_rate(rate) for rate in rates], size=SIZES[size])
    check(figure, size)
    named = [text for text in annotations(figure) if " % at " in text]
    assert len(named) == points or left_out(figure)


@pytest.mark.parametrize(
    ("points", "size"), [*((points, size) for points in (1, 5) for size in SIZES), (60, "column")]
)
def test_every_mark_has_a_name_a_place_in_the_legend_or_is_named_as_left_out(points: int, size: str) -> None:
    """In one panel all marks are named; in small multiples the legend tells generators, titles bases."""
    data = crowd(points)
    figure = PLOTS["tradeoff"].draw(data, "twma", SIZES[size])
    texts = [text for text, _ in text_boxes(figure, SIZES[size])]
    for saving in data.protected:
        name = GENERATORS[saving.generator].title
        assert name in texts
    if points <= 5:
        named = [*annotations(figure), *left_out(figure).split()]
        assert all(GENERATORS[saving.generator].title in named for saving in data.protected)


@pytest.mark.parametrize("name", PLOTS)
def test_every_plot_is_told_in_words_made_from_the_data(name: str) -> None:
    few, many = (PLOTS[name].description(crowd(points), "twma") for points in (5, 30))
    assert few.endswith(".")
    assert name == "voltage" or few != many


GREY = 0.04
"""Difference of relative luminance by which two areas are told apart."""


def test_generators_differ_in_grey_by_lightness_dot_or_dashes() -> None:
    for first, second in combinations([look("resnet18", name) for name in GENERATORS], 2):
        apart = abs(luminance(first.colour) - luminance(second.colour)) > GREY
        assert apart or first.dotted != second.dotted
        assert apart or first.dashes != second.dashes


def test_neighbours_in_a_bar_and_networks_of_layers_differ_in_grey() -> None:
    light = list(energy.COLOURS.values())
    for shown in (light, [DARK.get(colour, colour) for colour in light]):
        for first, second in pairwise(shown):
            assert abs(luminance(first) - luminance(second)) > GREY
    assert abs(luminance(layers.BASE_COLOUR) - luminance(layers.GENERATOR_COLOUR)) > GREY
    assert roofline.MARKS["base"][0] != roofline.MARKS["generator"][0]


def test_losses_have_a_corner_so_that_grey_tells_them_from_savings() -> None:
    data = crowd(30)
    figure = heatmap.saving_heatmap(data.protected, measure="mac")
    losses = sum(round(saving.saving_percent("mac"), 1) < 0 for saving in data.protected)
    assert losses == len(figure.axes[0].collections) - 1 > 0


def test_colours_stand_out_on_their_ground_in_light_and_dark() -> None:
    for colour in (*COLOURS, INK, MUTED):
        assert contrast(colour, PAPER) >= 3
        assert contrast(DARK[colour], DARK[PAPER]) >= 3
    for text in (INK, MUTED):
        assert contrast(text, PAPER) >= 4.5
        assert contrast(DARK[text], DARK[PAPER]) >= 4.5


@given(st.tuples(*[st.integers(0, 255)] * 3))
def test_text_on_any_cell_has_a_contrast_of_4_5(rgb: tuple[int, int, int]) -> None:
    ground = "#{:02x}{:02x}{:02x}".format(*rgb)
    assert contrast(text_on(ground), ground) >= 4.5


def test_heat_maps_of_one_selection_have_one_scale_about_zero() -> None:
    data = crowd(30, rates=(0.01,))
    ends = set()
    for measure in ("twma", "mac"):
        (mesh,) = (
            found
            for found in heatmap.saving_heatmap(data.protected, measure=measure).axes[0].collections
            if isinstance(found, QuadMesh)
        )
        ends.add((mesh.norm.vmin, mesh.norm.vmax))
    ((low, high),) = ends
    assert low == -high
