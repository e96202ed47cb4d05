"""Whole files or none: what is written lies beside its target first and is then moved into place."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from nfenergy.ground.errors import InputError, NfEnergyError


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
        NfEnergyError: a file is in its place, or the user may not write there.
    """
    _check_name(folder)
    place = folder
    while not place.exists() and place != place.parent:
        place = place.parent
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
        return path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise InputError(f"{path} is not UTF-8 text; expected {what}") from error
    except OSError as error:
        raise InputError(f"cannot read {what} {path}: {error.strerror or error}") from error
    except ValueError as error:
        raise InputError(f"cannot read {what} {str(path)!r}: {error}") from error


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
