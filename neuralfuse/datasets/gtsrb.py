"""The German traffic sign benchmark from its official folders and tables, resized to 32 x 32."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import torch

from neuralfuse.datasets.images import LabelledImages, Splits, labelled
from neuralfuse.datasets.picture_files import read_images
from neuralfuse.datasets.places import missing
from nfenergy.ground.errors import InputError
from nfenergy.ground.files import is_folder, read_text

CLASSES = 43


@dataclass(frozen=True, slots=True, kw_only=True)
class GtsrbFormat:
    """How many images the two parts have."""

    train: int = 39_209
    test: int = 12_630


def load_gtsrb(form: GtsrbFormat, root: Path) -> Splits:
    """The signs, whole pictures without the region of interest, bytes of shape (n, 3, 32, 32).

    Expects ``GTSRB/Final_Training/Images/000xx/GT-000xx.csv`` with the pictures that they list,
    ``GTSRB/Final_Test/Images`` and ``GT-final_test.csv`` (in GTSRB, Final_Test or Images). The number of
    images is checked; no checksum is published.

    Raises:
        InputError: a folder, table or picture is missing, or the counts are not the official ones.
    """
    folder = root / "GTSRB"
    training = folder / "Final_Training" / "Images"
    if not is_folder(training):
        raise missing("gtsrb", root, "the folder GTSRB of GTSRB_Final_Training_Images.zip")
    listed: list[tuple[Path, int]] = []
    for number in range(CLASSES):
        class_folder = training / f"{number:05d}"
        table = class_folder / f"GT-{number:05d}.csv"
        if not table.is_file():
            raise missing(f"gtsrb's class folder {number:05d}", training, f"{number:05d}/{table.name}")
        listed += _listed(table, class_folder)
    test_images = folder / "Final_Test" / "Images"
    test_table = _test_table(folder)
    return Splits(
        name="gtsrb",
        train=_read(listed, form.train, training),
        test=_read(_listed(test_table, test_images), form.test, test_table),
    )


def _test_table(folder: Path) -> Path:
    for place in (folder, folder / "Final_Test", folder / "Final_Test" / "Images"):
        if (place / "GT-final_test.csv").is_file():
            return place / "GT-final_test.csv"
    raise missing(
        "gtsrb's test part", folder, "Final_Test/Images and GT-final_test.csv (GTSRB_Final_Test_GT.zip)"
    )


def _listed(table: Path, pictures: Path) -> list[tuple[Path, int]]:
    rows: Iterable[dict[str, str]] = csv.DictReader(
        io.StringIO(read_text(table, "GTSRB table")), delimiter=";"
    )
    try:
        return [(pictures / row["Filename"], int(row["ClassId"])) for row in rows]
    except (KeyError, TypeError, ValueError) as error:
        raise InputError(
            f"{table} is not a GTSRB table with Filename and ClassId, separated by ';'"
        ) from error


def _read(listed: list[tuple[Path, int]], count: int, source: Path) -> LabelledImages:
    if len(listed) != count:
        raise InputError(f"{source} lists {len(listed)} images, the official set has {count}")
    images = read_images([path for path, _ in listed], extent=32)
    labels = torch.tensor([label for _, label in listed])
    return labelled(images, labels, classes=CLASSES, source=source)
