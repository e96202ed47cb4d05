"""A frozen base whose weights are what its low-voltage memory holds, with bit errors put in and taken out.

The base carries its dequantized weights. A chip's bit errors change them in place, only where there
are any; afterwards the same bits stand there again. Nothing is copied and no weight needs a gradient.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property, partial

import torch
from torch import Tensor, nn

from neuralfuse.memory.bit_errors import WordFaults
from neuralfuse.memory.fault_models import get_fault_model
from neuralfuse.memory.protections import get_protection
from neuralfuse.memory.stored_words import StoredWords
from neuralfuse.networks.pooling import use_fast_pooling
from neuralfuse.quantization import (
    Quantization,
    fit_grids,
    quantize,
    stored_weights,
    word_weights,
    words_of,
)
from neuralfuse.registry import NO_PROTECTION
from nfenergy.ground.errors import InputError, NfEnergyError


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class StoredWeight:
    """One layer's weights and the memory words that hold them.

    Attributes:
        weight: the layer's parameter.
        words: bit patterns in the order of the flattened weight, shape (n,), uint8 or int32.
        meaning: weight of every bit pattern, shape (2**word_bits,).
    """

    weight: Tensor
    words: Tensor
    meaning: Tensor

    @property
    def word_bits(self) -> int:
        """Cells of a word."""
        return len(self.meaning).bit_length() - 1

    def read_all(self) -> Tensor:
        """Weights that the words stand for, in the shape of the layer's."""
        return self.meaning.index_select(0, self.words.int()).view_as(self.weight)

    def read(self, faults: WordFaults) -> tuple[Tensor, Tensor]:
        """Where in the flattened weight faulty words lie, and the weights read there, each shape (k,)."""
        device = self.words.device
        index = torch.from_numpy(faults.index).to(device)
        words = self.words.index_select(0, index)
        words &= torch.from_numpy(faults.keep).to(device)
        words ^= torch.from_numpy(faults.toggle).to(device)
        return index, self.meaning.index_select(0, words.int())


def store(weights: Mapping[str, Tensor], quantization: Quantization) -> dict[str, StoredWeight]:
    """Words of each layer's weights; the weights themselves stay as they are."""
    grids = fit_grids(weights, quantization)
    return {
        name: StoredWeight(
            weight=weight,
            words=words_of(quantize(weight, grids[name]), quantization).flatten(),
            meaning=word_weights(grids[name]),
        )
        for name, weight in weights.items()
    }


class QuantizedBase:
    """A base model whose weights are quantized and frozen; it is the model itself, not a copy.

    Making one puts the model in evaluation mode, takes the gradients off its parameters and replaces
    its weights by dequantized ones.

    Attributes:
        model: the base.
        quantization: scheme and bits of its stored weights.
        layers: its stored weights by parameter name, in the order in which memory holds them.
    """

    def __init__(self, model: nn.Module, quantization: Quantization) -> None:
        """
        Raises:
            NfEnergyError: a weight is not finite, so that it has no code.
        """
        self.model = use_fast_pooling(model.eval().requires_grad_(False))
        self.quantization = quantization
        self.layers = store(stored_weights(model, quantization.memory), quantization)
        for name, layer in self.layers.items():
            if not bool(torch.isfinite(layer.meaning).all()):
                raise NfEnergyError(f"{name} holds weights that are not finite; train the base again")
        for layer in self.layers.values():
            layer.weight.data = layer.read_all()
        self._perturbed = False

    @property
    def words(self) -> tuple[int, ...]:
        """Memory words of each layer."""
        return tuple(layer.words.numel() for layer in self.layers.values())

    @cached_property
    def memory(self) -> StoredWords:
        """What the memory holds, as protections see it."""
        return StoredWords(
            layers=[layer.words.cpu().numpy() for layer in self.layers.values()],
            bits=self.quantization.word_bits,
            zero=self.quantization.zero,
        )

    def draw(
        self, *, seed: int, rate: float, fault_model: str = "flip", protection: str = NO_PROTECTION
    ) -> tuple[WordFaults, ...]:
        """Bit errors of chip `seed` at bit error rate `rate` (a fraction), layer by layer.

        Those of a protected memory are what the protection leaves of them, and hold for these weights.

        Raises:
            InputError: no such fault model or protection, a rate outside [0, 1], a negative seed.
        """
        model = get_fault_model(fault_model)
        if protection == NO_PROTECTION:
            return model.draw(self.words, self.quantization.word_bits, rate, seed)
        return get_protection(protection).inject(self.memory, model, rate, seed)

    @contextmanager
    def perturb(
        self, *, seed: int, rate: float, fault_model: str = "flip", protection: str = NO_PROTECTION
    ) -> Iterator[nn.Module]:
        """The model on chip `seed` at bit error rate `rate`; see `draw` and `apply`."""
        faults = self.draw(seed=seed, rate=rate, fault_model=fault_model, protection=protection)
        with self.apply(faults) as model:
            yield model

    @contextmanager
    def apply(self, faults: Sequence[WordFaults]) -> Iterator[nn.Module]:
        """The model with these bit errors. Forward and backward passes belong inside the ``with``.

        Raises:
            NfEnergyError: a part of the model is in training mode (with batch statistics bit errors
                seem harmless), its buffers changed meanwhile, or it already has bit errors.
        """
        with self._changed(
            partial(layer.read, errors) for layer, errors in zip(self.layers.values(), faults, strict=True)
        ) as model:
            yield model

    @contextmanager
    def noise(self, *, seed: int, relative: float) -> Iterator[nn.Module]:
        """The model with noise on every stored weight instead of bit errors (Stutz et al., Fig. 9).

        It is uniform in +-`relative` times the greatest magnitude of all stored weights. (The released code
        draws a normal direction and a uniform norm.)

        Raises:
            InputError: a negative or infinite `relative`, or a negative seed.
            NfEnergyError: see `apply`.
        """
        if not 0.0 <= relative < math.inf or seed < 0:
            raise InputError(f"noise of {relative} of the weights by seed {seed}: both are 0 or more")
        rng = torch.Generator().manual_seed(seed)
        bound = relative * max(float(layer.weight.abs().max()) for layer in self.layers.values())
        with self._changed(
            partial(_noisy, layer.weight, bound, rng) for layer in self.layers.values()
        ) as model:
            yield model

    @contextmanager
    def _changed(self, reads: Iterable[Callable[[], tuple[Tensor, Tensor]]]) -> Iterator[nn.Module]:
        """The model whose layers hold, where each of `reads` says, the weights that it says."""
        if self._perturbed:
            raise NfEnergyError("the base already has bit errors; leave that `with` before the next chip")
        _assert_evaluating(self.model)
        buffers = _versions(self.model)
        saved: list[tuple[Tensor, Tensor, Tensor]] = []
        self._perturbed = True
        try:
            for layer, read in zip(self.layers.values(), reads, strict=True):
                index, values = read()
                flat = layer.weight.detach().view(-1)
                saved.append((flat, index, flat.index_select(0, index)))
                flat.scatter_(0, index, values)
            yield self.model
        finally:
            for flat, index, values in reversed(saved):
                flat.scatter_(0, index, values)
            self._perturbed = False
        if _versions(self.model) != buffers:
            raise NfEnergyError("the base's buffers changed under bit errors; keep it in evaluation mode")


def _noisy(weight: Tensor, bound: float, rng: torch.Generator) -> tuple[Tensor, Tensor]:
    flat = weight.detach().flatten()
    noise = (torch.rand(flat.shape, generator=rng) * 2 - 1) * bound
    return torch.arange(len(flat), device=flat.device), flat + noise.to(flat.device)


def _assert_evaluating(model: nn.Module) -> None:
    training = next((name or "the model" for name, part in model.named_modules() if part.training), None)
    if training is not None:
        raise NfEnergyError(f"{training} is in training mode; bit errors are judged in evaluation mode")


def _versions(model: nn.Module) -> list[int]:
    return [buffer._version for buffer in model.buffers()]
