"""Time to read one chip's 11.2 million 8-bit weights through a protected memory, against plain injection.

Plain injection draws the chip's faulty cells and puts them together by word. A protected read draws check
bits or spare rows as well, encodes the words that are hit, misreads and decodes them. Encoding and decoding
every word, hit or not, is timed beside it. Median of processor times, one thread, one process, on the layers
of ResNet18:

    python -m benchmarks.protections [--rate 0.01] [--fault-model flip] [--repeats 5]
"""

from __future__ import annotations

import argparse

import torch

from benchmarks.bit_errors import median_cpu_ms
from neuralfuse.memory.fault_models import get_fault_model
from neuralfuse.memory.hsiao import secded_code
from neuralfuse.memory.perturbation import QuantizedBase
from neuralfuse.memory.protections import PROTECTIONS, Protection
from neuralfuse.memory.stored_words import Blocks, StoredWords
from neuralfuse.quantization import Quantization
from neuralfuse.registry import BASES, DATASETS

BITS = 8


def encode_all(memory: StoredWords) -> None:
    """Check bits of every 64-bit word."""
    blocks = Blocks(size=64, bits=memory.bits)
    for words in memory.layers:
        secded_code(64).encode(blocks.pack(words))


def decode_all(memory: StoredWords) -> None:
    """Every 64-bit word encoded and decoded."""
    blocks, code = Blocks(size=64, bits=memory.bits), secded_code(64)
    for words in memory.layers:
        data = blocks.pack(words)
        code.decode(data, code.encode(data))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--rate", type=float, default=0.01, help="bit error rate, a fraction")
    parser.add_argument("--fault-model", default="flip")
    parser.add_argument("--repeats", type=int, default=5)
    options = parser.parse_args()
    torch.set_num_threads(1)
    base = QuantizedBase(BASES["resnet18"].build(DATASETS["cifar10"]), Quantization(bits=BITS))
    memory = StoredWords(layers=[layer.words.numpy() for layer in base.layers.values()], bits=BITS)
    fault_model = get_fault_model(options.fault_model)

    def read(protection: Protection, seed: int) -> None:
        protection.inject(memory, fault_model, options.rate, seed)

    def perturb(protection: Protection, seed: int) -> None:
        with base.apply(protection.inject(memory, fault_model, options.rate, seed)):
            pass

    names = list(PROTECTIONS)
    calls = [lambda seed, name=name: read(PROTECTIONS[name], seed) for name in names]
    encode_ms, decode_ms, whole_ms, plain_ms, *times = median_cpu_ms(
        [
            lambda seed: encode_all(memory),
            lambda seed: decode_all(memory),
            lambda seed: perturb(PROTECTIONS["secded-72-64"], seed),
            lambda seed: perturb(PROTECTIONS["none"], seed),
            *calls,
        ],
        options.repeats,
    )
    words = sum(memory.counts)
    print(f"weights: {words:,} of {BITS} bits, {fault_model.name}, bit error rate {100 * options.rate:g} %")
    print(f"encoding all words of SECDED(72,64)      {encode_ms:9.1f} ms")
    print(f"encoding and decoding all words          {decode_ms:9.1f} ms")
    print(f"secded-72-64, put into the base and out  {whole_ms:9.1f} ms")
    print(f"none, put into the base and out          {plain_ms:9.1f} ms")
    none_ms = times[names.index("none")]
    for name, milliseconds in zip(names, times, strict=True):
        percent = 100 * float(PROTECTIONS[name].residual(options.rate, BITS).mean())
        print(
            f"{name:22} {milliseconds:9.1f} ms  {milliseconds / none_ms:6.1f} x none  leaves {percent:.4g} %"
        )


if __name__ == "__main__":
    main()
