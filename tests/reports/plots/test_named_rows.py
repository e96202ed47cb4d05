"""Protections, sensitive layers and assignments: any number of rows, none covered, cut or dropped."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from matplotlib.collections import PathCollection, QuadMesh
from matplotlib.figure import Figure

from neuralfuse.registry import GENERATORS, NO_GENERATOR
from nfenergy.ground.errors import InputError
from reports.assignment_rows import AssignedLayer, AssignmentStanding, ShownAssignment
from reports.plots import (
    assignment_dots,
    protection_dots,
    protection_words,
    sensitivity_map,
    sensitivity_words,
)
from reports.plots.named_rows import row_layout, short_names
from reports.plots.style import COLUMN, SIZES
from reports.plots.words import common_start
from reports.protection_rows import ProtectionRow
from tests.reports.plots.crowds import POINTS
from tests.reports.plots.geometry import clipped, overlapping, text_boxes

LONG = "model.encoder.layers.encoder_layer_3.self_attention"
SHOWN = [
    *((count, "column") for count in POINTS),
    (60, "slide"),
    *(pytest.param(count, "slide", marks=pytest.mark.slow) for count in POINTS[:-1]),
    pytest.param(60, "page", marks=pytest.mark.slow),
]


def check(figure: Figure, size: str) -> list[str]:
    boxes = text_boxes(figure, SIZES[size])
    assert overlapping(boxes) == []
    assert clipped(figure, boxes) == []
    return [text for text, _ in boxes]


def protections(
    count: int, generators: int = 1, bases: tuple[str, ...] = ("VGG11 x 0.25",)
) -> list[ProtectionRow]:
    return [
        ProtectionRow(
            base=base,
            protection=f"secded-msb-{index}-of-64" if index else "none",
            title="as named",
            generator=generator,
            measure=measure,
            voltage_norm=0.8333,
            bit_error_rate=0.01,
            residual_rate=0.01 * 0.8**index,
            residual_rate_top=0.0 if index % 4 == 3 else 0.01 * 0.7**index,
            energy_percent=70.0 + index + 60.0 * place,
            extra_storage_percent=12.5,
            area_percent=None,
            latency_overhead_percent=float(place),
            perturbed_percent=(40.0 + 7 * index + place) % 100,
            perturbed_std_percent=4.0,
            source="derived",
        )
        for base in bases
        for measure in ("twma", "mac", "system")
        for index in range(count)
        for place, generator in enumerate([NO_GENERATOR, *GENERATORS][: generators + 1])
    ]


def layers(count: int, prefix: str = "") -> list[str]:
    return [f"{prefix}layer{index // 9}.{index // 3 % 3}.conv{index % 3}" for index in range(count)]


def assignment(count: int) -> ShownAssignment:
    row = AssignedLayer(
        number=1, layer="", group=1, weights=9, voltage_norm=0.8333, bit_error_rate=0.01,
        group_energy_percent=4.0, group_loss_points=0.5,
    )  # fmt: skip
    standing = AssignmentStanding(
        what="by layer", measure="system", floor_percent=90.0, voltage_norm=None, energy_percent=72.5,
        chosen_percent=91.0, held_out_percent=91.5, held_out_interval_points=12.0, fault_model="flip",
        seeds="50000",
    )  # fmt: skip
    others = [
        replace(standing, what="best uniform voltage", voltage_norm=0.875, energy_percent=80.0),
        *(
            replace(standing, what=f"by shuffled sensitivity {index}", held_out_percent=80.0)
            for index in range(count)
        ),
    ]
    return ShownAssignment(
        base="VGG11",
        layers=tuple(
            replace(row, layer=name, number=place + 1, group=place + 1, voltage_norm=0.8 + 0.04 * (place % 4))
            for place, name in enumerate(layers(count))
        ),
        standings=(standing, *others),
        verdict="It is cheaper.",
        clean_percent=99.0,
    )


@pytest.mark.parametrize(
    ("count", "generators", "size"),
    [
        (1, 0, "column"),
        (5, 2, "column"),
        (30, 1, "slide"),
        (60, 2, "column"),
        *(pytest.param(count, 9, "slide", marks=pytest.mark.slow) for count in POINTS),
        *(pytest.param(count, 2, "page", marks=pytest.mark.slow) for count in POINTS),
    ],
)
def test_every_protection_is_named_and_every_generator_in_the_legend(
    count: int, generators: int, size: str
) -> None:
    rows = protections(count, generators)
    figure = protection_dots.protection_plot(rows, size=SIZES[size])
    texts = check(figure, size)
    assert {row.protection for row in rows} <= set(texts)
    titles = {GENERATORS[row.generator].title for row in rows if row.generator != NO_GENERATOR}
    assert titles | {"no generator"} <= set(texts)
    assert marks(figure, "protection-1-") == count * (generators + 1)


def marks(figure: Figure, start: str) -> int:
    return sum(
        str(found.get_gid()).startswith(start)
        for found in figure.findobj(PathCollection)
        if isinstance(found, PathCollection)
    )


def test_no_mark_of_a_protection_leaves_its_panel() -> None:
    figure = protection_dots.protection_plot(protections(20, 3))
    for found in figure.findobj(PathCollection):
        assert isinstance(found, PathCollection)
        assert found.axes is not None
        low, high = found.axes.get_xlim()
        assert all(low < x < high for x, _ in found.get_offsets())  # type: ignore[union-attr, str-unpack]


def test_trainings_of_one_base_have_a_panel_of_accuracies_each() -> None:
    bases = ("VGG11 x 0.25, symmetric", "VGG11 x 0.25, clip 0.2, RandBET 1 % flip, rquant")
    assert common_start(bases) == "VGG11 x 0.25, "
    texts = check(protection_dots.protection_plot(protections(22, 1, bases)), "column")
    assert "accuracy (%)\nsymmetric" in texts
    assert sum(text.startswith("energy (%)") for text in texts) == 3


def test_protections_are_told_in_words_made_from_the_data() -> None:
    said = protection_words.description(protections(5, 1))
    assert "Energy by MACs is 70.0 to 134.0 %, unprotected 70.0 %; least no protection; 5 of 10 above" in said
    assert "Accuracy is 40.0 to 69.0 %, unprotected 40.0 %; highest secded-msb-4-of-64 + " in said
    hover = protection_words.hover_texts(protections(5, 1))
    assert hover["protection-2-none-none"] == "no protection: 70.0 % by MACs"
    assert hover["protection-0-secded-msb-3-of-64-none"].endswith("none of the highest")


@pytest.mark.parametrize(
    ("count", "size", "bits", "prefix"),
    [
        (1, "column", 0, ""),
        (5, "column", 16, ""),
        (30, "column", 8, f"{LONG}."),
        (60, "slide", 8, ""),
        *(pytest.param(count, "page", 16, "", marks=pytest.mark.slow) for count in POINTS),
        *(pytest.param(count, "column", 8, "", marks=pytest.mark.slow) for count in POINTS),
    ],
)
def test_every_layer_has_its_loss_and_its_cells(count: int, size: str, bits: int, prefix: str) -> None:
    rng = np.random.default_rng(count)
    names, cells = layers(count, prefix), rng.normal(5, 20, (count, bits))
    only, halves = list(rng.normal(5, 10, count)), list(rng.random(count))
    figure = sensitivity_map.sensitivity_plot(
        names, only, by_bit_points=cells, intervals=halves, title="VGG11\n1 %", size=SIZES[size]
    )
    texts = check(figure, size)
    assert set(short_names(names, SIZES[size])) <= set(texts)
    assert marks(figure, "loss-") == count
    drawn = [text for text in figure.findobj() if str(text.get_gid()).startswith("bit-")]
    assert len(drawn) == count * bits
    hover = sensitivity_words.hover_texts(names, only, cells, halves)
    assert len(hover) == count * (bits + 1)
    assert names[0] in hover["loss-0"]


def test_sensitivity_maps_have_one_scale_about_zero_and_gains_a_corner() -> None:
    cells = np.array([[0.0, -0.6, 31.0], [0.0, 1.0, -2.0]])
    end = sensitivity_map.scale_end(cells)
    assert end == 50.0
    figure = sensitivity_map.sensitivity_plot(["a", "b"], [1.0, -1.0], by_bit_points=cells, end=end)
    (mesh,) = (found for found in figure.findobj(QuadMesh) if found.axes is figure.axes[1])
    assert isinstance(mesh, QuadMesh)
    assert (mesh.norm.vmin, mesh.norm.vmax) == (-50.0, 50.0)
    corners = [found for found in figure.axes[1].collections if isinstance(found, PathCollection)]
    assert len(corners) == 2
    assert sensitivity_words.description(["a", "b"], [1.0, -1.0], cells, [0.5, None]) == (
        "Errors in one layer only, of 2 in all, cost -1.0 to 1.0 points of accuracy, most in a. 1 of the 1 "
        "exceed their interval. Of single bits, bit 2 of a costs most, 31.0 points; the highest bit costs "
        "-2.0 to 31.0 points, the lowest 0.0 points."
    )


@pytest.mark.parametrize(("count", "size"), SHOWN)
def test_every_layer_and_standing_of_an_assignment_is_shown(count: int, size: str) -> None:
    found = assignment(count)
    texts = check(assignment_dots.assignment_plot(found, size=SIZES[size]), size)
    assert set(short_names([row.layer for row in found.layers], SIZES[size])) <= set(texts)
    figure = assignment_dots.standings_plot(found, size=SIZES[size])
    assert {row.what for row in found.standings} <= set(check(figure, size))
    assert marks(figure, "standing-1-") == count + 2
    low, high = figure.axes[1].get_xlim()
    assert low < 90.0 < high
    assert "missed the floor of 90 %." in assignment_dots.standings_description(found)
    assert len(assignment_dots.hover_texts(found)) == 3 * count + 2 * (count + 2)


def test_more_rows_than_a_figure_holds_make_it_higher_and_nothing_is_refused() -> None:
    layout = row_layout(layers(500), [0.7, 1.2], COLUMN, head_in=0.2)
    assert layout.height_in > COLUMN.max_height_in
    assert layout.blocks[-1][1] == 500
    assert layout.size.max_height_in == layout.height_in


def test_nothing_to_draw_is_refused() -> None:
    empty = replace(assignment(1), layers=(), standings=())
    for draw in (assignment_dots.assignment_plot, assignment_dots.standings_plot):
        with pytest.raises(InputError, match="at least one"):
            draw(empty)
