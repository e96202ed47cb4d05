"""The report page: what is on it, and how it behaves in a real browser."""

from __future__ import annotations

import base64
import gzip
import os
import re
from collections.abc import Iterator
from dataclasses import replace
from html import unescape
from html.parser import HTMLParser
from pathlib import Path

import pytest
from matplotlib.text import Annotation

from energy.array import SystolicArray
from energy.closed_form.engine import simulate
from neuralfuse.registry import base_title, generator_title
from nfenergy.ground.errors import InputError
from nfenergy.ground.rates import percent_text
from nfenergy.ground.tables import csv_text
from reports.content import PageContent
from reports.fronts import DEFINITION
from reports.layer_rows import CountedNetwork, layer_rows
from reports.merge import Merged
from reports.page import LONGEST_PLAIN, download, page_html
from reports.plots.registry import PlotData
from reports.plots.tradeoff import tradeoff_plot
from reports.records import Tradeoff
from tests.reports.browser import CHROMIUM, DRIVER, Browser, chromium
from tests.reports.samples import CURVE, merged
from topologies.layers import Layer, Topology

SCRIPT = "<script>alert(1)</script>"


def content(found: Merged) -> PageContent:
    array = SystolicArray(rows=8, cols=8)
    shape = {
        "ifmap_h": 8,
        "ifmap_w": 8,
        "filter_h": 3,
        "filter_w": 3,
        "channels": 3,
        "filters": 4,
        "stride": 1,
    }
    topology = Topology(name="resnet18", layers=tuple(Layer(name=f"conv{i}", **shape) for i in range(3)))
    rows = layer_rows(
        [CountedNetwork(name="resnet18", role="base", topology=topology, counts=simulate(topology, array))],
        dataset="cifar10",
        array=array,
        weight_bits=8,
        energy_per_access_norm=0.694,
    )
    return PageContent(
        merged=found,
        data=PlotData(tradeoffs=found.tradeoffs, layers={("resnet18", "none"): rows}, curve=CURVE),
        convention="paper: as published",
        command=f"nfenergy report --out '{SCRIPT}'",
        versions={"nfenergy": "0.1.0", "python": "3"},
    )


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    found = merged(("resnet18", "vgg11"))
    lost = replace(found.tradeoffs[0].accuracy, bit_error_rate=0.2)
    path = tmp_path_factory.mktemp("page") / "report.html"
    html = page_html(content(replace(found, unmatched_accuracies=(lost,))))
    path.write_text(html, encoding="utf-8")
    return path


class Tags(HTMLParser):
    """Opening tags with their attributes, and every id."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))


def test_the_page_refers_to_nothing_outside_itself(page: Path) -> None:
    for tag, attributes in Tags(page.read_text(encoding="utf-8")).tags:
        for name in ("href", "src", "xlink:href", "action", "data"):
            target = attributes.get(name) or "#"
            assert target.startswith(("#", "data:")), (tag, target)
    assert "@import" not in page.read_text(encoding="utf-8")


def test_no_identifier_comes_twice(page: Path) -> None:
    ids = [
        attributes["id"]
        for _, attributes in Tags(page.read_text(encoding="utf-8")).tags
        if "id" in attributes
    ]
    assert len(ids) == len(set(ids))


def test_the_page_says_what_its_reader_needs(page: Path) -> None:
    text = re.sub(r"\s+", " ", page.read_text(encoding="utf-8"))
    for words in (
        "12 combinations of a base model and a generator were compared on CIFAR-10 at a bit error rate of 1",
        "Joined because asked for: saving computed here, accuracy published.",
        "Left out: no saving for ResNet18 + ConvL on CIFAR-10 at 20 % bit errors",
        "Costs more than it saves by T.W.M.A. or MACs: VGG11 + ConvL, VGG11 + DeConvL.",
        "upstream issue 166",
        "Chandramoorthy",
        "Convention paper: as published.",
        "ResNet18 + ConvL: saves 19.0 % by T.W.M.A., accuracy 87.8 ± 1.7 % at 1 % bit errors",
        "VGG11 + ConvL: saves -21.84 % by MACs",
    ):
        assert words in text, words
    assert SCRIPT not in text


def test_every_figure_is_told_in_words(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    drawn = re.findall(r"<svg.*?</svg>", text, flags=re.DOTALL)
    for svg in drawn:
        (named,) = re.findall(r'aria-labelledby="([^"]*)"', svg)
        (told,) = re.findall(r'aria-describedby="([^"]*)"', svg)
        assert re.search(rf'<title id="{named}">[^<]+</title>', svg)
        assert re.search(rf'<desc id="{told}">[^<]*\d[^<]*\.</desc>', svg)
    assert len(drawn) == text.count("<figure") == 11


def test_figures_are_dark_where_the_page_is(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    dark = next(line for line in text.splitlines() if "screen and (prefers-color-scheme: dark)" in line)
    for svg in re.findall(r"<svg.*?</svg>", text, flags=re.DOTALL):
        for variable in set(re.findall(r"var\((--\w+),", svg)):
            assert f"{variable}:#" in dark
        assert not re.search(r"(?:fill|stroke):(?:#ffffff|#1a1a1a|#123a6f)", svg)


def test_one_front_in_text_table_figure_and_caption() -> None:
    found = merged(("resnet18", "vgg11"))
    text = unescape(re.sub(r"\s+", " ", page_html(content(found))))
    # The table's caption, which names its region too, and that of the trade-off figure by either measure.
    assert text.count(DEFINITION) == 2 + 2
    for base in ("resnet18", "vgg11"):
        own = [row for row in found.tradeoffs if row.saving.base == base]
        members = [row for row in own if row.standings["twma"].on_front]
        cell = ", ".join(
            f"{generator_title(row.saving.generator)} at {percent_text(row.saving.bit_error_rate)} "
            f"({row.standings['twma'].probability:.0%})"
            for row in members
        )
        assert f"<td>{base_title(base)}</td> <td>T.W.M.A.</td> <td>{cell}</td>" in text
        rising = sorted(members, key=lambda row: row.saving.saving_percent("twma"))
        said = ", ".join(
            generator_title(row.saving.generator) + ("" if row.saving.bit_error_rate else " at Vmin")
            for row in rising
        )
        assert f"{base_title(base)}: {said}" in text
        figure = tradeoff_plot(own)
        bold = {
            label.get_text()
            for label in figure.findobj(Annotation)
            if isinstance(label, Annotation) and label.get_fontweight() == "bold"
        }
        assert bold == {generator_title(row.saving.generator) for row in members if row.has_generator}


def test_there_must_be_something_to_report() -> None:
    found = merged(("vgg11",), ("convs",))
    with pytest.raises(InputError, match="nothing to report"):
        page_html(content(replace(found, tradeoffs=())))
    other = replace(found.tradeoffs[0], saving=replace(found.tradeoffs[0].saving, array_rows=64))
    with pytest.raises(InputError, match="one accelerator"):
        page_html(content(replace(found, tradeoffs=(*found.tradeoffs, other))))


@pytest.fixture(scope="module")
def browser(page: Path) -> Iterator[Browser]:
    if CHROMIUM is None or DRIVER is None:
        pytest.skip("chromium and chromedriver are not installed")
    with chromium() as found:
        found.open(page)
        yield found


def test_the_browser_finds_no_fault_and_asks_for_nothing_else(browser: Browser, page: Path) -> None:
    assert browser.console() == []
    assert browser.requests() == [page.as_uri()]


def test_tables_sort_by_number_and_by_text(browser: Browser) -> None:
    def column(index: int) -> list[str]:
        values = browser.run(
            "return Array.from(document.querySelectorAll('#tradeoff-table tbody tr'))"
            ".map(row => row.cells[arguments[0]].textContent)",
            index,
        )
        assert isinstance(values, list)
        return values

    def click(index: int) -> str:
        return str(
            browser.run(
                "const heading = document.querySelectorAll('#tradeoff-table th')[arguments[0]];"
                "heading.querySelector('button').click(); return heading.getAttribute('aria-sort');",
                index,
            )
        )

    assert click(4) == "ascending"
    rising = [float(value) for value in column(4)]
    assert rising == sorted(rising)
    assert click(4) == "descending"
    assert [float(value) for value in column(4)] == sorted(rising, reverse=True)
    assert click(1) == "ascending"
    assert column(1) == sorted(column(1), key=str.lower)
    sorted_by = browser.run(
        "return Array.from(document.querySelectorAll('#tradeoff-table th'))"
        ".filter(heading => heading.getAttribute('aria-sort') !== 'none').length"
    )
    assert sorted_by == 1
    assert browser.console() == []


def test_nothing_is_wider_than_the_page(browser: Browser) -> None:
    assert browser.run("return document.documentElement.scrollWidth <= window.innerWidth")
    drawn = browser.run(
        "return Array.from(document.querySelectorAll('figure svg'))"
        ".map(svg => svg.getBoundingClientRect()).filter(box => box.width > 300 && box.height > 80).length"
    )
    assert drawn == 11


def test_the_downloads_are_the_tables(browser: Browser) -> None:
    names = browser.run("return Array.from(document.querySelectorAll('a[download]')).map(a => a.download)")
    assert names == ["tradeoff.csv", "layers.csv"]
    table = browser.run("return decodeURIComponent(document.querySelector('a[download]').href)")
    start = "data:text/csv;charset=utf-8,"
    assert str(table) == start + csv_text(Tradeoff, merged(("resnet18", "vgg11")).tradeoffs)


def test_it_prints_and_is_pictured(browser: Browser, tmp_path: Path) -> None:
    """Pictures are kept where NFENERGY_PICTURES says, to be looked at."""
    folder = Path(os.environ.get("NFENERGY_PICTURES", str(tmp_path)))
    browser.screenshot(folder / "report.png")
    browser.print_pdf(folder / "report.pdf")
    assert (folder / "report.png").read_bytes().startswith(b"\x89PNG")
    printed = (folder / "report.pdf").read_bytes()
    assert printed.startswith(b"%PDF")
    assert 4 <= len(re.findall(rb"/Type\s*/Page\b", printed)) <= 14


def test_a_long_table_is_compressed_within_the_page() -> None:
    text = "a,b\n" * LONGEST_PLAIN
    name, address = download("layers.csv", text)
    assert (name, address[:28]) == ("layers.csv.gz", "data:application/gzip;base64")
    assert gzip.decompress(base64.b64decode(address.partition(",")[2])).decode() == text
