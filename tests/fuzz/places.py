"""What may stand in the place of a file: a folder, a pipe, a broken link, nothing, or a file under lock."""

from __future__ import annotations

import os
import random
import socket
from collections.abc import Callable
from pathlib import Path


def displace(path: Path, rng: random.Random) -> str | None:
    """Put something else in the place of a file; why it may not be read, None where it still may."""
    place = rng.choice(sorted(PLACES))
    content = path.read_bytes()
    path.unlink()
    PLACES[place](path, content)
    return None if place in READABLE else f"{place} in the place of a file"


def _folder(path: Path, content: bytes) -> None:
    path.mkdir()


def _pipe(path: Path, content: bytes) -> None:
    os.mkfifo(path)


def _nothing(path: Path, content: bytes) -> None:
    pass


def _dangling(path: Path, content: bytes) -> None:
    path.symlink_to("absent")


def _loop(path: Path, content: bytes) -> None:
    path.symlink_to(path.name)


def _link(path: Path, content: bytes) -> None:
    real = path.with_name(f"real-{path.name}")
    real.write_bytes(content)
    path.symlink_to(real.name)


def _device(path: Path, content: bytes) -> None:
    path.symlink_to("/dev/zero")


def _null(path: Path, content: bytes) -> None:
    path.symlink_to("/dev/null")


def _locked(path: Path, content: bytes) -> None:
    path.write_bytes(content)
    path.chmod(0)


def _socket(path: Path, content: bytes) -> None:
    here = Path.cwd()
    os.chdir(path.parent)  # a socket's path is short
    try:
        with socket.socket(socket.AF_UNIX) as server:
            server.bind(path.name)
    finally:
        os.chdir(here)


def _obeys_permissions() -> bool:
    """Whether a file of mode 0 is refused to this process."""
    return os.geteuid() != 0 or os.environ.get("NFENERGY_FUZZ_NO_OVERRIDE") == "1"


PLACES: dict[str, Callable[[Path, bytes], None]] = {
    "a folder": _folder,
    "a pipe": _pipe,
    "nothing": _nothing,
    "a dangling link": _dangling,
    "a link to itself": _loop,
    "a link to the file": _link,
    "an endless device": _device,
    "an empty device": _null,
    "a socket": _socket,
}
if _obeys_permissions():
    PLACES["a file without permission"] = _locked
READABLE = ("a link to the file",)
