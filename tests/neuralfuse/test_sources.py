"""Data sets are found by name, as a folder of pictures, or as what a function in a file returns."""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image

from neuralfuse.datasets.images import LabelledImages
from neuralfuse.datasets.loading import load
from neuralfuse.datasets.sources import data_name, find_data
from nfenergy.ground.errors import InputError
from tests.neuralfuse.small import noise

BLOBS = """
import torch

class Blobs(torch.utils.data.Dataset):
    classes = ["dark", "light"]

    def __init__(self, train):
        self.count = 12 if train else 6

    def __len__(self):
        return self.count

    def __getitem__(self, number):
        return torch.full((1, 8, 8), float(number % 2)), number % 2

def plain(train):
    blobs = Blobs(train)
    return [blobs[number] for number in range(len(blobs))]

def alone():
    return Blobs(True)

def one(train):
    return [(torch.zeros(3, 8, 8), 0)]

def broken(train):
    raise OSError("the disk is gone")
"""


@pytest.fixture
def blobs(tmp_path: Path) -> str:
    (tmp_path / "mine.py").write_text(BLOBS, encoding="utf-8")
    return f"{tmp_path / 'mine.py'}:"


def test_a_name_of_the_registry_has_no_place_and_may_have_names_of_classes() -> None:
    found = find_data("DIGITS")
    assert (found.dataset.name, found.place, found.is_own) == ("digits", "", False)
    assert data_name("Cifar10") == "cifar10"
    assert load("digits").class_names == ()


def test_a_function_is_found_again_from_anywhere(blobs: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(Path(blobs).parent)
    found = find_data("mine.py:Blobs")
    assert data_name("mine.py:Blobs") == found.dataset.name == "mine.py:Blobs"
    assert found.place == f"{blobs}Blobs"
    assert found.splits.class_names == ("dark", "light")
    assert (found.dataset.classes, found.dataset.image_shape) == (2, (3, 8, 8))
    assert find_data(found.place).splits.class_names == ("dark", "light")
    assert find_data("mine.py:plain").splits.class_names == ()


def test_a_folder_has_the_extent_that_is_asked_for_and_the_names_of_its_folders(tmp_path: Path) -> None:
    for name in ("cats", "dogs"):
        (tmp_path / "pets" / name).mkdir(parents=True)
        for number in range(5):
            Image.new("RGB", (20, 20)).save(tmp_path / "pets" / name / f"{number}.png")
    found = find_data(f"folder:{tmp_path / 'pets'}", extent=16)
    assert (found.dataset.name, found.dataset.image_shape) == ("folder:pets", (3, 16, 16))
    assert found.splits.class_names == ("cats", "dogs")
    assert find_data(found.place).dataset.image_shape == (3, 32, 32)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ("digit", r"digits.*One of your own: folder:PATH"),
        ("folder:", "names no folder"),
        ("folder:/nowhere", "no folder /nowhere"),
        ("none.py:Blobs", "none.py"),
        ("timm:resnet18", "timm"),
        ("{blobs}blobs", "Blobs"),
        ("{blobs}alone", "takes no argument train"),
        ("{blobs}one", "images of one class"),
        ("{blobs}broken", r"line 27 raised OSError: the disk is gone"),
    ],
)
def test_what_is_no_data_set_is_one_line(blobs: str, given: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        find_data(given.format(blobs=blobs))


def test_data_with_an_extent_of_their_own_take_no_other(blobs: str) -> None:
    for given in ("digits", f"{blobs}Blobs"):
        with pytest.raises(InputError, match="have their own extent"):
            find_data(given, extent=16)


def test_images_held_out_are_no_others_and_leave_the_rest() -> None:
    images = noise(10)
    numbered = LabelledImages(images=images.images, labels=images.labels.new_tensor(range(10)))
    rest, held = numbered.held_out(0.2)
    assert held.labels.tolist() == [0, 5]
    assert rest.labels.tolist() == [1, 2, 3, 4, 6, 7, 8, 9]
    assert rest.images.shape == (8, 3, 32, 32)
    for share in (0.0, 0.01, 1.0):
        with pytest.raises(InputError, match="leave nothing on one side"):
            numbered.held_out(share)
