"""plot, report and recommend from the command line, with savings really computed."""

from __future__ import annotations

import csv
import io
import json
from contextlib import redirect_stdout
from pathlib import Path

import pandas as pd
import pytest

from nfenergy.cli import app
from nfenergy.ground.columns import columns
from nfenergy.ground.errors import InputError, UnknownName
from nfenergy.ground.rates import percent_text
from nfenergy.ground.tables import csv_text
from nfenergy.reporting import reproduce_figure
from nfenergy.tradeoffs import Selection, compare
from reports.fronts import DEFINITION
from reports.published import published_mac_savings
from reports.records import Saving, Tradeoff
from tests.reports.samples import savings

MEASURED = """\
dataset,base,generator,bit_error_rate_percent,clean_accuracy,perturbed_accuracy_mean,perturbed_accuracy_std,\
nf_clean_accuracy,nf_perturbed_accuracy_mean,nf_perturbed_accuracy_std,fault_model,weight_bits,base_width,source
digits,VGG11,ConvS,1,99.4,44.3,21,99.4,85.5,10,flip,8,0.5,measured
digits,VGG11,ConvS,0.5,99.4,84.6,22,99.4,97.1,4,flip,8,0.5,measured
digits,VGG11,UIP,1,99.4,44.3,21,99.4,50.0,10,flip,8,0.5,measured
"""


def run(*arguments: str) -> str:
    """Standard output; what the command raises is raised here."""
    out = io.StringIO()
    with redirect_stdout(out):
        app(list(arguments), standalone_mode=False)
    return out.getvalue()


def small(*arguments: str) -> tuple[str, ...]:
    return (*arguments, "--base", "vgg11", "--gen", "ConvS,unets", "--quiet")


def test_report_writes_the_page_and_its_tables(tmp_path: Path) -> None:
    page = tmp_path / "out" / "report.html"
    written = run(*small("report", "--out", str(page))).split()
    tables = ["tradeoff.csv", "layers.csv", "protections.csv"]
    names = [*tables, "columns.csv", "columns.md", "report.json", "report.html"]
    assert [Path(name).name for name in written] == names
    frame = pd.read_csv(page.parent / "tradeoff.csv")
    assert list(frame.columns) == [column.name for column in columns(Tradeoff)]
    assert set(frame["generator"]) == {"convs", "unets", "none"}
    layers = pd.read_csv(page.parent / "layers.csv")
    share = layers[layers["generator"] == "convs"]["energy_share_percent"].sum()
    assert share == pytest.approx(100.0)
    content = json.loads((page.parent / "report.json").read_text(encoding="utf-8"))
    assert content["joins"] == ["saving computed here, accuracy published"]
    assert content["fronts"]["vgg11"]["twma"]["hypervolume_percent2"] > 0
    assert content["front"] == DEFINITION
    members = content["fronts"]["vgg11"]["twma"]["members"]
    listed = frame[frame["on_front_twma"]].sort_values("twma_saving_percent")
    assert [row["generator"] for row in members] == list(listed["generator"])
    assert "VGG11 + ConvS" in page.read_text(encoding="utf-8")


def test_the_report_must_be_html(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"should end in \.html"):
        run("report", "--out", str(tmp_path))


def test_recommend_in_words_and_as_json() -> None:
    options = ("--dataset", "cifar10", "--base", "resnet18", "--gen", "unetl,deconvl", "--min-accuracy", "85")
    text = run("recommend", *options)
    assert text.startswith(
        "Best: ResNet18 + UNetL on CIFAR-10 at 0.5 % bit errors (0.8477 of Vmin): saves 21.5 %"
    )
    assert "Joined: saving computed here, accuracy published." in text
    content = json.loads(run("recommend", *options, "--max-latency-overhead", "20%", "--json"))
    assert (content["best"]["generator"], content["runner_up"]["generator"]) == ("unetl", "deconvl")
    assert content["runner_up"]["twma_saving_percent"] == pytest.approx(21.1926, abs=1e-4)
    narrowed = json.loads(run("recommend", *options, "--ber", "1%", "--json"))
    assert narrowed["best"]["generator"] == "deconvl"
    assert narrowed["runner_up"] is None


@pytest.mark.parametrize(
    ("option", "value", "words"),
    [
        ("--min-accuracy", "0.85", "in percent; for 0.85 write 85"),
        ("--min-accuracy", "101", "at most 100"),
        ("--min-accuracy", "high", "not a percentage"),
        ("--max-latency-overhead", "0.2", "for 0.2 write 20"),
        ("--ber", "2", "above 0.5"),
        ("--ber", "3%", "of bit error rates 0.5%, 1%"),
        ("--accuracy", "nowhere.csv", "No such file"),
    ],
)
def test_bad_values_are_explained(option: str, value: str, words: str) -> None:
    with pytest.raises(InputError, match=words):
        run("recommend", "--base", "vgg11", option, value)


def test_plots_by_kind(tmp_path: Path) -> None:
    written = run(*small("plot", "heatmap", "--out", str(tmp_path), "--measure", "mac", "--size", "slide"))
    assert [Path(line).name for line in written.split()] == ["heatmap.png", "heatmap.svg", "heatmap.pdf"]
    for kind in ("tradeoff", "voltage", "saving", "latency", "accuracy", "latency-saving"):
        path = tmp_path / f"{kind}.svg"
        run(*small("plot", kind, "--out", str(path)))
        assert path.read_bytes().startswith(b"<?xml")
    for kind in ("layers", "roofline"):
        run("plot", kind, "--base", "vgg11", "--gen", "convs", "--out", str(tmp_path / f"{kind}.svg"))
        with pytest.raises(InputError, match="choose --base and --gen"):
            run(*small("plot", kind, "--out", str(tmp_path)))
    with pytest.raises(UnknownName, match="heatmap"):
        run(*small("plot", "heatmpa", "--out", str(tmp_path)))
    with pytest.raises(UnknownName, match="slide"):
        run(*small("plot", "heatmap", "--out", str(tmp_path), "--size", "slides"))


def test_a_measured_table_is_joined_with_the_base_of_its_width(tmp_path: Path) -> None:
    file = tmp_path / "accuracy.csv"
    file.write_text(MEASURED, encoding="utf-8")
    found = compare([str(file)], Selection(), {})
    rows = [row for row in found.merged.tradeoffs if row.has_generator]
    assert [(row.saving.generator, row.saving.bit_error_rate) for row in rows] == [
        ("convs", 0.005),
        ("convs", 0.01),
    ]
    assert rows[0].saving.base_width == 0.5
    assert rows[0].saving.base_params < 9231114 / 3
    assert found.merged.joins == ()
    assert found.merged.unmatched == (
        "no saving for VGG11 + UIP on digits at 1 % bit errors, 8-bit weights (accuracy.csv)",
    )


def test_rates_beyond_the_curve_are_left_out_and_said(tmp_path: Path) -> None:
    file = tmp_path / "accuracy.csv"
    file.write_text(MEASURED.replace("VGG11,ConvS,0.5,", "VGG11,ConvS,30,"), encoding="utf-8")
    found = compare([str(file)], Selection(), {})
    assert any("VGG11 + ConvS" in line and "30 %" in line for line in found.merged.unmatched)


def test_rates_that_are_all_beyond_the_curve_are_one_clear_error(tmp_path: Path) -> None:
    file = tmp_path / "accuracy.csv"
    file.write_text(MEASURED.replace("ConvS,0.5,", "ConvS,30,").replace(",1,99", ",25,99"), encoding="utf-8")
    with pytest.raises(InputError, match=r"25% is outside curve 'stutz2021-14nm'.*0\.00021% to 21%"):
        compare([str(file)], Selection(), {})


ALONE = """\
dataset,base,generator,bit_error_rate_percent,clean_accuracy,perturbed_accuracy_mean,perturbed_accuracy_std,\
nf_clean_accuracy,nf_perturbed_accuracy_mean,nf_perturbed_accuracy_std,fault_model,weight_bits,base_width,base_training
digits,VGG11,none,0.5,99.4,84.6,12,,,,chip2-1.01,8,0.5,
digits,VGG11,none,1,99.4,44.3,21,,,,chip2-1.01,8,0.5,
digits,VGG11,none,0.5,98.9,97.9,1,,,,chip2-1.01,8,0.5,"clip 0.1, RandBET 1 % flip"
digits,VGG11,none,1,98.9,96.0,2,,,,chip2-1.01,8,0.5,"clip 0.1, RandBET 1 % flip"
"""
ROBUST = "VGG11 x 0.5, clip 0.1, RandBET 1 % flip"


def test_base_models_alone_are_rows_like_any_other(tmp_path: Path) -> None:
    file = tmp_path / "accuracy.csv"
    file.write_text(ALONE, encoding="utf-8")
    chosen = ("--accuracy", str(file), "--ber", "all", "--quiet")
    first, second, *_ = run("recommend", "--min-accuracy", "90", *chosen).splitlines()
    assert first == "No generator is needed: the base model alone qualifies and saves most."
    assert second.startswith(f"Best: {ROBUST}, no generator on digits at 1 % bit errors")
    content = json.loads(run("recommend", "--json", *chosen))
    assert (content["best"]["label"], content["best"]["bit_error_rate"]) == (ROBUST, 0.01)
    assert content["best"]["base_training"] == "clip 0.1, RandBET 1 % flip"
    page = tmp_path / "report.html"
    run("report", "--out", str(page), *chosen)
    rows = pd.read_csv(tmp_path / "tradeoff.csv", keep_default_na=False)
    assert set(rows["generator"]) == {"none"}
    low = rows[rows["bit_error_rate"] > 0]
    assert sorted(zip(low["base_training"], low["on_front_twma"].astype(str), strict=True)) == [
        ("", "False"),
        ("", "False"),
        ("clip 0.1, RandBET 1 % flip", "True"),
        ("clip 0.1, RandBET 1 % flip", "True"),
    ]
    text = page.read_text(encoding="utf-8")
    for words in (
        "2 base models were compared on digits at a bit error rate of 1 %",
        f"{ROBUST}, no generator: saves",
        "Fault model chip2-1.01: synthetic map of 8192 x 128 cells (Stutz et al., App. C.1)",
    ):
        assert words in text, words
    assert "a fault map of the user" not in text
    plot = tmp_path / "tradeoff.svg"
    run("plot", "tradeoff", "--out", str(plot), *chosen)
    assert plot.read_text(encoding="utf-8").count('id="point-') == len(rows)
    for kind in ("voltage", "saving"):
        run("plot", kind, "--out", str(tmp_path / f"{kind}.svg"), *chosen)
    for kind in ("heatmap", "latency", "latency-saving"):
        with pytest.raises(InputError, match="at least one combination"):
            run("plot", kind, "--out", str(tmp_path / f"{kind}.svg"), *chosen)


def test_a_rate_that_was_not_measured_is_told_as_a_bound(tmp_path: Path) -> None:
    chosen = ("--base", "vgg11", "--voltage", "0.98", "--engine", "closed-form", "--quiet")
    run("simulate", *chosen, "--dataset", "digits", "--width", "0.5", "--out", str(tmp_path))
    summary = pd.read_csv(tmp_path / "summary.csv")
    assert list(summary["bit_error_rate_is_bound"]) == [True]
    rate = float(summary["bit_error_rate"][0])
    accuracy = tmp_path / "accuracy.csv"
    header, row = ALONE.splitlines()[:2]
    accuracy.write_text(f"{header}\n{row.replace(',0.5,99', f',{100 * rate},99')}\n", encoding="utf-8")
    page = tmp_path / "report.html"
    savings = ("--savings", str(tmp_path / "summary.csv"), "--accuracy", str(accuracy), "--ber", "all")
    run("report", *savings, "--out", str(page), "--quiet")
    assert list(pd.read_csv(tmp_path / "tradeoff.csv")["bit_error_rate_is_bound"]) == [True]
    text = page.read_text(encoding="utf-8")
    assert f"at a bit error rate of below {percent_text(rate)}:" in text
    assert f">below {percent_text(rate)}</td>" in text


def test_two_reports_share_a_folder(tmp_path: Path) -> None:
    first, second = tmp_path / "report.html", tmp_path / "unets.html"
    run("report", "--base", "vgg11", "--gen", "convs", "--out", str(first), "--quiet")
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    written = run("report", "--base", "vgg11", "--gen", "unets", "--out", str(second), "--quiet").split()
    assert {Path(name).name for name in written} == {
        "unets.tradeoff.csv",
        "unets.layers.csv",
        "unets.protections.csv",
        "unets.columns.csv",
        "unets.columns.md",
        "unets.json",
        "unets.html",
    }
    assert {name: (tmp_path / name).read_bytes() for name in before} == before
    assert set(pd.read_csv(tmp_path / "tradeoff.csv")["generator"]) == {"convs", "none"}
    assert set(pd.read_csv(tmp_path / "unets.tradeoff.csv")["generator"]) == {"unets", "none"}


def test_the_deconvolution_mapping_is_in_every_row_and_caption(tmp_path: Path) -> None:
    options = ("--base", "vgg11", "--gen", "deconvs", "--convention", "exact", "--quiet")
    found = {}
    for mapping in ("zero-insertion", "subpixel"):
        page = tmp_path / f"{mapping}.html"
        run("report", *options, "--deconv", mapping, "--out", str(page))
        rows = pd.read_csv(tmp_path / f"{mapping}.tradeoff.csv")
        assert set(rows["deconvolution"]) == {mapping}
        assert f"convention exact ({mapping})" in page.read_text(encoding="utf-8")
        found[mapping] = rows.loc[rows["generator"] == "deconvs", "twma_saving_percent"].iloc[0]
    assert found["zero-insertion"] != found["subpixel"]


def test_published_and_measured_need_a_word(tmp_path: Path) -> None:
    file = tmp_path / "accuracy.csv"
    file.write_text(
        MEASURED.replace("digits", "cifar10").replace(",0.5,measured", ",1,measured"), encoding="utf-8"
    )
    arguments = (
        "recommend",
        "--base",
        "vgg11",
        "--gen",
        "convs",
        "--accuracy",
        "published",
        "--accuracy",
        str(file),
    )
    with pytest.raises(InputError, match="--mixed"):
        run(*arguments)
    assert "published and measured accuracies mixed" in run(*arguments, "--mixed")
    narrowed = run("recommend", "--base", "vgg11", "--accuracy", str(file))
    assert "Joined" not in narrowed


def test_savings_of_a_file_take_the_place_of_computed_ones(tmp_path: Path) -> None:
    file = tmp_path / "summary.csv"
    file.write_text(csv_text(Saving, savings(("vgg11",), ("convs", "unets"))), encoding="utf-8")
    text = run("recommend", "--base", "vgg11", "--savings", str(file), "--ber", "1%", "--quiet")
    assert text.startswith("Best: VGG11 + ConvS on CIFAR-10 at 1 % bit errors")
    other = file.read_text(encoding="utf-8").replace("stutz2021-14nm", "mine")
    file.write_text(other, encoding="utf-8")
    with pytest.raises(InputError, match="'mine'; give it with --curve"):
        run("recommend", "--base", "vgg11", "--savings", str(file), "--quiet")


def test_the_papers_figures_come_with_their_numbers(tmp_path: Path) -> None:
    written = reproduce_figure("figure6", tmp_path)
    assert [path.name for path in written] == ["figure6.png", "figure6.svg", "figure6.pdf", "figure6.csv"]
    with written[-1].open(encoding="utf-8", newline="") as file:
        rows = {
            (row["base"], row["generator"]): row for row in csv.DictReader(file) if row["generator"] != "none"
        }
    assert len(rows) == 30
    for combination, printed in published_mac_savings().items():
        # The table follows from rounded MACs, ours are not rounded.
        assert float(rows[combination]["mac_saving_percent"]) == pytest.approx(printed, abs=0.06)
    assert round(float(rows["resnet18", "convl"]["twma_saving_percent"]), 1) == 19.0
    assert rows["resnet18", "convl"]["perturbed_accuracy_percent"] == "87.8"
    with pytest.raises(UnknownName, match="figure5, figure6"):
        reproduce_figure("figure7", tmp_path)
