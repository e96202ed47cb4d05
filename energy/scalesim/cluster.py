"""SCALE-Sim layers on a Dask cluster, through joblib's Dask backend.

Every task is independent and is simulated once in the worker that gets it; a worker that dies costs its
task, which Dask gives to another. Finished layers enter the cache of the machine that asked for them.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from energy.counts import LayerCounts
from energy.scalesim.cost import Task, estimate
from energy.scalesim.engine import Progress, ProgressCallback, keep, layer_cache, recall, simulate_tasks
from nfenergy.ground.errors import InputError, NfEnergyError

CONNECT_SECONDS = 20


def simulate_on_cluster(
    tasks: Sequence[Task], scheduler: str, *, on_progress: ProgressCallback | None = None
) -> dict[Task, LayerCounts]:
    """Records of layers on arrays, without names, simulated by the workers of `scheduler`.

    Args:
        tasks: each distinct one that is not cached here goes to a worker, the longest first.
        scheduler: ``tcp://HOST:PORT``.
        on_progress: as in `energy.scalesim.engine.simulate`.

    Raises:
        InputError: the extra ``nfenergy[cluster]`` is not installed.
        NfEnergyError: no scheduler answers there, it has no workers, or a task failed.
    """
    counts, missing = recall(tasks)
    if not missing:
        return counts
    costs = {task: estimate(*task).seconds for task in missing}
    missing.sort(key=costs.__getitem__, reverse=True)
    cache, done_s = layer_cache(), 0.0
    with connected(scheduler) as client:
        from joblib import Parallel, delayed, parallel_config

        with parallel_config(backend="dask", client=client, wait_for_workers_timeout=CONNECT_SECONDS):
            finished = Parallel(return_as="generator_unordered", batch_size=1)(
                delayed(_simulate_one)(task) for task in missing
            )
            try:
                for done, (task, record) in enumerate(finished, start=1):
                    counts[task] = record
                    keep(cache, task, record)
                    done_s += costs[task]
                    if on_progress is not None:
                        on_progress(
                            Progress(
                                layers_done=done,
                                layers=len(missing),
                                work_done_s=done_s,
                                work_s=sum(costs.values()),
                            )
                        )
            except NfEnergyError:
                raise
            except Exception as error:
                raise NfEnergyError(f"the cluster at {scheduler} failed: {error}") from error
    return counts


def _simulate_one(task: Task) -> tuple[Task, LayerCounts]:
    return task, simulate_tasks([task], jobs=1)[task]


def connected(scheduler: str) -> Any:
    """A client of the Dask scheduler at ``tcp://HOST:PORT``, to be used in a ``with``.

    Raises:
        InputError: the extra ``nfenergy[cluster]`` is not installed.
        NfEnergyError: no scheduler answers there.
    """
    try:
        from distributed import Client
    except ImportError as error:
        raise InputError("a scheduler needs Dask: pip install 'nfenergy[cluster]'") from error
    try:
        return Client(  # type: ignore[no-untyped-call]
            scheduler, timeout=CONNECT_SECONDS, set_as_default=False
        )
    except (OSError, ValueError, TimeoutError) as error:
        raise NfEnergyError(f"no Dask scheduler answers at {scheduler}: {error}") from error
