"""Stages run in the order of what they need, on all cores or on a Dask cluster."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from nfenergy.experiments.progress import OnStage, StageProgress
from nfenergy.experiments.stages import BaseStage, GeneratorStage, Stage
from nfenergy.experiments.store import Store
from nfenergy.ground.errors import NfEnergyError
from nfenergy.ground.files import check_folder

TEST_SHARE = 1 / 3
"""Of an image's cost in training, what it costs in a test: one pass of the three."""


def in_order(stages: Iterable[Stage]) -> list[list[Stage]]:
    """The stages and all that they need, each once, in waves: a stage needs only those of earlier waves."""
    levels: dict[str, tuple[int, Stage]] = {}

    def level(stage: Stage) -> int:
        if stage.digest not in levels:
            levels[stage.digest] = (max((level(need) + 1 for need in stage.needs), default=0), stage)
        return levels[stage.digest][0]

    for stage in stages:
        level(stage)
    depths = [depth for depth, _ in levels.values()]
    waves: list[list[Stage]] = [[] for _ in range(max(depths, default=-1) + 1)]
    for depth, stage in levels.values():
        waves[depth].append(stage)
    return waves


def run_stages(
    store: Store,
    stages: Iterable[Stage],
    *,
    jobs: int | None = None,
    scheduler: str | None = None,
    on_stage: OnStage | None = None,
) -> int:
    """Run what is not there yet. What is finished when a run is interrupted is kept.

    Args:
        store: where stages are kept; workers of a cluster must see the same folder.
        stages: wanted, in any order; what they need is run first.
        jobs: processes, one thread of PyTorch each; None takes one a core, and more are never started.
        scheduler: Dask scheduler, ``tcp://HOST:PORT``, whose workers run the stages.
        on_stage: told after each stage.

    Returns:
        stages run.

    Raises:
        NfEnergyError: a stage failed; the others' results are kept.
    """
    check_folder(store.root)
    waves = [[stage for stage in wave if store.record(stage) is None] for wave in in_order(stages)]
    waves = [sorted(wave, key=cost, reverse=True) for wave in waves if wave]
    total, whole = sum(map(len, waves)), sum(cost(stage) for wave in waves for stage in wave)
    done, paid, began = 0, 0.0, time.monotonic()
    cores, widest = os.cpu_count() or 1, max(map(len, waves), default=1)
    with _workers(min(jobs or cores, cores, widest), scheduler) as run_all:
        for wave in waves:
            for stage in run_all(store, wave):
                done, paid = done + 1, paid + cost(stage)
                if on_stage is not None:
                    left = (time.monotonic() - began) * (whole - paid) / paid
                    on_stage(StageProgress(done=done, total=total, left_s=left, title=stage.title))
    return done


def cost(stage: Any) -> float:
    """Passes of images through a base that a stage takes, roughly: what time left is judged by.

    Narrow networks take time in proportion to their width, not to its square: their layers are small.
    """
    if isinstance(stage, BaseStage):
        passes = 1 + bool(stage.recipe.perturbs) + bool(stage.recipe.awp)
        return stage.recipe.epochs * (stage.images or 50_000) * passes * stage.width
    if isinstance(stage, GeneratorStage):
        settings = stage.settings
        images = settings.steps * settings.batch_size * (1 + settings.chips_per_step)
        return sum(images * base.width for base in stage.bases)
    conditions = stage.conditions
    images = (conditions.images or 10_000) * max(1, len(conditions.chips))
    return float(TEST_SHARE * images * stage.base.width)


RunAll = Callable[[Store, Sequence[Stage]], Iterator[Stage]]


@contextmanager
def _workers(jobs: int, scheduler: str | None) -> Iterator[RunAll]:
    """A function that runs stages side by side and hands each back when it is done."""
    from joblib import parallel_config
    from joblib.externals.loky import get_reusable_executor

    if scheduler is not None:
        from energy.scalesim.cluster import CONNECT_SECONDS, connected

        with (
            connected(scheduler) as client,
            parallel_config(backend="dask", client=client, wait_for_workers_timeout=CONNECT_SECONDS),
        ):
            yield _in_parallel
    elif jobs > 1:
        try:
            with parallel_config(backend="loky", n_jobs=jobs, inner_max_num_threads=1):
                yield _in_parallel
        finally:  # a later call may have another working directory, which idle processes would not know
            get_reusable_executor().shutdown(wait=True)
    else:
        yield _one_by_one


def _one_by_one(store: Store, stages: Sequence[Stage]) -> Iterator[Stage]:
    for stage in stages:
        yield _run(store, stage)


def _in_parallel(store: Store, stages: Sequence[Stage]) -> Iterator[Stage]:
    from joblib import Parallel, delayed

    try:
        yield from Parallel(return_as="generator_unordered", batch_size=1)(
            delayed(_run)(store, stage) for stage in stages
        )
    except (NfEnergyError, KeyboardInterrupt):
        raise
    except Exception as error:
        raise NfEnergyError(f"a worker failed: {error}") from error


def _run(store: Store, stage: Stage) -> Stage:
    store.run(stage)
    return stage
