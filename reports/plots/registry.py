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
from reports.plots import energy, heatmap, latency, layers, savings, scenarios, tradeoff, voltage
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
            InputError: there are none, or several to choose from.
        """
        pairs = [pair for pair in self.layers if pair[1] != NO_GENERATOR] or list(self.layers)
        pair = self.shown or (pairs[0] if len(pairs) == 1 else None)
        if pair is None:
            raise InputError(
                f"the layer plot shows one combination, the selection has {len(pairs)}; choose --base and "
                "--gen"
            )
        return self.layers[pair]


def _no_texts(data: PlotData, measure: str, size: Size) -> Texts:
    return {}


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
        caption: what follows the title on the page.
        applies: whether the page can show it.
        by_measure, by_rate: whether the page shows one for each chief measure, and for each bit error rate.
        section: of the page, ``figures`` or ``energy``.
    """

    name: str
    title: str
    draw: Callable[[PlotData, str, Size], Figure]
    hover: Callable[[PlotData, str, Size], Texts] = _no_texts
    caption: str = ""
    applies: Callable[[PlotData], bool] = _always
    by_measure: bool = False
    by_rate: bool = False
    section: str = "figures"


def _has_generators(data: PlotData) -> bool:
    return bool(data.protected)


PLOTS: Registry[Plot] = Registry(
    "plot",
    (
        Plot(
            name="tradeoff",
            title="Energy saving by {measure} against accuracy at {rate} bit errors",
            caption="Bars are one standard deviation over chips; a dashed line is the front of a base model, "
            "its generators in bold.",
            draw=lambda data, measure, size: tradeoff.tradeoff_plot(
                data.tradeoffs, measure=measure, size=size
            ),
            hover=lambda data, measure, size: tradeoff.hover_texts(data.tradeoffs, measure),
            by_measure=True,
            by_rate=True,
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
            hover=lambda data, measure, size: savings.hover_texts(data.savings, measure),
        ),
        Plot(
            name="heatmap",
            title="Energy saving by {measure} at {rate} bit errors",
            draw=lambda data, measure, size: heatmap.saving_heatmap(
                data.protected, measure=measure, size=size
            ),
            hover=lambda data, measure, size: heatmap.hover_texts(data.protected, measure),
            applies=_has_generators,
            by_measure=True,
            by_rate=True,
        ),
        Plot(
            name="latency",
            title="Latency that the generator adds to the base model",
            caption="One inference, from the cycles of the systolic array.",
            draw=lambda data, measure, size: latency.latency_plot(data.savings, size=size),
            hover=lambda data, measure, size: latency.hover_texts(data.savings),
            applies=_has_generators,
        ),
        Plot(
            name="layers",
            title="Where the weight reads, cycles and MACs of {combination} go",
            caption="Layer by layer in the order of execution.",
            draw=lambda data, measure, size: layers.layer_plot(data.shown_layers, size=size),
            hover=lambda data, measure, size: layers.hover_texts(data.shown_layers, size=size),
            applies=lambda data: bool(data.layers),
        ),
        Plot(
            name="energy",
            title="Energy of one inference by domain at {rate} bit errors",
            caption="In percent of the base model at Vmin. From the top of each panel: the base model at "
            "Vmin, at the operating point, and there behind each generator, whose part is hatched. Beyond "
            "100 % a generator costs more than it saves.",
            draw=lambda data, measure, size: energy.energy_plot(data.savings, size=size),
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
