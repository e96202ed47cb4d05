"""Whole files or none: what is written lies beside its target first and is then moved into place."""

from __future__ import annotations

import io
import os
import stat
import tempfile
import time
from pathlib import Path

from nfenergy.ground.errors import InputError, NfEnergyError

PIPE_SECONDS = 0.5
"""How long a pipe may have no writer."""


def write_text(path: Path, text: str) -> None:
    """Write `text` as UTF-8, with its line ends as they are; see `write_bytes`."""
    write_bytes(path, text.encode())


def write_bytes(path: Path, content: bytes) -> None:
    """Write `content` to `path` so that a reader finds the old file or the new one, never a part.

    Raises:
        NfEnergyError: the folder cannot be made or written, or the disk is full.
    """
    temporary = None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=path.parent, prefix=f".{path.name}.", delete=False) as file:
            temporary = Path(file.name)
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        temporary.chmod(0o666 & ~_umask())
        temporary.replace(path)
    except OSError as error:
        raise NfEnergyError(f"cannot write {path}: {error.strerror or error}") from error
    finally:
        if temporary is not None:
            temporary.unlink(missing_ok=True)


def check_folder(folder: Path) -> None:
    """Whether files can be written into `folder`, made or not, before long work for them. Nothing is made.

    Raises:
        NfEnergyError: a file is in its place, its name is too long, or the user may not write there.
    """
    _check_name(folder)
    place = folder
    try:
        while not place.exists() and place != place.parent:
            place = place.parent
    except OSError as error:
        raise NfEnergyError(f"cannot write into {folder}: {error.strerror or error}") from error
    if not place.is_dir():
        raise NfEnergyError(f"cannot write into {folder}: {place} is no folder")
    if not os.access(place, os.W_OK | os.X_OK):
        raise NfEnergyError(f"cannot write into {folder}: no permission to write in {place}")


def is_file(path: Path) -> bool:
    """Whether there is a file; False for names that no file can have, such as those that are too long."""
    try:
        return path.is_file()
    except OSError:
        return False


def is_folder(path: Path) -> bool:
    """Whether there is a folder; False for names that none can have, and where the user may not look."""
    try:
        return path.is_dir()
    except OSError:
        return False


def _check_name(path: Path) -> None:
    """Raises InputError: the name is no UTF-8, so that no record could repeat it."""
    try:
        str(path).encode()
    except UnicodeEncodeError as error:
        shown = str(path).encode(errors="replace").decode()
        raise InputError(f"the name {shown!r} is not UTF-8; choose another") from error


def read_text(path: Path, what: str) -> str:
    """Text of a file that the user named; `what` says in the error what it should have been.

    Raises:
        InputError: there is no such file, or it is not readable UTF-8 text.
    """
    try:
        content = _content(path, what)
        return io.TextIOWrapper(io.BytesIO(content), encoding="utf-8-sig").read()
    except UnicodeDecodeError as error:
        raise InputError(f"{path} is not UTF-8 text; expected {what}") from error
    except OSError as error:
        raise InputError(f"cannot read {what} {path}: {error.strerror or error}") from error
    except ValueError as error:
        raise InputError(f"cannot read {what} {str(path)!r}: {error}") from error


def check_regular(path: Path, what: str) -> None:
    """Whether a file that is read more than once, or by others, is no pipe or device: they may never end.

    Raises:
        InputError: it is one; of other obstacles whoever opens it speaks.
    """
    try:
        mode = path.stat().st_mode
    except (OSError, ValueError):
        return
    if not (stat.S_ISREG(mode) or stat.S_ISDIR(mode)):
        raise InputError(f"cannot read {what} {path}: it is no regular file")


def _content(path: Path, what: str) -> bytes:
    """What a file holds, or comes out of a pipe that somebody writes into; a device is refused."""
    with open(os.open(path, os.O_RDONLY | os.O_NONBLOCK), "rb", buffering=0) as file:  # noqa: PTH123
        mode = os.fstat(file.fileno()).st_mode
        if not stat.S_ISFIFO(mode):
            if not stat.S_ISREG(mode):
                check_regular(path, what)
            return file.readall()
        deadline = time.monotonic() + PIPE_SECONDS
        while (first := file.read(1)) == b"":  # None: a writer is there, and silent so far
            if time.monotonic() > deadline:
                raise InputError(f"cannot read {what} {path}: nobody writes into this pipe")
            time.sleep(0.01)
        os.set_blocking(file.fileno(), True)
        return (first or b"") + file.readall()


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
