"""Our SCALE-Sim engine, cold, against one plain call of SCALE-Sim: ``python -m benchmarks.scalesim_engine``.

Both simulate ResNet18 in its CIFAR form on a 32x32 os array, one after the other in this run.
"""

from __future__ import annotations

import json
import os
import resource
import tempfile
import time
from dataclasses import asdict

from benchmarks.closed_form import TOPOLOGIES, Cost, plain_scalesim
from energy.array import SystolicArray
from energy.counts import twma
from energy.scalesim import engine as scalesim
from topologies import table


def measure(network: str = "resnet18") -> dict[str, object]:
    """Wall time of both, and peak memory of the plain call and of our largest child."""
    topology, array = table.read(TOPOLOGIES / "cifar10" / f"{network}.csv"), SystolicArray()
    before = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
    with tempfile.TemporaryDirectory() as cache:
        os.environ["NFENERGY_CACHE_DIR"] = cache
        begin = time.perf_counter()
        counts = scalesim.simulate(topology, array)
        seconds = time.perf_counter() - begin
    largest = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
    assert largest > before, "an earlier child of this process was larger: the peak is not known"
    ours = Cost(seconds=seconds, peak_mb=largest / 1024)
    plain = plain_scalesim(topology, array)
    return {
        "network": network,
        "twma": twma(counts, weight_bits=8),
        "plain_call": asdict(plain),
        "our_engine_cold": asdict(ours),
        "share_of_time": ours.seconds / plain.seconds,
        "share_of_memory": ours.peak_mb / plain.peak_mb,
    }


if __name__ == "__main__":
    print(json.dumps(measure(), indent=2))
