"""Where the files of a data set are, and whether they are the published ones."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

from nfenergy.ground.errors import InputError

ENVIRONMENT_VARIABLE = "NFENERGY_DATA_DIR"


def data_root(data_dir: Path | None = None) -> Path:
    """The folder of all data sets: `data_dir`, else $NFENERGY_DATA_DIR, else the user's data folder."""
    if data_dir is not None:
        return data_dir
    if named := os.environ.get(ENVIRONMENT_VARIABLE):
        return Path(named)
    import platformdirs

    return platformdirs.user_data_path("nfenergy")


def missing(what: str, root: Path, wanted: str, package: str = "") -> InputError:
    """The error for files that are not there: what, where to put which file, which package has them."""
    return InputError(
        f"{what} is not in {root}: put {wanted} there, or name another folder "
        f"with --data-dir or ${ENVIRONMENT_VARIABLE}{package}."
    )


def check_md5(path: Path, expected: str) -> None:
    """Compare the file's MD5 with the published one.

    Raises:
        InputError: they differ, or the file cannot be read.
    """
    try:
        with path.open("rb") as file:
            found = hashlib.file_digest(file, lambda: hashlib.md5(usedforsecurity=False)).hexdigest()
    except OSError as error:
        raise InputError(f"cannot read {path}: {error.strerror or error}") from error
    if found != expected:
        raise InputError(f"{path} has MD5 {found}, the published file has {expected}; fetch it again")
