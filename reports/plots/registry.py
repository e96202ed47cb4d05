"""The plots by name: ``nfenergy plot NAME`` draws one, and the report page all of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from energy.curve import VoltageCurve
from neuralfuse.registry import NO_GENERATOR, combination
from nfenergy.ground.errors import InputError
from nfenergy.ground.registry import Registry
from reports.layer_records import LayerRow
from reports.plots import (
    accuracy_voltage,
    energy,
    heatmap,
    latency,
    latency_saving,
    layers,
    roofline,
    savings,
    scenarios,
    tradeoff,
    voltage,
)
from reports.plots.style import Size
from reports.records import Saving, Tradeoff
from reports.scenarios import ScenarioSaving

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Texts = Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class PlotData:
    """What plots are drawn from.

    Attributes:
        tradeoffs: of one accelerator.
        layers: of the combinations, by base model and generator; empty for savings from a file.
        shown: the combination whose layers the page shows; None for the only one there is.
        curve: of the savings.
        curves: to draw over each other instead of `curve`; empty for it alone.
        scenarios: the combinations in other scenarios; empty for savings from a file.
    """

    tradeoffs: Sequence[Tradeoff]
    layers: Mapping[tuple[str, str], Sequence[LayerRow]]
    curve: VoltageCurve
    shown: tuple[str, str] | None = None
    scenarios: Sequence[ScenarioSaving] = ()
    curves: Sequence[VoltageCurve] = ()

    @property
    def savings(self) -> list[Saving]:
        """Each once, however many accuracies it was joined with."""
        return list(dict.fromkeys(row.saving for row in self.tradeoffs))

    @property
    def protected(self) -> list[Saving]:
        """Those with a generator."""
        return [saving for saving in self.savings if saving.has_generator]

    @property
    def rates(self) -> list[float]:
        """Bit error rates, ascending, without 0."""
        return sorted({saving.bit_error_rate for saving in self.savings} - {0.0})

    @property
    def shown_layers(self) -> Sequence[LayerRow]:
        """The layers of one combination.

        Raises:
            InputError: there are none, or combinations to choose from.
        """
        if not self.layers:
            raise InputError("the savings came from a file, which holds no layers; leave out --savings")
        pairs = [pair for pair in self.layers if pair[1] != NO_GENERATOR] or list(self.layers)
        pair = self.shown or (pairs[0] if len(pairs) == 1 else None)
        if pair is None:
            raise InputError(
                f"a plot of layers shows one combination, the selection has {len(pairs)}; choose --base and "
                "--gen"
            )
        return self.layers[pair]


def _no_texts(data: PlotData, measure: str, size: Size) -> Texts:
    return {}


def _no_words(data: PlotData, measure: str) -> str:
    return ""


def _always(data: PlotData) -> bool:
    return True


@dataclass(frozen=True, slots=True, kw_only=True)
class Plot:
    """One kind of plot.

    Attributes:
        name: as users type it.
        title: of its figure on the page, a template of ``{measure}``, ``{rate}``, ``{curve}`` and
            ``{combination}``.
        draw: what to draw, the measure of energy, where it goes -> a figure.
        hover: likewise -> texts by the id of a group in its SVG.
        description: what is to be seen, in sentences for those who do not see it.
        caption: what follows the title on the page.
        applies: whether the page can show it.
        by_measure, by_rate: whether the page shows one for each chief measure, and for each bit error rate.
        shows_accuracy: whether its caption says what accuracies were joined with.
        section: of the page, ``figures`` or ``energy``.
    """

    name: str
    title: str
    draw: Callable[[PlotData, str, Size], Figure]
    hover: Callable[[PlotData, str, Size], Texts] = _no_texts
    description: Callable[[PlotData, str], str] = _no_words
    caption: str = ""
    applies: Callable[[PlotData], bool] = _always
    by_measure: bool = False
    by_rate: bool = False
    shows_accuracy: bool = False
    section: str = "figures"


def _has_generators(data: PlotData) -> bool:
    return bool(data.protected)


PLOTS: Registry[Plot] = Registry(
    "plot",
    (
        Plot(
            name="tradeoff",
            title="Energy saving by {measure} against accuracy at {rate} bit errors",
            caption="Bars are one standard deviation over chips; a dashed line is the front of a base model "
            "among the marks shown, its generators in bold where marks have names.",
            draw=lambda data, measure, size: tradeoff.tradeoff_plot(
                data.tradeoffs, measure=measure, size=size
            ),
            description=lambda data, measure: tradeoff.description(data.tradeoffs, measure),
            hover=lambda data, measure, size: tradeoff.hover_texts(data.tradeoffs, measure),
            by_measure=True,
            by_rate=True,
            shows_accuracy=True,
        ),
        Plot(
            name="accuracy",
            title="Accuracy against supply voltage",
            caption="From clean accuracy at Vmin; bars are one standard deviation over chips and stand a "
            "little apart. Between marks nothing was measured: lines only join them.",
            draw=lambda data, measure, size: accuracy_voltage.accuracy_plot(data.tradeoffs, size=size),
            hover=lambda data, measure, size: accuracy_voltage.hover_texts(data.tradeoffs),
            description=lambda data, measure: accuracy_voltage.description(data.tradeoffs),
            applies=lambda data: bool(data.rates),
            shows_accuracy=True,
        ),
        Plot(
            name="voltage",
            title="Bit error rate and energy per access of curve {curve}",
            caption="Rings are the operating points of this report; towards Vmin (dotted) the bit error rate "
            "falls to nothing and was not measured.",
            draw=lambda data, measure, size: voltage.voltage_plot(
                data.curve,
                [data.curve.at_bit_error_rate(rate) for rate in data.rates],
                others=[curve for curve in data.curves if curve.name != data.curve.name],
                size=size,
            ),
            description=lambda data, measure: voltage.description(data.curve, data.rates),
            hover=lambda data, measure, size: voltage.hover_texts(data.curve),
        ),
        Plot(
            name="saving",
            title="Energy saving by {measure} against supply voltage",
            caption="A ring is the break-even point: at higher voltages the generator costs more than the "
            "low voltage saves.",
            draw=lambda data, measure, size: savings.saving_plot(
                data.savings, data.curve, measure=measure, size=size
            ),
            description=lambda data, measure: savings.description(data.savings, data.curve, measure),
            hover=lambda data, measure, size: savings.hover_texts(data.savings, measure),
        ),
        Plot(
            name="heatmap",
            title="Energy saving by {measure} of every combination",
            draw=lambda data, measure, size: heatmap.saving_heatmap(
                data.protected, measure=measure, size=size
            ),
            description=lambda data, measure: heatmap.description(data.protected, measure),
            caption="Blue saves, red costs more than it saves, which a corner marks too; all maps have one "
            "scale. A dash: not measured.",
            hover=lambda data, measure, size: heatmap.hover_texts(data.protected, measure),
            applies=_has_generators,
            by_measure=True,
        ),
        Plot(
            name="latency",
            title="Latency that the generator adds to the base model",
            caption="One inference, from the cycles of the systolic array.",
            draw=lambda data, measure, size: latency.latency_plot(data.savings, size=size),
            description=lambda data, measure: latency.description(data.savings),
            hover=lambda data, measure, size: latency.hover_texts(data.savings),
            applies=_has_generators,
        ),
        Plot(
            name="latency-saving",
            title="Latency overhead against energy saving by {measure}",
            caption="Up and to the left is better; below the line a generator costs more than the low "
            "voltage saves.",
            draw=lambda data, measure, size: latency_saving.latency_saving_plot(
                data.savings, measure=measure, size=size
            ),
            hover=lambda data, measure, size: latency_saving.hover_texts(data.savings, measure),
            description=lambda data, measure: latency_saving.description(data.savings, measure),
            applies=_has_generators,
        ),
        Plot(
            name="layers",
            title="Where the weight reads, cycles and MACs of {combination} go",
            caption="Layer by layer in the order of execution.",
            draw=lambda data, measure, size: layers.layer_plot(data.shown_layers, size=size),
            description=lambda data, measure: layers.description(data.shown_layers),
            hover=lambda data, measure, size: layers.hover_texts(data.shown_layers, size=size),
            applies=lambda data: bool(data.layers),
        ),
        Plot(
            name="roofline",
            title="Roofline of {combination}",
            caption="Marks are layers, those at one place together; the line above is the array's peak, and "
            "a dotted line what so many values a cycle from and to DRAM allow. The marks that take most "
            "cycles, five at most, have names.",
            draw=lambda data, measure, size: roofline.roofline_plot(
                data.shown_layers, data.savings[0], size=size
            ),
            hover=lambda data, measure, size: roofline.hover_texts(data.shown_layers),
            description=lambda data, measure: roofline.description(data.shown_layers, data.savings[0]),
            applies=lambda data: bool(data.layers),
        ),
        Plot(
            name="energy",
            title="Energy of one inference by domain at {rate} bit errors",
            caption="In percent of the base model at Vmin. From the top of each panel: the base model at "
            "Vmin, at the operating point, and there behind each generator, whose part is hatched. Beyond "
            "100 % a generator costs more than it saves.",
            draw=lambda data, measure, size: energy.energy_plot(data.savings, size=size),
            description=lambda data, measure: energy.description(data.savings),
            hover=lambda data, measure, size: energy.hover_texts(data.savings),
            applies=lambda data: any(saving.domains for saving in data.savings),
            by_rate=True,
            section="energy",
        ),
        Plot(
            name="scenarios",
            title="Saving of weight accesses against saving of the system, by what stays on chip",
            caption="On the dotted line the system saves as much as the weight accesses; below zero, in "
            "grey, the generator costs more than the low voltage saves.",
            draw=lambda data, measure, size: scenarios.scenario_plot(
                data.scenarios, measure=measure, size=size
            ),
            description=lambda data, measure: scenarios.description(data.scenarios, measure),
            hover=lambda data, measure, size: scenarios.hover_texts(data.scenarios, measure),
            applies=lambda data: any(row.generator != NO_GENERATOR for row in data.scenarios),
            section="energy",
        ),
    ),
)


def title_of_plot(plot: Plot, data: PlotData, measure: str, rate: str) -> str:
    """The title with its blanks filled in."""
    pair = data.shown or next(iter(data.layers), ("", ""))
    return plot.title.format(
        measure=measure, rate=rate, curve=data.curve.name, combination=combination(*pair) if pair[0] else ""
    )
