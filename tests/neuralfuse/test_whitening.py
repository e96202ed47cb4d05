"""Whitening: the statistics, that a base has it after loading, and that it is no part of its weights."""

from __future__ import annotations

from pathlib import Path

import torch

from neuralfuse.datasets.images import LabelledImages
from neuralfuse.networks.whitening import channel_statistics, whiten
from neuralfuse.training.base_recipe import BaseRecipe
from neuralfuse.training.base_training import accuracy_percent
from neuralfuse.training.checkpoints import load_network, save_network
from neuralfuse.training.runs import fresh_copy, train_new_base
from tests.neuralfuse.small import RECORD, digits


def test_whitened_images_have_mean_0_and_deviation_1() -> None:
    rng = torch.Generator().manual_seed(0)
    images = torch.randint(0, 200, (5000, 3, 4, 4), generator=rng).byte()
    found = LabelledImages(images=images, labels=torch.zeros(5000, dtype=torch.long))
    statistics = channel_statistics(found)
    x, _ = found.batch(slice(None))
    white = whiten(torch.nn.Identity(), statistics)(x)
    assert torch.allclose(white.mean(dim=(0, 2, 3)), torch.zeros(3), atol=1e-4)
    assert torch.allclose(white.std(dim=(0, 2, 3)), torch.ones(3), atol=1e-3)


def test_a_whitened_base_is_so_wherever_it_is_built_again(tmp_path: Path) -> None:
    data = digits()
    base = train_new_base(RECORD, BaseRecipe(epochs=1, batch_size=64, whiten=True), data)
    plain = train_new_base(RECORD, BaseRecipe(epochs=1, batch_size=64), data)
    assert base.record.whitening == channel_statistics(data.train)
    assert base.model.state_dict().keys() == plain.model.state_dict().keys()
    save_network(tmp_path / "base.safetensors", base.model, base.record)
    model, record = load_network(tmp_path / "base.safetensors", "base")
    assert record == base.record
    images = data.test.first(60)
    expected = accuracy_percent(base.model, images)
    assert accuracy_percent(model, images) == accuracy_percent(fresh_copy(base), images) == expected
    x, _ = images.batch(slice(0, 2))
    bare = fresh_copy(plain)
    bare.load_state_dict(base.model.state_dict())
    assert not torch.allclose(bare(x), base.model(x))
