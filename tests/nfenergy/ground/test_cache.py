"""The cache on disk: whole values or none, its own keys only, shared by processes."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import platformdirs
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nfenergy.ground.cache import JsonCache, cache_folder
from tests.conftest import snapshot

scalars = st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(max_size=8)
values = st.dictionaries(st.text(max_size=8), scalars | st.lists(scalars, max_size=3), max_size=4)


def test_the_folder_is_the_users_unless_told_otherwise(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("NFENERGY_CACHE_DIR", str(tmp_path))
    assert cache_folder() == tmp_path
    for unset in ("", None):
        if unset is None:
            monkeypatch.delenv("NFENERGY_CACHE_DIR")
        else:
            monkeypatch.setenv("NFENERGY_CACHE_DIR", unset)
        assert cache_folder() == Path(platformdirs.user_cache_dir("nfenergy", appauthor=False))


@settings(max_examples=25, deadline=None)
@given(key=values, value=values)
def test_what_is_put_is_got(isolated_cache: Path, key: dict[str, object], value: dict[str, object]) -> None:
    cache = JsonCache("property")
    cache.put(key, value)
    assert cache.get(key) == value
    assert cache.write_error is None


def test_the_order_of_a_keys_fields_does_not_matter(empty_cache: Path) -> None:
    cache = JsonCache("kind")
    cache.put({"a": 1, "b": [2]}, {"x": 1})
    assert cache.get({"b": [2], "a": 1}) == {"x": 1}
    assert cache.get({"a": 1, "b": [3]}) is None
    assert JsonCache("other").get({"a": 1, "b": [2]}) is None


def test_an_entry_of_another_key_counts_as_missing(empty_cache: Path) -> None:
    cache = JsonCache("kind")
    cache.put({"a": 1}, {"x": 1})
    (path,) = snapshot(empty_cache)
    content = json.loads((empty_cache / path).read_text()) | {"key": {"a": 2}}
    (empty_cache / path).write_text(json.dumps(content))
    assert cache.get({"a": 1}) is None


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"[]",
        b"null",
        b"\xff\xfe",
        b"[" * 100_000,
        b'{"key": {"a": 1}, "value": 3}',
        b'{"key": {"a": 1}, "value": {"x": 1}}',
        b'{"key": {"a": 1}, "value": {"x": 1}, "sha256": ["0"]}',
    ],
)
def test_a_damaged_entry_counts_as_missing_and_is_replaced(empty_cache: Path, content: bytes) -> None:
    cache = JsonCache("kind")
    cache.put({"a": 1}, {"x": 1})
    (path,) = snapshot(empty_cache)
    (empty_cache / path).write_bytes(content)
    assert cache.get({"a": 1}) is None
    cache.put({"a": 1}, {"x": 2})
    assert cache.get({"a": 1}) == {"x": 2}
    assert list(snapshot(empty_cache)) == [path]


@pytest.mark.parametrize("found", [-1, 2, "1", True, 1.0, None, [1]])
def test_a_value_that_was_changed_counts_as_missing(empty_cache: Path, found: object) -> None:
    cache = JsonCache("kind")
    cache.put({"a": 1}, {"x": 1})
    (path,) = snapshot(empty_cache)
    content = json.loads((empty_cache / path).read_text())
    content["value"]["x"] = found
    (empty_cache / path).write_text(json.dumps(content))
    assert cache.get({"a": 1}) is None


def test_a_folder_that_takes_no_files_is_remembered_not_raised(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "file"
    file.write_text("mine")
    monkeypatch.setenv("NFENERGY_CACHE_DIR", str(file))
    cache = JsonCache("kind")
    cache.put({"a": 1}, {"x": 1})
    assert cache.write_error is not None
    assert cache.write_error.startswith("cannot write ")
    assert cache.get({"a": 1}) is None
    assert file.read_text() == "mine"


def test_processes_that_write_at_once_leave_whole_entries(empty_cache: Path) -> None:
    code = (
        "from nfenergy.ground.cache import JsonCache\n"
        "cache = JsonCache('kind')\n"
        "for turn in range(30):\n"
        "    for key in range(5):\n"
        "        cache.put({'a': key}, {'x': 'y' * 20000})\n"
        "        assert cache.get({'a': key}) == {'x': 'y' * 20000}\n"
    )
    writers = [subprocess.Popen([sys.executable, "-c", code], env=os.environ) for _ in range(3)]
    assert [writer.wait() for writer in writers] == [0, 0, 0]
    assert len(snapshot(empty_cache)) == 5
