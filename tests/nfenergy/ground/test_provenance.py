"""What made a result."""

from __future__ import annotations

import platform
import sys
from importlib.metadata import version
from pathlib import Path

import pytest

from nfenergy.ground.provenance import PACKAGES, source_digest, versions


def test_versions_are_those_installed() -> None:
    found = versions()
    assert found["python"] == platform.python_version()
    assert set(found) == {"python", *PACKAGES}
    assert found["scalesim"] == version("scalesim") == "3.0.0"
    assert "not installed" not in found.values()


def test_the_digest_changes_with_any_source(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    package = tmp_path / "some_package_of_a_test"
    package.mkdir()
    (package / "__init__.py").write_text("")
    (package / "one.py").write_text("x = 1\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    before = source_digest(package.name)
    assert source_digest(package.name) == before
    (package / "one.py").write_text("x = 2\n")
    changed = source_digest(package.name)
    (package / "one.py").rename(package / "two.py")
    assert len({before, changed, source_digest(package.name)}) == 3
    assert package.name not in sys.modules or sys.modules.pop(package.name)


def test_a_single_module_has_a_digest_and_an_absent_one_has_none() -> None:
    assert source_digest("energy.macs") != source_digest("energy.curve")
    with pytest.raises(ModuleNotFoundError):
        source_digest("energy_that_is_not_there")
