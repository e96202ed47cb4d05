"""Worst cases in training: bits flipped where they hurt most, weights and pixels moved up the loss."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from neuralfuse.memory.bit_errors import WordFaults
from neuralfuse.memory.perturbation import StoredWeight

LossOf = Callable[[Mapping[str, Tensor]], Tensor]
"""Loss of a batch with these weights, by parameter name."""

ATTACK_ROUNDS = 2
PGD_STEPS = 10
PGD_STEP = 0.25
"""Of the bound, as the common 2/255 of 8/255."""


def adversarial_bits(
    layers: Mapping[str, StoredWeight], loss_of: LossOf, *, count: int, rounds: int = ATTACK_ROUNDS
) -> tuple[WordFaults, ...]:
    """The `count` bit flips, at most one a weight, that raise the loss most, judged by its gradient.

    In each round the gradient at the weights flipped so far says what flipping each bit of each word is
    worth: the change of the weight times the gradient. The best of all layers are taken. Fewer are flipped
    where no more would raise the loss.

    Source: after the adversarial bit errors of Stutz et al., "Random and adversarial bit error robustness",
    2022: projected gradient ascent, at most one bit a weight.

    Args:
        layers: stored weights; left as they are.
        loss_of: of the batch that the attack is against.
        count: K.
        rounds: gradients taken; the flips are shared among them.

    Returns:
        flips of each layer, in order.
    """
    words = [layer.words.int().clone() for layer in layers.values()]
    masks = [torch.zeros_like(part) for part in words]
    for done in range(rounds):
        budget = count * (done + 1) // rounds - sum(int((mask != 0).sum()) for mask in masks)
        gains, bits = _gains(layers, loss_of, words, masks)
        for mask, part, chosen in zip(masks, bits, _greatest(gains, budget), strict=True):
            mask[chosen] = 1 << part[chosen]
        words = [layer.words.int() ^ mask for layer, mask in zip(layers.values(), masks, strict=True)]
    return tuple(_faults(layer, mask) for layer, mask in zip(layers.values(), masks, strict=True))


def _gains(
    layers: Mapping[str, StoredWeight], loss_of: LossOf, words: list[Tensor], masks: list[Tensor]
) -> tuple[list[Tensor], list[Tensor]]:
    """What each weight's best flip adds to the loss, 0 where it has one already, and which bit that is."""
    weights = {
        name: layer.meaning.index_select(0, part).view_as(layer.weight).requires_grad_()
        for (name, layer), part in zip(layers.items(), words, strict=True)
    }
    gradients = torch.autograd.grad(loss_of(weights), list(weights.values()), allow_unused=True)
    gains, bits = [], []
    for layer, part, mask, gradient in zip(layers.values(), words, masks, gradients, strict=True):
        best, which = torch.zeros_like(layer.meaning[part]), torch.zeros_like(part)
        if gradient is not None:
            for bit in range(layer.word_bits):
                gain = gradient.flatten() * (layer.meaning[part ^ (1 << bit)] - layer.meaning[part])
                better = (gain > best) & (mask == 0)
                best, which = torch.where(better, gain, best), torch.where(better, bit, which)
        gains.append(best)
        bits.append(which)
    return gains, bits


def _greatest(gains: list[Tensor], count: int) -> list[Tensor]:
    """Places of the `count` greatest, positive gains, layer by layer."""
    every = torch.cat(gains)
    values, places = every.topk(min(count, len(every)))
    chosen = torch.zeros_like(every, dtype=torch.bool)
    chosen[places[values > 0]] = True
    return [part.nonzero().flatten() for part in torch.split(chosen, [len(gain) for gain in gains])]


def _faults(layer: StoredWeight, mask: Tensor) -> WordFaults:
    index = mask.nonzero().flatten()
    toggle = mask[index].to(layer.words.dtype).cpu().numpy()
    keep = torch.full_like(layer.words[index], (1 << layer.word_bits) - 1).cpu().numpy()
    return WordFaults(index=index.cpu().numpy(), keep=keep, toggle=toggle)


def adversarial_weights(weights: Mapping[str, Tensor], loss_of: LossOf, *, gamma: float) -> dict[str, Tensor]:
    """Each layer moved up the loss's gradient, by `gamma` times its own norm.

    Source: Wu et al., "Adversarial weight perturbation helps robust generalization", NeurIPS 2020, one step.
    """
    leaves = {name: weight.detach().clone().requires_grad_() for name, weight in weights.items()}
    gradients = torch.autograd.grad(loss_of(leaves), list(leaves.values()), allow_unused=True)
    moved = {}
    for (name, leaf), gradient in zip(leaves.items(), gradients, strict=True):
        weight = leaf.detach()
        if gradient is not None:
            weight = weight + gamma * weight.norm() / (gradient.norm() + 1e-12) * gradient
        moved[name] = weight
    return moved


def adversarial_images(
    model: Callable[[Tensor], Tensor], x: Tensor, labels: Tensor, *, bound: float, rng: torch.Generator
) -> Tensor:
    """Images within +-`bound` of `x` and in [-1, 1] that raise the loss of `model` (Madry et al.'s PGD).

    Args:
        model: images -> logits.
        x: (n, 3, H, W).
        labels: (n,).
        bound: greatest change of a pixel.
        rng: a CPU generator, of the start.
    """
    low, high = (x - bound).clamp(min=-1.0), (x + bound).clamp(max=1.0)
    start = (torch.rand(x.shape, generator=rng).to(x.device) * 2 - 1) * bound
    moved = (x + start).clamp(-1.0, 1.0)
    for _ in range(PGD_STEPS):
        leaf = moved.detach().requires_grad_()
        (gradient,) = torch.autograd.grad(F.cross_entropy(model(leaf), labels), leaf)
        moved = (moved + PGD_STEP * bound * gradient.sign()).clamp(low, high)
    return moved.detach()


def attack_base(
    model: nn.Module, layers: Mapping[str, StoredWeight], x: Tensor, labels: Tensor, *, count: int
) -> tuple[WordFaults, ...]:
    """`adversarial_bits` of a frozen base against one batch, in evaluation mode."""

    def loss_of(weights: Mapping[str, Tensor]) -> Tensor:
        return F.cross_entropy(torch.func.functional_call(model, dict(weights), (x,)), labels)

    return adversarial_bits(layers, loss_of, count=count)
