"""MNIST from its four idx files, compressed or not, as 3 x 32 x 32 images."""

from __future__ import annotations

import gzip
import zlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn import functional as F

from neuralfuse.datasets.images import LabelledImages, Splits, labelled
from neuralfuse.datasets.places import check_md5, missing
from nfenergy.ground.errors import InputError

MD5 = {
    "train-images-idx3-ubyte.gz": "f68b3c2dcbeaaa9fbdd348bbdeb94873",
    "train-labels-idx1-ubyte.gz": "d53e105ee54ea40749a09fcbcd1e9432",
    "t10k-images-idx3-ubyte.gz": "9fb629c4189551a2d022fa330f9573f3",
    "t10k-labels-idx1-ubyte.gz": "ec29112dd5afa0611ce80d1b7f02629c",
}
_BYTES = 0x08  # idx's code for unsigned bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class MnistFormat:
    """How many images the two parts have."""

    train: int = 60_000
    test: int = 10_000


def load_mnist(form: MnistFormat, root: Path, *, verify: bool = True) -> Splits:
    """The digits, 28 x 28, padded to 32 x 32 with background and repeated on three channels.

    Looks in `root` and in its folder ``mnist``; uncompressed files are preferred. `verify` compares
    compressed files with the published checksums; shapes and counts are checked always.

    Raises:
        InputError: a file is missing or is not the published one.
    """
    folder = root / "mnist" if (root / "mnist").is_dir() else root
    return Splits(
        name="mnist",
        train=_part(folder, "train", form.train, verify=verify),
        test=_part(folder, "t10k", form.test, verify=verify),
    )


def _part(folder: Path, prefix: str, count: int, *, verify: bool) -> LabelledImages:
    pixels = _idx(folder, f"{prefix}-images-idx3-ubyte", (count, 28, 28), verify=verify)
    labels = _idx(folder, f"{prefix}-labels-idx1-ubyte", (count,), verify=verify)
    images = F.pad(torch.from_numpy(pixels), (2, 2, 2, 2))[:, None].repeat(1, 3, 1, 1)
    return labelled(images, torch.from_numpy(labels), classes=10, source=f"{prefix}-labels-idx1-ubyte")


def _idx(folder: Path, name: str, shape: tuple[int, ...], *, verify: bool) -> NDArray[np.uint8]:
    plain, compressed = folder / name, folder / f"{name}.gz"
    try:
        if plain.is_file():
            data = plain.read_bytes()
        elif compressed.is_file():
            if verify:
                check_md5(compressed, MD5[compressed.name])
            data = gzip.decompress(compressed.read_bytes())
        else:
            raise missing("mnist", folder, f"{name}.gz (or {name}) and its three siblings")
    except (OSError, EOFError, zlib.error) as error:
        raise InputError(f"cannot read {name} in {folder} ({error}); fetch it again") from error
    header = bytes((0, 0, _BYTES, len(shape))) + b"".join(extent.to_bytes(4, "big") for extent in shape)
    body = data[len(header) :]
    if data[: len(header)] != header or len(body) != int(np.prod(shape)):
        raise InputError(f"{name} in {folder} is not an idx file of {' x '.join(map(str, shape))} bytes")
    return np.frombuffer(body, dtype=np.uint8).reshape(shape).copy()
