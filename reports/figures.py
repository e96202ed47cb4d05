"""The figures of the report page, each with caption and texts on hover."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from reports.content import PageContent
from reports.merge import percent
from reports.plots import heatmap, latency, layers, savings, tradeoff, voltage
from reports.plots.inline import inline_svg
from reports.plots.style import SIZES
from reports.records import MEASURE_TITLES, Measure, Tradeoff

PAGE = SIZES["page"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """A drawn figure: `name` is unique on the page, `svg` an element to put into it."""

    name: str
    caption: str
    svg: str


def figures(content: PageContent) -> Iterator[Figure]:
    """All figures of the page, in order."""
    rates = sorted({row.saving.bit_error_rate for row in content.merged.tradeoffs if row.has_generator})
    for index, rate in enumerate(rates):
        rows = [row for row in content.merged.tradeoffs if _belongs(row, rate)]
        for measure in MEASURE_TITLES:
            yield _tradeoff(content, rows, measure, rate, index)
    yield _voltage(content, rates)
    yield _savings(content)
    yield from (_heatmap(content, measure, rates[-1]) for measure in MEASURE_TITLES)
    yield _latency(content)
    if content.shown_layers:
        yield _layers(content)


def _belongs(row: Tradeoff, rate: float) -> bool:
    """The combinations at `rate` and their baselines: the base model at that rate and without errors."""
    return row.saving.bit_error_rate == rate or (not row.has_generator and row.saving.bit_error_rate == 0)


def _tradeoff(
    content: PageContent, rows: Sequence[Tradeoff], measure: Measure, rate: float, index: int
) -> Figure:
    name = f"tradeoff-{measure}-{index}"
    title = f"Energy saving by {MEASURE_TITLES[measure]} against accuracy at {percent(rate)} bit errors"
    figure = tradeoff.tradeoff_plot(rows, content.names, measure=measure, size=PAGE)
    joined = f" {rows[0].joined.capitalize()}." if rows[0].joined else ""
    return Figure(
        name=name,
        caption=f"{title}. Bars are one standard deviation over chips; the dashed line is the "
        f"front, its members in bold.{joined}",
        svg=inline_svg(
            figure,
            PAGE,
            name=name,
            title=title,
            hover=tradeoff.hover_texts(rows, content.names, measure),
        ),
    )


def _voltage(content: PageContent, rates: Sequence[float]) -> Figure:
    points = [content.curve.at_bit_error_rate(rate) for rate in rates]
    figure = voltage.voltage_plot(content.curve, points, size=PAGE)
    title = f"Bit error rate and energy per access of curve {content.curve.name}"
    return Figure(
        name="voltage",
        caption=f"{title}. Rings are the operating points of this report; towards Vmin (dotted) the "
        "bit error rate falls to nothing and was not measured.",
        svg=inline_svg(figure, PAGE, name="voltage", title=title, hover=voltage.hover_texts(content.curve)),
    )


def _savings(content: PageContent) -> Figure:
    rows = [row.saving for row in content.merged.tradeoffs]
    figure = savings.saving_plot(rows, content.curve, content.names, size=PAGE)
    title = "Energy saving by T.W.M.A. against supply voltage"
    return Figure(
        name="saving",
        caption=f"{title}. A ring is the break-even point: at higher voltages the generator costs more than "
        "the low voltage saves.",
        svg=inline_svg(
            figure,
            PAGE,
            name="saving",
            title=title,
            hover=savings.hover_texts(rows, content.curve, content.names, "twma"),
        ),
    )


def _heatmap(content: PageContent, measure: Measure, rate: float) -> Figure:
    name = f"heatmap-{measure}"
    rows = [
        row.saving
        for row in content.merged.tradeoffs
        if row.has_generator and row.saving.bit_error_rate == rate
    ]
    figure = heatmap.saving_heatmap(rows, content.names, measure=measure, size=PAGE)
    title = f"Energy saving by {MEASURE_TITLES[measure]} at {percent(rate)} bit errors"
    return Figure(
        name=name,
        caption=f"{title}.",
        svg=inline_svg(
            figure,
            PAGE,
            name=name,
            title=title,
            hover=heatmap.hover_texts(rows, content.names, measure),
        ),
    )


def _latency(content: PageContent) -> Figure:
    rows = [row.saving for row in content.merged.tradeoffs]
    figure = latency.latency_plot(rows, content.names, size=PAGE)
    title = "Latency that the generator adds to the base model"
    return Figure(
        name="latency",
        caption=f"{title}, one inference, from the cycles of the systolic array.",
        svg=inline_svg(
            figure, PAGE, name="latency", title=title, hover=latency.hover_texts(rows, content.names)
        ),
    )


def _layers(content: PageContent) -> Figure:
    first = content.shown_layers[0]
    combination = content.names.combination(first.base, first.generator)
    figure = layers.layer_plot(content.shown_layers, content.names, size=PAGE)
    title = f"Where the weight reads, cycles and MACs of {combination} go"
    return Figure(
        name="layers",
        caption=f"{title}, layer by layer in the order of execution.",
        svg=inline_svg(
            figure,
            PAGE,
            name="layers",
            title=title,
            hover=layers.hover_texts(content.shown_layers, size=PAGE),
        ),
    )
