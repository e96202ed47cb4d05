"""MNIST and Fashion-MNIST from their four idx files, compressed or not, as 3 x 32 x 32 images."""

from __future__ import annotations

import gzip
import hashlib
import zlib
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn import functional as F

from neuralfuse.datasets.images import LabelledImages, Splits, labelled
from neuralfuse.datasets.places import check_md5, missing
from nfenergy.ground.errors import InputError
from nfenergy.ground.files import is_folder

MD5 = {
    "train-images-idx3-ubyte.gz": "f68b3c2dcbeaaa9fbdd348bbdeb94873",
    "train-labels-idx1-ubyte.gz": "d53e105ee54ea40749a09fcbcd1e9432",
    "t10k-images-idx3-ubyte.gz": "9fb629c4189551a2d022fa330f9573f3",
    "t10k-labels-idx1-ubyte.gz": "ec29112dd5afa0611ce80d1b7f02629c",
}
FASHION_MD5 = {
    "train-images-idx3-ubyte": "f4a8712d7a061bf5bd6d2ca38dc4d50a",
    "train-labels-idx1-ubyte": "9018921c3c673c538a1fc5bad174d6f9",
    "t10k-images-idx3-ubyte": "8181f5470baa50b63fa0f6fddb340f0a",
    "t10k-labels-idx1-ubyte": "15d484375f8d13e6eb1aabb0c3f46965",
}
"""Of the uncompressed files, as Debian's dataset-fashion-mnist (0.0~git20200523) holds them."""

_BYTES = 0x08  # idx's code for unsigned bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class MnistFormat:
    """Which of the data sets of this form, and how many images its two parts have.

    Attributes:
        name: of the data set, and of its folder.
        train: images for training.
        test: images for testing.
        content_md5: published checksums of the uncompressed files; empty where those of the compressed
            ones, `MD5`, count.
        system: where a package of the operating system puts the files.
        package: how to get them there.
    """

    name: str = "mnist"
    train: int = 60_000
    test: int = 10_000
    content_md5: dict[str, str] = field(default_factory=dict)
    system: Path | None = None
    package: str = ""


FASHION = MnistFormat(
    name="fashion-mnist",
    content_md5=FASHION_MD5,
    system=Path("/usr/share/datasets/fashion-mnist"),
    package="; on Debian, `apt-get install dataset-fashion-mnist` puts them where they are found",
)


def load_mnist(form: MnistFormat, root: Path, *, verify: bool = True) -> Splits:
    """The digits, 28 x 28, padded to 32 x 32 with background and repeated on three channels.

    Looks in the data set's folder in `root`; for MNIST also in `root` itself, for Fashion-MNIST where
    Debian's package puts it. Uncompressed files are preferred. `verify` compares the files with the
    published checksums (not MNIST's uncompressed ones); shapes and counts are checked always.

    Raises:
        InputError: a file is missing or is not the published one.
    """
    folder = root / form.name
    if not is_folder(folder):
        folder = root if form.system is None else form.system if form.system.is_dir() else folder
    return Splits(
        name=form.name,
        train=_part(form, folder, "train", form.train, verify=verify),
        test=_part(form, folder, "t10k", form.test, verify=verify),
    )


def _part(form: MnistFormat, folder: Path, prefix: str, count: int, *, verify: bool) -> LabelledImages:
    pixels = _idx(form, folder, f"{prefix}-images-idx3-ubyte", (count, 28, 28), verify=verify)
    labels = _idx(form, folder, f"{prefix}-labels-idx1-ubyte", (count,), verify=verify)
    images = F.pad(torch.from_numpy(pixels), (2, 2, 2, 2))[:, None].repeat(1, 3, 1, 1)
    return labelled(images, torch.from_numpy(labels), classes=10, source=f"{prefix}-labels-idx1-ubyte")


def _idx(
    form: MnistFormat, folder: Path, name: str, shape: tuple[int, ...], *, verify: bool
) -> NDArray[np.uint8]:
    plain, compressed = folder / name, folder / f"{name}.gz"
    try:
        if plain.is_file():
            data = plain.read_bytes()
        elif compressed.is_file():
            if verify and not form.content_md5:
                check_md5(compressed, MD5[compressed.name])
            data = gzip.decompress(compressed.read_bytes())
        else:
            wanted = f"{name}.gz (or {name}) and its three siblings"
            raise missing(form.name, folder, wanted, form.package)
    except (OSError, EOFError, zlib.error) as error:
        raise InputError(f"cannot read {name} in {folder} ({error}); fetch it again") from error
    header = bytes((0, 0, _BYTES, len(shape))) + b"".join(extent.to_bytes(4, "big") for extent in shape)
    body = data[len(header) :]
    if data[: len(header)] != header or len(body) != int(np.prod(shape)):
        raise InputError(f"{name} in {folder} is not an idx file of {' x '.join(map(str, shape))} bytes")
    if verify and form.content_md5:
        found = hashlib.md5(data, usedforsecurity=False).hexdigest()
        if found != form.content_md5[name]:
            raise InputError(
                f"{name} in {folder} has MD5 {found} uncompressed, the published file has "
                f"{form.content_md5[name]}; fetch it again"
            )
    return np.frombuffer(body, dtype=np.uint8).reshape(shape).copy()
