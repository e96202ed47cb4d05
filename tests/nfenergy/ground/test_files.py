"""Files are written whole or not at all, and read as text or refused."""

from __future__ import annotations

import os
import resource
import signal
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from nfenergy.ground.errors import InputError, NfEnergyError
from nfenergy.ground.files import check_folder, is_file, read_text, write_text
from tests.conftest import snapshot


@contextmanager
def small_files() -> Iterator[None]:
    """No file may grow beyond 1,000 bytes: a write fails as on a full disk. So would pytest's own log."""
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, limits[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        signal.signal(signal.SIGXFSZ, handler)


def test_text_and_folders_are_written(tmp_path: Path) -> None:
    path = tmp_path / "a" / "b.txt"
    write_text(path, "größe\r\n\n")
    assert path.read_bytes() == "größe\r\n\n".encode()
    assert list(path.parent.iterdir()) == [path]


def test_a_file_gets_the_rights_that_the_user_asks_for(tmp_path: Path) -> None:
    mask = os.umask(0o027)
    try:
        write_text(tmp_path / "file", "x")
    finally:
        os.umask(mask)
    assert stat.S_IMODE((tmp_path / "file").stat().st_mode) == 0o640


def test_a_full_disk_leaves_the_old_file_and_nothing_else(tmp_path: Path) -> None:
    write_text(tmp_path / "file", "old")
    with small_files(), pytest.raises(NfEnergyError, match=r"cannot write .*file: File too large"):
        write_text(tmp_path / "file", "new" * 1000)
    assert snapshot(tmp_path) == {"file": b"old"}


def test_an_interrupt_leaves_the_old_file_and_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_text(tmp_path / "file", "old")

    def interrupt(descriptor: int) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "fsync", interrupt)
    with pytest.raises(KeyboardInterrupt):
        write_text(tmp_path / "file", "new")
    assert snapshot(tmp_path) == {"file": b"old"}


@pytest.mark.parametrize("below", ["file/below", "file/below/deeper"])
def test_a_folder_that_cannot_be_is_refused(tmp_path: Path, below: str) -> None:
    (tmp_path / "file").write_text("mine")
    with pytest.raises(NfEnergyError, match="cannot write "):
        write_text(tmp_path / below, "x")
    assert snapshot(tmp_path) == {"file": b"mine"}


def test_a_folder_in_the_files_place_is_refused(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    with pytest.raises(NfEnergyError, match=r"cannot write .*folder: Is a directory"):
        write_text(tmp_path / "folder", "x")
    assert snapshot(tmp_path) == {}


def test_read_text(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"\xef\xbb\xbfabc\r\n")
    assert read_text(path, "x") == "abc\n"


@pytest.mark.parametrize(
    ("content", "reason"),
    [(None, "cannot read a thing"), (b"\xff\xfe", "is not UTF-8 text; expected a thing")],
)
def test_what_cannot_be_read_is_refused(tmp_path: Path, content: bytes | None, reason: str) -> None:
    if content is not None:
        (tmp_path / "file").write_bytes(content)
    with pytest.raises(InputError, match=reason):
        read_text(tmp_path / "file", "a thing")
    with pytest.raises(InputError, match="cannot read a thing"):
        read_text(tmp_path, "a thing")


def test_a_folder_that_cannot_take_files_is_known_before_the_work(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    check_folder(tmp_path)
    check_folder(tmp_path / "new" / "newer")
    (tmp_path / "file").write_text("x")
    for inside in (tmp_path / "file", tmp_path / "file" / "new"):
        with pytest.raises(NfEnergyError, match=r"cannot write into .*: .*file is no folder"):
            check_folder(inside)
    with pytest.raises(NfEnergyError, match=r"cannot write into .*x: File name too long"):
        check_folder(tmp_path / ("x" * 300))
    monkeypatch.setattr(os, "access", lambda path, mode: False)
    with pytest.raises(NfEnergyError, match="no permission"):
        check_folder(tmp_path / "new")
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_checking_a_relative_folder_makes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for folder in (Path("relative"), Path("relative/deeper"), Path()):
        check_folder(folder)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["x" * 300, "a\x00b"])
def test_a_name_that_no_file_can_have_is_one_line(tmp_path: Path, name: str) -> None:
    assert not is_file(tmp_path / name)
    with pytest.raises(InputError, match="cannot read curve ") as error:
        read_text(tmp_path / name, "curve")
    assert "\n" not in str(error.value)
