"""Fashion-MNIST where the operating system puts it, folders of pictures, and data sets from functions."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from neuralfuse.datasets import mnist
from neuralfuse.datasets.imagenet10 import load_imagenet10
from neuralfuse.datasets.loading import load, own_augmentation
from neuralfuse.datasets.own import load_folder, load_function
from neuralfuse.training.base_recipe import BaseRecipe
from neuralfuse.training.checkpoints import NetworkRecord, load_network, save_network
from neuralfuse.training.runs import train_new_base, train_new_generator
from nfenergy.ground.errors import InputError
from tests.neuralfuse.small import settings

assert mnist.FASHION.system is not None
INSTALLED = mnist.FASHION.system.is_dir()


@pytest.mark.skipif(not INSTALLED, reason="dataset-fashion-mnist is not installed")
def test_fashion_mnist_is_found_by_its_name_alone(tmp_path: Path) -> None:
    found = load("fashion-mnist", data_dir=tmp_path)
    assert found.name == "fashion-mnist"
    assert found.train.images.shape == (60_000, 3, 32, 32)
    assert found.test.labels.bincount().tolist() == [1000] * 10
    assert found.train.labels.bincount().tolist() == [6000] * 10
    assert int(found.train.images[0, 0].long().sum()) == 76_247


def test_fashion_mnist_says_which_package_has_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    form = mnist.MnistFormat(name="fashion-mnist", system=tmp_path / "none", package=mnist.FASHION.package)
    with pytest.raises(InputError, match="apt-get install dataset-fashion-mnist"):
        mnist.load_mnist(form, tmp_path)


def test_fashion_mnist_of_another_checksum_is_refused(tmp_path: Path) -> None:
    folder = tmp_path / "fashion-mnist"
    folder.mkdir()
    header = bytes((0, 0, 8, 3)) + b"".join(n.to_bytes(4, "big") for n in (2, 28, 28))
    (folder / "train-images-idx3-ubyte").write_bytes(header + bytes(2 * 28 * 28))
    form = mnist.MnistFormat(name="fashion-mnist", train=2, content_md5=mnist.FASHION_MD5)
    with pytest.raises(InputError, match=r"has MD5 .* uncompressed, the published file has f4a8712d"):
        mnist.load_mnist(form, tmp_path)


def _pictures(folder: Path, classes: dict[str, int], *, size: tuple[int, int] = (40, 30)) -> None:
    for number, (name, count) in enumerate(classes.items()):
        (folder / name).mkdir(parents=True)
        for picture in range(count):
            colour = (20 * number, picture, 200)
            Image.new("RGB", size, colour).save(folder / name / f"{picture:03d}.png")


def test_a_folder_of_classes_keeps_every_fifth_picture_for_testing(tmp_path: Path) -> None:
    _pictures(tmp_path / "signs", {"b": 10, "a": 7})
    dataset, found = load_folder(tmp_path / "signs", extent=16)
    assert (dataset.name, dataset.classes, dataset.image_shape) == ("folder:signs", 2, (3, 16, 16))
    assert found.train.labels.tolist() == [0] * 6 + [1] * 8
    assert found.test.labels.tolist() == [0, 1, 1]
    assert found.test.images[:, 1, 0, 0].tolist() == [4, 4, 9]


def test_a_folder_may_have_parts_of_its_own(tmp_path: Path) -> None:
    _pictures(tmp_path / "train", {"a": 2, "b": 3})
    _pictures(tmp_path / "val", {"a": 1, "b": 1})
    _, found = load_folder(tmp_path)
    assert (len(found.train), len(found.test)) == (5, 2)
    (tmp_path / "val" / "b").rename(tmp_path / "val" / "c")
    with pytest.raises(InputError, match="class folder b is in only one of train and test"):
        load_folder(tmp_path)


def test_folders_that_are_no_data_set_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no folder"):
        load_folder(tmp_path / "none")
    with pytest.raises(InputError, match="has 0 class folders"):
        load_folder(tmp_path)
    _pictures(tmp_path, {"a": 6, "b": 4})
    with pytest.raises(InputError, match="b has fewer than 5 pictures"):
        load_folder(tmp_path)
    (tmp_path / "c").mkdir()
    with pytest.raises(InputError, match="c has no pictures"):
        load_folder(tmp_path)


class _Blobs(torch.utils.data.Dataset[tuple[Any, int]]):
    """Grey images whose brightness is their label, in one of the forms that are taken."""

    def __init__(self, kind: str, count: int) -> None:
        self.kind, self.count = kind, count

    def __len__(self) -> int:
        return self.count

    def __getitem__(self, number: int) -> tuple[Any, int]:
        label = number % 3
        image = torch.full((1, 8, 8), label / 2.0)
        match self.kind:
            case "float":
                return image, label
            case "bytes":
                return (255 * image).byte(), label
            case "centred":
                return (2 * image - 1).expand(3, -1, -1), label
        return Image.fromarray((255 * image[0]).byte().numpy()), label


@pytest.mark.parametrize("kind", ["float", "bytes", "centred", "pillow"])
def test_data_sets_of_pytorch_come_whole_in_every_form(kind: str) -> None:
    dataset, found = load_function(lambda train: _Blobs(kind, 9 if train else 6), "mine.py:blobs")
    assert (dataset.classes, dataset.image_shape, len(found.test)) == (3, (3, 8, 8), 6)
    x, labels = found.train.batch(slice(None))
    assert labels.tolist() == [0, 1, 2] * 3
    assert torch.allclose(x[:, :, 0, 0], (labels - 1.0)[:, None].expand(-1, 3), atol=0.01)


@pytest.mark.parametrize(
    ("items", "message"),
    [
        ([(torch.zeros(3, 8, 8), 0), (torch.zeros(3, 9, 9), 1)], "no data set of equal images"),
        ([(torch.zeros(3, 8, 9), 0)], "give squares"),
        ([(torch.full((3, 8, 8), 7.0), 0)], "pixels from 7 to 7"),
        ([(torch.zeros(2, 8, 8), 0)], "no data set"),
        ([(torch.zeros(3, 8, 8), "cat")], "whole-number labels"),
        ([(np.zeros((8, 8, 3)), -1)], "label -1"),
        (7, "no data set"),
    ],
)
def test_what_is_no_data_set_is_one_clear_error(items: Any, message: str) -> None:
    with pytest.raises(InputError, match=message):
        load_function(lambda train: items, "mine.py:blobs")


def test_a_network_for_ones_own_data_is_trained_saved_and_loaded(tmp_path: Path) -> None:
    dataset, data = load_function(lambda train: _Blobs("float", 24), "mine.py:blobs")
    record = NetworkRecord(
        kind="base", network="resnet20", dataset=dataset.name, classes=3, extent=8, width=0.125
    )
    base = train_new_base(record, BaseRecipe(epochs=2, batch_size=8), data)
    save_network(tmp_path / "base.safetensors", base.model, base.record)
    model, again = load_network(tmp_path / "base.safetensors", "base")
    assert again == base.record
    assert model(torch.zeros(1, 3, 8, 8)).shape == (1, 3)
    generator = train_new_generator("convs", [base], settings(steps=1), data)
    assert (generator.record.classes, generator.record.data) == (3, base.record.data)


def test_a_generator_is_not_trained_on_other_data_of_the_same_name() -> None:
    dataset, data = load_function(lambda train: _Blobs("float", 24), "mine.py:blobs")
    record = NetworkRecord(
        kind="base", network="resnet20", dataset=dataset.name, classes=3, extent=8, width=0.125
    )
    base = train_new_base(record, BaseRecipe(epochs=1, batch_size=8), data)
    data.test.labels.add_(1).remainder_(3)
    with pytest.raises(InputError, match=r"trained for other mine\.py:blobs data"):
        train_new_generator("convs", [base], settings(steps=1), data)


def test_each_data_set_has_the_released_augmentation() -> None:
    assert own_augmentation("gtsrb", wanted=True) == "affine-crop-mirror"
    assert own_augmentation("imagenet10", wanted=True) == "resized-crop"
    assert own_augmentation("digits", wanted=True) == "crop-mirror"
    assert own_augmentation("digits", wanted=False) == ""
    assert own_augmentation("digits", wanted="cutout") == "cutout"


def test_imagenets_test_pictures_are_squeezed_not_cropped(tmp_path: Path) -> None:
    for part in ("train", "val"):
        for number in range(10):
            folder = tmp_path / "imagenet10" / part / f"n{number}"
            folder.mkdir(parents=True)
            picture = Image.new("RGB", (80, 20), (0, 0, 0))
            picture.paste((255, 255, 255), (0, 0, 10, 20))  # a bar that a crop of the centre would lose
            picture.save(folder / "a.png")
    found = load_imagenet10(tmp_path, extent=32)
    assert int(found.test.images[0, 0, 16, 0]) == 255
    assert int(found.test.images[0, 0, 16, 20]) == 0
