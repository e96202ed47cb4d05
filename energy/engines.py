"""The simulation engines by name; each turns a topology into one `LayerCounts` a layer."""

from __future__ import annotations

from energy.array import SystolicArray
from energy.counts import LayerCounts
from energy.scalesim import ProgressCallback
from nfenergy.errors import UnknownName
from topologies.layers import Topology

ENGINES: dict[str, str] = {
    "scalesim": "SCALE-Sim 3.0.0 itself, in child processes, finished layers kept on disk",
}


def get_engine(name: str) -> str:
    """The engine's registered name, from `name` in any case.

    Raises:
        UnknownName: there is none.
    """
    if name.lower() not in ENGINES:
        raise UnknownName("engine", name, ENGINES)
    return name.lower()


def simulate(
    topology: Topology,
    array: SystolicArray,
    *,
    engine: str,
    jobs: int | None = None,
    on_progress: ProgressCallback | None = None,
) -> tuple[LayerCounts, ...]:
    """Run one engine; arguments as in `energy.scalesim.simulate`."""
    from energy import scalesim

    return scalesim.simulate(topology, array, jobs=jobs, on_progress=on_progress)
