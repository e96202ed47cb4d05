"""Time to put one chip's bit errors into the 11.2 million 8-bit weights of ResNet18, against dense drawing.

Dense drawing tests a random number for every bit (``torch.rand(words, 8) < rate``), packs the bits into
masks, flips and dequantizes. Both are the whole way from a seed to perturbed weights and back to the
clean ones. Median of processor times, one thread, one process:

    python benchmarks/bit_errors.py [--rate 0.01] [--repeats 7]
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable, Sequence

import torch

from neuralfuse.memory.perturbation import QuantizedBase
from neuralfuse.quantization import Quantization
from neuralfuse.registry import BASES, DATASETS

BITS = 8


def dense(base: QuantizedBase, seed: int, rate: float) -> None:
    """Perturb and restore every weight with one random number a bit."""
    rng = torch.Generator().manual_seed(seed)
    for layer in base.layers.values():
        flips = torch.rand(len(layer.words), BITS, generator=rng) < rate
        masks = torch.zeros_like(layer.words)
        for bit in range(BITS):
            masks |= flips[:, bit].to(torch.uint8) << bit
        clean = layer.weight.detach().clone()
        perturbed = layer.meaning.index_select(0, (layer.words ^ masks).int())
        layer.weight.detach().copy_(perturbed.view_as(layer.weight))
        layer.weight.detach().copy_(clean)


def sparse(base: QuantizedBase, seed: int, rate: float) -> None:
    """Perturb and restore as nfenergy does."""
    with base.perturb(seed=seed, rate=rate):
        pass


def median_cpu_ms(calls: Sequence[Callable[[int], None]], repeats: int) -> list[float]:
    """Median processor time of each `call(seed)` in milliseconds, in turns, after one turn to warm up."""
    times: list[list[float]] = [[] for _ in calls]
    for seed in range(repeats + 1):
        for call, found in zip(calls, times, strict=True):
            start = time.process_time()
            call(seed)
            found.append(1000.0 * (time.process_time() - start))
    return [statistics.median(found[1:]) for found in times]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--rate", type=float, default=0.01, help="bit error rate, a fraction")
    parser.add_argument("--repeats", type=int, default=7)
    options = parser.parse_args()
    torch.set_num_threads(1)
    base = QuantizedBase(BASES["resnet18"].build(DATASETS["cifar10"]), Quantization())
    dense_ms, sparse_ms = median_cpu_ms(
        [lambda seed: dense(base, seed, options.rate), lambda seed: sparse(base, seed, options.rate)],
        options.repeats,
    )
    print(f"weights: {sum(base.words):,} of {BITS} bits, bit error rate {100 * options.rate:g} %")
    print(f"dense   {dense_ms:9.1f} ms a chip")
    print(f"sparse  {sparse_ms:9.1f} ms a chip")
    print(f"ratio   {dense_ms / sparse_ms:9.1f}")


if __name__ == "__main__":
    main()
