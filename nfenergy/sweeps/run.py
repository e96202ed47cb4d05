"""Sweeps: the energy saved over a whole design space, one row a combination, memory bounded."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from energy.array import SystolicArray
from energy.closed_form import engine as closed_form
from energy.counts import LayerCounts
from energy.energy_tables import EnergyTable
from energy.engines import Difference, EnginesDiffer, compare
from energy.engines import simulate as run_engine
from energy.scalesim.children import layer_text
from energy.scalesim.cluster import simulate_on_cluster
from energy.scalesim.cost import Task
from energy.scalesim.engine import ProgressCallback, simulate_tasks
from energy.totals import (
    NetworkTotals,
    tasks_of,
    totals_in_closed_form,
    totals_of,
    traffic_totals_in_closed_form,
)
from nfenergy.energy_results import table_json
from nfenergy.ground.errors import InputError, NfEnergyError
from nfenergy.ground.provenance import versions
from nfenergy.ground.tables import arrow_schema
from nfenergy.sweeps.folder import CSV, PARQUET, SUMMARY, SweepFolder
from nfenergy.sweeps.rows import rows_of
from nfenergy.sweeps.space import DesignSpace, ModelKey
from nfenergy.sweeps.spec import SweepSpec, load_spec
from reports.records import Saving
from topologies.layers import Layer, LayerShape, Topology

if TYPE_CHECKING:
    import pandas as pd

RowsCallback = Callable[[int, int], None]

SHOWN_ROWS = 10
"""Of a sweep in a notebook."""

SCALESIM = ("scalesim", "both")
"""The engines whose layers are simulated one by one, many at a time."""


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class SweepResult:
    """What a sweep left.

    Attributes:
        rows: combinations.
        table: the parquet file; columns as of `reports.records.Saving`.
        csv: the same as CSV, where it was asked for.
        summary: the specification, what made the rows, and the verification.
    """

    rows: int
    table: Path
    csv: Path | None
    summary: dict[str, Any]

    def __repr__(self) -> str:
        return f"<{self.rows:,} rows in {self.table}>"

    def _repr_html_(self) -> str:
        return str(self.to_frame().to_html(max_rows=SHOWN_ROWS))

    def to_frame(self) -> pd.DataFrame:
        """One row a combination, with the columns of ``sweep.parquet``."""
        import pandas as pd

        return pd.read_parquet(self.table)


def sweep(
    spec: SweepSpec | dict[str, Any] | str | Path,
    out: str | Path,
    *,
    engine: str | None = None,
    jobs: int | None = None,
    resume: bool = False,
    verify: int = 0,
    scheduler: str | None = None,
    as_csv: bool = False,
    on_progress: ProgressCallback | None = None,
    on_rows: RowsCallback | None = None,
) -> SweepResult:
    """Compute every combination of a specification.

    Args:
        spec: a specification, its mapping, or its YAML file.
        out: folder of the result.
        engine: instead of the specification's.
        jobs, on_progress: processes, and progress of SCALE-Sim; see `energy.scalesim.engine.simulate`.
        resume: go on with a sweep that was cut off in `out`.
        verify: distinct layers of the sweep, chosen by its seed, that SCALE-Sim simulates as well.
        scheduler: Dask scheduler whose workers simulate; for engine ``scalesim`` or ``both``.
        as_csv: write ``sweep.csv`` as well.
        on_rows: called with the rows done and the rows in all.

    Raises:
        InputError: a specification or an option that cannot be used.
        EnginesDiffer: engine ``both``, and the two are not equal.
        NfEnergyError: the engine failed, or `out` cannot be written; or a layer that was verified
            differs, after the rows were written.
    """
    chosen = load_spec(spec)
    if engine is not None:
        chosen = load_spec(chosen.model_dump() | {"engine": engine})
    if scheduler is not None and chosen.engine not in SCALESIM:
        raise InputError("a scheduler distributes SCALE-Sim; add --engine scalesim, or leave out --scheduler")
    space = DesignSpace.of(chosen)
    with closing(SweepFolder(Path(out), _plan(space), resume=resume)) as folder:
        simulate = _simulator(jobs, scheduler, on_progress)
        parts = list(space.parts())
        if not all(map(folder.has_part, range(len(parts)))):
            totals = _totals(space, simulate, jobs)
            for number, part in enumerate(parts):
                if not folder.has_part(number):
                    folder.write_part(number, rows_of(part, space, totals))
                if on_rows is not None:
                    on_rows((number + 1) * space.rows // len(parts), space.rows)
        folder.assemble(arrow_schema(Saving), len(parts), as_csv=as_csv)
        verification = _verify(space, verify, simulate)
        summary = {"rows": space.rows, **_plan(space), "verification": verification}
        folder.finish(summary)
    if verification["differences"]:
        raise NfEnergyError(
            f"{len(verification['differences'])} figures of {verification['layers']} verified layers differ "
            f"between closed-form and scalesim; {folder.folder / SUMMARY} lists them, please report them"
        )
    path = Path(out)
    return SweepResult(
        rows=space.rows, table=path / PARQUET, csv=path / CSV if as_csv else None, summary=summary
    )


Simulator = Callable[[list[Task]], Mapping[Task, LayerCounts]]


def _simulator(jobs: int | None, scheduler: str | None, on_progress: ProgressCallback | None) -> Simulator:
    if scheduler is None:
        return lambda tasks: simulate_tasks(tasks, jobs=jobs, on_progress=on_progress)
    return lambda tasks: simulate_on_cluster(tasks, scheduler, on_progress=on_progress)


def _plan(space: DesignSpace) -> dict[str, Any]:
    """All that decides the rows."""
    return {
        "spec": space.spec.model_dump(mode="json"),
        "energy_tables": [table_json(table) for table in _tables(space)],
        "curves": [asdict(curve) for curve in dict.fromkeys(curve for curve, _ in space.points)],
        "versions": versions(),
    }


def _tables(space: DesignSpace) -> list[EnergyTable]:
    return list({setting.table.name: setting.table for setting in space.settings}.values())


def _totals(space: DesignSpace, simulate: Simulator, jobs: int | None) -> dict[ModelKey, NetworkTotals]:
    """Every network's figures on every accelerator, by the specification's engine."""
    engine = space.spec.engine
    computed: dict[ModelKey, NetworkTotals] = {}
    if engine == "closed-form" and space.settings:
        topologies = [model.topology for model in space.models.values()]
        try:
            found = traffic_totals_in_closed_form(topologies, space.accelerators, jobs=jobs or 1)
        except InputError as error:
            raise InputError(f"{error}; energy_tables: [] leaves energies and DRAM out") from error
        return dict(zip(space.models, found, strict=True))
    if engine == "closed-form":
        for key, model in space.models.items():
            computed[key] = totals_in_closed_form(model.topology, space.accelerators)
        return computed
    tasks = tasks_of([model.topology for model in space.models.values()], space.accelerators)
    counts = simulate(tasks) if engine in SCALESIM else _counted_by(engine, tasks)
    if engine == "both":
        differences = _compare(tasks, counts)
        if differences:
            raise EnginesDiffer(differences, "the sweep's layers")
    return {key: totals_of(model.topology, space.accelerators, counts) for key, model in space.models.items()}


def _counted_by(engine: str, tasks: Sequence[Task]) -> dict[Task, LayerCounts]:
    """The distinct layers by any other engine, one call an accelerator."""
    shapes: dict[SystolicArray, list[LayerShape]] = {}
    for shape, array in tasks:
        shapes.setdefault(array, []).append(shape)
    counts: dict[Task, LayerCounts] = {}
    for array, own in shapes.items():
        layers = tuple(Layer(name=layer_text(shape), **shape._asdict()) for shape in own)
        records = run_engine(Topology(name="sweep", layers=layers), array, engine=engine)
        counts |= {(shape, array): record for shape, record in zip(own, records, strict=True)}
    return counts


def _verify(space: DesignSpace, number: int, simulate: Simulator) -> dict[str, Any]:
    """Simulate some distinct layers of the sweep and compare every column with the closed form."""
    tasks = tasks_of([model.topology for model in space.models.values()], space.accelerators)
    chosen = random.Random(space.spec.seed).sample(tasks, min(number, len(tasks)))
    differences = _compare(chosen, simulate(chosen)) if chosen else []
    return {
        "layers": len(chosen),
        "distinct_layers": len(tasks),
        "seed": space.spec.seed,
        "simulator": f"scalesim {versions()['scalesim']}",
        "differences": [asdict(found) for found in differences],
    }


def _compare(tasks: Sequence[Task], counts: Mapping[Task, LayerCounts]) -> list[Difference]:
    differences: list[Difference] = []
    for shape, array in tasks:
        layer = Layer(name=f"{layer_text(shape)} on {array}", **shape._asdict())
        computed = closed_form.simulate(Topology(name="verified", layers=(layer,)), array)
        simulated = replace(counts[shape, array], layer=layer.name)
        differences += compare([simulated], computed)
    return differences
