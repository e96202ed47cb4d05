"""Every plot with 1, 5 and 30 combinations: no text over another, none clipped; files as promised."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import matplotlib as mpl
import pytest
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure

from neuralfuse.registry import generator_title
from nfenergy.ground.errors import InputError
from reports.plots.heatmap import saving_heatmap
from reports.plots.inline import inline_svg
from reports.plots.layers import hover_texts as layer_texts
from reports.plots.layers import layer_plot
from reports.plots.registry import PLOTS, PlotData
from reports.plots.style import COLUMN, SIZES, figure_bytes, look, save
from reports.plots.tradeoff import hover_texts, tradeoff_plot
from reports.plots.voltage import voltage_plot
from tests.reports.plots.crowds import network_rows
from tests.reports.plots.geometry import annotations, clipped, overlapping, text_boxes
from tests.reports.samples import BASES, CURVE, GENERATORS, merged


def check(figure: Figure, size: str = "column") -> None:
    boxes = text_boxes(figure, SIZES[size])
    assert overlapping(boxes) == []
    assert clipped(figure, boxes) == []


def test_three_base_models_with_few_generators_share_a_panel() -> None:
    figure = tradeoff_plot(merged(BASES[:3], ("unetl",)).tradeoffs)
    check(figure)
    assert {"ResNet18 + UNetL", "ResNet50 + UNetL"} <= set(annotations(figure))


def test_tradeoff_labels_every_combination_of_one_base() -> None:
    tradeoffs = merged(("resnet18",)).tradeoffs
    titles = {*map(generator_title, GENERATORS), "ResNet18, nominal voltage", "ResNet18, low voltage"}
    assert titles <= set(annotations(tradeoff_plot(tradeoffs)))


def test_tradeoff_of_several_rates_tells_them_apart() -> None:
    figure = tradeoff_plot(merged(("vgg19",), ("convl", "unets"), (0.005, 0.01)).tradeoffs)
    check(figure)
    assert {"ConvL 0.5 %", "ConvL 1 %"} <= set(annotations(figure))


def test_tradeoff_of_base_models_alone() -> None:
    with pytest.raises(InputError, match="at least one combination"):
        tradeoff_plot([])
    figure = tradeoff_plot(merged(("vgg11",), (), (0.005, 0.01)).tradeoffs)
    check(figure)
    assert set(annotations(figure)) == {"VGG11, nominal voltage", "VGG11, 0.5 %", "VGG11, 1 %"}


@pytest.mark.parametrize("size", ["column", "slide"])
@pytest.mark.parametrize("rates", [(0.01,), (0.05, 0.01, 0.005, 0.0035, 0.0)])
def test_voltage(size: str, rates: tuple[float, ...]) -> None:
    points = [CURVE.at_bit_error_rate(rate) for rate in rates]
    check(voltage_plot(CURVE, points, size=SIZES[size]), size)


def test_a_heat_map_writes_every_value() -> None:
    cells = [row.saving for row in merged().tradeoffs if row.has_generator]
    values = {f"{saving.saving_percent('mac'):.1f}" for saving in cells}
    assert values <= {text for text, _ in text_boxes(saving_heatmap(cells, measure="mac"), COLUMN)}


def test_a_heat_map_takes_one_saving_a_combination_and_rate() -> None:
    savings = [
        row.saving for row in merged(("vgg11",), ("convs",), (0.005, 0.01)).tradeoffs if row.has_generator
    ]
    check(saving_heatmap(savings))
    with pytest.raises(InputError, match="--ber"):
        saving_heatmap([*savings, replace(savings[0], base_width=0.5)])


@pytest.mark.parametrize(
    ("size", "layers"), [("column", 1), ("slide", 1), ("column", 54), ("slide", 54), ("page", 54)]
)
def test_layers(size: str, layers: int) -> None:
    rows = network_rows(layers)
    check(layer_plot(rows, size=SIZES[size]), size)
    first = layer_texts(rows, size=SIZES[size])["layer-0-0"]
    assert "SRAM weight reads" in first


def test_combinations_differ_in_grey_too() -> None:
    """Bases by marker, generators by lightness and dot."""
    looks = {(base, generator): look(base, generator) for base in BASES for generator in GENERATORS}
    grey = {
        key: (style.marker, style.dotted, round(_lightness(style.colour), 1)) for key, style in looks.items()
    }
    assert len(set(grey.values())) == 30


def _lightness(colour: str) -> float:
    red, green, blue = to_rgb(colour)
    return 0.299 * red + 0.587 * green + 0.114 * blue


def test_files_are_whole_repeatable_and_their_fonts_embedded(tmp_path: Path) -> None:
    tradeoffs = merged(("vgg11",), ("convs",)).tradeoffs
    figure = tradeoff_plot(tradeoffs)
    for suffix, start in (("png", b"\x89PNG"), ("svg", b"<?xml"), ("pdf", b"%PDF")):
        path = tmp_path / "plots" / f"tradeoff.{suffix}"
        save(figure, COLUMN, path)
        assert path.read_bytes().startswith(start)
        assert figure_bytes(tradeoff_plot(tradeoffs), COLUMN, suffix) == path.read_bytes()
    assert sorted(file.suffix for file in path.parent.iterdir()) == [".pdf", ".png", ".svg"]
    content = path.read_bytes()
    assert b"/FontFile2" in content
    assert b"/Type3" not in content
    assert b"<text" not in (tmp_path / "plots" / "tradeoff.svg").read_bytes()


def test_no_plot_leaves_a_setting_of_matplotlib_changed(tmp_path: Path) -> None:
    tradeoffs = merged(("vgg11",), ("convs",)).tradeoffs
    data = PlotData(tradeoffs=tradeoffs, layers={("vgg11", "convs"): network_rows(2)}, curve=CURVE)
    with mpl.rc_context({"font.size": 21.0}):
        before = dict(mpl.rcParams)
        for plot in (plot for plot in PLOTS.values() if plot.applies(data)):
            save(plot.draw(data, "twma", COLUMN), COLUMN, tmp_path / f"{plot.name}.svg")
        assert dict(mpl.rcParams) == before


def test_two_accuracies_of_one_saving_are_one_cell_bar_and_line_and_two_marks() -> None:
    (row,) = (row for row in merged(("vgg11",), ("convs",)).tradeoffs if row.has_generator)
    other = replace(row, accuracy=replace(row.accuracy, train_steps=5, nf_perturbed_percent=70.0))
    data = PlotData(tradeoffs=[row, other], layers={}, curve=CURVE)
    assert data.savings == [row.saving]
    for name in ("heatmap", "latency", "saving"):
        check(PLOTS[name].draw(data, "twma", COLUMN))
    figure = PLOTS["tradeoff"].draw(data, "twma", COLUMN)
    assert {"ConvS", "ConvS (5 steps)"} == set(annotations(figure))


def test_long_labels_take_several_lines_and_keep_numbers_with_their_units() -> None:
    rows = merged(("vgg11",), ("convs",)).tradeoffs
    training = {"base_training": "clip 0.1, RandBET 1 % flip", "base_normalization": "group"}
    robust = [replace(row, accuracy=replace(row.accuracy, **training)) for row in rows]  # type: ignore[arg-type]
    figure = tradeoff_plot([*rows, *robust], size=SIZES["page"])
    check(figure, "page")
    lines = [line for text in annotations(figure) for line in text.splitlines()]
    assert max(map(len, lines)) <= 36
    assert not any(line.startswith("%") for line in lines)


def test_an_unknown_format_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"\.png, \.svg, \.pdf"):
        save(tradeoff_plot(merged(("vgg11",), ("convs",)).tradeoffs), COLUMN, tmp_path / "plot.bmp")


def test_an_inline_figure_shows_values_on_hover_and_keeps_its_ids_apart() -> None:
    tradeoffs = merged(("vgg11",), ("convs",)).tradeoffs
    texts = hover_texts(tradeoffs, "twma")
    svg = inline_svg(tradeoff_plot(tradeoffs), COLUMN, name="first", title="A & B", hover=texts)
    assert svg.startswith("<svg")
    assert "A &amp; B" in svg
    for gid, text in texts.items():
        assert f'<g id="first-{gid}"><title>{text}</title>' in svg
    assert svg.count(' id="') == svg.count(' id="first-')
    assert 'href="#' not in svg.replace('href="#first-', "")


def test_the_commands_are_imported_without_matplotlib() -> None:
    code = (
        "import sys, nfenergy.commands.reports;"
        "sys.exit('matplotlib' in sys.modules or 'pandas' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
