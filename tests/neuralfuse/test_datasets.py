from __future__ import annotations

import gzip
import hashlib
import io
import tarfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from neuralfuse.datasets import mnist as mnist_module
from neuralfuse.datasets.augmentation import get_augmentation
from neuralfuse.datasets.cifar import CIFAR10, CIFAR100, CifarFormat, load_cifar
from neuralfuse.datasets.gtsrb import GtsrbFormat, load_gtsrb
from neuralfuse.datasets.imagenet10 import load_imagenet10
from neuralfuse.datasets.images import LabelledImages, augmented, labelled, normalized
from neuralfuse.datasets.loading import AUGMENTED, LOADERS, load
from neuralfuse.datasets.mnist import MnistFormat, load_mnist
from neuralfuse.datasets.places import ENVIRONMENT_VARIABLE, data_root
from neuralfuse.registry import DATASETS
from nfenergy.ground.errors import InputError, UnknownName

SMALL10 = replace(CIFAR10, train=dict.fromkeys(CIFAR10.train, 3), test=dict.fromkeys(CIFAR10.test, 2))
SMALL100 = replace(CIFAR100, train={"train.bin": 4}, test={"test.bin": 2})


def cifar_bytes(form: CifarFormat, count: int, seed: int) -> tuple[bytes, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    pixels = rng.integers(0, 256, (count, 3, 32, 32), dtype=np.uint8)
    labels = rng.integers(0, form.classes, count, dtype=np.uint8)
    coarse = np.full((count, form.label_bytes - 1), 7, np.uint8)
    records = np.concatenate([coarse, labels[:, None], pixels.reshape(count, -1)], axis=1)
    return records.tobytes(), pixels, labels


def write_cifar_folder(root: Path, form: CifarFormat) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    (root / form.folder).mkdir(parents=True)
    written = {}
    for seed, (name, count) in enumerate({**form.train, **form.test}.items()):
        data, pixels, labels = cifar_bytes(form, count, seed)
        (root / form.folder / name).write_bytes(data)
        written[name] = (pixels, labels)
    return written


def write_cifar_archive(root: Path, form: CifarFormat, *, leave_out: str = "") -> CifarFormat:
    root.mkdir(parents=True, exist_ok=True)
    with tarfile.open(root / form.archive, "w:gz") as tar:
        for seed, (name, count) in enumerate({**form.train, **form.test}.items()):
            if name == leave_out:
                continue
            data, _, _ = cifar_bytes(form, count, seed)
            member = tarfile.TarInfo(f"{form.folder}/{name}")
            member.size = len(data)
            tar.addfile(member, io.BytesIO(data))
    return replace(form, md5=hashlib.md5((root / form.archive).read_bytes()).hexdigest())


def test_every_registered_data_set_has_a_loader() -> None:
    assert set(LOADERS) == set(DATASETS)
    assert set(DATASETS) >= set(AUGMENTED)
    assert all(get_augmentation(name) is not None for name in AUGMENTED.values())


def test_unknown_data_set_names_the_known_ones() -> None:
    with pytest.raises(UnknownName, match="cifar10"):
        load("cifar11")


@pytest.mark.parametrize("form", [SMALL10, SMALL100], ids=lambda form: form.name)
def test_cifar_folder_and_archive_hold_the_same_images(tmp_path: Path, form: CifarFormat) -> None:
    written = write_cifar_folder(tmp_path / "folder", form)
    packed = write_cifar_archive(tmp_path / "archive", form)
    from_folder = load_cifar(form, tmp_path / "folder")
    from_archive = load_cifar(packed, tmp_path / "archive")
    pixels = np.concatenate([written[name][0] for name in form.train])
    labels = np.concatenate([written[name][1] for name in form.train])
    assert from_folder.train.images.numpy().tolist() == pixels.tolist()
    assert from_folder.train.labels.tolist() == labels.tolist()
    for part in ("train", "test"):
        one, other = getattr(from_folder, part), getattr(from_archive, part)
        assert torch.equal(one.images, other.images)
        assert torch.equal(one.labels, other.labels)


def test_cifar_preprocessing_is_the_published_one(tmp_path: Path) -> None:
    write_cifar_folder(tmp_path, SMALL10)
    test = load_cifar(SMALL10, tmp_path).test
    images, labels = test.batch(slice(0, 2))
    assert torch.allclose(images, 2.0 * (test.images.double() / 255.0).float() - 1.0, atol=1e-6)
    assert images.min() >= -1.0
    assert images.max() <= 1.0
    assert labels.dtype == torch.int64


def test_another_archive_is_refused_unless_unverified(tmp_path: Path) -> None:
    write_cifar_archive(tmp_path, SMALL10)
    with pytest.raises(InputError, match=f"MD5.*{CIFAR10.md5}"):
        load_cifar(SMALL10, tmp_path)
    assert len(load_cifar(SMALL10, tmp_path, verify=False).train) == 15


def test_truncated_archive_is_one_clear_error(tmp_path: Path) -> None:
    write_cifar_archive(tmp_path, SMALL10)
    archive = tmp_path / SMALL10.archive
    archive.write_bytes(archive.read_bytes()[:5000])
    with pytest.raises(InputError, match="not a whole tar archive"):
        load_cifar(SMALL10, tmp_path, verify=False)


def test_archive_without_a_batch_is_refused(tmp_path: Path) -> None:
    form = write_cifar_archive(tmp_path, SMALL10, leave_out="data_batch_3.bin")
    with pytest.raises(InputError, match=r"data_batch_3\.bin"):
        load_cifar(form, tmp_path)


def test_record_counts_are_checked_in_folders_too(tmp_path: Path) -> None:
    write_cifar_folder(tmp_path, SMALL10)
    with pytest.raises(InputError, match="expected 10000 records of 3073"):
        load_cifar(CIFAR10, tmp_path, verify=False)


def test_missing_file_of_a_folder_is_named(tmp_path: Path) -> None:
    write_cifar_folder(tmp_path, SMALL10)
    (tmp_path / SMALL10.folder / "test_batch.bin").unlink()
    with pytest.raises(InputError, match=r"test_batch\.bin.*cifar-10-binary\.tar\.gz"):
        load_cifar(SMALL10, tmp_path)


def test_labels_beyond_the_classes_are_refused() -> None:
    with pytest.raises(InputError, match="label 10, expected 0 to 9"):
        labelled(torch.zeros(1, 3, 8, 8), torch.tensor([10]), classes=10, source="batch")


@pytest.mark.parametrize(
    ("name", "wanted"),
    [
        ("cifar10", "cifar-10-binary.tar.gz"),
        ("cifar100", "cifar-100-binary.tar.gz"),
        ("gtsrb", "GTSRB"),
        ("imagenet10", "imagenet10/train"),
        ("mnist", "train-images-idx3-ubyte.gz"),
    ],
)
def test_missing_data_say_what_to_put_where(tmp_path: Path, name: str, wanted: str) -> None:
    with pytest.raises(InputError) as error:
        load(name, data_dir=tmp_path)
    assert wanted in str(error.value)
    assert str(tmp_path) in str(error.value)
    assert "--data-dir" in str(error.value)
    assert "\n" not in str(error.value)


def test_data_root_prefers_the_option_then_the_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(ENVIRONMENT_VARIABLE, str(tmp_path / "environment"))
    assert data_root(tmp_path / "option") == tmp_path / "option"
    assert data_root() == tmp_path / "environment"
    monkeypatch.delenv(ENVIRONMENT_VARIABLE)
    assert data_root().name == "nfenergy"


def write_gtsrb(root: Path) -> GtsrbFormat:
    training, test = root / "GTSRB" / "Final_Training" / "Images", root / "GTSRB" / "Final_Test" / "Images"
    header = "Filename;Width;Height;Roi.X1;Roi.Y1;Roi.X2;Roi.Y2;ClassId\n"
    for number in range(43):
        folder = training / f"{number:05d}"
        folder.mkdir(parents=True)
        Image.new("RGB", (20 + number, 25), (number, 0, 255)).save(folder / "00000_00000.ppm")
        row = f"00000_00000.ppm;{20 + number};25;5;5;15;20;{number}\n"
        (folder / f"GT-{number:05d}.csv").write_text(header + row)
    test.mkdir(parents=True)
    for number in range(2):
        Image.new("RGB", (40, 30), (0, 100 * number, 0)).save(test / f"{number:05d}.ppm")
    rows = "00000.ppm;40;30;5;5;35;25;16\n00001.ppm;40;30;5;5;35;25;1\n"
    (root / "GTSRB" / "GT-final_test.csv").write_text(header + rows)
    return GtsrbFormat(train=43, test=2)


def test_gtsrb_is_read_from_its_folders_and_tables(tmp_path: Path) -> None:
    found = load_gtsrb(write_gtsrb(tmp_path), tmp_path)
    assert found.train.images.shape == (43, 3, 32, 32)
    assert found.train.labels.tolist() == list(range(43))
    assert found.train.images[7, :, 16, 16].tolist() == [7, 0, 255]
    assert found.test.labels.tolist() == [16, 1]


def test_gtsrb_counts_are_the_official_ones(tmp_path: Path) -> None:
    write_gtsrb(tmp_path)
    with pytest.raises(InputError, match="lists 43 images, the official set has 39209"):
        load("gtsrb", data_dir=tmp_path)


def test_gtsrb_names_a_missing_class_folder(tmp_path: Path) -> None:
    form = write_gtsrb(tmp_path)
    (tmp_path / "GTSRB" / "Final_Training" / "Images" / "00041" / "GT-00041.csv").unlink()
    with pytest.raises(InputError, match="class folder 00041"):
        load_gtsrb(form, tmp_path)


def test_gtsrb_names_a_missing_picture_and_a_broken_one(tmp_path: Path) -> None:
    form = write_gtsrb(tmp_path)
    picture = tmp_path / "GTSRB" / "Final_Test" / "Images" / "00001.ppm"
    picture.write_bytes(b"no picture")
    with pytest.raises(InputError, match=r"00001\.ppm is not a picture"):
        load_gtsrb(form, tmp_path)
    picture.unlink()
    with pytest.raises(InputError, match=r"cannot read the picture .*00001\.ppm"):
        load_gtsrb(form, tmp_path)


def test_gtsrb_table_without_classes_is_refused(tmp_path: Path) -> None:
    form = write_gtsrb(tmp_path)
    (tmp_path / "GTSRB" / "GT-final_test.csv").write_text("Filename;Width\n00000.ppm;40\n")
    with pytest.raises(InputError, match="not a GTSRB table"):
        load_gtsrb(form, tmp_path)


def write_imagenet(root: Path, *, classes: int = 10) -> None:
    for part in ("train", "val"):
        for number in range(classes):
            folder = root / "imagenet10" / part / f"n{number:08d}"
            folder.mkdir(parents=True)
            Image.new("RGB", (60, 40), (10 * number, 0, 0)).save(folder / "a.png")


def test_imagenet_classes_are_numbered_by_name(tmp_path: Path) -> None:
    write_imagenet(tmp_path)
    found = load_imagenet10(tmp_path, extent=32)
    assert found.train.images.shape == (10, 3, 32, 32)
    assert found.test.labels.tolist() == list(range(10))
    assert found.test.images[:, 0, 0, 0].tolist() == [10 * number for number in range(10)]


def test_imagenet_needs_ten_equal_class_folders(tmp_path: Path) -> None:
    write_imagenet(tmp_path)
    val = tmp_path / "imagenet10" / "val"
    (val / "n00000003").rename(val / "n00000099")
    with pytest.raises(InputError, match="class folder n00000003 is in only one of train and val"):
        load_imagenet10(tmp_path, extent=32)
    (val / "n00000099" / "a.png").unlink()
    (val / "n00000099").rmdir()
    with pytest.raises(InputError, match="has 9 class folders, expected 10"):
        load_imagenet10(tmp_path, extent=32)


def test_imagenet_empty_class_folder_is_named(tmp_path: Path) -> None:
    write_imagenet(tmp_path)
    (tmp_path / "imagenet10" / "train" / "n00000005" / "a.png").unlink()
    with pytest.raises(InputError, match="n00000005 has no pictures"):
        load_imagenet10(tmp_path, extent=32)


def write_mnist(root: Path, *, compressed: bool) -> tuple[MnistFormat, dict[str, str]]:
    rng = np.random.default_rng(0)
    checksums = {}
    for prefix, count in (("train", 5), ("t10k", 3)):
        for kind, shape in (("images-idx3", (count, 28, 28)), ("labels-idx1", (count,))):
            header = bytes((0, 0, 8, len(shape))) + b"".join(n.to_bytes(4, "big") for n in shape)
            body = rng.integers(0, 10, shape, dtype=np.uint8).tobytes()
            name = f"{prefix}-{kind}-ubyte" + (".gz" if compressed else "")
            data = gzip.compress(header + body, mtime=0) if compressed else header + body
            (root / name).write_bytes(data)
            checksums[name] = hashlib.md5(data).hexdigest()
    return MnistFormat(train=5, test=3), checksums


def test_mnist_is_the_same_compressed_or_not(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "plain" / "mnist").mkdir(parents=True)
    (tmp_path / "gz").mkdir()
    form, _ = write_mnist(tmp_path / "plain" / "mnist", compressed=False)
    _, checksums = write_mnist(tmp_path / "gz", compressed=True)
    monkeypatch.setattr(mnist_module, "MD5", checksums)
    plain, packed = load_mnist(form, tmp_path / "plain"), load_mnist(form, tmp_path / "gz")
    assert plain.train.images.shape == (5, 3, 32, 32)
    assert torch.equal(plain.train.images, packed.train.images)
    assert torch.equal(plain.test.labels, packed.test.labels)
    assert not plain.train.images[:, :, :2].any()


def test_mnist_of_another_size_or_checksum_is_refused(tmp_path: Path) -> None:
    form, _ = write_mnist(tmp_path, compressed=True)
    with pytest.raises(InputError, match="MD5"):
        load_mnist(form, tmp_path)
    with pytest.raises(InputError, match="60000 x 28 x 28"):
        load_mnist(MnistFormat(), tmp_path, verify=False)


def test_mnist_truncated_gzip_is_one_clear_error(tmp_path: Path) -> None:
    form, _ = write_mnist(tmp_path, compressed=True)
    path = tmp_path / "train-images-idx3-ubyte.gz"
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(InputError, match="fetch it again"):
        load_mnist(form, tmp_path, verify=False)


def test_digits_are_split_once_and_for_all() -> None:
    one, two = load("digits"), load("DIGITS")
    assert (len(one.train), len(one.test)) == (1437, 360)
    assert one.train.images.shape[1:] == (3, 32, 32)
    assert torch.equal(one.test.images, two.test.images)
    assert one.train.images.min() == -1.0
    assert one.train.images.max() == 1.0
    assert sorted(set(one.test.labels.tolist())) == list(range(10))
    flat = torch.cat([one.train.images, one.test.images]).flatten(1)
    assert len(torch.unique(flat, dim=0)) > 1700


def test_bytes_are_normalized_and_floats_left_alone() -> None:
    assert normalized(torch.tensor([0, 255], dtype=torch.uint8)).tolist() == [-1.0, 1.0]
    floats = torch.tensor([0.25])
    assert normalized(floats) is floats


def test_batches_cover_all_images_in_order() -> None:
    images = LabelledImages(
        images=torch.arange(7.0).view(7, 1, 1, 1).repeat(1, 3, 2, 2), labels=torch.arange(7)
    )
    sizes = [len(labels) for _, labels in images.batches(3)]
    assert sizes == [3, 3, 1]
    assert torch.cat([labels for _, labels in images.batches(3)]).tolist() == list(range(7))
    assert len(images.first(2)) == 2
    assert images.spread(3).labels.tolist() == [0, 2, 4]
    assert images.spread(9).labels.tolist() == list(range(7))


def test_only_batches_for_inference_are_channels_last() -> None:
    images = LabelledImages(images=torch.zeros((4, 3, 8, 8), dtype=torch.uint8), labels=torch.arange(4))
    training, _ = images.batch(torch.arange(2))
    assert training.is_contiguous()
    assert augmented(training, torch.Generator().manual_seed(0)).is_contiguous()
    assert all(part.is_contiguous(memory_format=torch.channels_last) for part, _ in images.batches(2))


def test_augmentation_crops_and_mirrors_by_its_generator() -> None:
    image = torch.linspace(-1, 1, 32 * 32).view(1, 1, 32, 32).repeat(64, 3, 1, 1)
    one = augmented(image, torch.Generator().manual_seed(1))
    assert torch.equal(one, augmented(image, torch.Generator().manual_seed(1)))
    assert one.shape == image.shape
    rows = one[:, 0, 16]
    rising = (rows[:, 20] > rows[:, 12]).sum()
    assert 16 < int(rising) < 48
    padded = torch.nn.functional.pad(image[:1], (4,) * 4, value=-1.0)[0, 0]
    places = {
        (top, left, mirrored)
        for top in range(9)
        for left in range(9)
        for mirrored in (False, True)
        if torch.equal(
            one[0, 0],
            padded[top : top + 32, left : left + 32].flip(1)
            if mirrored
            else padded[top : top + 32, left : left + 32],
        )
    }
    assert len(places) == 1
