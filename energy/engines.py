"""The simulation engines by name; each turns a topology into one `LayerCounts` a layer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Protocol

from energy.array import SystolicArray
from energy.counts import LayerCounts
from energy.scalesim import engine as scalesim
from energy.scalesim.engine import ProgressCallback
from nfenergy.ground.errors import NfEnergyError
from nfenergy.ground.registry import Registry
from topologies.layers import Topology


class Simulate(Protocol):
    """What an engine does: one record a layer, in the topology's order."""

    def __call__(
        self,
        topology: Topology,
        array: SystolicArray,
        *,
        jobs: int | None = None,
        on_progress: ProgressCallback | None = None,
    ) -> tuple[LayerCounts, ...]: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Engine:
    """An engine by name."""

    name: str
    title: str
    simulate: Simulate


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """One figure on which the two engines disagree."""

    layer: str
    column: str
    scalesim: float
    closed_form: float


class EnginesDiffer(NfEnergyError):
    """The closed form is not equal to SCALE-Sim; `details` has one line a figure."""

    def __init__(self, differences: Sequence[Difference], where: str) -> None:
        super().__init__(
            f"{len(differences)} figures of {where} differ between closed-form and scalesim; "
            "please report them"
        )
        self.differences = tuple(differences)
        self.details = "\n".join(
            f"{found.layer}  {found.column}  scalesim {found.scalesim!r}  closed-form {found.closed_form!r}"
            for found in differences
        )


def _closed_form(
    topology: Topology,
    array: SystolicArray,
    *,
    jobs: int | None = None,
    on_progress: ProgressCallback | None = None,
) -> tuple[LayerCounts, ...]:
    """At once, so that there is nothing to share out or to wait for."""
    from energy.closed_form import engine

    return engine.simulate(topology, array)


def _both(
    topology: Topology,
    array: SystolicArray,
    *,
    jobs: int | None = None,
    on_progress: ProgressCallback | None = None,
) -> tuple[LayerCounts, ...]:
    computed = _closed_form(topology, array)
    simulated = scalesim.simulate(topology, array, jobs=jobs, on_progress=on_progress)
    if differences := compare(simulated, computed):
        raise EnginesDiffer(differences, f"{topology.name} on {array}")
    return computed


ENGINES: Registry[Engine] = Registry(
    "engine",
    (
        Engine(
            name="scalesim",
            title="SCALE-Sim 3.0.0 itself, in child processes, finished layers kept on disk",
            simulate=scalesim.simulate,
        ),
        Engine(name="closed-form", title="the same figures from formulas, at once", simulate=_closed_form),
        Engine(name="both", title="runs the two and fails if a single figure differs", simulate=_both),
    ),
)


def simulate(
    topology: Topology,
    array: SystolicArray,
    *,
    engine: str,
    jobs: int | None = None,
    on_progress: ProgressCallback | None = None,
) -> tuple[LayerCounts, ...]:
    """Run an engine of `ENGINES`; other arguments as in `energy.scalesim.engine.simulate`.

    Raises:
        UnknownName: there is no such engine.
        EnginesDiffer: ``both``, and they are not equal.
        InputError: ``closed-form`` or ``both``, and the array or a layer has no closed form.
        NfEnergyError: SCALE-Sim failed.
    """
    return ENGINES.find(engine).simulate(topology, array, jobs=jobs, on_progress=on_progress)


def compare(scalesim: Sequence[LayerCounts], closed_form: Sequence[LayerCounts]) -> list[Difference]:
    """Every figure that is not equal, to the last bit."""
    return [
        Difference(
            layer=simulated.layer,
            column=field.name,
            scalesim=getattr(simulated, field.name),
            closed_form=getattr(computed, field.name),
        )
        for simulated, computed in zip(scalesim, closed_form, strict=True)
        for field in fields(LayerCounts)
        if getattr(simulated, field.name) != getattr(computed, field.name)
    ]
