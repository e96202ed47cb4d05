"""The files of a sweep: parts while it runs, one parquet file at its end.

A part bears the digest of its content in its name; one that does not fit counts as missing. A sweep that
was cut off, however hard, goes on with the parts it lacks and ends in the same file, byte for byte.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.csv as arrow_csv
import pyarrow.parquet as parquet

from nfenergy.ground.errors import InputError, NfEnergyError
from nfenergy.ground.files import check_regular, read_text, write_bytes, write_text

PARQUET, CSV, SUMMARY = "sweep.parquet", "sweep.csv", "sweep.json"
PARTS, PLAN, LOCK = "parts", "plan.json", "lock"


class SweepFolder:
    """The output folder of one sweep.

    Args:
        folder: made where it does not exist.
        plan: all that decides the rows; parts of another plan are not taken over.
        resume: go on with the parts that stand instead of starting anew.

    Raises:
        InputError: `resume`, and the parts in the folder belong to another plan.
        NfEnergyError: the folder cannot be written.
    """

    def __init__(self, folder: Path, plan: dict[str, Any], *, resume: bool) -> None:
        self.folder = folder
        self._parts = folder.absolute() / PARTS  # Arrow takes net.py:f for an address
        self._found: dict[int, Path] = {}
        text = json.dumps(plan, indent=1, sort_keys=True) + "\n"
        if resume:
            self._check_plan(plan, text)
        self._lock()
        if not resume:
            with _os_errors(folder):
                for part in self._parts.glob("part-*"):
                    part.unlink()
                for name in (SUMMARY, PARQUET, CSV):
                    (folder / name).unlink(missing_ok=True)
        write_text(self._parts / PLAN, text)

    def _check_plan(self, plan: dict[str, Any], text: str) -> None:
        """Parts, or a finished sweep, of another plan are not gone on with."""
        unfinished, summary = self._parts / PLAN, self.folder / SUMMARY
        other = unfinished.exists() and read_text(unfinished, "plan of a sweep") != text
        if summary.exists():
            try:
                done = json.loads(read_text(summary, "summary of a sweep"))
            except (ValueError, RecursionError):
                done = None
            whole = isinstance(done, dict)
            other |= not whole or any(done.get(name) != value for name, value in json.loads(text).items())
        if other:
            raise InputError(
                f"{self.folder} holds parts of another sweep or of another version; "
                "leave out --resume to start anew, or choose another --out"
            )

    def _lock(self) -> None:
        """One sweep at a time; the lock goes with the process, however it ends.

        Raises:
            InputError: something else stands in the lock's place.
            NfEnergyError: another process sweeps into the folder.
        """
        check_regular(self._parts / LOCK, "lock of a sweep")
        with _os_errors(self.folder):
            self._parts.mkdir(parents=True, exist_ok=True)
            self._locked = (self._parts / LOCK).open("w")
        try:
            fcntl.flock(self._locked, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            self.close()
            raise NfEnergyError(
                f"another sweep is writing into {self.folder}; wait for it, or choose another --out"
            ) from error

    def close(self) -> None:
        """Let another sweep write into the folder."""
        self._locked.close()

    def has_part(self, number: int) -> bool:
        """Whether a part is there, and as it was written."""
        if number not in self._found:
            with _os_errors(self.folder):
                candidates = self._parts.glob(f"{_stem(number)}.*.parquet")
                whole = [path for path in candidates if path.is_file() and _fits(number, path)]
            if whole:
                self._found[number] = whole[0]
        return number in self._found

    def write_part(self, number: int, rows: pa.Table) -> None:
        """Write a part whole or not at all."""
        buffer = pa.BufferOutputStream()
        parquet.write_table(rows, buffer)
        content = buffer.getvalue().to_pybytes()
        place = self._parts / _name(number, hashlib.sha256(content).hexdigest())
        write_bytes(place, content)
        self._found[number] = place

    def assemble(self, schema: pa.Schema, parts: int, *, as_csv: bool) -> None:
        """Join all parts, in order, one in memory at a time."""
        with _os_errors(self.folder):
            temporary = self._parts / PARQUET
            with parquet.ParquetWriter(temporary, schema) as writer:
                for number in range(parts):
                    writer.write_table(parquet.read_table(self._found[number]))
            temporary.replace(self.folder / PARQUET)
            if as_csv:
                temporary = self._parts / CSV
                options = arrow_csv.WriteOptions(quoting_style="needed")
                with arrow_csv.CSVWriter(temporary, schema, write_options=options) as writer:
                    for number in range(parts):
                        writer.write_table(parquet.read_table(self._found[number]))
                temporary.replace(self.folder / CSV)

    def finish(self, summary: dict[str, Any]) -> None:
        """Write the summary, which says that the sweep is whole, and drop the parts."""
        write_text(self.folder / SUMMARY, json.dumps(summary, indent=2) + "\n")
        with _os_errors(self.folder):
            shutil.rmtree(self._parts)


def _stem(number: int) -> str:
    return f"part-{number:06d}"


def _name(number: int, digest: str) -> str:
    """A part's name, with the first digits of the digest of its content."""
    return f"{_stem(number)}.{digest[:16]}.parquet"


def _fits(number: int, path: Path) -> bool:
    with path.open("rb") as file:
        return path.name == _name(number, hashlib.file_digest(file, "sha256").hexdigest())


@contextmanager
def _os_errors(folder: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise NfEnergyError(f"cannot write {folder}: {error.strerror or error}") from error
