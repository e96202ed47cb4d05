"""Entries of the cache: a damaged one counts as missing, or still says what was stored."""

from __future__ import annotations

import os
import random
from dataclasses import asdict
from functools import cache
from pathlib import Path
from typing import Any

from tests.fuzz.case import Case, Forbidden, Format
from tests.fuzz.places import displace
from tests.fuzz.structures import JSON

TASKS = 2


@cache
def _stored() -> tuple[tuple[Any, ...], tuple[Any, ...]]:
    """Two layers on an array, and what the simulator counts for them."""
    from energy.array import SystolicArray
    from energy.closed_form import engine
    from topologies.layers import Layer, Topology

    array = SystolicArray(rows=8, cols=8)
    layers = tuple(Layer.gemm(name="", m=4, k=8, n=columns) for columns in (3, 5))
    counts = engine.simulate(Topology(name="x", layers=layers), array)
    return tuple((layer.shape, array) for layer in layers), counts


def draw(folder: Path, rng: random.Random | None) -> Case:
    """Fill a cache of the case's own, damage an entry, and ask for all of them."""
    from energy.scalesim.engine import keep, layer_cache, recall

    tasks, counts = _stored()
    shared = os.environ.get("NFENERGY_CACHE_DIR")

    def in_own_cache(use: Any) -> Any:
        os.environ["NFENERGY_CACHE_DIR"] = str(folder)
        try:
            return use()
        finally:
            if shared is None:
                del os.environ["NFENERGY_CACHE_DIR"]
            else:
                os.environ["NFENERGY_CACHE_DIR"] = shared

    def fill() -> None:
        for task, record in zip(tasks, counts, strict=True):
            keep(layer_cache(), task, record)

    in_own_cache(fill)
    entries = sorted(folder.rglob("*.json"))
    if rng is not None:
        path = rng.choice(entries)
        if rng.random() < 0.1:
            other = rng.choice(entries).read_bytes()
            path.write_bytes(other)
        elif rng.random() < 0.1:
            displace(path, rng)
        else:
            path.write_bytes(JSON(path.read_bytes(), rng))
    found: dict[Any, Any] = {}

    def call() -> None:
        found.update(in_own_cache(lambda: recall(tasks))[0])

    def check(stdout: str) -> None:
        for task, record in found.items():
            if asdict(record) != asdict(counts[tasks.index(task)]):
                raise Forbidden("a count that was not stored")
        if rng is None and len(found) < TASKS:
            raise Forbidden("an entry that is whole counts as missing")

    return Case(argv=("cache",), check=check, call=call)


FORMAT = Format(name="cache", draw=draw, share=0.6)
