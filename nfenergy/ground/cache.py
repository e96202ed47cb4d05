"""Simulated layers on disk, shared by all runs and processes of a user."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from pathlib import Path

from nfenergy.ground.errors import InputError, NfEnergyError
from nfenergy.ground.files import read_text, write_text

Key = Mapping[str, object]


def cache_folder() -> Path:
    """``NFENERGY_CACHE_DIR``, or the user's cache folder for nfenergy."""
    override = os.environ.get("NFENERGY_CACHE_DIR")
    if override:
        return Path(override)
    import platformdirs

    return Path(platformdirs.user_cache_dir("nfenergy", appauthor=False))


class JsonCache:
    """Small JSON values under keys, each in a file of its own.

    A value is written whole and moved into place, so concurrent processes may share the folder; a
    file that cannot be read, belongs to another key or does not bear out its checksum counts as missing.
    """

    def __init__(self, kind: str) -> None:
        self.folder = cache_folder() / kind
        self.write_error: str | None = None

    def get(self, key: Key) -> dict[str, object] | None:
        """The value stored under `key`, or None."""
        try:
            content = json.loads(read_text(self._path(key), "cache entry"))
        except (InputError, ValueError, RecursionError):
            return None
        value = content.get("value") if isinstance(content, dict) else None
        if not isinstance(value, dict) or content.get("key") != dict(key):
            return None
        return value if content.get("sha256") == _digest({"key": dict(key), "value": value}) else None

    def put(self, key: Key, value: Mapping[str, object]) -> None:
        """Store `value`; where that fails, the reason is kept in `write_error` and the run goes on."""
        content: dict[str, object] = {"key": dict(key), "value": dict(value)}
        content["sha256"] = _digest(content)
        try:
            write_text(self._path(key), json.dumps(content, indent=1) + "\n")
        except NfEnergyError as error:
            self.write_error = str(error)

    def _path(self, key: Key) -> Path:
        digest = _digest(dict(key))
        return self.folder / digest[:2] / f"{digest}.json"


def _digest(content: dict[str, object]) -> str:
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()
