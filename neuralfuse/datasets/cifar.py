"""CIFAR-10 and CIFAR-100 from their binary archives, or from the folders that these hold."""

from __future__ import annotations

import tarfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from neuralfuse.datasets.images import LabelledImages, Splits, labelled
from neuralfuse.datasets.places import check_md5, missing
from nfenergy.ground.errors import InputError
from nfenergy.ground.files import is_folder

PIXELS = 3 * 32 * 32


@dataclass(frozen=True, slots=True, kw_only=True)
class CifarFormat:
    """The files of one CIFAR set.

    Attributes:
        name: of the data set in the registry.
        classes: labels it distinguishes.
        archive: file name of the published archive, and `md5` its checksum.
        folder: the folder in the archive.
        train, test: file names in the folder, each with its number of records.
        label_bytes: bytes before the pixels of a record; the last of them is the class.
    """

    name: str
    classes: int
    archive: str
    md5: str
    folder: str
    train: dict[str, int]
    test: dict[str, int]
    label_bytes: int


CIFAR10 = CifarFormat(
    name="cifar10",
    classes=10,
    archive="cifar-10-binary.tar.gz",
    md5="c32a1d4ab5d03f1284b67883e8d87530",
    folder="cifar-10-batches-bin",
    train={f"data_batch_{number}.bin": 10_000 for number in range(1, 6)},
    test={"test_batch.bin": 10_000},
    label_bytes=1,
)

CIFAR100 = CifarFormat(
    name="cifar100",
    classes=100,
    archive="cifar-100-binary.tar.gz",
    md5="03b5dce01913d631647c71ecec9e9cb8",
    folder="cifar-100-binary",
    train={"train.bin": 50_000},
    test={"test.bin": 10_000},
    label_bytes=2,
)


def load_cifar(form: CifarFormat, root: Path, *, verify: bool = True) -> Splits:
    """The images of CIFAR-10 or CIFAR-100 (fine labels), bytes of shape (n, 3, 32, 32).

    An extracted folder is preferred to the archive. The number and size of the records are checked in
    both, the archive's checksum where `verify` is true.

    Raises:
        InputError: neither is there, or they are not the published files.
    """
    folder, archive = root / form.folder, root / form.archive
    if is_folder(folder):
        contents = _read_folder(folder, form)
    elif archive.is_file():
        if verify:
            check_md5(archive, form.md5)
        contents = _read_archive(archive, form)
    else:
        raise missing(form.name, root, f"{form.archive} (or its extracted folder {form.folder})")
    train = [_records(contents[name], name, count, form) for name, count in form.train.items()]
    test = [_records(contents[name], name, count, form) for name, count in form.test.items()]
    return Splits(name=form.name, train=_joined(train), test=_joined(test))


def _read_folder(folder: Path, form: CifarFormat) -> dict[str, bytes]:
    contents = {}
    for name in (*form.train, *form.test):
        try:
            contents[name] = (folder / name).read_bytes()
        except OSError as error:
            raise missing(f"{form.name}'s {name}", folder, f"all files of {form.archive}") from error
    return contents


def _read_archive(archive: Path, form: CifarFormat) -> dict[str, bytes]:
    wanted = {*form.train, *form.test}
    contents = {}
    try:
        with tarfile.open(archive, "r:*") as tar:
            for member in tar:
                name = Path(member.name).name
                file = tar.extractfile(member) if name in wanted else None
                if file is not None:
                    contents[name] = file.read()
    except (tarfile.TarError, OSError, EOFError) as error:
        raise InputError(f"{archive} is not a whole tar archive ({error}); fetch it again") from error
    if absent := sorted(wanted - contents.keys()):
        raise InputError(f"{archive} holds no {', '.join(absent)}; it is not {form.archive}")
    return contents


def _records(data: bytes, name: str, count: int, form: CifarFormat) -> LabelledImages:
    size = form.label_bytes + PIXELS
    if len(data) != count * size:
        raise InputError(
            f"{name} of {form.name} has {len(data)} bytes, expected {count} records of {size}; "
            f"fetch {form.archive} again"
        )
    records = np.frombuffer(data, dtype=np.uint8).reshape(count, size)
    images = torch.from_numpy(records[:, form.label_bytes :].reshape(count, 3, 32, 32).copy())
    labels = torch.from_numpy(records[:, form.label_bytes - 1].astype(np.int64))
    return labelled(images, labels, classes=form.classes, source=name)


def _joined(parts: list[LabelledImages]) -> LabelledImages:
    return LabelledImages(
        images=torch.cat([part.images for part in parts]), labels=torch.cat([part.labels for part in parts])
    )
