"""How much faster one EOPM step is than the released code's way of computing it, in one run.

    python benchmarks/eopm_step.py [--n 10] [--batch 25] [--repeats 3]

The literal step does what the released NeuralFuse code does for each of the N perturbed models: the
generator's forward pass, the clean forward and backward pass and a perturbed forward pass of the
untransformed batch again, base weights that take gradients, and in every forward pass of the base
weights quantized anew and a fault map tiled anew. Both steps draw as many chips and end in the same
kind of gradient; times are the least of the repeats, in seconds of this process, on one thread.
"""

from __future__ import annotations

import argparse
import copy
import time
from collections.abc import Callable
from functools import partial

import numpy as np
import torch
from torch import Tensor, nn
from torch.func import functional_call
from torch.nn import functional as F

from neuralfuse.memory.bit_errors import neuralfuse_map
from neuralfuse.memory.perturbation import QuantizedBase
from neuralfuse.quantization import (
    Quantization,
    fake_quantize,
    fit_grids,
    quantize,
    stored_weights,
    straight_through,
    word_weights,
    words_of,
)
from neuralfuse.registry import BASES, DATASETS, GENERATORS
from neuralfuse.training.eopm import EopmSettings, accumulate_gradients, transform
from neuralfuse.training.initialization import initialize

PAIRS = (("vgg11", "convs"), ("resnet18", "convl"))
RATE = 0.01
STORED = Quantization()


def literal_step(
    base: nn.Module, generator: nn.Module, images: Tensor, labels: Tensor, settings: EopmSettings
) -> None:
    """One step as the released code takes it."""
    for chip in range(settings.perturbed_models):
        transformed = transform(generator, images, settings.generator_quantization)
        clean = F.cross_entropy(_clean(base, transformed), labels)
        with_errors = F.cross_entropy(_faulty(base, transformed, chip), labels)
        _faulty(base, images, chip)
        loss = clean + settings.perturbed_weight * with_errors
        torch.autograd.backward(loss / settings.perturbed_models)


def _clean(base: nn.Module, x: Tensor) -> Tensor:
    out: Tensor = functional_call(base, fake_quantize(stored_weights(base), STORED), (x,))
    return out


def _faulty(base: nn.Module, x: Tensor, chip: int) -> Tensor:
    """Weights quantized and met by a tiled map in this pass, with gradients of their own."""
    weights = stored_weights(base)
    grids = fit_grids(weights, STORED)
    read = {}
    for name, weight in weights.items():
        words = words_of(quantize(weight, grids[name]), STORED).flatten().numpy()
        keep, stuck = _dense_masks(weight.numel(), chip)
        faulty = torch.from_numpy((words & keep) | stuck).int()
        value = word_weights(grids[name]).index_select(0, faulty).view_as(weight)
        read[name] = straight_through(weight, value)
    out: Tensor = functional_call(base, read, (x,))
    return out


def _dense_masks(count: int, chip: int) -> tuple[np.ndarray, np.ndarray]:
    """One byte a word: bits that are not stuck, and bits stuck at 1."""
    (faults,) = neuralfuse_map((count,), STORED.bits, RATE, chip)
    keep, stuck = np.full(count, 255, np.uint8), np.zeros(count, np.uint8)
    keep[faults.index], stuck[faults.index] = faults.keep, faults.toggle
    return keep, stuck


def cpu_seconds(step: Callable[[], object], repeats: int) -> float:
    """The least of the repeats, after one that warms up."""
    step()
    times = []
    for _ in range(repeats):
        started = time.process_time()
        step()
        times.append(time.process_time() - started)
    return min(times)


def main() -> None:
    """Print the times and their ratio for each pair."""
    form = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=form)
    parser.add_argument("--n", type=int, default=10, help="perturbed models a step")
    parser.add_argument("--batch", type=int, default=25, help="images a step")
    parser.add_argument("--repeats", type=int, default=2)
    options = parser.parse_args()
    torch.set_num_threads(1)
    print(f"torch {torch.__version__}, one thread, N = {options.n}, batch {options.batch}, {100 * RATE:g} %")
    for base_name, generator_name in PAIRS:
        literal, efficient = _seconds(base_name, generator_name, options)
        pair = f"{BASES[base_name].title} + {GENERATORS[generator_name].title}"
        print(
            f"{pair:18}  literal {literal:6.2f} s  efficient {efficient:6.2f} s  "
            f"ratio {literal / efficient:.2f}"
        )


def _seconds(base_name: str, generator_name: str, options: argparse.Namespace) -> tuple[float, float]:
    """CPU time of a literal and of an efficient step of one pair."""
    dataset = DATASETS["cifar10"]
    rng = torch.Generator().manual_seed(0)
    images = 2.0 * torch.rand((options.batch, *dataset.image_shape), generator=rng) - 1.0
    labels = torch.randint(0, dataset.classes, (options.batch,), generator=rng)
    settings = EopmSettings(
        bit_error_rate=RATE,
        fault_model="neuralfuse-map",
        perturbed_models=options.n,
        batch_size=options.batch,
    )
    model = initialize(BASES[base_name].build(dataset)).eval()
    generator = GENERATORS[generator_name].build(dataset).train()
    base = QuantizedBase(copy.deepcopy(model), STORED)
    literal = partial(literal_step, model, generator, images, labels, settings)
    efficient = partial(accumulate_gradients, generator, [base], images, labels, settings, step=0)
    return cpu_seconds(literal, options.repeats), cpu_seconds(efficient, options.repeats)


if __name__ == "__main__":
    main()
