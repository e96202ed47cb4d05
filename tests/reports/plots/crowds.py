"""What plots are drawn from, with 1, 5, 30 and 60 points: published figures, and ten base models of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import cache

from energy.array import SystolicArray
from energy.closed_form.engine import simulate
from energy.measures import ENERGY_DOMAINS, MEASURES
from energy.savings import DomainEnergy
from neuralfuse.registry import NO_GENERATOR
from nfenergy.ground.errors import InputError
from reports.layer_records import LayerRow
from reports.layer_rows import CountedNetwork, layer_rows
from reports.plots.registry import PlotData
from reports.records import Tradeoff
from reports.scenarios import Scenario, ScenarioSaving
from reports.verdict import PLACES
from tests.reports.samples import BASES, CURVE, GENERATORS, merged
from topologies.layers import Layer, Topology

OTHERS = ("simplenet", "simplenet-mnist", "resnet20", "wrn", "preact-resnet18")
"""Base models that take the published figures of `BASES` a second time."""
POINTS = (1, 5, 30, 60)


@cache
def crowd(points: int, *, rates: tuple[float, ...] = (0.01,)) -> PlotData:
    """So many combinations: of one base model, of five, or of ten; or of five at two rates each."""
    bases, generators = {1: (BASES[:1], GENERATORS[:1]), 5: (BASES[:1], GENERATORS[:5])}.get(
        points // len(rates), (BASES, GENERATORS)
    )
    rows = list(merged(bases, generators, rates).tradeoffs)
    if points == 60 and len(rates) == 1:
        rows += [_renamed(row, OTHERS[BASES.index(row.saving.base)]) for row in rows]
    rows = [replace(row, saving=replace(row.saving, domains=_domains(row))) for row in rows]
    shown = ("resnet50", "convl")
    return PlotData(
        tradeoffs=rows,
        layers={shown: network_rows(points)},
        curve=CURVE,
        shown=shown,
        scenarios=_scenarios(rows),
    )


def network_rows(layers: int) -> list[LayerRow]:
    """A base model in the manner of ResNet50 with so many layers of several shapes, and a small generator."""
    array = SystolicArray()
    found = []
    for role, name, count in (("base", "resnet50", layers), ("generator", "convl", 14)):
        topology = Topology(name=name, layers=tuple(_layer(index) for index in range(count)))
        found.append(
            CountedNetwork(name=name, role=role, topology=topology, counts=simulate(topology, array))
        )
    return layer_rows(found, dataset="cifar10", array=array, weight_bits=8, energy_per_access_norm=0.694)


def _layer(index: int) -> Layer:
    return Layer(
        name=f"layer{index // 9}.{index // 3 % 3}.conv{index % 3}",
        ifmap_h=6 + index % 7,
        ifmap_w=6 + index % 7,
        filter_h=3,
        filter_w=3,
        channels=2 + 5 * (index % 11),
        filters=4 + 3 * (index % 13),
        stride=1,
    )


def _renamed(row: Tradeoff, base: str) -> Tradeoff:
    return replace(row, saving=replace(row.saving, base=base), accuracy=replace(row.accuracy, base=base))


def _domains(row: Tradeoff) -> dict[str, DomainEnergy]:
    spent = row.saving.measures["twma"]
    shares = zip(ENERGY_DOMAINS, (1.0, 0.6, 1.3, 9.0, 0.2, 0.1), strict=True)
    return {
        domain.name: DomainEnergy(base=share * spent.base, generator=share * spent.generator)
        for domain, share in shares
    }


def _scenarios(rows: Sequence[Tradeoff]) -> list[ScenarioSaving]:
    return [
        ScenarioSaving(
            base=row.saving.base,
            generator=row.saving.generator,
            bit_error_rate=row.saving.bit_error_rate,
            scenario=Scenario(energy_table="table", residency=place, curve=CURVE.name),
            saving_percent=dict.fromkeys(MEASURES, share * row.saving.saving_percent("twma") - 10 / share)
            | {"twma": row.saving.saving_percent("twma")},
            break_even_voltage_norm={},
            break_even_dram_per_bit=None,
        )
        for row in rows
        if row.saving.generator != NO_GENERATOR
        for place, share in zip(PLACES, (0.5, 0.8, 0.9), strict=True)
    ]


def rates_on_curve(count: int) -> list[float]:
    """Bit error rates from 5 % downwards."""
    try:
        return [CURVE.at_bit_error_rate(0.05 * 0.85**step).bit_error_rate for step in range(count)]
    except InputError as error:  # the curve ends before
        raise AssertionError(count) from error
