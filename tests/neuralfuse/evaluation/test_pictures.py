from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import matplotlib as mpl
import numpy as np
import pytest
from PIL import Image

from neuralfuse.accuracy import Accuracy
from neuralfuse.evaluation.accuracy_drawing import accuracy_figure
from neuralfuse.evaluation.chips import in_use
from neuralfuse.evaluation.picture_content import Chip, by_class, embeddings, of_class
from neuralfuse.evaluation.picture_drawing import (
    Panel,
    embedding_figure,
    image_grid,
    save_figure,
)
from neuralfuse.quantization import Quantization
from neuralfuse.training.checkpoints import NetworkRecord, save_network
from neuralfuse.training.runs import stored_base
from nfenergy.ground.errors import InputError
from nfenergy.ground.rates import fraction_of
from tests.conftest import RunCli
from tests.neuralfuse.small import digits, trained_base, untrained_generator


def row(generator: str, rate: float, mean: float, **changes: object) -> Accuracy:
    protected = generator != "none"
    made = Accuracy(
        dataset="digits",
        base="vgg11",
        generator=generator,
        bit_error_rate=fraction_of(rate),
        base_clean_percent=99.0,
        base_perturbed_percent=mean if not protected else 40.0,
        base_perturbed_std_percent=20.0,
        nf_clean_percent=98.0 if protected else None,
        nf_perturbed_percent=mean if protected else None,
        nf_perturbed_std_percent=15.0 if protected else None,
        fault_model="flip",
        weight_bits=8,
        quantization="symmetric",
        base_width=0.5,
        base_normalization="batch",
        test_images=360,
        seeds="1 2 3",
    )
    return replace(made, **changes)  # type: ignore[arg-type]


ROWS = [
    row(generator, rate, mean)
    for generator, means in {"none": (85, 44, 25), "convl": (97, 90, 41)}.items()
    for rate, mean in zip((0.5, 1.0, 2.0), means, strict=True)
]


def test_accuracy_has_a_line_and_a_band_a_generator_within_0_and_100() -> None:
    (axes,) = accuracy_figure(ROWS).axes
    assert [line.get_label() for line in axes.lines] == ["no generator", "ConvL"]
    assert np.asarray(axes.lines[1].get_ydata()).tolist() == [97, 90, 41]
    assert len(axes.collections) == 2
    band = axes.collections[1].get_paths()[0].vertices[:, 1]
    assert band.max() == 100.0
    assert band.min() == 41.0 - 15.0
    assert axes.get_xscale() == "log"
    assert "3 test chips" in axes.get_ylabel()
    assert len({line.get_marker() for line in axes.lines}) == 2


def test_every_base_has_a_panel() -> None:
    others = [
        row("none", 1.0, 50.0, base="resnet18", base_width=1.0),
        row("none", 1.0, 80.0, base_training="clip 0.1"),
    ]
    figure = accuracy_figure([*ROWS, *others])
    assert [axes.get_title(loc="left").split("\non ")[0] for axes in figure.axes] == [
        "VGG11 x 0.5",
        "ResNet18",
        "VGG11 x 0.5, clip 0.1",
    ]


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ([], "no accuracies"),
        ([*ROWS, row("none", 1.0, 50.0, fault_model="stuck-at")], "do not belong in one plot"),
        ([row("none", 0.0, 99.0)], "logarithmic"),
        ([*ROWS, row("none", 1.0, 80.0)], "keep one of them"),
    ],
)
def test_what_cannot_be_drawn_is_refused(rows: list[Accuracy], message: str) -> None:
    with pytest.raises(InputError, match=message):
        accuracy_figure(rows)


def test_the_same_figure_gives_the_same_file_in_every_format(tmp_path: Path) -> None:
    for form in ("png", "svg", "pdf"):
        for name in ("one", "two"):
            save_figure(accuracy_figure(ROWS), tmp_path / f"{name}.{form}")
        assert (tmp_path / f"one.{form}").read_bytes() == (tmp_path / f"two.{form}").read_bytes()
    with Image.open(tmp_path / "one.png") as picture:
        assert min(picture.size) > 400
    with pytest.raises(InputError, match=r"\.png, \.svg, \.pdf"):
        save_figure(accuracy_figure(ROWS), tmp_path / "one.jpeg")
    assert len(list(tmp_path.iterdir())) == 6


def test_outputs_are_mapped_clean_and_perturbed_with_and_without_generator() -> None:
    base = stored_base(trained_base())
    idle = in_use(untrained_generator("uip"), Quantization())
    images = digits().test.first(60)
    panels = embeddings(base, {"UIP": idle}, images, Chip(seed=50_000, rate=0.02))
    assert [panel.title.split(":")[0] for panel in panels] == [
        "clean",
        "2 % bit errors",
        "clean with UIP",
        "2 % bit errors with UIP",
    ]
    assert all(panel.points.shape == (60, 2) for panel in panels)
    assert np.array_equal(panels[0].points, panels[2].points)
    accuracies = [float(panel.title.split(": ")[1].removesuffix(" %")) for panel in panels]
    assert accuracies[0] > 90.0 > accuracies[1]
    figure = embedding_figure(panels)
    assert len(figure.axes) == 4
    assert len(figure.legends) == 1
    with pytest.raises(InputError, match="at least 4"):
        embeddings(base, {}, images.first(3), Chip(seed=1, rate=0.01))


def test_drawing_leaves_the_settings_of_matplotlib_as_they_were(tmp_path: Path) -> None:
    panel = Panel(title="t", points=np.zeros((4, 2)), labels=np.arange(4))
    with mpl.rc_context({"font.size": 21.0, "svg.hashsalt": "mine"}):
        before = dict(mpl.rcParams)
        save_figure(accuracy_figure(ROWS), tmp_path / "a.svg")
        save_figure(embedding_figure([panel]), tmp_path / "b.pdf")
        save_figure(image_grid({"input": np.zeros((1, 3, 8, 8), np.float32)}, ["0"]), tmp_path / "c.png")
        assert dict(mpl.rcParams) == before


def test_many_classes_have_no_legend() -> None:
    labels = np.arange(40)
    panel = Panel(title="t", points=np.zeros((40, 2)), labels=labels)
    assert not embedding_figure([panel]).legends


def test_grids_show_the_input_and_what_generators_make_of_it() -> None:
    generators = {"UIP": in_use(untrained_generator("uip"), Quantization())}
    grid, titles = by_class(generators, digits().test)
    assert titles == [str(label) for label in range(10)]
    assert list(grid) == ["input", "UIP"]
    assert grid["input"].shape == (10, 3, 32, 32)
    assert np.array_equal(grid["input"], grid["UIP"])
    several, titles = of_class(generators, digits().test, 7, count=4)
    assert titles == ["7"] * 4
    figure = image_grid(several, titles)
    assert len(figure.axes) == 8
    assert figure.axes[4].get_ylabel() == "UIP"
    with pytest.raises(InputError, match="no image of class 11"):
        of_class(generators, digits().test, 11)


def test_the_command_draws_them_all(tmp_path: Path, cli: RunCli) -> None:
    base, uip = tmp_path / "base.safetensors", tmp_path / "uip.safetensors"
    save_network(base, trained_base().model, trained_base().record)
    record = NetworkRecord(kind="generator", network="uip", dataset="digits")
    save_network(uip, untrained_generator("uip"), record)
    table = tmp_path / "accuracy.csv"
    made = cli("evaluate", "--base-checkpoint", base, "--seeds", "1", "--out", table, "--quiet")
    assert made.status == 0, made.stderr
    drawn = cli(
        *("pictures", "--base-checkpoint", base, "--gen-checkpoint", uip, "--images", "30"),
        *("--accuracy", table, "--class", "3", "--out", tmp_path / "pictures"),
    )
    assert drawn.status == 0, drawn.stderr
    with Image.open(tmp_path / "pictures" / "classes.png") as picture:
        assert picture.width > 1500  # ten classes
    names = sorted(path.name for path in (tmp_path / "pictures").iterdir())
    assert names == ["accuracy.png", "class-3.png", "classes.png", "embeddings.png"]
    assert len(drawn.stdout.splitlines()) == 4
    for options, message in (
        (("--gen-checkpoint", uip, "--gen-checkpoint", uip), "two of the generators are of one kind"),
        (("--format", "gif"), "cannot write a plot as 'classes.gif'; use .png"),
    ):
        refused = cli("pictures", "--base-checkpoint", base, *options, "--out", tmp_path / "none")
        assert refused.status == 2
        assert message in refused.error
    assert not (tmp_path / "none").exists()
