"""Max pooling without indices: PyTorch's values and gradients, bit for bit, ties and odd extents included."""

from __future__ import annotations

import copy

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn
from torch.nn import functional as F

from neuralfuse.networks.pooling import max_pool, use_fast_pooling
from neuralfuse.registry import BASES, DATASETS


@settings(deadline=None)
@given(
    rows=st.integers(2, 9),
    columns=st.integers(2, 9),
    values=st.integers(1, 5),
    seed=st.integers(0, 1000),
    last=st.booleans(),
)
def test_values_and_gradients_are_pytorchs(
    rows: int, columns: int, values: int, seed: int, last: bool
) -> None:
    rng = torch.Generator().manual_seed(seed)
    x = torch.randint(-values, values, (2, 3, rows, columns), generator=rng).float()
    x = x.to(memory_format=torch.channels_last) if last else x
    mine, theirs = (x.clone().requires_grad_() for _ in range(2))
    out, expected = max_pool(mine), F.max_pool2d(theirs, 2)
    assert torch.equal(out, expected)
    with torch.no_grad():
        assert torch.equal(max_pool(x), expected)
    gradient = torch.randn(out.shape, generator=rng)
    out.backward(gradient)
    expected.backward(gradient)
    assert mine.grad is not None
    assert theirs.grad is not None
    assert torch.equal(mine.grad, theirs.grad)


@pytest.mark.parametrize("name", ["vgg11", "resnet18", "simplenet"])
def test_a_network_computes_the_same(name: str) -> None:
    torch.manual_seed(0)
    model = BASES[name].build(DATASETS["cifar10"], width=0.125).eval()
    fast = use_fast_pooling(copy.deepcopy(model))
    images = torch.rand(3, 3, 32, 32)
    assert torch.equal(model(images), fast(images))
    assert torch.equal(copy.deepcopy(fast)(images), fast(images))
    assert [type(module) for module in model.modules()] == [type(module) for module in fast.modules()]


def test_other_poolings_stay_as_they_are() -> None:
    for module in (nn.MaxPool2d(3, 2, padding=1), nn.MaxPool2d(2, ceil_mode=True), nn.MaxPool2d(2, 1)):
        assert "forward" not in vars(use_fast_pooling(module))
