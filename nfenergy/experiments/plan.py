"""An experiment at one scale: its rows, each with the stages that measure it and what the paper prints."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cache
from importlib.resources import files
from typing import Any

from neuralfuse.evaluation.conditions import Conditions
from neuralfuse.registry import DATASETS, dataset_name
from nfenergy.experiments.declaration import Cell, Changes, Experiment, Scale
from nfenergy.experiments.quantities import QUANTITIES
from nfenergy.experiments.references import check_references, matches
from nfenergy.experiments.row_savings import twma_saving_percent
from nfenergy.experiments.stages import BaseStage, EvaluationStage, GeneratorStage, Stage
from nfenergy.experiments.templates import (
    base_stage,
    conditions,
    filled,
    generator_stage,
    names_generator,
    network_names,
)
from nfenergy.ground.errors import InputError
from nfenergy.ground.rates import parse_rate
from nfenergy.ground.yaml_files import parse_yaml

Cells = dict[str, Cell]

SIZES = ("width", "clip_factor", "wide_groups")
"""Settings of a scale that are of the papers' networks."""


@dataclass(frozen=True, kw_only=True)
class PlannedRow:
    """A row of the table.

    Attributes:
        cells: what names it, by column.
        base: trained for it.
        generator: likewise; None for the base alone.
        conditions: of its tests, but for the rate.
        printed: what the paper prints, by rate and quantity; empty at a rate that it does not print.
    """

    cells: Cells
    base: BaseStage
    generator: GeneratorStage | None
    conditions: Conditions
    printed: dict[float, dict[str, float]]

    @property
    def rates(self) -> tuple[float, ...]:
        """Bit error rates of its tests, fractions."""
        return tuple(self.printed)

    def test(self, rate: float | None, *, behind: bool) -> EvaluationStage:
        """Its test at one rate, of the base alone or `behind` the generator; None: without bit errors."""
        if rate is None:
            own = replace(self.conditions, chips=(), noise=0.0, fault_model="flip", protection="none")
        else:
            own = replace(self.conditions, rate=rate)
        return EvaluationStage(base=self.base, generator=self.generator if behind else None, conditions=own)

    def tests_for(self, quantity: str, rate: float) -> tuple[EvaluationStage, ...]:
        """The tests that a quantity is computed from; of a gain, first the one that is taken off."""
        kind = QUANTITIES[quantity]
        if kind.of is None:
            return ()
        at = rate if kind.perturbed else None
        own = self.test(at, behind=kind.behind)
        return (self.test(at, behind=False), own) if kind.gain else (own,)

    def tests(self, quantities: Mapping[str, Any]) -> Iterator[EvaluationStage]:
        """All tests that the quantities need."""
        for name in quantities:
            for rate in self.rates if self.has(name) else ():
                yield from self.tests_for(name, rate)

    def saving_percent(self, rate: float) -> float:
        """Saved by T.W.M.A. at the voltage of a rate, see `nfenergy.experiments.row_savings`."""
        generator = self.generator and self.generator.network
        base = self.base
        return twma_saving_percent(base.network, generator, dataset=base.dataset, width=base.width, rate=rate)

    def has(self, quantity: str) -> bool:
        """Whether the row has it: nothing is behind no generator, and own data have no form to count."""
        kind = QUANTITIES[quantity]
        if kind.of is None:
            return self.base.dataset in DATASETS
        return self.generator is not None or not kind.behind


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What an experiment does at one scale."""

    experiment: Experiment
    scale: Scale
    dataset: str
    rows: tuple[PlannedRow, ...]

    @property
    def quantities(self) -> tuple[str, ...]:
        """Of the table, the claims and the figure."""
        own = self.experiment
        claimed = [side.value for claim in own.claims for side in (claim.greater, claim.than)]
        drawn = [own.figure.y] if own.figure else []
        return tuple(dict.fromkeys([*own.values, *claimed, *drawn]))

    @property
    def wanted(self) -> tuple[Stage, ...]:
        """What must be run: all tests, or the bases of a drawing."""
        if self.experiment.draw is None:
            return self.stages
        return tuple(stage for row in self.rows for stage in (row.base, row.generator) if stage is not None)

    @property
    def stages(self) -> tuple[EvaluationStage, ...]:
        """All tests, each once."""
        found = {
            stage.digest: stage for row in self.rows for stage in row.tests(dict.fromkeys(self.quantities))
        }
        return tuple(found.values())


def plan(experiment: Experiment, scale: Scale, *, dataset: str | None = None) -> Plan:
    """The rows of an experiment at a scale.

    Args:
        experiment: one that trains.
        scale: ``smoke``, ``small`` or ``paper``.
        dataset: in place of the scale's.

    Raises:
        InputError: a setting, a column or a rate that cannot be used; the message names the experiment.
    """
    dataset_name(experiment.dataset)
    settings = _scales()[scale]
    known = settings["datasets"].get(experiment.dataset, {})
    chosen = dataset or known.get("name") or settings.get("other") or experiment.dataset
    defaults = _merged(settings.get(experiment.paper, {}), known if dataset is None else {})
    at = experiment.at(scale)
    if not experiment.base:
        return Plan(experiment=experiment, scale=scale, dataset=chosen, rows=())
    try:
        printed = _printed_rows(experiment)
        check_references(experiment, [cells for cells, _ in printed])
        kept = [row for row in printed if matches(row[0], at.where)]
        if not kept:
            raise InputError("no row is left; look at `where`")
        rows = [_planned(experiment, at, defaults, *row, chosen) for row in kept[: settings.get("rows")]]
        found = Plan(experiment=experiment, scale=scale, dataset=chosen, rows=tuple(rows))
        _check_savings(found)
    except InputError as error:
        raise InputError(f"experiment {experiment.name}: {error}") from error
    return found


def _check_savings(found: Plan) -> None:
    """What cannot be counted is refused before anything is trained."""
    counted = [name for name in found.quantities if QUANTITIES[name].of is None]
    for row in found.rows:
        for rate in row.rates if any(map(row.has, counted)) else ():
            row.saving_percent(rate)


def _planned(
    experiment: Experiment,
    at: Any,
    defaults: Mapping[str, Any],
    cells: Cells,
    printed: dict[float, dict[str, float]],
    dataset: str,
) -> PlannedRow:
    parts = {}
    for part in ("base", "generator", "test"):
        template: dict[str, Any] = {}
        template |= getattr(experiment, part)
        template |= _of_cases(experiment.cases, cells, part)
        if part != "generator" or template:
            template = {**_defaults(defaults.get(part, {}), template), **template, **getattr(at, part)}
            template |= _of_cases(at.cases, cells, part)
        parts[part] = filled(template, cells)
    base = base_stage(parts["base"], paper=experiment.paper, dataset=dataset)
    generator = None
    if names_generator(parts["generator"]):
        before = parts["generator"].pop("before", None)
        bases = [base]
        if before is not None:
            bases = [
                base_stage({**parts["base"], "network": name}, paper=experiment.paper, dataset=dataset)
                for name in network_names(before)
            ]
        generator = generator_stage(parts["generator"], bases=bases)
    rates = printed if at.rates is None else {parse_rate(text): {} for text in at.rates}
    return PlannedRow(
        cells=cells,
        base=base,
        generator=generator,
        conditions=conditions(parts["test"], base),
        printed={rate: printed.get(rate, {}) for rate in rates},
    )


def _defaults(settings: Mapping[str, Any], template: Mapping[str, Any]) -> dict[str, Any]:
    """A scale's settings of a part, without a width where a function of one's own decides it."""
    own = ":" in str(template.get("network"))
    return {name: value for name, value in settings.items() if not (own and name in SIZES)}


def _of_cases(cases: Mapping[str, Mapping[str, Changes]], cells: Cells, part: str) -> dict[str, Any]:
    """What the cells of a row change of a part, by the declaration's cases in their order."""
    changes: dict[str, Any] = {}
    for column, by_cell in cases.items():
        if column not in cells:
            raise InputError(f"cases: there is no column {column!r}. Known: {', '.join(cells)}.")
        case = by_cell.get(str(cells[column]))
        if case is not None:
            changes |= getattr(case, part)
    return changes


def _printed_rows(experiment: Experiment) -> list[tuple[Cells, dict[float, dict[str, float]]]]:
    """Cells of each row with what is printed of it, by rate and quantity."""
    fixed = [parse_rate(text) for text in experiment.rates]
    if experiment.published is None:
        return [(dict(cells), {rate: {} for rate in fixed} or {0.0: {}}) for cells in experiment.rows]
    from reports.published import published

    frame = published(experiment.published)
    wanted = [*experiment.row, *filter(None, [experiment.rate]), *filter(None, experiment.values.values())]
    for column in (*wanted, *experiment.where):
        if column not in frame.columns:
            raise InputError(f"{experiment.published} has no column {column!r}")
    rows: dict[tuple[Cell, ...], dict[float, dict[str, float]]] = {}
    for record in frame.to_dict("records"):
        cells = {str(name): cell_of(value) for name, value in record.items()}
        if not matches(cells, experiment.where):
            continue
        row = rows.setdefault(tuple(cells[name] for name in experiment.row), {})
        rates = [parse_rate(f"{cells[experiment.rate]}%")] if experiment.rate else fixed or [0.0]
        for rate in rates:
            row.setdefault(rate, {}).update(_values(experiment, cells))
    return [(dict(zip(experiment.row, key, strict=True)), found) for key, found in rows.items()]


def _values(experiment: Experiment, cells: Cells) -> dict[str, float]:
    found = {quantity: cells[column] for quantity, column in experiment.values.items() if column}
    return {name: float(value) for name, value in found.items() if isinstance(value, int | float)}


def cell_of(value: Any) -> Cell:
    """A cell of a table as read: empty ones are None, whole numbers are whole."""
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return None
    if isinstance(value, float) and value.is_integer():
        return int(value)
    cell: Cell = value.item() if hasattr(value, "item") else value
    return cell


def matching(rows: tuple[PlannedRow, ...], where: Mapping[str, Any]) -> list[PlannedRow]:
    """The rows whose cells are those of `where`, in order."""
    return [row for row in rows if matches(row.cells, where)]


def _merged(first: Mapping[str, Any], second: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """Two sets of settings by part; the second speaks where both do."""
    return {part: {**first.get(part, {}), **second.get(part, {})} for part in ("base", "generator", "test")}


@cache
def _scales() -> dict[str, Any]:
    text = (files("nfenergy.experiments") / "scales.yaml").read_text(encoding="utf-8")
    found = parse_yaml(text, "scales")
    assert isinstance(found, dict)
    return found
